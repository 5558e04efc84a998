import { timingSafeEqual } from 'node:crypto';
import type { Session } from './session/session.ts';

/** An open session, and what its agent was told in BackendKeyData. */
interface Live {
  readonly session: Session;
  /** Two targets may have the same. */
  readonly processId: number;
  readonly key: Buffer;
}

/** The sessions that are open. */
export class LiveSessions {
  private readonly byId = new Map<string, Live>();
  private emptied: (() => void)[] = [];

  add(id: string, live: Live): void {
    this.byId.set(id, live);
  }

  remove(id: string): void {
    this.byId.delete(id);
    if (this.byId.size === 0) for (const done of this.emptied.splice(0)) done();
  }

  /** A wrong key is answered like a right one: not at all. Source: manual 54.2.9 "Canceling Requests in Progress". */
  cancel(processId: number, key: Buffer): void {
    for (const live of this.byId.values())
      if (live.processId === processId && live.key.length === key.length && timingSafeEqual(live.key, key))
        live.session.cancel();
  }

  get all(): Session[] {
    return [...this.byId.values()].map(live => live.session);
  }

  /** Resolves when none is open. */
  empty(): Promise<void> {
    return this.byId.size === 0 ? Promise.resolve() : new Promise(done => this.emptied.push(done));
  }
}
