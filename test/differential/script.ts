import { type Frame, type RawClient, startup } from '#test/support/raw.ts';

/** Messages sent in one write, and the types of the answers to wait for, in order: `Z`, `1H`, `close` for the end of the connection. */
export interface Step {
  readonly send: readonly Buffer[];
  readonly until: string;
}

/**
 * What one client does from its start-up on. `until` is told where it is not one ReadyForQuery for each Query, FunctionCall and Sync: after a Flush,
 * where a COPY swallows a Sync, where an error skips a Query.
 */
export interface Script {
  readonly name: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly protocol?: number;
  readonly steps: readonly Step[];
  /** The first major version that answers as the script expects. */
  readonly since?: number;
  /** Much data, played with the newest server alone. */
  readonly heavy?: boolean;
}

export function step(send: readonly Buffer[], until?: string): Step {
  return {
    send,
    until: until ?? 'Z'.repeat(send.filter(m => 'QSF'.includes(String.fromCharCode(m[0]!))).length),
  };
}

/** How bytes are cut into packets on their way. */
export type Cut = (bytes: Buffer) => readonly Buffer[];
export const WHOLE: Cut = bytes => [bytes];

const DEADLINE_MS = 60_000;

/** Plays the steps on a client that is logged in. All frames, and what went wrong where it did not come to its end. */
export async function play(
  client: RawClient,
  steps: readonly Step[],
  cut: Cut = WHOLE,
): Promise<readonly Frame[]> {
  const seen: Frame[] = [];
  for (const [index, { send, until }] of steps.entries()) {
    for (const piece of cut(Buffer.concat(send))) {
      client.send(piece);
      if (cut !== WHOLE) await new Promise(resolve => setImmediate(resolve));
    }
    try {
      if (until === 'close') seen.push(...(await client.untilClosed(DEADLINE_MS)), END);
      else for (const type of until) await take(client, seen, type);
    } catch (error) {
      seen.push(note(`step ${index + 1} waits for ${until}: ${(error as Error).message}`));
      break;
    }
  }
  return seen;
}

async function take(client: RawClient, seen: Frame[], type: string): Promise<void> {
  for (;;) {
    const frame = await client.next(DEADLINE_MS);
    seen.push(frame);
    if (frame.type === type) return;
  }
}

/** A start-up by hand, whatever comes of it. */
export async function logIn(
  client: RawClient,
  login: { readonly user: string; readonly database: string; readonly password: Buffer },
  parameters: Readonly<Record<string, string>> = {},
  protocol?: number,
): Promise<readonly Frame[]> {
  const { user, database } = login;
  client.send(startup({ user, database, ...parameters }, protocol), login.password);
  const seen: Frame[] = [];
  try {
    for (;;) {
      const frame = await client.next(DEADLINE_MS);
      seen.push(frame);
      if (frame.type === 'Z') return seen;
      if (frame.type === 'E') return [...seen, ...(await client.untilClosed(DEADLINE_MS)), END];
    }
  } catch (error) {
    return [...seen, note((error as Error).message)];
  }
}

/** The connection was closed by the other side. */
const END: Frame = { type: 'close', body: Buffer.alloc(0) };

function note(text: string): Frame {
  return { type: 'fault', body: Buffer.from(text) };
}
