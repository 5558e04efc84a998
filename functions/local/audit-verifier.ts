import { type AuditEvent, auditBodies, auditEvent } from '#schemas/audit.ts';
import { canonical, type Json } from '#schemas/canonical.ts';
import { eventHash, GENESIS, LEDGER_SESSION, leafData } from '#schemas/chain.ts';
import { type NoteKey, parseCheckpoint, type SignedCheckpoint, signatureFault } from '#schemas/checkpoint.ts';
import { Frontier, leafHash } from '#schemas/merkle.ts';
import type { VerifyReport } from '../ports.ts';
import { SessionRules } from './audit-rules.ts';
import type { DecisionCheck } from './decision-check.ts';
import { Findings } from './findings.ts';
import { SeenHashes } from './seen-hashes.ts';

/** One row of the log as it is stored. `filed`: the columns beside its text, null where there are none (an export). */
export interface StoredEvent {
  readonly index: number;
  readonly text: string;
  readonly filed: {
    readonly session: string;
    readonly seq: number;
    /** Index of the entry before it in its session; null for the first. */
    readonly before: number | null;
  } | null;
}

/** What a log is checked with. */
export interface VerifierKeys {
  /** Null: nothing is proven, and the report says so. */
  readonly log: NoteKey | null;
  /** Null: what the proxy calls a verified decision counts as one. */
  readonly decisions: DecisionCheck | null;
}

/** An event with what was computed from it. `whole`: its body is one of its kind. */
interface Read {
  readonly event: AuditEvent;
  readonly text: string;
  readonly hash: string;
  readonly whole: boolean;
}

interface Chain {
  readonly rules: SessionRules;
  readonly seen: SeenHashes;
  /** Numbers that were skipped, and whether they came later. */
  readonly gaps: Map<number, boolean>;
  next: number;
  /** Index of the last event of the session, null before the first. */
  at: number | null;
  /** The hash of the last event as computed, and as it claims to be. */
  hash: string;
  claimed: string;
  closed: boolean;
}

/** Findings of one kind about the tree after which only their number is told: one altered entry spoils every later checkpoint. */
const MOST_ROOTS = 1;

/**
 * Proves a log, or finds what is wrong with it: every hash is computed anew from the stored text, and what is stored is only ever
 * compared with it. Feed events and checkpoints in the order of the log (a checkpoint of size n after n events), then `report`. Does no
 * I/O; may go on being fed after `report`, for a log that is being written. `leaf` gets each leaf as computed.
 */
export class AuditVerifier {
  #key: NoteKey | null;
  #decisions: DecisionCheck | null;
  #tree = new Frontier();
  #leaf: (data: string, leaf: Buffer) => void;
  #next = 0;
  #chains = new Map<string, Chain>();
  #used = new Set<string>();
  #findings = new Findings();
  #checkpoints = 0;
  #roots = 0;
  #sealed = 0;
  #lastSize = 0;

  constructor(given: VerifierKeys, leaf: (data: string, leaf: Buffer) => void = () => undefined) {
    this.#key = given.log;
    this.#decisions = given.decisions;
    this.#leaf = leaf;
  }

  /** Events fed so far. */
  get size(): number {
    return this.#tree.size;
  }

  /** Index of the entry that comes next. */
  get next(): number {
    return this.#next;
  }

  event(stored: StoredEvent): void {
    const at = `log entry ${stored.index}`;
    if (stored.index !== this.#next) this.#findings.add('missing', at, this.#skipped(stored.index), null);
    this.#next = stored.index + 1;
    const read = this.#read(stored, at);
    if (read === null) {
      this.#grow(stored.text);
      return;
    }
    const { event, hash } = read;
    const where = `session ${event.session} event ${event.seq} (${at})`;
    if (read.text !== stored.text)
      this.#findings.add('altered', where, 'the text is not in canonical form', event.session);
    if (hash !== event.hash)
      this.#findings.add('altered', where, 'its text does not have its hash', event.session);
    if (stored.filed !== null && (stored.filed.session !== event.session || stored.filed.seq !== event.seq))
      this.#findings.add(
        'altered',
        where,
        `it is filed as event ${stored.filed.seq} of session ${stored.filed.session}`,
        event.session,
      );
    this.#follow(read, stored, where);
    this.#grow(leafData(JSON.stringify(event.session), event.seq, hash));
  }

