import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { type ApprovalsReader, openApprovalsReader } from '#functions/local/approvals-reader.ts';
import { type Approval, approval } from '#schemas/approval.ts';
import { requestDigest } from '#schemas/request.ts';
import { approvalText } from './approvals-text.ts';
import { visible } from './visible.ts';

interface Options {
  data: string;
  json?: true;
  all?: true;
  as?: string;
  reason?: string;
}

/** What a running dev writes to dev.json (0600). `groups` are the policy's static groups: they tell who is meant without `--as`. */
const devFile = z.object({
  http: z.url(),
  token: z.string().min(1),
  groups: z.record(z.string(), z.array(z.string())).default({}),
  /** Approvals are in Firestore: dev is asked for them. */
  emulators: z.boolean().default(false),
});
type DevFile = z.infer<typeof devFile>;

/** `holdpoint approvals`: list and show read the file of approvals; approve and deny ask the dev that runs on the same data. */
export function approvalsCommand(): Command {
  const command = new Command('approvals').description('see and decide what is held');
  const common = (sub: Command) =>
    sub.option('--data <dir>', "dev's data folder", '.holdpoint').option('--json', 'print JSON');
  const deciding = (sub: Command) =>
    common(sub)
      .option('--as <email>', 'who decides; default: the next approver that the rule names')
      .option('--reason <text>', 'why', '');

  common(command.command('list'))
    .description('what is held, newest first')
    .option('--all', 'also what has ended')
    .action(report(async (options: Options) => print(await list(options), options)));
  common(command.command('show'))
    .argument('<id>')
    .description('one approval, with the whole statement')
    .action(report(async (id: string, options: Options) => print(await find(id, options), options)));
  for (const verdict of ['approve', 'deny', 'revoke'] as const)
    deciding(command.command(verdict))
      .argument('<id>')
      .description(DECISIONS[verdict])
      .action(
        report(async (id: string, options: Options) => print(await decide(id, verdict, options), options)),
      );
  return command;
}

const DECISIONS = {
  approve: 'let it run, once; or let sessions be opened, for a time',
  deny: 'refuse it',
  revoke: 'take an approval back: nothing more runs by it, and its sessions are cut',
} as const;

/** Errors are one sentence on stderr and exit code 1. */
function report<A extends unknown[]>(action: (...args: A) => void | Promise<void>) {
  return async (...args: [...A, Command]): Promise<void> => {
    const command = args.at(-1) as Command;
    try {
      await action(...(args.slice(0, -1) as A));
    } catch (error) {
      command.error(
        `holdpoint approvals: ${visible(error instanceof Error ? error.message : String(error))}`,
      );
    }
  };
}

function print(what: Approval | Approval[], { json }: Options): void {
  const now = Date.now();
  if (json === true) process.stdout.write(`${JSON.stringify(what, null, 2)}\n`);
  else if (!Array.isArray(what)) process.stdout.write(approvalText(what, now));
  else if (what.length === 0) process.stdout.write('nothing is held\n');
  else process.stdout.write(what.map(one => approvalText(one, now)).join('\n'));
}

async function list(options: Options): Promise<Approval[]> {
  const dev = emulated(options);
  if (dev === null) return reading(options, reader => reader.list({ all: options.all === true }));
  return z.array(approval).parse(await ask(dev, `/api/approvals${options.all ? '?all=1' : ''}`, options));
}

async function find(id: string, options: Options): Promise<Approval> {
  const dev = emulated(options);
  if (dev !== null)
    return approval.parse(await ask(dev, `/api/approvals/${encodeURIComponent(id)}`, options));
  const found = reading(options, reader => reader.get(id));
  if (found === null) throw new Error(`there is no approval ${id} in ${options.data}`);
  return found;
}

/** The dev that runs on emulators here, or null: then the approvals are in a file. */
function emulated({ data }: Options): DevFile | null {
  if (!existsSync(join(data, 'dev.json'))) return null;
  const dev = readDevFile(data);
  return dev.emulators ? dev : null;
}

function reading<T>({ data }: Options, read: (reader: ApprovalsReader) => T): T {
  const reader = openApprovalsReader(join(data, 'approvals.db'));
  if (reader === null)
    throw new Error(`${data} has no approvals: name the folder of \`holdpoint dev\` with --data`);
  try {
    return read(reader);
  } finally {
    reader.close();
  }
}

async function decide(id: string, verdict: keyof typeof DECISIONS, options: Options): Promise<Approval> {
  const held = await find(id, options);
  const dev = readDevFile(options.data);
  const as = options.as ?? nextApprover(held, dev, verdict);
  const body = JSON.stringify({ verdict, reason: options.reason ?? '', as, request: requestDigest(held) });
  return approval.parse(
    await ask(dev, `/api/approvals/${encodeURIComponent(id)}/decisions`, options, {
      method: 'POST',
      headers: { authorization: `Bearer ${dev.token}`, 'content-type': 'application/json' },
      body,
    }),
  );
}

async function ask(dev: DevFile, path: string, { data }: Options, init: RequestInit = {}): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(new URL(path, dev.http), {
      ...init,
      redirect: 'error',
      signal: AbortSignal.timeout(10_000),
    });
  } catch (cause) {
    throw notRunning(data, cause);
  }
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer;
  const told = z.object({ error: z.string() }).safeParse(answer);
  throw new Error(told.success ? told.data.error : `dev answered ${response.status}`);
}

function readDevFile(data: string): DevFile {
  let text: string;
  try {
    text = readFileSync(join(data, 'dev.json'), 'utf8');
  } catch (cause) {
    throw notRunning(data, cause);
  }
  try {
    return devFile.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${join(data, 'dev.json')} is not what \`holdpoint dev\` writes`, { cause });
  }
}

function notRunning(data: string, cause: unknown): Error {
  return new Error(`no \`holdpoint dev\` runs on ${data}: decisions are signed by it`, { cause });
}

/** The first person whom the rules name, who is not the requester and may still decide. */
function nextApprover(
  { requirements, requester, decisions }: Approval,
  { groups }: DevFile,
  verdict: keyof typeof DECISIONS,
): string {
  const people = requirements
    .flatMap(r => r.approvers)
    .flatMap(a => (a.startsWith('email:') ? [a.slice(6)] : (groups[a] ?? [])))
    .map(person => person.toLowerCase())
    .filter(person => person.includes('@'));
  const free = people.find(
    person =>
      person !== requester.email &&
      person !== requester.subject.toLowerCase() &&
      // Whoever has approved may take it back.
      (verdict === 'revoke' || !decisions.some(d => d.decision.by === person)),
  );
  if (free === undefined) throw new Error('say who decides: --as EMAIL');
  return free;
}
