import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { decisionOn } from '#functions/decision-on.ts';
import { dueEvent } from '#functions/due-event.ts';
import type { ApprovalBook, DecisionInput } from '#functions/ports.ts';
import { type Approval, approval } from '#schemas/approval.ts';
import { canonical } from '#schemas/canonical.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { standsFor } from '#schemas/grant.ts';
import { type HoldEvent, IllegalMove, transition } from '#schemas/hold.ts';
import { alreadyEnded, endedBy, withRevocation } from '#schemas/revocation.ts';
import {
  insertApproval,
  insertRevocation,
  openGrants,
  prepareTables,
  readApproval,
  readApprovals,
  readGrants,
  revocationOf,
  revokedAndOpen,
  updateApproval,
} from './approvals-table.ts';
import type { DecisionSigner } from './decision-signer.ts';

/** The reason that approvals of an earlier process carry. */
export const PROXY_STOPPED = 'the proxy stopped while it was held';

/**
 * The approvals of one machine in one SQLite file, both for those who decide (`ApprovalBook`) and for the proxy, whose `Approvals`
 * port it fits by shape. One process at a time opens it for writing: opening withdraws whatever an earlier process left open.
 * Every change of state goes through `transition`, inside one transaction.
 */
export class LocalApprovals implements ApprovalBook {
  readonly #db: DatabaseSync;
  readonly #signer: DecisionSigner;
  readonly #groupsOf: (email: string) => readonly string[];
  readonly #clock: () => number;
  readonly #watchers = new Map<string, Set<(approval: Approval | null) => void>>();
  readonly #subscribers = new Set<(approval: Approval) => void>();

