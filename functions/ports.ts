import type { Approval } from '#schemas/approval.ts';
import type { AuditEvent } from '#schemas/audit.ts';
import type { Decision } from '#schemas/decision.ts';
import type { HoldMessage } from '#schemas/messages.ts';

export interface DecisionInput {
  readonly by: string;
  readonly verdict: Decision['verdict'];
  readonly reason: string;
  /** The account of the person, where that is more than their e-mail. */
  readonly account?: string | undefined;
  /** `requestDigest` of what they were shown; where given, what is stored has to be that still. */
  readonly shown?: string | undefined;
}

/** The approvals as their approvers see them: `local/` keeps them in SQLite, `gcp/` in Firestore. */
export interface ApprovalBook {
  /** Newest first; only what is held unless `all`. */
  list(options: { all: boolean }): Promise<Approval[]>;
  get(id: string): Promise<Approval | null>;
  /**
   * Signs and stores one person's decision and gives the approval as it is then. Rejects with IllegalMove, whose message is for
   * that person, when they may not decide or when it is too late.
   */
  decide(id: string, input: DecisionInput): Promise<Approval>;
  /** Calls back after every change of any approval, until the returned function is called. */
  subscribe(changed: (approval: Approval) => void): () => void;
}

/** How a released statement ended, from its audit event `outcome`. */
export interface Execution {
  readonly status: string;
  readonly rows: number;
  readonly sqlstate: string;
}

/** One approval as the functions keep it: what was asked and decided, and how its statement ended at the server, once that is told. */
export interface Course {
  readonly approval: Approval;
  readonly execution: Execution | null;
}

/** The approvals as the functions keep them where the proxy can only send messages. Every method may be called again with the same. */
export interface ApprovalDesk extends ApprovalBook {
  /** What the proxy says of a hold, in whatever order and however often it comes. Gives the approval as it is then, or null while only its end is known. */
  take(message: HoldMessage): Promise<Approval | null>;
  /** The audit events tell that it was released to the server, and how that ended once it has. */
  executed(id: string, execution: Execution | null): Promise<Approval | null>;
  /** What its message shows; null while it is not there. */
  picture(id: string): Promise<Picture | null>;
  /** Approvals that have changed since their message last showed them, at most `limit`. */
  behind(limit: number): Promise<string[]>;
  /** Puts one behind all the others, so that what cannot be shown does not stand in the way of what can. */
  putLast(id: string): Promise<void>;
  /**
   * Ends what nobody can decide or use any more at `now` (ms since 1970), and gives those which this call has ended. Several at a time;
   * stops when `goOn` gives false.
   */
  expireDue(now: number, goOn?: () => boolean): Promise<Approval[]>;
}

/** An approval as its message shows it: as it is in one moment. */
export interface Picture extends Course {
  /** To be called when the message shows this: it is no longer behind, unless it has changed meanwhile. */
  readonly shown: () => Promise<void>;
}

/** The answer of the store was lost: nobody can tell whether the decision counts. */
export class MaybeStored extends Error {
  override readonly name = 'MaybeStored';
}

export interface SessionSummary {
  readonly session: string;
  readonly openedAt: string;
  /** Null while open. */
  readonly closedAt: string | null;
  readonly subject: string;
  readonly email: string | null;
  readonly target: string;
  readonly role: string;
  readonly statements: number;
  readonly held: number;
  readonly refused: number;
  readonly events: number;
}

export interface Finding {
  /** `altered`, `missing`, `reordered`, `truncated`, `forked`, `duplicated`, `unsigned`, `unreadable`. */
  readonly fault: string;
  /** Session and seq, checkpoint or file: where. */
  readonly where: string;
  readonly what: string;
}

/** What verification has proven, and every fault found. Proven means `findings` is empty and nothing is unsealed. */
export interface VerifyReport {
  readonly sessions: number;
  readonly events: number;
  readonly checkpoints: number;
  /** Entries after the last signed checkpoint. */
  readonly unsealed: number;
  readonly findings: readonly Finding[];
}

/** The record, read-only, as console and command line read it. */
export interface AuditReader {
  sessions(): Promise<SessionSummary[]>;
  /** The chain of one session in order; empty when there is none. */
  events(session: string): Promise<AuditEvent[]>;
  /** Re-hashes everything; `session` narrows what is reported, not what is checked. */
  verify(session?: string): Promise<VerifyReport>;
}
