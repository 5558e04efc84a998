import { Worker } from 'node:worker_threads';
import type { FromLedger, LedgerStart, ToLedger } from './ledger-messages.ts';
import type { StoredJournal } from './ledger-store.ts';

/** First and longest pause before a dead thread is replaced (ms). */
const RESTART_FIRST = 50;
const RESTART_LONGEST = 5000;
/** How long a thread that is told to stop may take (ms). */
const TERMINATE = 1000;

export interface LedgerThreadEvents {
  /** What the thread says. A thread that replaces a dead one says `filed` first: what the dead one had filed after all. */
  readonly said: (message: FromLedger) => void;
  /** The thread has died; what is asked of it now goes nowhere. */
  readonly lost: (why: string) => void;
}

/** The ledger's thread, replaced for as long as it takes when it dies. */
export class LedgerThread {
  #start: Omit<LedgerStart, 'resumed'>;
  #events: LedgerThreadEvents;
  #worker: Worker | null = null;
  #ready = false;
  #ended = false;
  #restart: NodeJS.Timeout | undefined;
  #pause = RESTART_FIRST;

  constructor(start: Omit<LedgerStart, 'resumed'>, events: LedgerThreadEvents) {
    this.#start = start;
    this.#events = events;
  }

  /** It has opened the ledger and takes messages. */
  get ready(): boolean {
    return this.#ready;
  }

  /** The first start. Gives the journal that it has begun; rejects when the ledger does not open. */
  open(): Promise<StoredJournal> {
    return new Promise((done, failed) => {
      this.#spawn(false, done, why => failed(new Error(why)));
    });
  }

  /** Goes nowhere unless `ready`. */
  post(message: ToLedger): void {
    this.#worker?.postMessage(message);
  }

  /**
   * Stops it for good. One that hangs in a write which the disk never answers cannot be stopped: then false after a while, and what it
   * holds goes with the process.
   */
  async end(): Promise<boolean> {
    this.#ended = true;
    this.#ready = false;
    clearTimeout(this.#restart);
    if (this.#worker === null) return true;
    let late: NodeJS.Timeout | undefined;
    const hung = new Promise<false>(done => {
      late = setTimeout(() => done(false), TERMINATE);
    });
    const result = await Promise.race([this.#worker.terminate().then(() => true), hung]);
    clearTimeout(late);
    return result;
  }

  #spawn(resumed: boolean, opened: (journal: StoredJournal) => void, died: (why: string) => void): void {
    const worker = new Worker(new URL('./ledger-worker.ts', import.meta.url), {
      workerData: { ...this.#start, resumed } satisfies LedgerStart,
    });
    this.#worker = worker;
    let why = 'the thread of the ledger has ended';
    worker.on('message', (message: FromLedger) => {
      if (message.kind === 'ready') {
        this.#ready = true;
        opened(message.journal);
      } else if (message.kind === 'refused') why = message.message;
      else this.#events.said(message);
    });
    worker.on('error', error => {
      why = error.message;
    });
    worker.on('exit', () => {
      const first = !this.#ready && !resumed;
      this.#worker = null;
      this.#ready = false;
      if (this.#ended) return;
      if (first) died(why);
      else this.#lost(why);
    });
  }

  #lost(why: string): void {
    this.#restart = setTimeout(() => {
      const again = ({ position }: StoredJournal): void => {
        this.#pause = RESTART_FIRST;
        this.#events.said({ kind: 'filed', seq: position.seq });
      };
      this.#spawn(true, again, () => undefined);
    }, this.#pause);
    this.#pause = Math.min(this.#pause * 2, RESTART_LONGEST);
    this.#events.lost(why);
  }
}
