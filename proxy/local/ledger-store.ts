import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { type AuditEvent, auditEvent } from '#schemas/audit.ts';
import { canonical } from '#schemas/canonical.ts';
import { eventHash, GENESIS, LEDGER_SESSION, leafData, link, type UnlinkedEvent } from '#schemas/chain.ts';
import {
  type NoteKey,
  noteKey,
  parseCheckpoint,
  signatureFault,
  signCheckpoint,
} from '#schemas/checkpoint.ts';
import { Frontier, leafHash } from '#schemas/merkle.ts';

/** The chain of one session ends here. */
interface Head {
  readonly seq: number;
  readonly hash: string;
}

interface Statements {
  readonly event: StatementSync;
  readonly head: StatementSync;
  readonly checkpoint: StatementSync;
  readonly state: StatementSync;
}

/** What the store needs to sign: the log's name (its key's name too) and the private key as PEM. */
export interface LedgerKey {
  readonly name: string;
  readonly pem: string;
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS events (idx INTEGER PRIMARY KEY, session TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS events_session ON events (session, seq);
  CREATE TABLE IF NOT EXISTS checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL, clean INTEGER NOT NULL);
`;

/**
 * The ledger's tables, chains and tree: synchronous, used by one thread. Every method that writes is one transaction; when it throws,
 * what is on disk and what is in memory may differ, and the store must be opened anew before it is used again.
 *
 * `state` holds the right edge of the tree at the last checkpoint, so that opening does not read the whole log. It is never
 * trusted: its root must be the one that the checkpoint signs.
 */
export class LedgerStore {
  #db: DatabaseSync;
  #statements: Statements;
  #key: NoteKey;
  #secret: KeyObject;
  #heads = new Map<string, Head>();
  #tree: Frontier;
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
      // FULL: a commit has reached the disk before anybody is told so (WAL with NORMAL would not sync at commit).
      this.#db.exec(
        'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864',
      );
      this.#db.exec(`BEGIN IMMEDIATE; ${TABLES} COMMIT`);
      this.#statements = {
        event: this.#db.prepare('INSERT INTO events (idx, session, seq, event) VALUES (?, ?, ?, ?)'),
        head: this.#db.prepare('SELECT event FROM events WHERE session = ? ORDER BY seq DESC LIMIT 1'),
        checkpoint: this.#db.prepare('INSERT INTO checkpoints (size, note) VALUES (?, ?)'),
        state: this.#db.prepare(
          'INSERT OR REPLACE INTO state (id, size, frontier, clean) VALUES (1, ?, ?, ?)',
        ),
      };
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
    return this.#tree.size - this.#sealed;
  }

  /** The newest checkpoint, as a signed note. */
  get note(): string {
    return this.#note;
  }

  /** Whether the last one to write ended in order. */
  get clean(): boolean {
    return this.#db.prepare('SELECT clean FROM state').get()?.clean === 1;
  }

  /** Appends events in their order, in one transaction; with `seal`, a checkpoint over all of the log goes with them. */
  append(events: Iterable<UnlinkedEvent>, seal: boolean): void {
    this.#transaction(() => {
      for (const event of events) this.#insert(event);
      if (seal && this.unsealed > 0) this.#seal(false);
    });
  }

  /**
   * Signs a checkpoint over all of the log. Without anything unsealed it still commits, which makes all before it durable and marks the
   * ledger as in use: until `finish`, the next one to open it knows that this stop was unclean.
   */
  seal(): void {
    this.#transaction(() => this.#seal(false));
  }

  /** After an unclean stop: says so in the log's own session, and seals what the stop has left unsealed. */
  recover(at: string): void {
    const body = canonical({ entries: this.size, unsealed: this.unsealed });
    this.append([{ at, kind: 'ledger.recovered', session: JSON.stringify(LEDGER_SESSION), body }], true);
  }

  /** Seals, marks the stop as clean and closes. SQLite then moves its WAL into the database where there is room, or leaves it. */
  finish(): void {
    this.#transaction(() => this.#seal(true));
    this.#db.close();
  }

  /** Closes as a crash would, as before opening anew. */
  abandon(): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #transaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #insert(event: UnlinkedEvent): void {
    const head = this.#heads.get(event.session) ?? this.#lookUp(event.session);
    const seq = head.seq + 1;
    const { text, hash } = link(event, seq, head.hash);
    this.#statements.event.run(this.#tree.size, JSON.parse(event.session) as string, seq, text);
    this.#tree.add(leafHash(leafData(event.session, seq, hash)));
    if (event.kind === 'session.close') this.#heads.delete(event.session);
    else this.#heads.set(event.session, { seq, hash });
  }

  #lookUp(session: string): Head {
    const row = this.#statements.head.get(JSON.parse(session) as string);
    if (row === undefined) return { seq: -1, hash: GENESIS };
    const { seq, hash } = checked(row.event);
    return { seq, hash };
  }

  #seal(clean: boolean): void {
    if (this.unsealed > 0 || this.#note === '') {
      const head = { origin: this.#key.name, size: this.#tree.size, root: this.#tree.root() };
      this.#note = signCheckpoint(head, this.#key, this.#secret);
      this.#statements.checkpoint.run(this.#tree.size, this.#note);
      this.#sealed = this.#tree.size;
    }
    this.#statements.state.run(this.#tree.size, this.#tree.bytes(), clean ? 1 : 0);
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
    const before = this.#db.prepare('SELECT event FROM events WHERE session = ? AND seq = ?');
    const rows = this.#db.prepare('SELECT idx, session, seq, event FROM events WHERE idx >= ? ORDER BY idx');
    for (const row of rows.iterate(from)) {
      const event = checked(row.event);
      const where = `entry ${row.idx} of the ledger`;
      if (row.idx !== this.#tree.size) throw new Error(`${where} follows a gap`);
      if (row.session !== event.session || row.seq !== event.seq)
        throw new Error(`${where} is filed under another session or number than its own`);
      const session = JSON.stringify(event.session);
      const known = this.#heads.get(session);
      const previous = event.seq === 0 ? undefined : before.get(event.session, event.seq - 1)?.event;
      const head = known ?? (previous === undefined ? { seq: -1, hash: GENESIS } : checked(previous));
      if (event.seq !== head.seq + 1 || event.prev !== head.hash)
        throw new Error(`${where} does not continue the chain of its session`);
      this.#heads.set(session, { seq: event.seq, hash: event.hash });
      this.#tree.add(leafHash(leafData(session, event.seq, event.hash)));
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
