import type { Firestore, QueryDocumentSnapshot, Transaction } from '@google-cloud/firestore';
import { z } from 'zod';
import { courses } from '#functions/course.ts';
import { decisionOn } from '#functions/decision-on.ts';
import { dueEvent } from '#functions/due-event.ts';
import type { ApprovalDesk, Course, DecisionInput, Execution } from '#functions/ports.ts';
import type { Approval } from '#schemas/approval.ts';
import {
  type ApprovalDocument,
  approvalDocument,
  COLLECTIONS,
  endDocument,
  fromDocument,
  toDocument,
} from '#schemas/approval-document.ts';
import { canonical } from '#schemas/canonical.ts';
import type { Decision, SignedDecision } from '#schemas/decision.ts';
import { lowerEmail } from '#schemas/email.ts';
import { grantKey } from '#schemas/grant.ts';
import { IllegalMove, transition } from '#schemas/hold.ts';
import { endEvent, type HoldMessage } from '#schemas/messages.ts';
import { alreadyEnded, endedBy, type Revocation } from '#schemas/revocation.ts';
import { RevocationBook } from './revocation-book.ts';

export interface CloudDeskOptions {
  readonly database: Firestore;
  /** The database of claims and revocations; it may be the same. */
  readonly claims: Firestore;
  /** Signs with a key that the proxy cannot use. Called inside a transaction, so it has to be quick, and is called again on contention. */
  readonly sign: (decision: Decision) => Promise<SignedDecision>;
  /** Groups of a lower-case e-mail, as this side knows them. */
  readonly groupsOf: (email: string) => readonly string[] | Promise<readonly string[]>;
  readonly clock: () => number;
  /** What cannot be read, because somebody else has written there: it is left out, and does not stand in the way of the others. */
  readonly log: (message: string, error?: unknown) => void;
}

const execution = z.object({ status: z.string(), rows: z.number(), sqlstate: z.string() });

/** How many an unlimited list gives. */
const LIST = 500;

/** The approvals in Firestore, as functions keep them. Each change is one transaction over one document and goes through `transition`. */
export class CloudDesk implements ApprovalDesk {
  readonly #options: CloudDeskOptions;
  readonly #revocations: RevocationBook;

  constructor(options: CloudDeskOptions) {
    this.#options = options;
    this.#revocations = new RevocationBook(options.claims);
  }

