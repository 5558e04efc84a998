import type { Firestore } from '@google-cloud/firestore';
import { z } from 'zod';
import { COLLECTIONS } from '#schemas/approval-document.ts';
import type { MessageState, MessageStates } from '../slack/messenger.ts';

const stored = z.object({
  ts: z.string().nullable(),
  shown: z.string(),
  lease: z.number(),
  attempts: z.number(),
  /** ms since 1970 of the last change. */
  at: z.number(),
});
const NONE: MessageState = { ts: null, shown: '', lease: 0, attempts: 0 };

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
  };
}
