import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Recorder } from '#proxy/ports.ts';
import { EventQueue } from '#proxy/record/event-queue.ts';
import { Waiters } from '#proxy/record/waiters.ts';
import type { AuditBody, AuditKind } from '#schemas/audit.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { LedgerJournal } from './ledger-journal.ts';
import { openLedgerKey } from './ledger-key.ts';
import { lockLedger } from './ledger-lock.ts';
import type { FromLedger, LedgerStart } from './ledger-messages.ts';
import { LedgerThread } from './ledger-thread.ts';

export interface LedgerOptions {
  /** SQLite database, made when there is none. `….checkpoint` and `….lock` stand beside it. */
  readonly file: string;
  /** PKCS#8 PEM of the key that signs checkpoints, made when there is none; `….pub` beside it is the public one. */
  readonly keyFile: string;
  /** How long `whenDurable` waits (ms). */
  readonly deadlineMs?: number;
  /** Events kept in memory while they cannot be written, in bytes; beyond it only what must be taken is. */
  readonly memory?: number;
  /** Room that each of the journal's two files is made with (bytes), where the disk has plenty. */
  readonly journal?: number;
}

const DEADLINE = 5000;
const PATIENCE_MS = 3000;
const MEMORY = 64 << 20;
const JOURNAL = 8 << 20;
/** How long an event that nobody waits for may wait for company (ms). */
const LINGER = 3;
/** First and longest pause before a record that could not be written is tried again (ms). */
const RETRY_FIRST = 50;
const RETRY_LONGEST = 1000;

/**
 * Opens the ledger of one machine. Rejects with HoldpointError `ledger_unavailable`, one line that says why: another process has it,
 * its end does not verify, its disk cannot be written.
 */
export async function openLedger(options: LedgerOptions): Promise<Recorder> {
  const { file, keyFile } = options;
  let unlock: (() => void) | null = null;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    unlock = await lockWithPatience(`${file}.lock`);
    if (unlock === null) throw unavailable(`the ledger ${file} is in use by another process`);
    // SQL texts and bind values are for the owner's eyes; SQLite gives its other files the same mode.
    closeSync(openSync(file, 'a', 0o600));
    const start = {
      file,
      checkpointFile: `${file}.checkpoint`,
      key: openLedgerKey(keyFile),
      journal: options.journal ?? JOURNAL,
    };
    const ledger = new Ledger(start, options, unlock);
    await ledger.open();
    return ledger;
  } catch (error) {
    unlock?.();
    if (error instanceof HoldpointError) throw error;
    throw unavailable(`the ledger ${file} does not open: ${(error as Error).message}`, error);
  }
}

/** A process that was killed just now may still be giving its lock back. */
async function lockWithPatience(path: string): Promise<(() => void) | null> {
  for (const patience = Date.now() + PATIENCE_MS; ; ) {
    const unlock = lockLedger(path);
    if (unlock !== null || Date.now() > patience) return unlock;
    await pause(50);
  }
}

class Ledger implements Recorder {
  #deadline: number;
  #memory: number;
  #file: string;
  #unlock: () => void;
  #thread: LedgerThread;
  /** Null until it is open. */
  #journal: LedgerJournal | null = null;

  #queue = new EventQueue(Date.now);
  #waiters = new Waiters();
  #timer: NodeJS.Timeout | undefined;
  #scheduled = false;
  /** Events up to this ticket are to be written without delay. */
  #urgent = 0;
  #lingering: NodeJS.Timeout | undefined;
  /** A record is being written, or waits for its next attempt. */
  #busy = false;
  #pause = RETRY_FIRST;
  /** The thread has been told that there is something to file. */
  #told = false;
  #durable = 0;
  /** The last record was waited for by several. */
  #crowd = false;
  /** Why events cannot be taken; null while they can. */
  #fault: string | null = null;
  /** Why the thread cannot file; of no interest to others before the journal is full. */
  #behind: string | null = null;
  #closed: Promise<void> | null = null;
  #closing: (() => void) | null = null;