  async take(message: HoldMessage): Promise<Approval | null> {
    if (message.kind === 'held') return this.#held(message);
    const after = await this.#change(message.approval, async (present, transaction) => {
      if (present !== null) return courses.ended(present, message.event);
      // It has overtaken its `held`, which will find this.
      const end = { event: JSON.stringify(message.event), at: message.at };
      transaction.set(this.#early(message.approval), endDocument.parse(end));
      return null;
    });
    return after?.approval ?? null;
  }

  async decide(id: string, input: DecisionInput): Promise<Approval> {
    const [groups, [revocation = null]] = await Promise.all([
      this.#options.groupsOf(lowerEmail(input.by.trim())),
      this.#revocations.read([id]),
    ]);
    if (revocation !== null) {
      await this.#end(id, revocation);
      throw alreadyEnded(id, revocation);
    }
    if (input.verdict !== 'approve') return this.#takeBack(id, input, groups);
    const decided = await this.#change(id, async present => {
      if (present === null) return null;
      const signed = await this.#signed(present.approval, input, groups);
      return { ...present, approval: transition(present.approval, { kind: 'decide', signed }) };
    });
    if (decided === null) throw noSuch(id);
    return decided.approval;
  }

  /** What ends an approval is created first, where nobody can take it out again, and shown in the approval's own document then. */
  async #takeBack(id: string, input: DecisionInput, groups: readonly string[]): Promise<Approval> {
    const present = await this.get(id);
    if (present === null) throw noSuch(id);
    const signed = await this.#signed(present, input, groups);
    const kept = await this.#revocations.create(signed);
    const after = (await this.#end(id, kept))?.approval;
    if (canonical(kept) !== canonical(signed)) throw alreadyEnded(id, kept);
    if (after === undefined) throw noSuch(id);
    if (!after.decisions.some(d => canonical(d) === canonical(signed)))
      throw new IllegalMove(`approval ${id} is ${after.state} and can no longer be taken back`);
    return after;
  }

  async #signed(present: Approval, input: DecisionInput, groups: readonly string[]): Promise<SignedDecision> {
    return this.#options.sign(decisionOn(present, input, () => groups, this.#options.clock()));
  }

  #end(id: string, revocation: Revocation): Promise<Course | null> {
    return this.#change(id, present =>
      present === null ? null : { ...present, approval: endedBy(present.approval, revocation) },
    );
  }

  async executed(id: string, execution: Execution | null): Promise<Approval | null> {
    const after = await this.#change(id, present => {
      if (present === null) return null;
      return execution === null ? courses.forwarded(present) : courses.ran(present, execution);
    });
    return after?.approval ?? null;
  }

  async course(id: string): Promise<Course | null> {
    const document = await this.#document(id).get();
    return document.exists ? toCourse(id, document.data()) : null;
  }

  async expireDue(now: number): Promise<Approval[]> {
    const open = await this.#approvals().where('state', 'in', ['held', 'approved']).get();
    const seen = this.#readable(open.docs);
    // A function may have been killed between the revocation and the document, or somebody has put the document back.
    const revocations = await this.#revocations.read(seen.map(a => a.id));
    const ended: Approval[] = [];
    for (const [i, approval] of seen.entries()) {
      const { id } = approval;
      const revocation = revocations[i] ?? null;
      if (revocation === null && dueEvent(approval, now) === null) continue;
      try {
        let due = false;
        const after = await this.#change(id, present => {
          if (present === null) return null;
          const over =
            revocation === null
              ? courses.due(present, now)
              : { ...present, approval: endedBy(present.approval, revocation) };
          due = over.approval !== present.approval;
          return over;
        });
        if (due && after !== null) ended.push(after.approval);
      } catch (error) {
        this.#options.log(`approval ${id} could not be ended; the next tick tries again`, error);
      }
    }
    return ended;
  }

  async list({ all }: { all: boolean }): Promise<Approval[]> {
    const query = all
      ? this.#approvals().orderBy('createdAt', 'desc').limit(LIST)
      : this.#approvals().where('state', '==', 'held');
    const found = await query.get();
    return this.#readable(found.docs).sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
  }

  async get(id: string): Promise<Approval | null> {
    const document = await this.#document(id).get();
    return document.exists ? fromDocument(id, document.data()) : null;
  }

  /** Everything that changes from now on; the documents that are there already are no news. */
  subscribe(changed: (approval: Approval) => void): () => void {
    let first = true;
    return this.#approvals()
      .where('createdAt', '>=', new Date(this.#options.clock() - 24 * 3_600_000).toISOString())
      .onSnapshot(snapshot => {
        const changes = snapshot.docChanges().filter(c => c.type !== 'removed');
        if (!first) for (const approval of this.#readable(changes.map(c => c.doc))) changed(approval);
        first = false;
      });
  }

  #held({ approval, instance }: Extract<HoldMessage, { kind: 'held' }>): Promise<Approval | null> {
    return this.#options.database.runTransaction(async transaction => {
      const reference = this.#document(approval.id);
      const [there, end] = await transaction.getAll(reference, this.#early(approval.id));
      if (there?.exists) return fromDocument(approval.id, there.data());
      // Also where it was over before it was here: the record of what was asked belongs to the compliance people.
      const early = end?.exists ? endEvent.parse(JSON.parse(endDocument.parse(end.data()).event)) : null;
      const begun: Course = { approval, execution: null };
      const value = (early === null ? begun : courses.ended(begun, early)).approval;
      const key = approval.releases === 'parked' ? '' : grantKey(approval.statement, approval.requester);
      transaction.create(reference, toDocument(value, { instance, grantKey: key }));
      return value;
    });
  }

  #change(
    id: string,
    work: (present: Course | null, transaction: Transaction) => Promise<Course | null> | Course | null,
  ): Promise<Course | null> {
    const reference = this.#document(id);
    return this.#options.database.runTransaction(async transaction => {
      const there = await transaction.get(reference);
      const present = there.exists ? toCourse(id, there.data()) : null;
      const after = await work(present, transaction);
      if (after === null || present === null) return after;
      if (after.approval !== present.approval || after.execution !== present.execution)
        transaction.update(reference, { ...changing(after) });
      return after;
    });
  }

  #readable(documents: readonly QueryDocumentSnapshot[]): Approval[] {
    return documents.flatMap(document => {
      try {
        return [fromDocument(document.id, document.data())];
      } catch (error) {
        this.#options.log(`approval ${document.id} is left out: its document was altered`, error);
        return [];
      }
    });
  }

  #approvals() {
    return this.#options.database.collection(COLLECTIONS.approvals);
  }

  #document(id: string) {
    return this.#approvals().doc(id);
  }

  #early(id: string) {
    return this.#options.database.collection(COLLECTIONS.ends).doc(id);
  }
}

function noSuch(id: string): IllegalMove {
  return new IllegalMove(`there is no approval ${id}`);
}

/** For people: what somebody else has written there is as good as nothing. */
function toExecution(text: string): Execution | null {
  try {
    return text === '' ? null : execution.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function toCourse(id: string, data: unknown): Course {
  const approval = fromDocument(id, data);
  return { approval, execution: toExecution(approvalDocument.parse(data).execution) };
}

function changing({
  approval,
  execution,
}: Course): Pick<ApprovalDocument, 'state' | 'outcome' | 'decisions' | 'execution'> {
  const { state, outcome, decisions } = toDocument(approval, { instance: '', grantKey: '' });
  return { state, outcome, decisions, execution: execution === null ? '' : JSON.stringify(execution) };
}
