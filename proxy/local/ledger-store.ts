import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type AuditEvent, auditEvent } from '#schemas/audit.ts';
import { eventHash, GENESIS, leafData } from '#schemas/chain.ts';
import {
  type NoteKey,
  noteKey,
  parseCheckpoint,
  signatureFault,
  signCheckpoint,
} from '#schemas/checkpoint.ts';
import type { JournalPosition } from '#schemas/journal.ts';
import { Frontier, leafHash } from '#schemas/merkle.ts';
import { EventLinker } from './event-linker.ts';
import { EventRows } from './event-rows.ts';

/** The chain of one session ends here. */
interface Head {
  /** The session as SQL has it: no JSON. */
  readonly name: string;
  seq: number;
  hash: string;
  /** The log's index of that event; null before the first. */
  at: number | null;
  /** It ends elsewhere than the table `sessions` says. */
  moved: boolean;
  closed: boolean;
}

interface Statements {
  readonly head: StatementSync;
  readonly session: StatementSync;
  readonly checkpoint: StatementSync;
  readonly state: StatementSync;
  readonly journal: StatementSync;
}

/** Where the journal goes on after what is in the tables, and how large its files were made. */
export interface StoredJournal {
  readonly position: JournalPosition;
  readonly room: number;
}

/** What the store needs to sign: the log's name (its key's name too) and the private key as PEM. */
export interface LedgerKey {
  readonly name: string;
  readonly pem: string;
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS events (
    idx INTEGER PRIMARY KEY, session TEXT NOT NULL, seq INTEGER NOT NULL, before INTEGER, event TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS sessions (session TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL, clean INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS journal (id INTEGER PRIMARY KEY CHECK (id = 1), epoch TEXT NOT NULL, segment INTEGER NOT NULL,
    offset INTEGER NOT NULL, seq INTEGER NOT NULL, prev TEXT NOT NULL, room INTEGER NOT NULL);
`;
/** Of a new ledger (bytes): events are only ever added at the end, and each page costs two system calls on its way and a checksum. */
const PAGE = 16 << 10;
/** Pages of the WAL after which SQLite moves it into the database, and the size (bytes) that its file is cut to. */
const WAL_PAGES = 512;
const WAL_ROOM = 16 << 20;

/**
 * The ledger's tables, chains and tree: synchronous, used by one thread. Every method that writes is one transaction; when it throws,
 * what is on disk and what is in memory may differ, and the store must be opened anew before it is used again.
 *
 * `state` holds the right edge of the tree at the last checkpoint, so that opening does not read the whole log. It is never
 * trusted: its root must be the one that the checkpoint signs.
 *
 * Events are only ever added at the end of one table: `before` leads from each to the one before in its session, and `sessions`, written
 * with each checkpoint, to the last one that this checkpoint covers. An index would cost each commit a page for each session.
 */
export class LedgerStore {
  #db: DatabaseSync;
  #statements: Statements;
  #key: NoteKey;
  #secret: KeyObject;
  /** By the session as JSON. Those that are closed leave with the next checkpoint. */
  #heads = new Map<string, Head>();
  #moved: Head[] = [];
  #tree: Frontier;
  #linker = new EventLinker();
  #rows: EventRows;
  #sealed: number;
  #note: string;

  /**
   * Opens or creates the ledger and checks everything after its last checkpoint. `newest` is the text of the checkpoint file, null
   * when there is none. Throws an Error whose one-line message says what does not fit: nothing may be signed on top of that.
   */
  constructor(file: string, key: LedgerKey, newest: string | null) {
    this.#secret = createPrivateKey(key.pem);
    this.#key = noteKey(key.name, createPublicKey(this.#secret));
    this.#db = new DatabaseSync(file, { timeout: 250 });
    try {
      // FULL: a commit has reached the disk before the journal's place for it is used again (WAL with NORMAL would not sync at commit).
      this.#db.exec(
        `PRAGMA page_size = ${PAGE}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${WAL_ROOM}; PRAGMA wal_autocheckpoint = ${WAL_PAGES}`,
      );
      this.#db.exec(`BEGIN IMMEDIATE; ${TABLES} COMMIT`);
      this.#statements = {
        head: this.#db.prepare(
          'SELECT last, event FROM sessions LEFT JOIN events ON idx = last WHERE sessions.session = ?',
        ),
        session: this.#db.prepare('INSERT OR REPLACE INTO sessions (session, last) VALUES (?, ?)'),
        checkpoint: this.#db.prepare('INSERT INTO checkpoints (size, note) VALUES (?, ?)'),
        state: this.#db.prepare(
          'INSERT OR REPLACE INTO state (id, size, frontier, clean) VALUES (1, ?, ?, ?)',
        ),
        journal: this.#db.prepare(
          'INSERT OR REPLACE INTO journal (id, epoch, segment, offset, seq, prev, room) VALUES (1, ?, ?, ?, ?, ?, ?)',
        ),
      };
      this.#rows = new EventRows(this.#db, () => this.#linker.forget());
      this.#tree = new Frontier();
      this.#sealed = 0;
      this.#note = '';
      this.#load(newest);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** Entries in the log. */
  get size(): number {
    return this.#tree.size;
  }

  /** Entries that no checkpoint covers yet. */
  get unsealed(): number {
    return this.size - this.#sealed;
  }

  /** The newest checkpoint, as a signed note. */
  get note(): string {
    return this.#note;
  }

  /** Whether the last one to write ended in order. */
  get clean(): boolean {
    return this.#db.prepare('SELECT clean FROM state').get()?.clean === 1;
  }

  /** Where the journal goes on; null for a ledger that never had one. */
  get journal(): StoredJournal | null {
    const row = this.#db.prepare('SELECT epoch, segment, offset, seq, prev, room FROM journal').get();
    if (row === undefined) return null;
    return {
      position: {
        epoch: String(row.epoch),
        segment: row.segment === 0 ? 0 : 1,
        offset: Number(row.offset),
        seq: Number(row.seq),
        prev: String(row.prev),
      },
      room: Number(row.room),
    };
  }

  /**
   * One transaction: files the events of these payloads of the journal in their order, signs a checkpoint over all of the log, and notes
   * where the journal goes on, which is asked for behind the last of them. Until it is called with `clean`, the next one to open the ledger
   * knows that its journal is needed.
   */
  file(payloads: Iterable<Buffer>, journal: () => StoredJournal | null, clean: boolean): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      for (const payload of payloads) this.#insert(payload);
      this.#rows.finish();
      this.#seal(clean);
      const goesOn = journal();
      if (goesOn !== null) {
        const { epoch, segment, offset, seq, prev } = goesOn.position;
        this.#statements.journal.run(epoch, segment, offset, seq, prev, goesOn.room);
      }
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** SQLite moves its WAL into the database where there is room, or leaves it. */
  close(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #insert(payload: Buffer): void {
    const linker = this.#linker;
    linker.begin(payload);
    while (linker.next()) {
      const { session } = linker;
      const head = this.#heads.get(session) ?? this.#lookUp(session);
      const seq = head.seq + 1;
      const { text, hash } = linker.link(seq, head.hash);
      this.#rows.add(this.size, head.name, seq, head.at, text);
      this.#advance(head, seq, hash, linker.closes, linker.leaf(seq, hash));
    }
  }

  /** The next entry of the log is this one, and the last of its session. */
  #advance(head: Head, seq: number, hash: string, closed: boolean, leaf: Buffer): void {
    head.seq = seq;
    head.hash = hash;
    head.at = this.size;
    head.closed = closed;
    if (!head.moved) this.#moved.push(head);
    head.moved = true;
    this.#tree.add(leaf);
  }

  /** A session that is not in memory: new, or one of another time. `sessions` knows all of those that have ended before the last checkpoint. */
  #lookUp(session: string): Head {
    const name = JSON.parse(session) as string;
    const head: Head = { name, seq: -1, hash: GENESIS, at: null, moved: false, closed: false };
    const row = this.#statements.head.get(name);
    if (row !== undefined) {
      if (row.event === null) throw new Error(`the last event of session ${name} is missing`);
      const event = checked(row.event);
      if (event.session !== name) throw new Error(`the last event of session ${name} is another session's`);
      head.seq = event.seq;
      head.hash = event.hash;
      head.at = Number(row.last);
    }
    this.#heads.set(session, head);
    return head;
  }

