import type {
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Query,
  QueryDocumentSnapshot,
  Transaction,
} from '@google-cloud/firestore';
import { FieldPath } from '@google-cloud/firestore';
import { z } from 'zod';
import { courses } from '#functions/course.ts';
import { decisionOn } from '#functions/decision-on.ts';
import { dueAt } from '#functions/due-event.ts';
import { inParallel } from '#functions/in-parallel.ts';
import {
  type ApprovalDesk,
  type Course,
  type DecisionInput,
  type Execution,
  MaybeStored,
  type Picture,
} from '#functions/ports.ts';
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
  /** Signs with a key that the proxy cannot use. */
  readonly sign: (decision: Decision) => Promise<SignedDecision>;
  /** Groups of a lower-case e-mail, as this side knows them. */
  readonly groupsOf: (email: string) => readonly string[] | Promise<readonly string[]>;
  /** Tells whoever shows approvals that this one has changed. Where that fails, `expire` finds it. */
  readonly changed: (id: string) => Promise<void>;
  readonly clock: () => number;
  /** What cannot be read, because somebody else has written there: it is left out, and does not stand in the way of the others. */
  readonly log: (message: string, error?: unknown) => void;
}

const execution = z.object({ status: z.string(), rows: z.number(), sqlstate: z.string() });

