import type { DocumentSnapshot, Firestore } from '@google-cloud/firestore';
import type { Approval } from '#schemas/approval.ts';
import { COLLECTIONS, fromDocument } from '#schemas/approval-document.ts';
import { type Revocation, withRevocation } from '#schemas/revocation.ts';
import { listen } from './listener.ts';
import type { Revocations } from './revocations.ts';

type Changed = (approval: Approval | null) => void;

/** What is known of one approval, and who wants to know. */
interface Entry {
  readonly watchers: Set<Changed>;
  /** Undefined before its document was seen; null once it has gone or cannot be read. */
  seen: Approval | null | undefined;
  /** Never null again once it was there. */
  revocation: Revocation | null;
  /** Firestore's time of the newest version seen, so that a slow poll never brings back an older one. */
  version: number;
  /** For an approval that another instance has opened: the query does not cover it. */
  unlisten: (() => void) | null;
}

export interface ApprovalWatchOptions {
  readonly approvals: Firestore;
  readonly revocations: Revocations;
  readonly instance: string;
  readonly pollMs: number;
  readonly clock: () => number;
  readonly log: (message: string, error?: unknown) => void;
}

/**
 * The approvals that this instance waits for: one query listener over all of its own, one over what is revoked, one more for each grant of
 * another instance that is in use here, and a slow poll of everything that is watched, for listeners that have gone silent.
 */
export class ApprovalWatch {
  readonly #options: ApprovalWatchOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #poll: NodeJS.Timeout;
  readonly #unlisten: (() => void)[];
  #polling = false;
  #closed = false;

  constructor(options: ApprovalWatchOptions) {
    this.#options = options;
    const { instance, revocations, pollMs, clock, log } = options;
    this.#poll = setInterval(() => void this.#pollAll(), pollMs);
    this.#poll.unref();
    this.#unlisten = [
      // Those that can still change, or the listener would keep every approval that this instance has ever opened.
      listen(
        this.#approvals().where('instance', '==', instance).where('state', 'in', ['held', 'approved']),
        'approvals',
        log,
        snapshot => {
          for (const { type, doc } of snapshot.docChanges())
            if (type !== 'removed') this.#take(doc.id, doc);
            else if (this.#entries.has(doc.id)) void this.#ask([doc.id]);
        },
      ),
      revocations.listen(clock, log, (id, revocation) => this.#revoked(id, revocation)),
    ];
  }

  add(id: string, changed: Changed): () => void {
    const own: Changed = approval => changed(approval);
    const entry = this.#entries.get(id) ?? {
      watchers: new Set(),
      seen: undefined,
      revocation: null,
      version: 0,
      unlisten: null,
    };
    this.#entries.set(id, entry);
    entry.watchers.add(own);
    if (entry.seen !== undefined) queueMicrotask(() => entry.watchers.has(own) && own(told(entry)));
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
    for (const unlisten of this.#unlisten) unlisten();
    for (const { unlisten } of this.#entries.values()) unlisten?.();
    this.#entries.clear();
  }

  /** Grants are used by other instances than the one that asked for them, and their end must not wait for a poll. */
  #listenAlone(id: string, entry: Entry): void {
    entry.unlisten ??= this.#approvals()
      .doc(id)
      .onSnapshot(
        snapshot => this.#take(id, snapshot),
        error => {
          this.#options.log(`the listener for approval ${id} has ended; it is polled`, error);
          entry.unlisten = null;
        },
      );
  }

  /** One at a time: a database that is slow to answer is not asked all the more. */
  async #pollAll(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    await this.#ask([...this.#entries.keys()]);
    this.#polling = false;
  }

  /** Where the revocations cannot be read, there is no news at all. */
  async #ask(ids: readonly string[]): Promise<void> {
    if (ids.length === 0 || this.#closed) return;
    const { approvals, revocations, log } = this.#options;
    try {
      const [snapshots, revoked] = await Promise.all([
        approvals.getAll(...ids.map(id => this.#approvals().doc(id))),
        revocations.read(ids),
      ]);
      snapshots.forEach((snapshot, i) => {
        this.#revoked(snapshot.id, revoked[i] ?? null);
        this.#take(snapshot.id, snapshot);
      });
    } catch (error) {
      if (!this.#closed) log('approvals could not be asked for', error);
    }
  }

  #revoked(id: string, revocation: Revocation | null): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.revocation !== null || revocation === null) return;
    entry.revocation = revocation;
    if (revocation === 'unreadable')
      this.#options.log(`approval ${id} is refused: its revocation cannot be read`);
    if (entry.seen !== undefined) tell(entry);
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
    if (snapshot.exists && snapshot.get('instance') !== this.#options.instance) this.#listenAlone(id, entry);
    tell(entry);
  }

  #read(id: string, snapshot: DocumentSnapshot): Approval | null {
    if (!snapshot.exists) return null;
    try {
      return fromDocument(id, snapshot.data());
    } catch (error) {
      this.#options.log(`approval ${id} is refused: its document was altered`, error);
      return null;
    }
  }

  #approvals() {
    return this.#options.approvals.collection(COLLECTIONS.approvals);
  }
}

function tell(entry: Entry): void {
  const now = told(entry);
  for (const watcher of [...entry.watchers]) watcher(now);
}

function told({ seen, revocation }: Entry): Approval | null {
  return seen === null || seen === undefined ? null : withRevocation(seen, revocation);
}
