import type { Firestore } from '@google-cloud/firestore';
import { COLLECTIONS } from '#schemas/approval-document.ts';
import type { SessionStore } from '../record/record.ts';
import { sessionSummary, summarise } from '../record/summary.ts';

/**
 * Summaries in `sessions/{session}`, and a document for each event taken in `sessions/{session}/events/{seq}`: both in one transaction, so
 * that an event that comes again finds itself.
 */
export function createSessionStore(database: Firestore): SessionStore {
  return {
    take(event) {
      const session = database.collection(COLLECTIONS.sessions).doc(event.session);
      const mark = session.collection('events').doc(String(event.seq));
      return database.runTransaction(async transaction => {
        const [there, taken] = await transaction.getAll(session, mark);
        if (taken?.exists) return false;
        const before = there?.exists ? sessionSummary.parse(there.data()) : null;
        transaction.create(mark, { at: event.at, kind: event.kind, hash: event.hash });
        transaction.set(session, summarise(before, event));
        return true;
      });
    },
  };
}