  /** `groupsOf` gives the policy's static groups of a lower-case e-mail. Throws an Error when `path` cannot be opened. */
  constructor(options: {
    readonly path: string;
    readonly signer: DecisionSigner;
    readonly groupsOf: (email: string) => readonly string[];
    readonly clock: () => number;
  }) {
    this.#signer = options.signer;
    this.#groupsOf = options.groupsOf;
    this.#clock = options.clock;
    mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 });
    // Bind values are in it. SQLite gives its journal files the mode of the database.
    closeSync(openSync(options.path, 'a', 0o600));
    this.#db = new DatabaseSync(options.path, { timeout: 2000 });
    // NORMAL loses the last changes with the machine's power, never with the process; the holds they belong to are gone then too.
    this.#db.exec(`pragma journal_mode = wal; pragma synchronous = normal`);
    prepareTables(this.#db);
    this.#withdrawLeftovers();
  }

  #withdrawLeftovers(): void {
    this.#transaction(() => {
      const rows = this.#db.prepare(`select id from approvals where state in ('held', 'approved')`).all();
      for (const { id } of rows) {
        const before = readApproval(this.#db, String(id));
        // What outlives its connection outlives the process too.
        if (before === null || before.releases !== 'parked') continue;
        updateApproval(this.#db, before, transition(before, { kind: 'withdraw', why: PROXY_STOPPED }));
      }
    });
  }

  /** Idempotent by id; rejects with `hold_unavailable` when the id stands for something else already. */
  async open(value: Approval): Promise<void> {
    const opened = this.#store(() => {
      const present = readApproval(this.#db, value.id);
      if (present === null) {
        if (value.state !== 'held' || value.decisions.length > 0)
          throw new Error('an approval begins as held');
        insertApproval(this.#db, approval.parse(value));
        return true;
      }
      const { state: _s, outcome: _o, decisions: _d, ...body } = present;
      const { state: _t, outcome: _p, decisions: _e, ...wanted } = value;
      if (canonical(body) !== canonical(wanted)) throw new Error(`the id ${value.id} is taken`);
      return false;
    });
    if (opened) this.#tell(value.id);
  }

  watch(id: string, changed: (approval: Approval | null) => void): () => void {
    const own = (value: Approval | null) => changed(value);
    const watchers = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, watchers.add(own));
    queueMicrotask(() => {
      if (!watchers.has(own)) return;
      const present = this.#seen(id);
      if (present !== undefined) own(present);
    });
    return () => {
      watchers.delete(own);
      if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id);
    };
  }

  async end(id: string, event: Extract<HoldEvent, { kind: 'expire' | 'withdraw' }>): Promise<void> {
    this.#store(() => this.#move(id, event));
    this.#tell(id);
  }

  async claim(id: string, digest: string): Promise<boolean> {
    const claimed = this.#store(() => {
      const present = this.#standing(id, digest);
      if (present === null) return false;
      updateApproval(this.#db, present, transition(present, { kind: 'execute' }));
      return true;
    });
    if (claimed) this.#tell(id);
    return claimed;
  }

  async stands(id: string, digest: string): Promise<boolean> {
    return this.#store(() => this.#standing(id, digest) !== null);
  }

  async find(key: string): Promise<Approval | null> {
    return this.#store(() => {
      const found = readGrants(this.#db, key).find(a => standsFor(a, this.#clock()));
      if (found === undefined) return null;
      const seen = withRevocation(found, revocationOf(this.#db, found.id));
      if (seen === null) throw new Error(`the revocation of approval ${found.id} cannot be read`);
      return seen;
    });
  }

  async list(options: { all: boolean }): Promise<Approval[]> {
    return readApprovals(this.#db, options.all ? {} : { states: ['held'] });
  }

  async get(id: string): Promise<Approval | null> {
    return readApproval(this.#db, id);
  }

  async decide(id: string, input: DecisionInput): Promise<Approval> {
    const decided = this.#transaction(() => {
      const present = readApproval(this.#db, id);
      if (present === null) throw new IllegalMove(`there is no approval ${id}`);
      const ended = revocationOf(this.#db, id);
      if (ended !== null) throw alreadyEnded(id, ended);
      const signed = this.#signer(decisionOn(present, input, this.#groupsOf, this.#clock()));
      if (input.verdict !== 'approve') insertRevocation(this.#db, signed);
      return this.#move(id, { kind: 'decide', signed });
    });
    this.#tell(id);
    return decided;
  }

  /**
   * Ends what outlives its connection and cannot be decided or used any more; of the others the proxy tells. What was denied or revoked,
   * and stands as open again, is ended whatever it is.
   */
  expireDue(): void {
    const now = this.#clock();
    for (const id of revokedAndOpen(this.#db)) {
      this.#transaction(() => {
        const [present, revocation] = [readApproval(this.#db, id), revocationOf(this.#db, id)];
        if (present !== null && revocation !== null)
          updateApproval(this.#db, present, endedBy(present, revocation));
      });
      this.#tell(id);
    }
    for (const id of openGrants(this.#db)) {
      const ended = this.#transaction(() => {
        const present = readApproval(this.#db, id);
        const event = present === null ? null : dueEvent(present, now);
        return event !== null && this.#move(id, event) !== null;
      });
      if (ended) this.#tell(id);
    }
  }

  subscribe(changed: (approval: Approval) => void): () => void {
    const own = (value: Approval) => changed(value);
    this.#subscribers.add(own);
    return () => void this.#subscribers.delete(own);
  }

  close(): void {
    this.#watchers.clear();
    this.#subscribers.clear();
    this.#db.close();
  }

  #move(id: string, event: HoldEvent): Approval {
    const before = readApproval(this.#db, id);
    if (before === null) throw new IllegalMove(`there is no approval ${id}`);
    const after = transition(before, event);
    updateApproval(this.#db, before, after);
    return after;
  }

  /** As the proxy is told of it: undefined where there is none, null where it cannot be read. */
  #seen(id: string): Approval | null | undefined {
    try {
      const present = readApproval(this.#db, id);
      return present === null ? undefined : withRevocation(present, revocationOf(this.#db, id));
    } catch {
      return null; // whoever reads it by name is told why
    }
  }

  #standing(id: string, digest: string): Approval | null {
    const present = readApproval(this.#db, id);
    const stands = present?.state === 'approved' && present.digest === digest;
    return stands && revocationOf(this.#db, id) === null ? present : null;
  }

  /** After the commit, and outside it: a callback that throws undoes nothing and is nobody's store error. */
  #tell(id: string): void {
    const present = this.#seen(id);
    if (present === undefined) return;
    const watchers = this.#watchers.get(id) ?? new Set();
    for (const callback of watchers) queueMicrotask(() => watchers.has(callback) && callback(present));
    if (present === null) return;
    for (const callback of this.#subscribers)
      queueMicrotask(() => this.#subscribers.has(callback) && callback(present));
  }

  /** For the proxy: an IllegalMove is an answer, everything else means that the store is out of reach. */
  #store<T>(work: () => T): T {
    try {
      return this.#transaction(work);
    } catch (cause) {
      if (cause instanceof IllegalMove) throw cause;
      throw new HoldpointError('hold_unavailable', undefined, { detail: 'the approval store failed', cause });
    }
  }

  #transaction<T>(work: () => T): T {
    this.#db.exec('begin immediate');
    try {
      const result = work();
      this.#db.exec('commit');
      return result;
    } catch (error) {
      // A full disk makes SQLite roll back by itself.
      if (this.#db.isTransaction) this.#db.exec('rollback');
      throw error;
    }
  }
}
