import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';

/** Rows that one statement inserts: running one costs as much as the row itself. */
const ROWS = 16;
/** What fails takes all of its transaction with it: so SQLite keeps no copies of pages, from which one statement alone could be taken back. */
const INSERT = 'INSERT OR ROLLBACK INTO events (idx, session, seq, before, event) VALUES ';
const ROW = '(?, ?, ?, ?, CAST(? AS TEXT))';

/** Rows on their way into the table of events, several to a statement. */
export class EventRows {
  #one: StatementSync;
  #many: StatementSync;
  #inserted: () => void;
  #values: SQLInputValue[] = [];
  #rows = 0;

  /** `inserted`: all texts given so far are in the table. */
  constructor(db: DatabaseSync, inserted: () => void) {
    this.#one = db.prepare(INSERT + ROW);
    this.#many = db.prepare(INSERT + Array(ROWS).fill(ROW).join(', '));
    this.#inserted = inserted;
  }

  /** `text` must stay as it is until it is inserted. */
  add(idx: number, session: string, seq: number, before: number | null, text: Uint8Array): void {
    this.#values.push(idx, session, seq, before, text);
    this.#rows += 1;
    if (this.#rows < ROWS) return;
    this.#many.run(...this.#values);
    this.#done();
  }

  /** Inserts what is left; no transaction may end before. */
  finish(): void {
    const width = this.#values.length / this.#rows;
    for (let row = 0; row < this.#rows; row += 1)
      this.#one.run(...this.#values.slice(row * width, (row + 1) * width));
    this.#done();
  }

  #done(): void {
    this.#values.length = 0;
    this.#rows = 0;
    this.#inserted();
  }
}
