import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Recorder } from '#proxy/ports.ts';
import { EventQueue } from '#proxy/record/event-queue.ts';
import { Waiters } from '#proxy/record/waiters.ts';
import type { AuditBody, AuditKind } from '#schemas/audit.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { DiskPace } from './disk-pace.ts';
import { LedgerJournal } from './ledger-journal.ts';
import { openLedgerKey } from './ledger-key.ts';
import { lockLedger } from './ledger-lock.ts';
import type { FromLedger, LedgerStart } from './ledger-messages.ts';
import { LedgerThread } from './ledger-thread.ts';
import { type Disk, LedgerWriter } from './ledger-writer.ts';

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
  /** Whether the proxy's own thread may wait for the disk; learnt from how fast it was, where nobody else says it. */
  readonly disk?: Disk;
}

const DEADLINE = 5000;
const PATIENCE_MS = 3000;
const MEMORY = 64 << 20;
const JOURNAL = 8 << 20;

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
  #disk: Disk;
  /** Null until it is open, and when it is closed. */
  #writer: LedgerWriter | null = null;

  #queue = new EventQueue(Date.now);
  #waiters = new Waiters();
  #timer: NodeJS.Timeout | undefined;
  /** The thread has been told that there is something to file. */
  #told = false;
  #durable = 0;
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
    this.#disk = options.disk ?? new DiskPace();
    this.#thread = new LedgerThread(start, {
      said: message => this.#receive(message),
      lost: why => {
        this.#behind = why;
      },
    });
  }

  async open(): Promise<void> {
    const { position, room } = await this.#thread.open();
    const journal = new LedgerJournal(this.#file, position, room);
    this.#writer = new LedgerWriter(this.#queue, journal, this.#disk, {
      written: ticket => this.#written(ticket),
      failed: error => {
        this.#fault = error.message;
      },
      full: () => this.#stall(),
      empty: () => this.#rested(),
    });
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
    this.#writer?.took(ticket, kind === 'outcome');
    return ticket;
  }

  whenDurable(ticket: number, done: (fault: Error | null) => void): void {
    if (ticket <= this.#durable) {
      done(null);
      return;
    }
    this.#waiters.add(ticket, performance.now() + this.#deadline, done);
    this.#writer?.hurry(ticket);
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
      this.#writer?.send();
    }).finally(async () => {
      clearTimeout(this.#timer);
      this.#waiters.expire(Number.POSITIVE_INFINITY, () => unavailable('the ledger is closed', this.#fault));
      this.#writer?.close();
      this.#writer = null;
      if (await this.#thread.end()) this.#unlock();
    });
    return this.#closed;
  }

  #written(ticket: number): void {
    this.#fault = null;
    this.#durable = ticket;
    this.#waiters.settle(ticket);
    if (!this.#told) this.#tell();
    if (this.#closing !== null) this.#writer?.send();
  }

  /** All of it is durable. */
  #rested(): void {
    if (this.#closing !== null && this.#writer !== null)
      this.#thread.post({ kind: 'close', seq: this.#writer.seq });
  }

  /** Goes on when the thread has filed more. */
  #stall(): void {
    this.#fault = this.#behind;
    if (!this.#told) this.#tell();
  }

  #tell(): void {
    if (this.#writer === null || !this.#thread.ready) return;
    this.#told = true;
    this.#thread.post({ kind: 'more', seq: this.#writer.seq });
  }

  #receive(message: FromLedger): void {
    switch (message.kind) {
      case 'filed':
        this.#filed(message.seq);
        break;
      case 'fault':
        this.#behind = message.message;
        if (this.#writer?.full) this.#fault = this.#behind;
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
    const writer = this.#writer;
    if (writer === null) return;
    this.#behind = null;
    this.#told = false;
    const { full } = writer;
    writer.filed(seq);
    if (writer.seq > seq) this.#tell();
    if (full && !writer.full && (writer.wanted || this.#closing !== null)) writer.send();
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
