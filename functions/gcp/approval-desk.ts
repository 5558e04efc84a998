import type { Firestore, QueryDocumentSnapshot, Transaction } from '@google-cloud/firestore';
import { decisionOn } from '#functions/decision-on.ts';
import { dueEvent } from '#functions/due-event.ts';
import type { ApprovalDesk, DecisionInput, Execution } from '#functions/ports.ts';
import type { Approval } from '#schemas/approval.ts';
import {
  type ApprovalDocument,
  COLLECTIONS,
  endDocument,
  fromDocument,
  toDocument,
} from '#schemas/approval-document.ts';
import { canonical } from '#schemas/canonical.ts';
import type { Decision, SignedDecision } from '#schemas/decision.ts';
import { lowerEmail } from '#schemas/email.ts';
import { grantKey } from '#schemas/grant.ts';
import { type HoldEvent, IllegalMove, transition } from '#schemas/hold.ts';
import type { HoldMessage } from '#schemas/messages.ts';
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
    return this.#change(message.approval, async (transaction, present) => {
      if (present === null) {
        // It has overtaken its `held`, which will find this.
        const end = { event: JSON.stringify(message.event), at: message.at };
        transaction.set(this.#early(message.approval), endDocument.parse(end));
        return null;
      }
      return moved(present, endOf(present, message.event));
    });
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
    const decided = await this.#change(id, async (_, present) => {
      const signed = await this.#signed(id, present, input, groups);
      return present === null ? null : transition(present, { kind: 'decide', signed });
    });
    if (decided === null) throw noSuch(id);
    return decided;
  }

  /** What ends an approval is created first, where nobody can take it out again, and shown in the approval's own document then. */
  async #takeBack(id: string, input: DecisionInput, groups: readonly string[]): Promise<Approval> {
    const signed = await this.#signed(id, await this.get(id), input, groups);
    const kept = await this.#revocations.create(signed);
    const after = await this.#end(id, kept);
    if (canonical(kept) !== canonical(signed)) throw alreadyEnded(id, kept);
    if (after === null) throw noSuch(id);
    if (!after.decisions.some(d => canonical(d) === canonical(signed)))
      throw new IllegalMove(`approval ${id} is ${after.state} and can no longer be taken back`);
    return after;
  }

  async #signed(
    id: string,
    present: Approval | null,
    input: DecisionInput,
    groups: readonly string[],
  ): Promise<SignedDecision> {
    if (present === null) throw noSuch(id);
    return this.#options.sign(decisionOn(present, input, () => groups, this.#options.clock()));
  }

  #end(id: string, revocation: Revocation): Promise<Approval | null> {
    return this.#change(id, async (_, present) => (present === null ? null : endedBy(present, revocation)));
  }

  executed(id: string, execution: Execution | null): Promise<Approval | null> {
    return this.#change(id, async (transaction, present) => {
      if (present === null || present.releases === 'session') return present;
      if (execution !== null)
        transaction.update(this.#document(id), { execution: JSON.stringify(execution) });
      return moved(present, { kind: 'execute' });
    });
  }

  async execution(id: string): Promise<Execution | null> {
    const text: unknown = (await this.#document(id).get()).get('execution');
    return typeof text === 'string' && text !== '' ? (JSON.parse(text) as Execution) : null;
  }

  async expireDue(now: number): Promise<Approval[]> {
    const open = await this.#approvals().where('state', 'in', ['held', 'approved']).get();
    const seen = this.#readable(open.docs);
    // A function may have been killed between the revocation and the document, or somebody has put the document back.
    const revocations = await this.#revocations.read(seen.map(a => a.id));
    const ended: Approval[] = [];
    for (const [i, { id }] of seen.entries()) {
      const revocation = revocations[i] ?? null;
      if (revocation === null && dueEvent(seen[i]!, now) === null) continue;
      try {
        let due = false;
        const after = await this.#change(id, async (_, present) => {
          if (present === null) return null;
          const event = dueEvent(present, now);
          due = revocation !== null || event !== null;
          if (revocation !== null) return endedBy(present, revocation);
          return event === null ? present : moved(present, event);
        });
        if (due && after !== null) ended.push(after);
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
      const early = end?.exists ? endDocument.parse(end.data()) : null;
      const value = early === null ? approval : moved(approval, JSON.parse(early.event) as HoldEvent);
      const key = approval.releases === 'parked' ? '' : grantKey(approval.digest, approval.requester);
      transaction.create(reference, toDocument(value, { instance, grantKey: key }));
      return value;
    });
  }

  #change(
    id: string,
    work: (transaction: Transaction, present: Approval | null) => Promise<Approval | null>,
  ): Promise<Approval | null> {
    const reference = this.#document(id);
    return this.#options.database.runTransaction(async transaction => {
      const there = await transaction.get(reference);
      const present = there.exists ? fromDocument(id, there.data()) : null;
      const after = await work(transaction, present);
      if (after !== null && after !== present) transaction.update(reference, { ...changing(after) });
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

/** Approved at the last moment, and its proxy did not see it in time: what waited has been refused. */
function endOf(present: Approval, event: HoldEvent): HoldEvent {
  return event.kind === 'expire' && present.state === 'approved' && present.releases === 'parked'
    ? { kind: 'withdraw', why: `it could not be used before ${present.deadline}` }
    : event;
}

/** An event that comes a second time, or too late, changes nothing: at-least-once delivery must not act twice. */
function moved(present: Approval, event: HoldEvent): Approval {
  try {
    return transition(present, event);
  } catch (error) {
    if (error instanceof IllegalMove) return present;
    throw error;
  }
}

function changing(value: Approval): Pick<ApprovalDocument, 'state' | 'outcome' | 'decisions'> {
  const { state, outcome, decisions } = toDocument(value, { instance: '', grantKey: '' });
  return { state, outcome, decisions };
}
