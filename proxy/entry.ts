import type { Approval } from '#schemas/approval.ts';
import type { AuditBody } from '#schemas/audit.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { grantEnd } from '#schemas/grant.ts';
import type { Access } from '#schemas/policy.ts';
import type { Statement } from '#schemas/statement.ts';
import type { Admitted } from './admission.ts';
import type { Hold, Holds } from './hold/hold.ts';
import { refusal } from './hold/outcome.ts';
import type { Checked } from './hold/standing.ts';
import { termsOf } from './hold/terms.ts';
import { requirementOf } from './policy/requirement.ts';
import type { Recorder } from './ports.ts';
import { called } from './waits.ts';

/** Who wants to open a session that people have to approve. */
export interface EntryRequest {
  readonly session: string;
  readonly seat: Admitted;
  readonly approval: NonNullable<Access['approval']>;
  readonly policyVersion: string;
  /** The session's first event, as far as it is known now. */
  readonly open: AuditBody<'session.open'>;
  /** Aborts when the agent has gone. */
  readonly signal: AbortSignal;
  /** The approval exists and the agent waits for it. */
  readonly waiting: (approval: Approval) => void;
}

export interface EntryParts {
  readonly recorder: Recorder;
  readonly holds: Holds;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** A proven approval to open sessions. */
export interface Grant {
  readonly approval: Approval;
  /** Milliseconds since 1970. */
  readonly ends: number;
}

/** The number that opening has among the statements of its session. */
export const ENTRY = 1;
const GONE = 'the agent disconnected';

/** What is approved when a session is: said in a sentence, so that every page and message shows it as it shows SQL. */
export function entryStatement(seat: Admitted, grantSeconds: number, policyVersion: string): Statement {
  const { principal, name, role, access } = seat;
  const mail = principal.email === undefined ? '' : ` <${principal.email}>`;
  const quoted = JSON.stringify;
  const text =
    `Let ${principal.subject}${mail} of ${principal.issuer} open ${access.readOnly ? 'read-only ' : ''}sessions ` +
    `on target ${quoted(name)} as role ${quoted(role)}, by access entry ${quoted(access.name)}, ` +
    `for ${grantSeconds} seconds from the approval on`;
  return {
    protocol: 'session',
    text,
    parameters: [],
    resultFormats: [],
    target: name,
    database: seat.target.database,
    role,
    settings: {},
    transaction: 'idle',
    policyVersion,
  };
}

/**
 * Opening a session as a hold: the same events as for a statement that is held, in the session's own record, which begins with them. What
 * was approved before is proven and used at once; otherwise people are asked, and the agent waits, or is told to come back.
 */
export class Entry {
  private readonly request: EntryRequest;
  private readonly parts: EntryParts;
  private readonly statement: Statement;
  private readonly began: number;
  private recorded = false;
  private over = false;

  constructor(request: EntryRequest, parts: EntryParts) {
    this.request = request;
    this.parts = parts;
    this.began = parts.now();
    const requirement = requirementOf(`access ${request.seat.access.name}`, request.approval);
    this.statement = entryStatement(request.seat, requirement.grantSeconds, request.policyVersion);
  }

