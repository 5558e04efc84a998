import type { DocumentSnapshot, Firestore } from '@google-cloud/firestore';
import { COLLECTIONS } from '#schemas/approval-document.ts';
import { type Revocation, readRevocation } from '#schemas/revocation.ts';
import { listen } from './listener.ts';

/** Clocks of functions and proxies may differ, and what was revoked before is asked for by whoever uses it. */
const LISTEN_BACK_MS = 3_600_000;

/** The denials and revocations that functions have created, each once and for good. The proxy reads them, and never writes them. */
export class Revocations {
  readonly #database: Firestore;

  constructor(database: Firestore) {
    this.#database = database;
  }

  /** In the order of `ids`. Rejects when the database does not answer. */
  async read(ids: readonly string[]): Promise<(Revocation | null)[]> {
    if (ids.length === 0) return [];
    const snapshots = await this.#database.getAll(...ids.map(id => this.#collection().doc(id)));
    return snapshots.map(found);
  }

  /** Calls back with each that is created from now on, and with those of the last hour; gives what ends that. */
  listen(
    clock: () => number,
    log: (message: string, error?: unknown) => void,
    created: (id: string, revocation: Revocation) => void,
  ): () => void {
    const since = new Date(clock() - LISTEN_BACK_MS).toISOString();
    return listen(this.#collection().where('at', '>=', since), 'revocations', log, snapshot => {
      // Whoever takes one away changes nothing for those who have seen it.
      for (const { type, doc } of snapshot.docChanges())
        if (type !== 'removed') created(doc.id, readRevocation(doc.data()));
    });
  }

  #collection() {
    return this.#database.collection(COLLECTIONS.revocations);
  }
}

function found(snapshot: DocumentSnapshot): Revocation | null {
  return snapshot.exists ? readRevocation(snapshot.data()) : null;
}
