import type { Approval } from '#schemas/approval.ts';
import type { AuditBody, AuditKind } from '#schemas/audit.ts';
import type { HoldEvent } from '#schemas/hold.ts';

/**
 * Everything the proxy needs from outside, each as narrow as its use. `local/` implements these on one machine, `gcp/` on Google
 * Cloud; a stage gets them as arguments and never knows which.
 */

/** Where audit events become durable. No promise per event: callers compare tickets. */
export interface Recorder {
  /**
   * Takes one event and gives its ticket; tickets rise by one. The event is not durable yet. Throws HoldpointError
   * `ledger_unavailable` at once when events cannot be taken, except for `outcome`, `hold.end` and `session.close`, which are
   * always taken and kept until the ledger is back: what was begun must get its end.
   */
  append<K extends AuditKind>(session: string, kind: K, body: AuditBody<K>): number;
  /** All events up to this ticket are durable. */
  readonly durable: number;
  /** Characters of the events that are not durable yet: where there are many, sessions hold back. */
  readonly backlog: number;
  /**
   * Calls back once, when `ticket` is durable (null) or when it has not become so within the recorder's deadline (the error).
   * Calls back synchronously when it is durable already.
   */
  whenDurable(ticket: number, done: (fault: Error | null) => void): void;
  /** Everything taken so far is durable and sealed; then closed. */
  close(): Promise<void>;
}

/** Where holds meet their approvers. All methods reject with HoldpointError `hold_unavailable` when the store is out of reach. */
export interface Approvals {
  /** The approval exists, and approvers can see it. Idempotent by `id`. */
  open(approval: Approval): Promise<void>;
  /**
   * Calls back with the present state soon, and with every later change, until the returned function is called. Null when what was there
   * has gone or cannot be read any more: somebody has altered it by hand. A denial or revocation is among the decisions also where
   * somebody has taken it out of the approval's record: it is kept apart from it, and only ever created.
   */
  watch(id: string, changed: (approval: Approval | null) => void): () => void;
  /** The proxy's own events. Rejects with IllegalMove when the state no longer allows it. */
  end(id: string, event: Extract<HoldEvent, { kind: 'expire' | 'withdraw' }>): Promise<void>;
  /** Makes the grant single-use: true for exactly one caller, ever, and only while it `stands`. */
  claim(id: string, digest: string): Promise<boolean>;
  /** Whether it is approved with this digest now, and neither denied nor revoked. Uses nothing up. */
  stands(id: string, digest: string): Promise<boolean>;
  /** The newest approval that still stands for this grant key (schemas/grant.ts): held, approved, or denied and before its deadline. Null when there is none. Decisions as with `watch`. */
  find(grantKey: string): Promise<Approval | null>;
}

/** Checks the signature of a decision against the configured public keys. */
export interface DecisionVerifier {
  verify(signed: Approval['decisions'][number]): Promise<boolean>;
}

export interface Credential {
  readonly password: string;
  /** The version's name: what is logged. */
  readonly version: string;
}

/** Where the targets' credentials are. Rejects with HoldpointError `secret_unavailable`. */
export interface Secrets {
  fetch(reference: string): Promise<Credential>;
}

/** A directory of people and groups. Rejects with HoldpointError `groups_unavailable`. */
export interface GroupResolver {
  /** All groups of whoever has this e-mail, also through other groups. */
  groupsOf(email: string): Promise<readonly string[]>;
}

/** Wall clock, in milliseconds since 1970. */
export type Clock = () => number;