  /** Rejects with HoldpointError where the session is not to be opened; that is recorded then. */
  async ask(): Promise<Grant> {
    const { holds, recorder } = this.parts;
    const { seat, signal, approval: asking } = this.request;
    const requirements = [requirementOf(`access ${seat.access.name}`, asking)];
    const asked = { requester: seat.principal, statement: this.statement, effects: [], requirements };
    const there = await holds.standing({ ...asked, releases: 'session', gone: () => signal.aborted });
    signal.throwIfAborted();
    try {
      let grant: Grant;
      if (there.kind === 'granted') {
        this.begin(there.approval, there.decisions);
        this.held(there.approval, 'approved', there.approval.outcome);
        grant = there;
      } else if (there.kind === 'refused') {
        this.begin(there.approval, there.decisions);
        throw this.refused(there.approval, refusal(there.approval, there.code, there.why));
      } else grant = await this.park(requirements, there.kind === 'held' ? there.approval : undefined);
      const ticket = this.append('forward', { n: ENTRY });
      await called(done => recorder.whenDurable(ticket, done));
      return grant;
    } catch (error) {
      this.failed(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /** The session is open. `credential`: the version that it has logged in with. */
  opened(credential: string): void {
    this.end('ok', 'session opened', credential);
  }

  /** It is not going to be. */
  failed(why: string): void {
    if (this.over) return;
    this.end('refused', why);
    if (this.recorded) this.append('session.close', { reason: why, statements: ENTRY });
  }

  private park(
    requirements: ReturnType<typeof requirementOf>[],
    attach: Approval | undefined,
  ): Promise<Grant> {
    const { holds } = this.parts;
    const { seat, session, signal, waiting } = this.request;
    const { principal } = seat;
    const full = attach === undefined || termsOf(requirements).waitSeconds > 0 ? holds.full(principal) : null;
    if (full !== null) throw full;
    return new Promise((resolve, reject) => {
      const hold: Hold = holds.park({
        session,
        requester: principal,
        statement: this.statement,
        effects: [],
        requirements,
        attach,
        opensSession: true,
        opened: waiting,
        decided: (signed, verified) => this.decision(hold.approval, { signed, verified }),
        ended: result => {
          signal.removeEventListener('abort', left);
          if (result.kind === 'released') {
            const ends = grantEnd(result.approval);
            this.held(result.approval, 'approved', result.why);
            if (ends === null) reject(new HoldpointError('decision_unverified'));
            else resolve({ approval: result.approval, ends });
          } else reject(this.refused(hold.approval, result));
        },
      });
      const left = () => hold.withdraw(GONE, 'hold_withdrawn');
      signal.addEventListener('abort', left, { once: true });
      try {
        this.begin(hold.approval, []);
      } catch (error) {
        hold.withdraw('the record could not be written', 'hold_withdrawn');
        reject(error);
      }
    });
  }

  private begin(approval: Approval, decisions: readonly Checked[]): void {
    const { id, deadline, digest, releases, requirements } = approval;
    const { statement } = this;
    const rule = requirements.map(r => r.rule).join(', ');
    this.append('session.open', { ...this.request.open, approval: id });
    this.recorded = true;
    this.append('statement', {
      digest: '',
      effects: [],
      message: requirements.map(r => r.message).join('; '),
      n: ENTRY,
      parameters: [],
      protocol: 'session',
      rule,
      text: statement.text,
      verdict: 'hold',
    });
    const rules = requirements.map(r => r.rule);
    this.append('hold', {
      approval: id,
      deadline,
      digest,
      n: ENTRY,
      releases,
      requirements: [...requirements],
      rules,
      statement,
    });
    for (const decision of decisions) this.decision(approval, decision);
  }

  private decision({ id }: Approval, { signed, verified }: Checked): void {
    this.append('decision', { approval: id, n: ENTRY, signed, verified });
  }

  private held({ id }: Approval, state: AuditBody<'hold.end'>['state'], why: string): void {
    if (this.recorded) this.append('hold.end', { approval: id, n: ENTRY, state, why });
  }

  private refused(
    approval: Approval,
    result: {
      readonly state: AuditBody<'hold.end'>['state'];
      readonly why: string;
      readonly fault: HoldpointError;
    },
  ): HoldpointError {
    this.held(approval, result.state, result.why);
    return result.fault;
  }

  private end(status: 'ok' | 'refused', tag: string, credential?: string): void {
    if (this.over) return;
    this.over = true;
    if (!this.recorded) return;
    this.append('outcome', {
      bytes: 0,
      ...(credential === undefined ? {} : { credential }),
      masks: [],
      micros: Math.round((this.parts.now() - this.began) * 1000),
      n: ENTRY,
      result: '',
      rows: 0,
      sqlstate: '',
      status,
      tag,
    });
  }

  private append<
    K extends
      | 'session.open'
      | 'statement'
      | 'hold'
      | 'decision'
      | 'hold.end'
      | 'forward'
      | 'outcome'
      | 'session.close',
  >(kind: K, body: AuditBody<K>): number {
    return this.parts.recorder.append(this.request.session, kind, body);
  }
}
