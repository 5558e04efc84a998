import type { SessionAction, StatementAnalysis } from '#schemas/analysis.ts';
import { keepsNames } from './keeps-names.ts';
import type { CatalogHandle, SessionCatalog } from './parts.ts';
import { OWN, type ServerLine } from './server-line.ts';

/** Commands after which names may mean something else; what functions do stands among a statement's commands, too. */
const CHANGE_NAMES = new Set(['ddl', 'do', 'call', 'unknown']);

/**
 * The catalog as this session's own open transaction sees it. Once a transaction has changed the catalog, the shared one is the wrong
 * picture for it: a new table is unknown there, and a function that was replaced has its old body. So the session's own server connection
 * is asked, inside that transaction, and what it says counts for this session until the transaction ends, is changed again, or is rolled
 * back to a savepoint. Where it cannot be asked, Judging takes what hangs on changed meanings for unknown.
 *
 * Asked inside a savepoint of its own, which is rolled back: settings and locks are as before. pg_temp stands last in the search_path
 * meanwhile, so that no temporary table or type of the agent's comes before one of Postgres's own.
 */
export class OwnView {
  private readonly catalog: CatalogHandle;
  private readonly line: ServerLine;
  private touched = false;
  private seen: SessionCatalog | null = null;
  /** The last one of this transaction, which the next one follows from. */
  private last: SessionCatalog | null = null;
  /** The shared catalog at the time: when there is a newer one, somebody else has changed something, too. */
  private beside: SessionCatalog | null = null;
  /** What came of earlier questions belongs to another state of the transaction. */
  private version = 0;

  constructor(catalog: CatalogHandle, line: ServerLine) {
    this.catalog = catalog;
    this.line = line;
  }

  /** Null where the transaction has changed nothing, or cannot be asked. */
  get view(): SessionCatalog | null {
    return this.seen;
  }

  /** The server has completed this statement. */
  completed(statement: StatementAnalysis): void {
    const { effects, actions, meaning } = statement;
    const changed =
      !effects.readOnly && effects.commands.some(c => CHANGE_NAMES.has(c)) && !keepsNames(effects);
    if (changed || meaning !== undefined) this.touch();
    if (this.touched && actions.some(undoes)) this.touch();
  }

  transactionEnded(): void {
    this.touched = false;
    this.last = null;
    this.forget();
  }

  /** Whether it has to be asked for before a text is judged beside this shared catalog. */
  wanted(shared: SessionCatalog): boolean {
    return this.touched && this.beside !== shared;
  }

  /** Inside an explicit block that has not failed, and outside an extended segment. Never rejects: there may be no view after it. */
  async load(shared: SessionCatalog): Promise<void> {
    const version = ++this.version;
    this.seen = null;
    const line = this.line;
    const opened = [
      line.query(`SAVEPOINT ${OWN}`),
      line.query('SET LOCAL statement_timeout = 0'),
      line.query('SET LOCAL search_path TO pg_catalog, pg_temp'),
      line.query('SET LOCAL lock_timeout = 250'),
      // The questions, and the answers that are SQL, are read and written as on the connection that asks them for everybody.
      line.query('SET LOCAL standard_conforming_strings = on'),
    ];
    const isolation = line.query('SHOW transaction_isolation');
    let flushed = false;
    const asked = this.catalog.seenBy(text => {
      const rows = line.query(text);
      // Most of it is asked at once, the rest when that is answered.
      if (flushed) line.flush();
      return rows;
    }, this.last);
    line.flush();
    flushed = true;
    const [[found], [level]] = await Promise.all([
      Promise.allSettled([asked]),
      Promise.allSettled([isolation]),
      Promise.allSettled(opened),
    ]);
    const closed = [line.query(`ROLLBACK TO SAVEPOINT ${OWN}`), line.query(`RELEASE SAVEPOINT ${OWN}`)];
    line.flush();
    const ends = await Promise.allSettled(closed);
    if (version !== this.version) return;
    this.beside = shared;
    // Under a snapshot the questions are answered as of long ago, while the server resolves names as of now.
    const current = level.status === 'fulfilled' && level.value[0]?.[0] === 'read committed';
    const whole = found.status === 'fulfilled' && ends.every(end => end.status === 'fulfilled');
    if (current && whole) this.seen = found.value;
    this.last = this.seen;
  }

  private touch(): void {
    this.touched = true;
    this.forget();
  }

  /** It cannot be asked for now, and what was seen counts no more. */
  forget(): void {
    this.version++;
    this.seen = null;
    this.beside = null;
  }
}

function undoes({ kind }: SessionAction): boolean {
  return kind === 'rollback-to';
}