/** How many an unlimited list gives. */
const LIST = 500;
/** How many documents one query of `expireDue` gives, and how many of them are changed at the same time. */
const PAGE = 300;
const AT_ONCE = 16;
/** How often a decision is tried when others change its approval in the same moment. */
const ATTEMPTS = 8;
/** A function that had no processor for a while must not store what somebody has approved long ago. */
const FRESH_MS = 20_000;
/** gRPC: somebody was quicker. */
const OVERTAKEN = new Set([9, 10]);

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
    const decided = await this.#decide(id, input);
    const { changed, log } = this.#options;
    await changed(id).catch((error: unknown) => log(`the change of ${id} could not be told`, error));
    return decided;
  }

  async #decide(id: string, input: DecisionInput): Promise<Approval> {
    const [groups, [revocation = null]] = await Promise.all([
      this.#options.groupsOf(lowerEmail(input.by.trim())),
      this.#revocations.read([id]),
    ]);
    if (revocation !== null) {
      await this.#end(id, revocation);
      throw alreadyEnded(id, revocation);
    }
    return input.verdict === 'approve' ? this.#approve(id, input, groups) : this.#takeBack(id, input, groups);
  }

  /**
   * No transaction: it would hold a lock while KMS signs, and try KMS's failures again as its own. What is stored has to be what was read, or
   * all of it is looked at anew; the signature, which covers the request, is used again.
   */
  async #approve(id: string, input: DecisionInput, groups: readonly string[]): Promise<Approval> {
    let signed: SignedDecision | null = null;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const there: DocumentSnapshot = await this.#document(id).get();
      if (!there.exists) throw noSuch(id);
      const present = toCourse(id, there.data());
      // It was stored, and the answer was lost.
      if (present.approval.decisions.some(one => one.signature === signed?.signature))
        return present.approval;
      const { clock, sign, database } = this.#options;
      const decision = decisionOn(present.approval, input, () => groups, clock());
      const same = signed !== null && signed.decision.request === decision.request;
      const mine: SignedDecision = same && signed !== null ? signed : await sign(decision);
      signed = mine;
      const approval = transition(present.approval, { kind: 'decide', signed: mine });
      if (clock() > Date.parse(mine.decision.at) + FRESH_MS)
        throw new Error(`the decision on ${id} took too long, and was not stored`);
      const batch = database.batch();
      batch.update(there.ref, changing({ ...present, approval }), { lastUpdateTime: there.updateTime! });
      batch.set(this.#behind(id), { at: clock() });
      try {
        await batch.commit();
        return approval;
      } catch (cause) {
        if (!OVERTAKEN.has(Number((cause as { code?: unknown }).code)))
          throw new MaybeStored(`the decision on ${id} may be stored or not`, { cause });
      }
    }
    throw new Error(`others change ${id} all the time: the decision was not stored`);
  }

  /** What ends an approval is created first, where nobody can take it out again, and shown in the approval's own document then. */
  async #takeBack(id: string, input: DecisionInput, groups: readonly string[]): Promise<Approval> {
    const present = await this.get(id);
    if (present === null) throw noSuch(id);
    const signed = await this.#signed(present, input, groups);
    const { kept, after } = await this.#created(id, signed).catch((cause: unknown) => {
      throw new MaybeStored(`the decision on ${id} may be stored or not`, { cause });
    });
    if (canonical(kept) !== canonical(signed)) throw alreadyEnded(id, kept);
    if (after === undefined) throw noSuch(id);
    if (!after.decisions.some(d => canonical(d) === canonical(signed)))
      throw new IllegalMove(`approval ${id} is ${after.state} and can no longer be taken back`);
    return after;
  }

  async #created(id: string, signed: SignedDecision) {
    const kept = await this.#revocations.create(signed);
    return { kept, after: (await this.#end(id, kept))?.approval };
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

  async picture(id: string): Promise<Picture | null> {
    // The mark first: what changes behind it leaves a newer one.
    const mark = await this.#behind(id).get();
    const document = await this.#document(id).get();
    if (!document.exists) return null;
    const shown = async () => {
      if (mark.exists) await gone(mark.ref, mark);
    };
    return { ...toCourse(id, document.data()), shown };
  }

  /** Longest behind first. */
  async behind(limit: number): Promise<string[]> {
    const marks = this.#options.database.collection(COLLECTIONS.behind);
    return (await marks.orderBy('at').limit(limit).get()).docs.map(document => document.id);
  }

  async putLast(id: string): Promise<void> {
    const reference = this.#behind(id);
    await this.#options.database.runTransaction(async transaction => {
      const there = await transaction.get(reference);
      if (there.exists) transaction.set(reference, { at: this.#options.clock() });
    });
  }

  async expireDue(now: number, goOn: () => boolean = () => true): Promise<Approval[]> {
    const ended: Approval[] = [];
    const end = async (id: string, over: (present: Course) => Course) => {
      const after = await this.#over(id, over);
      if (after !== null) ended.push(after);
    };
    const due = this.#approvals().where('due', '<', now).orderBy('due');
    await this.#each(due, goOn, page =>
      inParallel(page, AT_ONCE, ({ id }) => end(id, present => courses.due(present, now)), goOn),
    );
    // A function may have been killed between the revocation and the document, or somebody has put the document back.
    const open = this.#approvals().where('state', 'in', ['held', 'approved']).orderBy(FieldPath.documentId());
    await this.#each(open, goOn, async page => {
      const revocations = await this.#revocations.read(page.map(a => a.id));
      const back = page.flatMap(({ id }, i) => {
        const revocation = revocations[i] ?? null;
        return revocation === null ? [] : [{ id, revocation }];
      });
      await inParallel(
        back,
        AT_ONCE,
        ({ id, revocation }) =>
          end(id, present => ({ ...present, approval: endedBy(present.approval, revocation) })),
        goOn,
      );
    });
    return ended;
  }

  /** All that the query finds, by pages: it may be more than a function can hold. */
  async #each(
    query: Query,
    goOn: () => boolean,
    work: (page: readonly Approval[]) => Promise<void>,
  ): Promise<void> {
    let next = query.limit(PAGE);
    while (goOn()) {
      const page = await next.get();
      await work(this.#readable(page.docs));
      const last = page.docs.at(-1);
      if (last === undefined || page.size < PAGE) return;
      next = query.startAfter(last).limit(PAGE);
    }
  }

  /** Gives it where it was this call that has ended it. */
  async #over(id: string, over: (present: Course) => Course): Promise<Approval | null> {
    try {
      let mine = false;
      const after = await this.#change(id, present => {
        if (present === null) return null;
        const next = over(present);
        mine = next.approval !== present.approval;
        return next;
      });
      return mine && after !== null ? after.approval : null;
    } catch (error) {
      this.#options.log(`approval ${id} could not be ended; the next tick tries again`, error);
      return null;
    }
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
      transaction.create(reference, toDocument(value, { instance, grantKey: key, due: dueAt(value) }));
      transaction.set(this.#behind(approval.id), { at: this.#options.clock() });
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
      if (after.approval !== present.approval || after.execution !== present.execution) {
        transaction.update(reference, { ...changing(after) });
        transaction.set(this.#behind(id), { at: this.#options.clock() });
      }
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

  #behind(id: string) {
    return this.#options.database.collection(COLLECTIONS.behind).doc(id);
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
}: Course): Pick<ApprovalDocument, 'state' | 'outcome' | 'decisions' | 'due' | 'execution'> {
  const opener = { instance: '', grantKey: '', due: dueAt(approval) };
  const { state, outcome, decisions, due } = toDocument(approval, opener);
  return { state, outcome, decisions, due, execution: execution === null ? '' : JSON.stringify(execution) };
}

/** Deletes what was read, unless it was written anew since. */
async function gone(reference: DocumentReference, read: DocumentSnapshot): Promise<void> {
  try {
    await reference.delete({ lastUpdateTime: read.updateTime! });
  } catch (error) {
    if (!OVERTAKEN.has(Number((error as { code?: unknown }).code))) throw error;
  }
}
