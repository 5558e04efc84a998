import type { Firestore } from '@google-cloud/firestore';
import { z } from 'zod';
import { COLLECTIONS } from '#schemas/approval-document.ts';
import type { MessageState, MessageStates } from '../slack/messenger.ts';

const stored = z.object({
  ts: z.string().nullable(),
  shown: z.string(),
  lease: z.number(),
  attempts: z.number(),
  /** ms since 1970 of the last change: what `stale` looks through. */
  at: z.number(),
});
const NONE: MessageState = { ts: null, shown: '', lease: 0, attempts: 0 };
/** An approval of any kind has ended for good after this time. */
const LOOK_BACK_MS = 26 * 3_600_000;

/** States of messages in `messages/{approval id}`. */
export function createMessageStates(database: Firestore, clock: () => number): MessageStates {
  const messages = database.collection(COLLECTIONS.messages);
  return {
    change(id, work) {
      const reference = messages.doc(id);
      return database.runTransaction(async transaction => {
        const there = await transaction.get(reference);
        const present = there.exists ? stored.parse(there.data()) : NONE;
        const after = work(present);
        if (after !== present) transaction.set(reference, { ...after, at: clock() });
        return after;
      });
    },
    async stale() {
      const found = await messages.where('at', '>=', clock() - LOOK_BACK_MS).get();
      return found.docs.map(document => document.id);
    },
  };
}
