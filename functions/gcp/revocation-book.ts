import type { Firestore } from '@google-cloud/firestore';
import { COLLECTIONS, type RevocationDocument } from '#schemas/approval-document.ts';
import type { SignedDecision } from '#schemas/decision.ts';
import { type Revocation, readRevocation } from '#schemas/revocation.ts';

const ALREADY_EXISTS = 6;

/** Denials and revocations apart from the approvals that they end: each is created once, and nobody's role lets them be changed or deleted. */
export class RevocationBook {
  readonly #database: Firestore;

  constructor(database: Firestore) {
    this.#database = database;
  }

  /** In the order of `ids`; null where there is none. */
  async read(ids: readonly string[]): Promise<(Revocation | null)[]> {
    if (ids.length === 0) return [];
    const found = await this.#database.getAll(...ids.map(id => this.#document(id)));
    return found.map(document => (document.exists ? readRevocation(document.data()) : null));
  }

  /** Gives the one that is there then: another one where that came first. */
  async create(signed: SignedDecision): Promise<Revocation> {
    const { approval, at } = signed.decision;
    const document: RevocationDocument = { signed: JSON.stringify(signed), at };
    try {
      await this.#document(approval).create(document);
      return signed;
    } catch (error) {
      if ((error as { code?: unknown }).code !== ALREADY_EXISTS) throw error;
      const [there] = await this.read([approval]);
      return there ?? 'unreadable';
    }
  }

  #document(approval: string) {
    return this.#database.collection(COLLECTIONS.revocations).doc(approval);
  }
}
