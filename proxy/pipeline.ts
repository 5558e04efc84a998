import type { StatementAnalysis } from '#schemas/analysis.ts';
import type { AuditBody } from '#schemas/audit.ts';
import { HoldpointError } from '#schemas/errors.ts';
import type { Principal } from '#schemas/principal.ts';
import type { Parameter, Statement } from '#schemas/statement.ts';
import { INVARIANT, type Verdict } from '#schemas/verdict.ts';
import type { Hold, Holds } from './hold/hold.ts';
import { refusal } from './hold/outcome.ts';
import type { Standing } from './hold/standing.ts';
import { termsOf } from './hold/terms.ts';
import type { Recorder } from './ports.ts';
import { refusedByRule } from './refused-by-rule.ts';
import type { Judged } from './session/judgement.ts';
import type { Run } from './session/run.ts';
import { AGAIN, type Obstacle } from './session/settling.ts';
import { StatementEvents } from './statement-events.ts';

/**
 * The order of the stages, and the only file that knows it. For every message that would run something:
 *
 *   1. verdict      what policy says of the text as analysed (session/judgement.ts has asked policy/ before);
 *   2. record       the `statement` event: text, binds, verdict, rule. Nothing goes anywhere before the ledger has taken it;
 *   3. hold         only for `hold`: parked until signed decisions are verified and the grant is claimed, or refused; where its approval
 *                   outlives the connection, the agent may be told to come back, and what was approved meanwhile is verified and claimed;
 *   4. record       the `forward` event;
 *   5. upstream     the bytes as the agent sent them. A provable read goes at once, and its result waits for the ledger
 *                   (session/outbox.ts); anything else goes only when 2 and 4 are durable. That is the security-critical step;
 *                   what is pipelined behind such a wait may have 2 and 4 meanwhile (session/recorded-ahead.ts), and 1 again in its turn;
 *   6. mask         on the way back (session/answers.ts), before the agent or the result's digest sees a row;
 *   7. record       the `outcome` event.
 *
 * A refusal anywhere ends in `refuse`, and the bytes are dropped: there is no path around.
 */
export interface PipelineParts {
  readonly session: string;
  readonly principal: Principal;
  readonly recorder: Pick<Recorder, 'append' | 'whenDurable'>;
  readonly holds: Holds;
  /** Told before the agent is: what is written to it from now on waits until `ticket` is durable. */
  readonly gate: (ticket: number) => void;
  /** The approval exists and people can see it. */
  readonly parked: (hold: Hold, message: string) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** A statement with everything that gives it its meaning, and whether it means the same later. */
export interface Described {
  readonly statement: Statement;
  readonly unchanged: () => Promise<boolean>;
}

export interface Submission {
  readonly run: Run;
  readonly judged: Judged;
  readonly protocol: AuditBody<'statement'>['protocol'];
  readonly parameters: readonly Parameter[];
  readonly inTransaction: boolean;
  /** In a failed transaction the server runs nothing but its end: nobody is asked to approve what can not run. */
  readonly failedTransaction: boolean;
  /** Everything that gives the statement its meaning; asked for only when it is held. May reject. */
  readonly describe: () => Promise<Described>;
  /** Parse runs nothing: a text to be held is held when it is bound. */
  readonly parseOnly: boolean;
  /**
   * The last moment before it is sent: calls back with null when nothing that other sessions do is in its way, at once where that is so already,
   * or with why it may not be sent. What is `approved` is not judged again.
   */
  readonly clear: (approved: boolean, done: (why: Obstacle | null) => void) => void;
  /** Judges the message once more, and goes the whole way with it. Called in place of `forward` or `refuse`. */
  readonly again: () => void;
  /** Its intent stands in the record already, up to this ticket: it has waited behind another one. */
  readonly intended?: number | undefined;
  /** Sends the bytes. Called at most once. */
  readonly forward: () => void;
  /** Answers with an error instead. Called at most once, and never after `forward`. */
  readonly refuse: (error: HoldpointError) => void;
  /** True when the agent is gone: nothing more may be forwarded. */
  readonly gone: () => boolean;
  /** True when the agent has closed its side and may be gone: nothing is parked for it, and nothing that was parked is forwarded. */
  readonly left: () => boolean;
}

export class Pipeline {
  private readonly parts: PipelineParts;
  private readonly events: StatementEvents;
  /** The statement that is parked now; a session has at most one. */
  private hold: Hold | null = null;
  /** A statement is about to be parked; what withdraws it before it is. */
  private preparing = false;
  private early: { readonly why: string; readonly fault: HoldpointError } | null = null;
  private latest: Submission | null = null;

  constructor(parts: PipelineParts) {
    this.parts = parts;
    this.events = new StatementEvents(parts);
  }