  /** A checkpoint whose size is the number of events fed so far. */
  checkpoint(note: string, where: string): void {
    const signed = this.trusted(note, where);
    this.#checkpoints += 1;
    if (signed !== null) this.#compare(signed, where);
  }

  /**
   * What the table of sessions says, when all entries that the newest checkpoint covers have been fed and none more. Readers find a
   * session's events by it, so that what it leaves out would be in the log and yet not be shown.
   */
  sessions(rows: Iterable<{ readonly session: string; readonly last: number }>): void {
    const unnamed = new Map(this.#chains);
    for (const { session, last } of rows) {
      const at = this.#chains.get(session)?.at ?? null;
      unnamed.delete(session);
      if (at !== last)
        this.#findings.add(
          'altered',
          `session ${session}`,
          `it is filed as ending with ${entry(last)}`,
          session,
        );
    }
    for (const session of unnamed.keys())
      this.#findings.add('missing', `session ${session}`, 'it is not in the table of sessions', session);
  }

  /** A row of checkpoints whose size is not what its note says, or which lies beyond the last event. */
  misplaced(size: number, where: string): void {
    const what =
      size > this.#tree.size
        ? `it covers ${size} entries, and the log has ${this.#tree.size}`
        : `it is filed under a size at which it cannot stand`;
    this.#findings.add(size > this.#tree.size ? 'truncated' : 'altered', where, what, null);
  }

  /** Something outside the log itself: a file that is missing or says something else. */
  found(fault: string, where: string, what: string): void {
    this.#findings.add(fault, where, what);
  }

