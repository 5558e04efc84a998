import { canonical, sha256 } from './canonical.ts';

/** `prev` of a session's first event. */
export const GENESIS = '0'.repeat(64);
/** The log's own session: `ledger.recovered` is written there, and it has no `session.open`. */
export const LEDGER_SESSION = 'ledger';

/** An event before it is linked. `session` and `body` are canonical JSON already: serialising is the writer's, once. */
export interface UnlinkedEvent {
  /** RFC 3339 with milliseconds, UTC. */
  readonly at: string;
  readonly kind: string;
  readonly session: string;
  readonly body: string;
}

/**
 * Links one event to its chain: the canonical JSON of the whole event, and its hash. The keys stand in sorted order
 * (at, body, hash, kind, prev, seq, session, v), so that no object has to be built and sorted for each event; a test compares
 * this with `canonical`.
 */
export function link(event: UnlinkedEvent, seq: number, prev: string): { text: string; hash: string } {
  const head = `{"at":"${event.at}","body":${event.body}`;
  const tail = `,"kind":"${event.kind}","prev":"${prev}","seq":${seq},"session":${event.session},"v":1}`;
  const hash = sha256(head + tail);
  return { text: `${head},"hash":"${hash}"${tail}`, hash };
}

/** The hash that an event must carry: SHA-256 over the canonical JSON of everything but `hash`. */
export function eventHash(event: { readonly [key: string]: unknown }): string {
  return sha256(canonical({ ...event, hash: undefined } as Parameters<typeof canonical>[0]));
}

/**
 * What the log's Merkle tree has as its leaf for an event: canonical JSON of hash, seq and session, where `session` is JSON already.
 * The hash covers the rest. Leaves stay below the 65,535 bytes that an entry bundle of C2SP tlog-tiles can carry however long the
 * statement is, and tiles can be shown to a witness without showing any SQL.
 */
export function leafData(session: string, seq: number, hash: string): string {
  return `{"hash":"${hash}","seq":${seq},"session":${session}}`;
}
