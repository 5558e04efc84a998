import type { Approvals, Clock, DecisionVerifier } from '#proxy/ports.ts';
import type { Approval } from '#schemas/approval.ts';
import { canonical } from '#schemas/canonical.ts';
import type { SignedDecision } from '#schemas/decision.ts';
import { type FaultCode, HoldpointError } from '#schemas/errors.ts';
import { grantEnd } from '#schemas/grant.ts';
import { type HoldEvent, IllegalMove } from '#schemas/hold.ts';
import { missing } from '#schemas/quorum.ts';
import { answerWithin } from './answer.ts';
import { type HoldResult, refusal, returned } from './outcome.ts';
import { prove, proveAgain } from './prove.ts';
import { DEFINED_ANEW } from './standing.ts';

export interface ParkedDeps {
  readonly approvals: Approvals;
  readonly verifier: DecisionVerifier;
  readonly clock: Clock;
  readonly groupsOf: (email: string) => readonly string[];
  /** Milliseconds that store and verifier have for one answer. */
  readonly answerMs: number;
  /** The store could not be told how a hold ended: it shows the approval as open until its deadline. */
  readonly trouble: (error: unknown, approval: Approval) => void;
}

export interface ParkedCallbacks {
  /** Approvers can see it now. Not called when the hold has ended before. */
  readonly opened?: ((approval: Approval) => void) | undefined;
  /** Each decision once, as it comes, with what its signature turned out to be. */
  readonly decided?: ((signed: SignedDecision, verified: boolean) => void) | undefined;
  /** Exactly once. */
  readonly ended: (result: HoldResult) => void;
}

export interface ParkedHow {
  /** Somebody else has opened it: it is only waited for here, and goes on without this connection. */
  readonly attached: boolean;
  /** The longest wait. Where it is shorter than the deadline, the agent is then told to come back, and the approval stays open. */
  readonly waitMs: number;
  /** Whether the statement still means what approvers were shown. */
  readonly unchanged?: (() => Promise<boolean>) | undefined;
}

/** setTimeout fires at once for anything longer. */
const MAX_TIMER = 2 ** 31 - 1;

/**
 * One parked statement. It ends once, in one synchronous step, so that "which came first" has an answer: after `withdraw` or the
 * deadline, nothing that the store says later is looked at, and after `ended` with `released`, `withdraw` gives false.
 */
export class ParkedHold {
  readonly approval: Approval;
  readonly #deps: ParkedDeps;
  readonly #on: ParkedCallbacks;
  readonly #how: ParkedHow;
  readonly #deadline: number;
  /** Verified or not, by canonical text of the signed decision. */
  readonly #checked = new Map<string, boolean>();
  #proven: Approval;
  #latest: Approval | null = null;
  #judging = false;
  #claiming = false;
  #leaving = false;
  #over = false;
  #timer: NodeJS.Timeout | undefined;
  #unwatch: (() => void) | undefined;
  /** The store's answer to `open` or `claim`, whichever was asked last; never rejects. */
  #asked: Promise<unknown> = Promise.resolve();

