import type { AuditBody, AuditEvent, AuditKind } from '#schemas/audit.ts';
import { canonical } from '#schemas/canonical.ts';
import { LEDGER_SESSION } from '#schemas/chain.ts';
import { mailbox } from '#schemas/email.ts';
import { statementDigest } from '#schemas/statement.ts';
import type { DecisionCheck } from './decision-check.ts';

type Body<K extends AuditKind> = AuditBody<K>;

/** What one statement of a session has been through so far. */
interface Course {
  readonly statement: Body<'statement'>;
  hold: Body<'hold'> | null;
  decisions: Body<'decision'>[];
  ended: Body<'hold.end'> | null;
  forwarded: boolean;
}

/** One thing that a session's story cannot contain. */
export interface Breach {
  readonly fault: 'missing' | 'duplicated' | 'reordered' | 'unapproved' | 'forbidden' | 'unsigned';
  readonly what: string;
}

/**
 * The order that the events of a session must have, whatever their hashes say: nothing is forwarded before its statement is in the
 * log, nothing held without its approval, nothing denied, nothing twice; an outcome has its forward unless nothing was sent. Takes the
 * events of one session in order. Memory grows with the statements that are under way, not with those that have ended.
 */
export class SessionRules {
  #open: Body<'session.open'> | null = null;
  #courses = new Map<number, Course>();
  #last = 0;
  #started = false;
  #check: DecisionCheck | null;

  /** Without `check` the proxy's word is taken for what it calls a verified decision. */
  constructor(check: DecisionCheck | null = null) {
    this.#check = check;
  }

  /** What is wrong with this event at this place; null when nothing is. */
  next(event: AuditEvent): Breach | null {
    const first = !this.#started;
    this.#started = true;
    if (event.session === LEDGER_SESSION) return only(event, 'ledger.recovered');
    if (event.kind === 'ledger.recovered')
      return breach('reordered', 'ledger.recovered belongs in the session of the log itself');
    if (first !== (event.kind === 'session.open'))
      return first
        ? breach('missing', 'the session does not begin with its session.open')
        : breach('duplicated', 'the session is opened a second time');
    return this.#step(event);
  }

  #step({ kind, body }: AuditEvent): Breach | null {
    switch (kind) {
      case 'session.open':
        this.#open = body as Body<'session.open'>;
        return null;
      case 'statement':
        return this.#statement(body as Body<'statement'>);
      case 'hold':
        return this.#course(body, kind, course => held(course, body as Body<'hold'>));
      case 'decision':
        return this.#course(body, kind, course => this.#decision(course, body as Body<'decision'>));
      case 'hold.end':
        return this.#course(body, kind, course => {
          const end = body as Body<'hold.end'>;
          // A hold that could not be recorded is withdrawn: that end may stand alone.
          if (course.hold === null && end.state === 'approved')
            return breach('missing', `the hold of statement ${end.n} ends as approved and never began`);
          if (course.ended !== null)
            return breach('duplicated', `the hold of statement ${end.n} ends a second time`);
          course.ended = end;
          return null;
        });
      case 'forward':
        return this.#course(body, kind, course => this.#forward(course));
      case 'outcome':
        return this.#outcome(body as Body<'outcome'>);
      case 'session.close':
      case 'ledger.recovered':
        return null;
    }
  }

  #statement(statement: Body<'statement'>): Breach | null {
    if (statement.n <= this.#last)
      return breach('duplicated', `statement ${statement.n} is there a second time`);
    this.#last = statement.n;
    this.#courses.set(statement.n, { statement, hold: null, decisions: [], ended: null, forwarded: false });
    return null;
  }

  #course(body: AuditEvent['body'], kind: string, then: (course: Course) => Breach | null): Breach | null {
    const n = Number(body.n);
    const course = this.#courses.get(n);
    if (course !== undefined) return then(course);
    return n <= this.#last
      ? breach('reordered', `${kind} of statement ${n} comes after its outcome, or without a statement`)
      : breach('missing', `${kind} of statement ${n} has no statement before it`);
  }

  #decision(course: Course, decision: Body<'decision'>): Breach | null {
    const { n, verified, signed } = decision;
    const sound = verified && this.#check?.(signed) !== false;
    course.decisions.push({ ...decision, verified: sound });
    if (course.hold === null) return breach('missing', `statement ${n} is decided without a hold`);
    if (verified && !sound)
      return breach(
        'unsigned',
        `the decision of ${signed.decision.by} counted, and its signature does not verify`,
      );
    return null;
  }

  #forward(course: Course): Breach | null {
    const { n, verdict } = course.statement;
    if (course.forwarded) return breach('duplicated', `statement ${n} was forwarded a second time`);
    course.forwarded = true;
    if (verdict === 'deny')
      return breach('forbidden', `statement ${n} was forwarded, and its verdict is deny`);
    // A text that is only parsed does not run yet: each Bind of it is judged, and held, for itself.
    if (verdict === 'allow' || course.statement.protocol === 'parse') return null;
    const why = unapproved(course, this.#open);
    return why === null
      ? null
      : breach('unapproved', `statement ${n} was forwarded without approval: ${why}`);
  }

  #outcome(outcome: Body<'outcome'>): Breach | null {
    const { n, status } = outcome;
    const sent = status !== 'refused' && status !== 'skipped';
    const course = this.#courses.get(n);
    this.#courses.delete(n);
    if (course !== undefined)
      return sent && !course.forwarded
        ? breach('missing', `statement ${n} has the outcome ${status} and no forward`)
        : null;
    if (n <= this.#last) return breach('duplicated', `statement ${n} has a second outcome, or no statement`);
    this.#last = n;
    // A statement that the ledger could not take was refused, and that could be recorded.
    return sent ? breach('missing', `outcome of statement ${n} has no statement before it`) : null;
  }
}

