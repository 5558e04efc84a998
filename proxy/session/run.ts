import { createHash, type Hash, hash } from 'node:crypto';
import type { StatementAnalysis } from '#schemas/analysis.ts';
import type { AuditBody } from '#schemas/audit.ts';
import { HoldpointError } from '#schemas/errors.ts';
import type { Means } from './left-to-end.ts';
import { isUnread } from './opened-cursors.ts';
import { namesOf, type RunNames } from './run-names.ts';

/** What became of a run, as the audit's `outcome` says it. */
export type RunStatus = AuditBody<'outcome'>['status'];

/** One judged message on its way: a whole Query, or one Bind with the Executes of its portal. */
export class Run {
  /** Number in the session's record. */
  readonly n: number;
  readonly statements: readonly StatementAnalysis[];
  readonly touchesProtected: boolean;
  /** Index of the statement whose completion comes next (a Query may hold several). */
  index = 0;
  rows = 0;
  bytes = 0;
  tag = '';
  sqlstate = '';
  /** By column; null while there is none. */
  masks: Map<string, string> | null = null;
  forwarded = false;
  ended = false;
  /** It is a portal that the server has made; until its Execute it runs nothing. */
  bound = false;
  /** An Execute of it is under way. */
  executing = false;
  /** `Rewirings.epoch` when it was judged, or last found to mean the same. */
  epoch: number;
  /** `Changes.count` then, likewise. */
  changes = 0;
  /** The catalog that all share, by which it was judged; compared by identity. */
  readonly under: unknown;
  /** By what its own session judged it. */
  readonly by: Means | null;
  private readonly startedAt: number;
  private anyUnread: boolean | undefined;
  private named: RunNames | undefined;
  /** What its transaction has left to its end, where that runs behind it. */
  left: readonly StatementAnalysis[] = [];
  private only: Buffer | null = null;
  private hasher: Hash | null = null;

  /** `now` in milliseconds of a monotonic clock. */
  constructor(
    n: number,
    statements: readonly StatementAnalysis[],
    now: number,
    epoch = 0,
    under: unknown = null,
    by: Means | null = null,
  ) {
    this.n = n;
    this.epoch = epoch;
    this.under = under;
    this.by = by;
    this.statements = statements;
    this.touchesProtected =
      statements.length === 1 ? statements[0]!.touchesProtected : statements.some(s => s.touchesProtected);
    this.startedAt = now;
  }

  /** Something is among it that nobody has read. Found out once, however many statements ask. */
  get unread(): boolean {
    this.anyUnread ??= this.statements.some(isUnread);
    return this.anyUnread;
  }

  /** What it comes to. Found out once. */
  get names(): RunNames {
    this.named ??= namesOf([...this.statements, ...this.left]);
    return this.named;
  }

  /** It is there, and nothing of it runs: where it goes on it is looked at again. */
  get rests(): boolean {
    return this.bound && !this.executing;
  }

  get current(): StatementAnalysis | undefined {
    return this.statements[this.index];
  }

  /** Result bytes as the agent gets them. One piece is hashed in one go at the end; a stream as it passes. */
  passed(bytes: Buffer): void {
    // A portal at its end has nothing more to give: a server that goes on is not the one that the record speaks of.
    if (this.ended) throw new HoldpointError('internal', 'the server sent rows behind the end of a result');
    this.bytes += bytes.length;
    if (this.hasher !== null) this.hasher.update(bytes);
    else if (this.only === null) this.only = bytes;
    else {
      this.hasher = createHash('sha256').update(this.only).update(bytes);
      this.only = null;
    }
  }

  /** The memory of what has passed will be used again. */
  keep(): void {
    if (this.only === null) return;
    this.hasher = createHash('sha256').update(this.only);
    this.only = null;
  }

  outcome(status: RunStatus, now: number): AuditBody<'outcome'> {
    this.ended = true;
    return {
      bytes: this.bytes,
      masks: this.masks === null ? [] : [...this.masks].map(([column, mask]) => ({ column, mask })),
      micros: Math.max(0, Math.round((now - this.startedAt) * 1000)),
      n: this.n,
      result:
        this.hasher !== null
          ? this.hasher.digest('hex')
          : this.only !== null
            ? hash('sha256', this.only, 'hex')
            : '',
      rows: this.rows,
      sqlstate: this.sqlstate,
      status,
      tag: this.tag,
    };
  }
}