  submit(work: Submission): void {
    this.latest = work;
    const verdict = verdictOf(work.judged, work.inTransaction);
    if (work.intended !== undefined && verdict.kind === 'allow') {
      this.whenRecorded(work, work.intended);
      return;
    }
    const ticket = this.attempt(work, () => this.events.asked(work.run, work.judged, work, verdict));
    if (ticket === null) return;
    switch (verdict.kind) {
      case 'deny':
        this.parts.gate(ticket);
        this.refuse(
          work,
          work.judged.fault ??
            refusedByRule(verdict, work.judged.endsWith === undefined ? undefined : AT_THE_END),
          verdict.rule === INVARIANT ? 'refused by the proxy' : 'refused by rule',
        );
        return;
      case 'hold':
        if (work.parseOnly) this.release(work);
        else if (work.failedTransaction)
          this.refuse(work, new HoldpointError('in_failed_transaction'), 'failed transaction');
        else if (work.left())
          this.refuse(work, new HoldpointError('hold_withdrawn', undefined, { detail: LEFT }), LEFT);
        else void this.park(work, verdict, ticket);
        return;
      case 'allow':
        this.release(work);
        return;
    }
  }

  /** The agent has gone, or has cancelled: what is parked will never run. False when nothing was. */
  withdraw(why: string, code: 'hold_withdrawn' | 'cancelled' | 'shutdown'): boolean {
    if (this.preparing) {
      this.early ??= { why, fault: new HoldpointError(code, undefined, { detail: why }) };
      return true;
    }
    return this.hold?.withdraw(why, code) ?? false;
  }

  /** A statement is parked, or is about to be. */
  get parking(): boolean {
    return this.preparing || this.hold !== null;
  }

  /** The session is over: what still waits for the ledger or for its description gets its outcome before the session's end is recorded. */
  abandon(why: string): void {
    const latest = this.latest;
    if (latest !== null && !latest.run.forwarded)
      this.refuse(latest, new HoldpointError('hold_withdrawn'), why);
  }

  ended(run: Run, status: AuditBody<'outcome'>['status']): void {
    this.parts.recorder.append(this.parts.session, 'outcome', run.outcome(status, this.parts.now()));
  }

  /** A text that was parsed and never bound: its record, before its answer leaves. Throws when the ledger cannot take it. */
  parsed(run: Run, judged: Judged): void {
    const { recorder, session } = this.parts;
    const verdict = judged.verdict.outside;
    this.events.asked(run, judged, { protocol: 'parse', parameters: [] }, verdict);
    this.parts.gate(recorder.append(session, 'forward', { n: run.n }));
    this.ended(run, 'ok');
  }

  /**
   * Steps 2 and 4 of an allowed write that has yet to come to its turn; gives what has to be durable before it may be forwarded. Null where
   * the ledger does not take them, or policy does not allow it: then it is dealt with when its turn comes.
   */
  intend(
    run: Run,
    judged: Judged,
    how: Pick<Submission, 'protocol' | 'parameters'> & { readonly inBlock: boolean },
  ): number | null {
    const verdict = verdictOf(judged, how.inBlock);
    if (verdict.kind !== 'allow') return null;
    let begun = false;
    try {
      this.events.asked(run, judged, how, verdict);
      begun = true;
      return this.parts.recorder.append(this.parts.session, 'forward', { n: run.n });
    } catch (cause) {
      if (!(cause instanceof HoldpointError)) throw cause;
      if (begun) this.ended(run, 'skipped');
      return null;
    }
  }

  /** Steps 4 and 5. */
  private release(work: Submission, onLate?: (why: string) => void): void {
    const { recorder, session } = this.parts;
    const ticket = this.attempt(work, () => recorder.append(session, 'forward', { n: work.run.n }), onLate);
    if (ticket === null) return;
    if (work.judged.reads) {
      this.parts.gate(ticket);
      this.send(work, onLate);
      return;
    }
    this.whenRecorded(work, ticket, onLate);
  }

  private whenRecorded(work: Submission, ticket: number, onLate?: (why: string) => void): void {
    this.parts.recorder.whenDurable(ticket, fault => {
      if (fault !== null || work.gone() || (onLate !== undefined && work.left())) {
        const why = fault === null ? 'the agent disconnected' : 'the record could not be written in time';
        onLate?.(why);
        this.refuse(
          work,
          fault === null ? new HoldpointError('hold_withdrawn') : asFault(fault, 'ledger_unavailable'),
          why,
        );
        return;
      }
      this.send(work, onLate);
    });
  }

  private send(work: Submission, onLate?: (why: string) => void): void {
    work.clear(onLate !== undefined, why => {
      if (work.run.ended) return;
      if (why === null) {
        work.run.forwarded = true;
        work.forward();
      } else if (why === AGAIN) {
        work.run.tag = 'judged again: another session has changed what it names';
        this.ended(work.run, 'skipped');
        work.again();
      } else {
        const message = typeof why === 'string' ? why : why.message;
        onLate?.(message);
        const fault =
          typeof why === 'string' ? refusedByRule({ kind: 'deny', rule: INVARIANT, message }) : why;
        this.refuse(work, fault, message);
      }
    });
  }