/** A hold begins: of the statement that was asked, once. */
function held(course: Course, hold: Body<'hold'>): Breach | null {
  const { n, verdict, text, parameters, digest } = course.statement;
  if (course.hold !== null) return breach('duplicated', `statement ${n} is held a second time`);
  course.hold = hold;
  if (verdict !== 'hold') return breach('forbidden', `statement ${n} is held, and its verdict is ${verdict}`);
  if (digest !== '' && digest !== hold.digest)
    return breach('forbidden', `the hold of statement ${n} covers another digest than the statement's`);
  if (hold.statement === undefined) return null;
  if (statementDigest(hold.statement) !== hold.digest)
    return breach('forbidden', `the digest of hold ${n} is not of what it shows`);
  const same = hold.statement.text === text && canonical(hold.statement.parameters) === canonical(parameters);
  return same ? null : breach('forbidden', `the hold of statement ${n} shows another text or other values`);
}

/** Why the chain does not show enough approvals for this statement; null when it does. */
function unapproved(course: Course, open: Body<'session.open'> | null): string | null {
  const { hold, ended } = course;
  if (hold === null) return 'it was never held';
  if (ended === null) return 'its hold has not ended';
  if (ended.state !== 'approved') return `its hold ended as ${ended.state}`;
  if (ended.approval !== hold.approval) return 'its hold ended under another approval';
  const counted = course.decisions.filter(
    ({ verified, signed: { decision } }) =>
      verified &&
      decision.approval === hold.approval &&
      decision.digest === hold.digest &&
      Date.parse(decision.at) <= Date.parse(hold.deadline),
  );
  if (counted.some(d => d.signed.decision.verdict === 'deny')) return 'somebody denied it';
  const requester = [open?.email, open?.subject].map(own => (own == null ? null : mailbox(own)));
  const yes = counted.map(d => d.signed.decision).filter(d => !requester.includes(mailbox(d.by)));
  if (yes.length === 0) return 'no verified decision of somebody else covers it';
  // Who is in a group may stand in the policy alone: that is the proxy's word. That they are so many people is not.
  const people = new Set(yes.map(d => mailbox(d.by))).size;
  const lacking = (hold.requirements ?? []).find(r => people < r.quorum);
  if (lacking !== undefined)
    return `${lacking.rule} asks for ${lacking.quorum} people, and ${people} approved`;
  return null;
}

function only(event: AuditEvent, kind: AuditEvent['kind']): Breach | null {
  return event.kind === kind
    ? null
    : breach('reordered', `${event.kind} does not belong in the session of the log itself`);
}

function breach(fault: Breach['fault'], what: string): Breach {
  return { fault, what };
}
