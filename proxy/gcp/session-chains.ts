import { GENESIS, link } from '#schemas/chain.ts';

/** One audit event as it is published. */
export interface LinkedEvent {
  readonly seq: number;
  /** Canonical JSON, with its hash. */
  readonly text: string;
}

/**
 * The chains of the sessions that live in this instance. A session has one instance, so its chain is made here, before publishing: what
 * Pub/Sub delivers twice or in another order can be put right by anybody, and what is missing is missed.
 */
export class SessionChains {
  readonly #heads = new Map<string, { seq: number; hash: string }>();

  /** The next event of a session. `body` is canonical JSON. */
  next(session: string, at: string, kind: string, body: string): LinkedEvent {
    const head = this.#heads.get(session) ?? { seq: -1, hash: GENESIS };
    const seq = head.seq + 1;
    const { text, hash } = link({ at, kind, session: JSON.stringify(session), body }, seq, head.hash);
    if (kind === 'session.close') this.#heads.delete(session);
    else this.#heads.set(session, { seq, hash });
    return { seq, text };
  }
}
