import type { AuditBody, AuditEvent, AuditKind } from '#schemas/audit.ts';
import { canonical } from '#schemas/canonical.ts';
import { LEDGER_SESSION } from '#schemas/chain.ts';
import { mailbox } from '#schemas/email.ts';
import { namesOf } from '#schemas/names-of.ts';
import { statementDigest } from '#schemas/statement.ts';
import type { DecisionCheck } from './decision-check.ts';

type Body<K extends AuditKind> = AuditBody<K>;

/** The proxy that stamps a forward and the signer that stamps a decision have clocks of their own. */
const CLOCKS_MS = 60_000;

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
  #used: Set<string>;
  #at = 0;
  /** Statement 1 where it is the opening of the session itself, and when what has let it in ends (ms since 1970). */
  #entry: Course | null = null;
  #entryEnds: number | null = null;

  /**
   * Without `check` the proxy's word is taken for what it calls a verified decision. `used`: the approvals by which something was run
   * once, in this session or in any other of the same log.
   */
  constructor(check: DecisionCheck | null = null, used: Set<string> = new Set()) {
    this.#check = check;
    this.#used = used;
  }

  /** What is wrong with this event at this place; null when nothing is. */
  next(event: AuditEvent): Breach | null {
    this.#at = Date.parse(event.at);
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
        return this.#revoked(body as Body<'decision'>)
          ? null
          : this.#course(body, kind, course => this.#decision(course, body as Body<'decision'>));
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
    const first = this.#last === 0;
    this.#last = statement.n;
    const course = { statement, hold: null, decisions: [], ended: null, forwarded: false };
    this.#courses.set(statement.n, course);
    if (statement.protocol !== 'session') return null;
    this.#entry = course;
    return first && statement.verdict === 'hold'
      ? null
      : breach('forbidden', `statement ${statement.n} opens the session, and is not what it begins with`);
  }

  /** The approval that the session lives by was taken back: that may come at any time. */
  #revoked({ n, approval, signed, verified }: Body<'decision'>): boolean {
    const entry = this.#entry;
    if (entry === null || entry.hold?.approval !== approval || entry.statement.n !== n) return false;
    if (signed.decision.verdict !== 'revoke' || signed.decision.approval !== approval) return false;
    return !verified || this.#check?.(signed) !== false;
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
    const inside = course === this.#entry ? null : this.#outside();
    if (inside !== null) return breach('unapproved', `statement ${n} was forwarded, and ${inside}`);
    // A text that is only parsed does not run yet: each Bind of it is judged, and held, for itself.
    if (verdict === 'allow' || course.statement.protocol === 'parse') return null;
    const late = course.hold?.releases !== undefined && this.#at > (grantEnds(course) ?? 0) + CLOCKS_MS;
    const why =
      unapproved(course, this.#open) ?? (late ? 'the time of its grant was over' : this.#spent(course));
    if (why !== null) return breach('unapproved', `statement ${n} was forwarded without approval: ${why}`);
    if (course === this.#entry) this.#entryEnds = grantEnds(course);
    return null;
  }

  /** Why nothing may run in this session now, whatever its verdict; null when it may. */
  #outside(): string | null {
    const asked = this.#open?.approval;
    if (asked === undefined && this.#entry === null) return null;
    if (this.#entryEnds === null || this.#entry?.hold?.approval !== asked)
      return 'the record does not show that its session was approved';
    return this.#at > this.#entryEnds + CLOCKS_MS
      ? 'the time for which its session was approved was over'
      : null;
  }

  /** Why an approval cannot be used now: it was before, or its time is over. */
  #spent({ hold }: Course): string | null {
    // What was parked is bound to its connection; only what outlives one could come a second time.
    if (hold?.releases !== 'once') return null;
    if (this.#used.has(hold.approval)) return `approval ${hold.approval} was used before`;
    this.#used.add(hold.approval);
    return null;
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
  const requester =
    open === null ? [] : namesOf({ ...open, email: open.email ?? undefined }).map(own => mailbox(own));
  const yes = counted.map(d => d.signed.decision).filter(d => !requester.includes(mailbox(d.by)));
  if (yes.length === 0) return 'no verified decision of somebody else covers it';
  // Who is in a group may stand in the policy alone: that is the proxy's word. That they are so many people is not.
  const people = new Set(yes.map(d => mailbox(d.by))).size;
  const lacking = (hold.requirements ?? []).find(r => people < r.quorum);
  if (lacking !== undefined)
    return `${lacking.rule} asks for ${lacking.quorum} people, and ${people} approved`;
  return null;
}

/** When what people have approved ends, in milliseconds since 1970: counted from the last of their decisions. */
function grantEnds({ hold, decisions }: Course): number | null {
  const yes = decisions.filter(d => d.verified && d.signed.decision.verdict === 'approve');
  const times = (hold?.requirements ?? []).map(r => r.grantSeconds);
  if (yes.length === 0 || times.length === 0) return null;
  return Math.max(...yes.map(d => Date.parse(d.signed.decision.at))) + Math.min(...times) * 1000;
}

function only(event: AuditEvent, kind: AuditEvent['kind']): Breach | null {
  return event.kind === kind
    ? null
    : breach('reordered', `${event.kind} does not belong in the session of the log itself`);
}

function breach(fault: Breach['fault'], what: string): Breach {
  return { fault, what };
}