  constructor(start: Omit<LedgerStart, 'resumed'>, options: LedgerOptions, unlock: () => void) {
    this.#deadline = options.deadlineMs ?? DEADLINE;
    this.#memory = options.memory ?? MEMORY;
    this.#file = start.file;
    this.#unlock = unlock;
    this.#thread = new LedgerThread(start, {
      said: message => this.#receive(message),
      lost: why => {
        this.#behind = why;
      },
    });
  }

  async open(): Promise<void> {
    const { position, room } = await this.#thread.open();
    this.#journal = new LedgerJournal(this.#file, position, room);
  }

  get durable(): number {
    return this.#durable;
  }

  get backlog(): number {
    return this.#queue.bytes;
  }

  append<K extends AuditKind>(session: string, kind: K, body: AuditBody<K>): number {
    if (this.#closed !== null) throw unavailable('the ledger is closed');
    if (kind !== 'outcome' && kind !== 'hold.end' && kind !== 'session.close') {
      if (this.#fault !== null) throw unavailable(undefined, this.#fault);
      if (this.#queue.bytes > this.#memory)
        throw unavailable(undefined, 'too many events wait to be written');
    }
    const ticket = this.#queue.push(session, kind, body);
    // A write for outcomes alone would hold up the statements that come meanwhile, which somebody waits for. In a crowd, statements too are
    // left until the first of their results is there and asks: with one client that would be later, with many it is fewer writes.
    if (kind !== 'outcome' && !this.#crowd) this.#hurry(ticket);
    else this.#lingering ??= setTimeout(() => this.#hurry(this.#queue.last), LINGER);
    return ticket;
  }

  whenDurable(ticket: number, done: (fault: Error | null) => void): void {
    if (ticket <= this.#durable) {
      done(null);
      return;
    }
    this.#waiters.add(ticket, performance.now() + this.#deadline, done);
    this.#hurry(ticket);
    // One timer for all, and never cleared: it finds out by itself whom it concerns.
    this.#timer ??= setTimeout(() => this.#soon(), this.#deadline);
  }

  close(): Promise<void> {
    this.#closed ??= new Promise<void>((done, failed) => {
      const late = setTimeout(() => {
        const lost = this.#queue.last - this.#durable;
        const what = lost > 0 ? `${lost} of its events are not durable` : 'its end is not sealed';
        failed(unavailable(`the ledger could not be closed in time: ${what}`, this.#fault ?? this.#behind));
      }, this.#deadline);
      this.#closing = () => {
        clearTimeout(late);
        done();
      };
      this.#send();
    }).finally(async () => {
      clearTimeout(this.#timer);
      clearTimeout(this.#lingering);
      this.#waiters.expire(Number.POSITIVE_INFINITY, () => unavailable('the ledger is closed', this.#fault));
      const journal = this.#journal;
      this.#journal = null;
      // A write that hangs still has its file.
      if (!this.#busy) journal?.close();
      if (await this.#thread.end()) this.#unlock();
    });
    return this.#closed;
  }

  #hurry(ticket: number): void {
    if (ticket > this.#urgent) this.#urgent = ticket;
    if (this.#busy || this.#scheduled) return;
    this.#scheduled = true;
    // After all sockets that are readable in this turn have been served: their events share one write.
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    if (this.#busy || this.#journal === null) return;
    const batch = this.#queue.peek();
    if (batch === null) {
      if (this.#closing !== null) this.#thread.post({ kind: 'close', seq: this.#journal.seq });
      return;
    }
    if (this.#journal.full) {
      this.#stall();
      return;
    }
    this.#busy = true;
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    this.#journal.write(batch, error => {
      if (error === null) this.#written(batch.last);
      else this.#failed(error);
    });
  }

  #written(ticket: number): void {
    this.#busy = false;
    this.#fault = null;
    this.#pause = RETRY_FIRST;
    this.#durable = ticket;
    this.#queue.drop(ticket);
    // First the waiters: what they append goes with the next record.
    this.#crowd = this.#waiters.settle(ticket) > 1;
    if (!this.#told) this.#tell();
    if (this.#urgent > ticket) this.#hurry(this.#urgent);
    else if (this.#closing !== null) this.#send();
  }

  /** The same record again, until the disk takes it. */
  #failed(error: Error): void {
    this.#fault = error.message;
    setTimeout(() => {
      this.#busy = false;
      this.#send();
    }, this.#pause);
    this.#pause = Math.min(this.#pause * 2, RETRY_LONGEST);
  }

  /** Goes on when the thread has filed more. */
  #stall(): void {
    this.#fault = this.#behind;
    if (!this.#told) this.#tell();
  }

  #tell(): void {
    if (this.#journal === null || !this.#thread.ready) return;
    this.#told = true;
    this.#thread.post({ kind: 'more', seq: this.#journal.seq });
  }

  #receive(message: FromLedger): void {
    switch (message.kind) {
      case 'filed':
        this.#filed(message.seq);
        break;
      case 'fault':
        this.#behind = message.message;
        if (this.#journal?.full) this.#fault = this.#behind;
        break;
      case 'closed':
        this.#closing?.();
        break;
      case 'ready':
      case 'refused':
        break;
    }
  }

  #filed(seq: number): void {
    const journal = this.#journal;
    if (journal === null) return;
    this.#behind = null;
    this.#told = false;
    journal.filed(seq);
    if (journal.seq > seq) this.#tell();
    if (!journal.full && (this.#urgent > this.#durable || this.#closing !== null)) this.#send();
  }

  /** Not before what has come meanwhile is read: when this process was late, an answer may be there already. */
  #soon(): void {
    setImmediate(() => this.#expire());
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    const { expired, next } = this.#waiters.expire(now, () =>
      unavailable(undefined, this.#fault ?? 'it does not answer'),
    );
    // A disk that hangs reports no error: the first event that waits too long is the sign.
    if (expired > 0) this.#fault ??= 'it does not answer';
    if (Number.isFinite(next)) this.#timer ??= setTimeout(() => this.#soon(), Math.max(1, next - now));
  }
}

/** The reason is a cause, for the operator's log: it may name files, and agents get message and detail. */
function unavailable(message?: string, cause?: unknown): HoldpointError {
  return new HoldpointError('ledger_unavailable', message, { cause });
}