  /** Step 3. */
  private async park(
    work: Submission,
    verdict: Extract<Verdict, { kind: 'hold' }>,
    ticket: number,
  ): Promise<void> {
    const { parts } = this;
    const { requirements } = verdict;
    const effects = work.judged.statements.map((s: StatementAnalysis) => s.effects);
    // What hangs on the session's names means something else, or nothing, in another one.
    const bound = !work.judged.alone;
    const { releases, waitSeconds } = termsOf(requirements, bound);
    let described: Described;
    let there: Standing = { kind: 'none' };
    this.preparing = true;
    this.early = null;
    try {
      described = await work.describe();
      await durable(parts.recorder, ticket);
      const gone = () => this.early !== null || work.gone() || work.left();
      const { statement } = described;
      const asked = { requester: parts.principal, statement, effects, requirements, releases, gone };
      if (asked.releases === 'once')
        there = await parts.holds.standing({ ...asked, releases: asked.releases });
    } catch (cause) {
      this.refuse(work, asFault(cause, 'hold_unavailable'), 'the statement could not be described');
      return;
    } finally {
      this.preparing = false;
    }
    const early = this.early as Pipeline['early'];
    if (early !== null || work.gone()) {
      const why = early?.why ?? 'the agent disconnected';
      if (there.kind === 'granted') parts.holds.notUsed(there.approval, why);
      this.refuse(work, early?.fault ?? new HoldpointError('hold_withdrawn'), why);
      return;
    }
    if (there.kind === 'granted' || there.kind === 'refused') {
      this.settle(work, there);
      return;
    }
    if (bound && waitSeconds === 0) {
      this.refuse(work, new HoldpointError('unsupported', BOUND, { hint: BOUND_HINT }), BOUND);
      return;
    }
    const full = there.kind === 'none' || waitSeconds > 0 ? parts.holds.full(parts.principal) : null;
    if (full !== null) {
      this.refuse(work, full, full.message);
      return;
    }
    const hold = parts.holds.park({
      session: parts.session,
      requester: parts.principal,
      ...described,
      effects,
      requirements,
      bound,
      attach: there.kind === 'held' ? there.approval : undefined,
      opened: () => parts.parked(hold, verdict.message),
      decided: (signed, verified) => {
        this.attempt(work, () => this.events.decided(work.run, hold.approval, { signed, verified }));
      },
      ended: result => {
        this.hold = null;
        this.events.holdEnded(work.run, hold.approval, result);
        if (result.kind === 'released') this.release(work, why => hold.notForwarded(why));
        else this.refuse(work, result.fault, result.why);
      },
    });
    this.hold = hold;
    this.attempt(work, () => this.events.held(work.run, hold.approval));
  }

  /** Decided before it was asked for here: recorded with everything that a reader needs to see that it may run. */
  private settle(work: Submission, there: Extract<Standing, { kind: 'granted' | 'refused' }>): void {
    const { approval, decisions } = there;
    const unused = (why: string) => {
      if (there.kind === 'granted') this.parts.holds.notUsed(approval, why);
    };
    const ticket = this.attempt(
      work,
      () => {
        const first = this.events.held(work.run, approval);
        for (const decided of decisions) this.events.decided(work.run, approval, decided);
        return first;
      },
      unused,
    );
    if (ticket === null) return;
    const result =
      there.kind === 'granted'
        ? ({ kind: 'granted', state: 'approved', why: approval.outcome } as const)
        : refusal(approval, there.code, there.why);
    this.events.holdEnded(work.run, approval, result);
    if (result.kind === 'refused') this.refuse(work, result.fault, result.why);
    else this.release(work, unused);
  }

  /** Runs an append that may find the ledger down: then the statement is refused, and what was parked is withdrawn. */
  private attempt(work: Submission, append: () => number, onLate?: (why: string) => void): number | null {
    try {
      return append();
    } catch (cause) {
      const fault = asFault(cause, 'ledger_unavailable');
      onLate?.('the record could not be written');
      if (this.hold !== null) this.hold.withdraw('the record could not be written', 'hold_withdrawn');
      else this.refuse(work, fault, fault.message);
      return null;
    }
  }

  private refuse(work: Submission, fault: HoldpointError, why: string): void {
    if (work.run.ended) return;
    work.run.sqlstate = fault.sqlstate;
    work.run.tag = why;
    this.ended(work.run, 'refused');
    if (!work.gone()) work.refuse(fault);
  }
}

const AT_THE_END = 'what this transaction has left to its end: somebody has changed what that runs';
const LEFT = 'the agent had closed its side of the connection before the statement could be held';
const BOUND = 'what names a prepared statement or a cursor of its session cannot be approved for later';
const BOUND_HINT = 'Send the statement itself instead of EXECUTE, FETCH, MOVE or WHERE CURRENT OF.';

function verdictOf({ verdict }: Judged, inTransaction: boolean): Verdict {
  return inTransaction ? verdict.inTransaction : verdict.outside;
}

function asFault(cause: unknown, code: 'ledger_unavailable' | 'hold_unavailable'): HoldpointError {
  return cause instanceof HoldpointError ? cause : new HoldpointError(code, undefined, { cause });
}

function durable(recorder: PipelineParts['recorder'], ticket: number): Promise<void> {
  return new Promise((resolve, reject) => {
    recorder.whenDurable(ticket, fault => (fault === null ? resolve() : reject(fault)));
  });
}