  /** What is proven so far; `session` narrows the findings to its own and those of the whole log. */
  report(session?: string): VerifyReport {
    const late = new Findings();
    for (const [name, chain] of this.#chains)
      for (const [seq, came] of chain.gaps)
        if (!came) late.add('missing', `session ${name} event ${seq}`, 'no such event is in the log', name);
    if (this.#key === null) late.add('unsigned', 'log', 'there is no public key to check it against');
    if (this.#roots > MOST_ROOTS)
      late.add('altered', 'log', `${this.#roots - MOST_ROOTS} later checkpoints do not fit either`);
    return {
      sessions: this.#chains.size,
      events: this.#tree.size,
      checkpoints: this.#checkpoints,
      unsealed: this.#tree.size - this.#sealed,
      findings: this.#findings.with(late).told(session),
    };
  }

  #read({ text, filed }: StoredEvent, at: string): Read | null {
    const where = filed === null ? at : `session ${filed.session} event ${filed.seq} (${at})`;
    try {
      const event = auditEvent.safeParse(JSON.parse(text));
      if (event.success) return this.#computed(event.data, where);
      const what = `it is no audit event: ${first(event.error)}`;
      this.#findings.add('unreadable', where, what, filed?.session ?? null);
    } catch {
      // Not JSON, or nested so deeply that nothing can walk it.
      this.#findings.add('unreadable', where, 'it is not the JSON of an event', filed?.session ?? null);
    }
    return null;
  }

  #computed(event: AuditEvent, where: string): Read {
    const read = { event, text: canonical(event as unknown as Json), hash: eventHash(event) };
    const body = auditBodies[event.kind].safeParse(event.body);
    if (!body.success) {
      const what = `its body is no ${event.kind}: ${first(body.error)}`;
      this.#findings.add('unreadable', where, what, event.session);
    }
    return { ...read, whole: body.success };
  }

  #follow({ event, hash, whole }: Read, { index, filed }: StoredEvent, where: string): void {
    let chain = this.#chains.get(event.session);
    if (chain === undefined) {
      chain = {
        rules: new SessionRules(this.#decisions, this.#used),
        seen: new SeenHashes(),
        gaps: new Map(),
        next: 0,
        at: null,
        hash: GENESIS,
        claimed: GENESIS,
        closed: false,
      };
      this.#chains.set(event.session, chain);
    }
    if (event.seq < chain.next) {
      this.#late(chain, event, hash, where);
      return;
    }
    const unbroken = event.seq === chain.next;
    if (chain.closed && event.session !== LEDGER_SESSION)
      this.#findings.add(
        'reordered',
        where,
        'it comes after the session.close of its session',
        event.session,
      );
    for (let seq = chain.next; seq < event.seq; seq += 1) {
      // A number out of all proportion is one finding, not a million.
      if (seq - chain.next >= 100) {
        this.#findings.add('missing', where, `${event.seq - seq} more events before it`, event.session);
        break;
      }
      chain.gaps.set(seq, false);
    }
    // A predecessor that does not have its own hash is reported already; its successor links to what it claims.
    if (unbroken && event.prev !== chain.hash && event.prev !== chain.claimed)
      this.#findings.add('altered', where, 'it does not link to the event before it', event.session);
    // Where a number is missing, so is the entry that this one leads to.
    if (unbroken && filed !== null && filed.before !== chain.at)
      this.#findings.add(
        'altered',
        where,
        `it is filed as coming after ${entry(filed.before)}`,
        event.session,
      );
    chain.at = index;
    chain.seen.put(event.seq, hash);
    chain.next = event.seq + 1;
    chain.hash = hash;
    chain.claimed = event.hash;
    chain.closed = event.kind === 'session.close';
    const breach = whole ? chain.rules.next(event) : null;
    if (breach !== null) this.#findings.add(breach.fault, where, breach.what, event.session);
  }

  /** A number that the session has passed already. */
  #late(chain: Chain, event: AuditEvent, hash: string, where: string): void {
    if (chain.gaps.has(event.seq)) {
      chain.gaps.set(event.seq, true);
      chain.seen.put(event.seq, hash);
      this.#findings.add(
        'reordered',
        where,
        `it comes after event ${chain.next - 1} of its session`,
        event.session,
      );
    } else if (chain.seen.has(event.seq, hash))
      this.#findings.add('duplicated', where, 'the same event is in the log before', event.session);
    else
      this.#findings.add(
        'forked',
        where,
        'another event of the same number is in the log before',
        event.session,
      );
  }

  #grow(data: string): void {
    const leaf = leafHash(data);
    this.#tree.add(leaf);
    this.#leaf(data, leaf);
  }

  #skipped(index: number): string {
    const entries = index - this.#next;
    return entries === 1
      ? `log entry ${this.#next} is not there`
      : `log entries ${this.#next} to ${index - 1} are not there`;
  }

  /** The checkpoint when it is one and the log's key has signed it; otherwise null, and a finding. */
  trusted(note: string, where: string): SignedCheckpoint | null {
    let signed: SignedCheckpoint;
    try {
      signed = parseCheckpoint(note);
    } catch (error) {
      this.#findings.add('unreadable', where, (error as Error).message, null);
      return null;
    }
    const fault = this.#key === null ? null : signatureFault(signed, this.#key);
    if (fault !== null) this.#findings.add('unsigned', where, fault, null);
    return fault === null ? signed : null;
  }

  #compare({ checkpoint }: SignedCheckpoint, where: string): void {
    const { size, root } = checkpoint;
    if (size !== this.#tree.size) {
      this.misplaced(size, where);
      return;
    }
    if (!root.equals(this.#tree.root())) {
      this.#roots += 1;
      if (this.#roots > MOST_ROOTS) return;
      const range = `log entries ${this.#lastSize} to ${size - 1}`;
      const what = `of ${range}, at least one is not what was signed (altered, replaced, removed or moved)`;
      this.#findings.add('altered', where, what, null);
      return;
    }
    this.#lastSize = size;
    if (this.#key !== null) this.#sealed = size;
  }
}

function entry(index: number | null): string {
  return index === null ? 'nothing' : `log entry ${index}`;
}

function first(error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] }): string {
  const issue = error.issues[0];
  return issue === undefined ? 'unknown' : `${issue.path.join('.') || 'value'}: ${issue.message}`;
}