  #seal(clean: boolean): void {
    if (this.unsealed > 0 || this.#note === '') {
      const head = { origin: this.#key.name, size: this.#tree.size, root: this.#tree.root() };
      this.#note = signCheckpoint(head, this.#key, this.#secret);
      this.#statements.checkpoint.run(this.#tree.size, this.#note);
      this.#sealed = this.#tree.size;
      this.#fileSessions();
    }
    this.#statements.state.run(this.#tree.size, this.#tree.bytes(), clean ? 1 : 0);
  }

  #fileSessions(): void {
    for (const head of this.#moved) {
      this.#statements.session.run(head.name, head.at);
      head.moved = false;
      if (head.closed) this.#heads.delete(JSON.stringify(head.name));
    }
    this.#moved = [];
  }

  #load(newest: string | null): void {
    const last = this.#db.prepare('SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1').get();
    const state = this.#db.prepare('SELECT size, frontier FROM state').get();
    const entries = Number(this.#db.prepare('SELECT max(idx) + 1 AS n FROM events').get()?.n ?? 0);
    if (last === undefined || state === undefined) {
      if (last !== undefined || state !== undefined || entries > 0 || newest !== null)
        throw new Error('the ledger has lost its checkpoints');
      return;
    }
    const head = this.#trusted(String(last.note), 'the last checkpoint');
    const frontier = state.frontier;
    this.#tree = Frontier.from(Number(state.size), frontier instanceof Uint8Array ? frontier : Buffer.of());
    if (head.size !== this.#tree.size || !head.root.equals(this.#tree.root()))
      throw new Error('the ledger does not continue its last checkpoint');
    if (entries < head.size)
      throw new Error(`the ledger has ${entries} entries, and its last checkpoint covers ${head.size}`);
    this.#compare(newest, entries);
    this.#note = String(last.note);
    this.#sealed = head.size;
    this.#replay(head.size);
  }

  /** The file follows the commit, so it may be behind the tables, and never ahead. Only a ledger that was never used has none. */
  #compare(newest: string | null, entries: number): void {
    if (newest === null && entries > 0) throw new Error('the file of the newest checkpoint is missing');
    if (newest === null) return;
    const { size } = this.#trusted(newest, 'the checkpoint file');
    const same = this.#db.prepare('SELECT note FROM checkpoints WHERE size = ?').get(size);
    if (same?.note !== newest)
      throw new Error(`the ledger lacks what its checkpoint file covers (${size} entries)`);
  }

  /** Takes the entries after the last checkpoint into the tree, checking each against its chain. */
  #replay(from: number): void {
    const rows = this.#db.prepare(
      'SELECT idx, session, seq, before, event FROM events WHERE idx >= ? ORDER BY idx',
    );
    for (const row of rows.iterate(from)) {
      const event = checked(row.event);
      const where = `entry ${row.idx} of the ledger`;
      if (row.idx !== this.size) throw new Error(`${where} follows a gap`);
      const session = JSON.stringify(event.session);
      const head = this.#heads.get(session) ?? this.#lookUp(session);
      if (event.seq !== head.seq + 1 || event.prev !== head.hash)
        throw new Error(`${where} does not continue the chain of its session`);
      if (row.session !== event.session || row.seq !== event.seq || row.before !== head.at)
        throw new Error(`${where} is filed under another session or number than its own`);
      const leaf = leafHash(leafData(session, event.seq, event.hash));
      this.#advance(head, event.seq, event.hash, event.kind === 'session.close', leaf);
    }
  }

  #trusted(note: string, what: string): { size: number; root: Buffer } {
    const signed = parseCheckpoint(note);
    const fault = signatureFault(signed, this.#key);
    if (fault !== null) throw new Error(`${what} is not the ledger's: ${fault}`);
    return signed.checkpoint;
  }
}

/** An event as stored, once its hash has been computed anew. */
function checked(text: unknown): AuditEvent {
  const event = auditEvent.parse(JSON.parse(String(text)));
  if (eventHash(event) !== event.hash)
    throw new Error(`event ${event.seq} of session ${event.session} was altered`);
  return event;
}
