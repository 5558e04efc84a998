import type { DocumentSnapshot, Firestore } from '@google-cloud/firestore';
import type { Approval } from '#schemas/approval.ts';
import { COLLECTIONS, fromDocument } from '#schemas/approval-document.ts';

type Changed = (approval: Approval | null) => void;

/** What is known of one approval, and who wants to know. */
interface Entry {
  readonly watchers: Set<Changed>;
  /** Undefined before its document was seen; null once it has gone or cannot be read. */
  seen: Approval | null | undefined;
  /** Firestore's time of the newest version seen, so that a slow poll never brings back an older one. */
  version: number;
  /** For an approval that another instance has opened: the query does not cover it. */
  unlisten: (() => void) | null;
}

const RESTART_FIRST_MS = 500;
const RESTART_LONGEST_MS = 15_000;

/**
 * The approvals that this instance waits for: one query listener over all of its own, one more for each grant of another instance that
 * is in use here, and a slow poll of everything that is watched, for listeners that have gone silent.
 */
export class ApprovalWatch {
  readonly #database: Firestore;
  readonly #instance: string;
  readonly #log: (message: string, error?: unknown) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #poll: NodeJS.Timeout;
  #unlisten: (() => void) | null = null;
  #restart: NodeJS.Timeout | undefined;
  #pause = RESTART_FIRST_MS;
  #closed = false;

  constructor(
    database: Firestore,
    options: {
      readonly instance: string;
      readonly pollMs: number;
      readonly log: (message: string, error?: unknown) => void;
    },
  ) {
    this.#database = database;
    this.#instance = options.instance;
    this.#log = options.log;
    this.#poll = setInterval(() => void this.#ask([...this.#entries.keys()]), options.pollMs);
    this.#poll.unref();
    this.#listen();
  }

  add(id: string, changed: Changed): () => void {
    const own: Changed = approval => changed(approval);
    const entry = this.#entries.get(id) ?? {
      watchers: new Set(),
      seen: undefined,
      version: 0,
      unlisten: null,
    };
    this.#entries.set(id, entry);
    entry.watchers.add(own);
    const { seen } = entry;
    if (seen !== undefined) queueMicrotask(() => entry.watchers.has(own) && own(seen));
    else void this.#ask([id]);
    return () => {
      entry.watchers.delete(own);
      if (entry.watchers.size > 0 || this.#entries.get(id) !== entry) return;
      entry.unlisten?.();
      this.#entries.delete(id);
    };
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#restart);
    this.#unlisten?.();
    for (const { unlisten } of this.#entries.values()) unlisten?.();
    this.#entries.clear();
  }

  /** A listener that reports an error is dead: the library has given up on it. */
  #listen(): void {
    if (this.#closed) return;
    this.#unlisten = this.#approvals()
      .where('instance', '==', this.#instance)
      .onSnapshot(
        snapshot => {
          this.#pause = RESTART_FIRST_MS;
          for (const { type, doc } of snapshot.docChanges())
            if (type === 'removed') void this.#ask([doc.id]);
            else this.#take(doc.id, doc);
        },
        error => {
          this.#log('the listener for approvals has ended and is started again', error);
          this.#restart = setTimeout(() => this.#listen(), this.#pause);
          this.#pause = Math.min(this.#pause * 2, RESTART_LONGEST_MS);
        },
      );
  }

  /** Grants are used by other instances than the one that asked for them, and their revocation must not wait for a poll. */
  #listenAlone(id: string, entry: Entry): void {
    entry.unlisten ??= this.#approvals()
      .doc(id)
      .onSnapshot(
        snapshot => this.#take(id, snapshot),
        error => {
          this.#log(`the listener for approval ${id} has ended; it is polled`, error);
          entry.unlisten = null;
        },
      );
  }

  async #ask(ids: readonly string[]): Promise<void> {
    if (ids.length === 0 || this.#closed) return;
    try {
      const snapshots = await this.#database.getAll(...ids.map(id => this.#approvals().doc(id)));
      for (const snapshot of snapshots) this.#take(snapshot.id, snapshot);
    } catch (error) {
      if (!this.#closed) this.#log('approvals could not be asked for', error);
    }
  }

  #take(id: string, snapshot: DocumentSnapshot): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    const version = snapshot.updateTime?.toMillis() ?? snapshot.readTime.toMillis();
    if (version < entry.version) return;
    const seen = this.#read(id, snapshot);
    // Not there yet is no news: Pub/Sub has it, and `announce` will write it.
    if (seen === null && entry.seen === undefined && !snapshot.exists) return;
    entry.version = version;
    entry.seen = seen;
    if (snapshot.exists && snapshot.get('instance') !== this.#instance) this.#listenAlone(id, entry);
    for (const watcher of [...entry.watchers]) watcher(seen);
  }

  #read(id: string, snapshot: DocumentSnapshot): Approval | null {
    if (!snapshot.exists) return null;
    try {
      return fromDocument(id, snapshot.data());
    } catch (error) {
      this.#log(`approval ${id} is refused: its document was altered`, error);
      return null;
    }
  }

  #approvals() {
    return this.#database.collection(COLLECTIONS.approvals);
  }
}