  constructor(approval: Approval, deps: ParkedDeps, how: ParkedHow, on: ParkedCallbacks) {
    this.approval = approval;
    this.#proven = approval;
    this.#deps = deps;
    this.#how = how;
    this.#on = on;
    this.#deadline = Date.parse(approval.deadline);
    const left = this.#deadline - deps.clock();
    if (!this.#outlives || how.waitMs >= left) this.#arm(left, () => this.#expire());
    else if (how.waitMs > 0) this.#arm(how.waitMs, () => this.#return());
    // Not before the caller has this hold in hand: `ended` may come at once.
    queueMicrotask(() => void this.#open());
  }

  /** The statement shall not run: its agent is gone, has cancelled, or the proxy stops. False when the hold had ended already. */
  withdraw(why: string, code: Extract<FaultCode, 'hold_withdrawn' | 'cancelled' | 'shutdown'>): boolean {
    if (this.#over) return false;
    this.#leaving = true;
    this.#refuse(code, why);
    return true;
  }

  /** After `released`: nothing of the statement was sent to the server after all, so the store shall not say that it was. */
  notForwarded(why: string): void {
    this.#tellStore({ kind: 'withdraw', why });
  }

  /** Counts down by the timer alone, so that setting the machine's clock back prolongs nothing. */
  #arm(left: number, then: () => void): void {
    const step = Math.min(Math.max(left, 0), MAX_TIMER);
    this.#timer = setTimeout(() => (left > step ? this.#arm(left - step, then) : then()), step);
  }

  get #outlives(): boolean {
    return this.approval.releases !== 'parked';
  }

  /** The agent does not wait any longer; the approval stays as it is. */
  #return(): void {
    if (this.#over) return;
    // A claim that is under way would be spent for nobody: its answer decides.
    if (!this.#claiming) this.#end(returned(this.#proven));
  }

  async #open(): Promise<void> {
    if (this.#over) return;
    try {
      if (!this.#how.attached) {
        const opening = this.#deps.approvals.open(this.approval);
        this.#asked = opening.catch(() => {});
        await this.#answer(opening, 'the approval store');
        if (this.#over) return;
      }
      if (this.#outlives && this.#how.waitMs === 0) return this.#return();
      this.#on.opened?.(this.approval);
      if (this.#over) return;
      const unwatch = this.#deps.approvals.watch(this.approval.id, seen => this.#changed(seen));
      // A store that calls back while it is being asked may have ended the hold by now.
      if (this.#over) unwatch();
      else this.#unwatch = unwatch;
    } catch (error) {
      this.#unavailable(error);
    }
  }

  /** Keeps only the newest word of the store; one judgement runs at a time. */
  #changed(seen: Approval | null): void {
    if (this.#over) return;
    if (seen === null) {
      this.#refuse('decision_unverified', 'the record of the approval was removed or altered');
      return;
    }
    this.#latest = seen;
    if (!this.#judging) void this.#judgeAll();
  }

  async #judgeAll(): Promise<void> {
    this.#judging = true;
    try {
      while (this.#latest !== null && !this.#over) {
        const seen = this.#latest;
        this.#latest = null;
        await this.#judge(seen);
      }
    } catch (error) {
      this.#unavailable(error);
    } finally {
      this.#judging = false;
    }
  }

  /** Of what the store says, only the signed decisions count; its `state` can hold the statement back but never release it. */
  async #judge(seen: Approval): Promise<void> {
    for (const signed of seen.decisions) {
      const key = canonical(signed);
      if (this.#checked.has(key)) continue;
      const verified = await this.#answer(this.#deps.verifier.verify(signed), 'the decision verifier');
      if (this.#over) return;
      this.#checked.set(key, verified);
      this.#on.decided?.(signed, verified);
      if (this.#over) return;
      if (verified !== true)
        return this.#refuse('decision_unverified', 'the signature of a decision is wrong');
    }
    try {
      this.#proven = this.#prove(seen);
    } catch (error) {
      if (!(error instanceof IllegalMove)) throw error;
      return this.#refuse('decision_unverified', error.message);
    }
    const proven = this.#proven;
    if (proven.state === 'denied') return this.#refuse('hold_denied', proven.outcome);
    if (proven.state === 'withdrawn') return this.#refuse('hold_withdrawn', proven.outcome);
    if (this.#late(proven)) return this.#expire();
    switch (seen.state) {
      case 'held':
        return;
      case 'approved':
        if (proven.state === 'approved') return this.#claim(proven);
        return this.#refuse('decision_unverified', 'the store says approved, its decisions do not');
      case 'denied':
        return this.#refuse('decision_unverified', 'the store says denied, its decisions do not');
      case 'executed':
        return this.#outlives
          ? this.#refuse('hold_withdrawn', 'another session has used the approval')
          : this.#refuse('decision_unverified', 'somebody else has used the approval');
      case 'expired':
        return this.#expire();
      case 'withdrawn':
        return this.#refuse('hold_withdrawn', seen.outcome);
    }
  }

  #prove({ decisions, requester }: Approval): Approval {
    const { groupsOf } = this.#deps;
    return this.#how.attached
      ? proveAgain({ ...this.approval, requester, decisions }, this.approval.requester, groupsOf)
      : prove(this.approval, decisions, groupsOf);
  }

  /** Past the deadline, or, where an approval has a time of its own, past that. */
  #late(proven: Approval): boolean {
    const end = this.#outlives ? (grantEnd(proven) ?? this.#deadline) : this.#deadline;
    return this.#deps.clock() >= end;
  }

  async #claim(proven: Approval): Promise<void> {
    const { id, digest, releases } = this.approval;
    if (releases === 'session') {
      const stands = await this.#answer(this.#deps.approvals.stands(id, digest), 'the approval store');
      if (this.#over) return;
      if (stands !== true) return this.#refuse('hold_withdrawn', 'the approval was taken back');
      this.#release(proven);
      return;
    }
    this.#claiming = true;
    const claiming = this.#deps.approvals.claim(id, digest);
    this.#asked = claiming.catch(() => {});
    const mine = await this.#answer(claiming, 'the approval store');
    if (mine === true && !(await this.#unchanged())) return this.#refuse('hold_withdrawn', DEFINED_ANEW);
    this.#claiming = false;
    if (this.#over) return;
    if (mine !== true)
      return this.#refuse('hold_withdrawn', 'the approval was withdrawn or used before it could be claimed');
    this.#release(proven);
  }

  /** As late as can be: what is changed between this answer and the first byte is not seen. */
  async #unchanged(): Promise<boolean> {
    const { unchanged } = this.#how;
    if (this.#over || unchanged === undefined) return true;
    return (await this.#answer(unchanged(), 'the catalog')) === true;
  }

  #release(proven: Approval): void {
    // Between this check and `ended` there is no await: nothing can come in between.
    if (this.#late(proven)) {
      this.#expire();
      return;
    }
    const { decisions, outcome } = proven;
    const signed = decisions.map(d => d.decision.by).join(', ');
    const why = outcome === '' ? `approved by ${signed}` : outcome;
    this.#end({ kind: 'released', state: 'approved', why, approval: proven, decisions });
  }

  #expire(): void {
    const lacking = missing(this.#proven);
    const why =
      this.#proven.decisions.length === 0
        ? `nobody decided before ${this.approval.deadline}`
        : lacking > 0
          ? `${lacking} more approval${lacking === 1 ? ' was' : 's were'} needed before ${this.approval.deadline}`
          : `the approval could not be used before ${this.approval.deadline}`;
    this.#refuse('hold_expired', why);
  }

  /** Store, verifier or a callback of the pipeline (the ledger refuses the event) has failed: its own code where it has one. */
  #unavailable(error: unknown): void {
    if (this.#over) return;
    if (error instanceof HoldpointError) this.#refuse(error.code, error.detail ?? error.message, error);
    else this.#refuse('hold_unavailable', 'approvals did not work as they must', error);
  }

  #refuse(code: FaultCode, why: string, cause?: unknown): void {
    if (this.#over) return;
    if (this.#endsWithThis(code))
      this.#tellStore(code === 'hold_expired' ? { kind: 'expire' } : { kind: 'withdraw', why });
    this.#end(refusal(this.#proven, code, why, cause));
  }

  /**
   * Whether the approval ends with this wait for it. One that outlives its connection ends with the connection of the agent that has asked
   * for it and still waits; by its deadline it ends by itself, and it may have been used by somebody else.
   */
  #endsWithThis(code: FaultCode): boolean {
    if (!this.#outlives || code === 'decision_unverified' || this.#claiming) return true;
    return this.#leaving && !this.#how.attached;
  }

  #end(result: HoldResult): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#unwatch?.();
    this.#latest = null;
    try {
      this.#on.ended(result);
    } catch (error) {
      // A defect of the pipeline: loud, and not taken for an answer of the store.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  /** After the store's answer to what was asked before, so that a claim that is under way cannot come after its withdrawal. */
  #tellStore(event: Extract<HoldEvent, { kind: 'expire' | 'withdraw' }>): void {
    const { approvals, trouble } = this.#deps;
    const { id, deadline } = this.approval;
    void this.#asked
      // A claim that another session has won is that session's to tell of.
      .then(answer => (answer === false && this.#outlives ? undefined : approvals.end(id, event)))
      .catch((error: unknown) => {
        if (!(error instanceof IllegalMove) || event.kind === 'withdraw') throw error;
        // Approved, but not usable any more: only a withdrawal says that.
        return approvals.end(id, { kind: 'withdraw', why: `it could not be used before ${deadline}` });
      })
      .catch((error: unknown) => {
        // An IllegalMove here means that the store knows an end already.
        if (!(error instanceof IllegalMove)) trouble(error, this.approval);
      });
  }

  #answer<T>(asked: Promise<T>, whom: string): Promise<T> {
    return answerWithin(asked, whom, this.#deps.answerMs);
  }
}
