import type { StatementAnalysis } from '#schemas/analysis.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { pathFor, UNKNOWN_PATH } from '../policy/search-path.ts';
import { Encoding } from './encoding.ts';
import { keepsNames } from './keeps-names.ts';
import { STRINGS, StringReading } from './strings.ts';

/** Reported settings that change what a statement means, and so belong to its digest. */
const REPORTED = [
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'client_encoding',
  'default_transaction_read_only',
  'session_authorization',
  STRINGS,
];

/** It strikes what the proxy sends for itself, too. */
export const TIMEOUT = 'statement_timeout';
/** Milliseconds in which a statement of the proxy's own is surely over, on a busy machine as well. */
const ENOUGH = 1_000;

/** Settings of which the proxy keeps what the server says; giving any other one a value leaves these as they are. */
const KNOWN = new Set([
  'client_encoding',
  'default_transaction_read_only',
  'names',
  'role',
  'search_path',
  'session_authorization',
  STRINGS,
  'transaction_read_only',
]);

/** Commands after which search_path, role or the catalog may be other than before, whatever their own text says. */
const MAY_CHANGE_ANYTHING = new Set(['do', 'call', 'unknown']);
const CHANGE_CATALOG = new Set(['ddl', 'privilege', 'do', 'call', 'unknown']);

/** What the proxy knows of the session's settings: told by the server, never concluded from what was sent. */
export class Settings {
  private readonly reported = new Map<string, string>();
  /** Settings that the agent has changed, beside the reported ones. */
  private readonly touched = new Set<string>();
  private setInTransaction = false;
  readonly encoding = new Encoding();
  readonly strings = new StringReading();
  /** The time-out of statements may be another one, which has to be known before the server's mode is switched. */
  timed = true;
  /** search_path and role have to be asked for again before anything is judged. */
  dirty = true;
  searchPath: readonly string[] = ['?'];
  role = '';
  rawSearchPath = '';

  report(name: string, value: string): void {
    this.reported.set(name, value);
    this.encoding.report(name, value);
    this.strings.report(name, value);
    // Reported from Postgres 18 on; before, it is asked for.
    if (name === 'search_path' && value !== this.rawSearchPath) this.dirty = true;
  }

  /** The server is ready: what it has reported counts. */
  ready(): void {
    this.encoding.ready();
    this.strings.ready();
  }

  /** These are about to run: what they may change, if only for a while. */
  expect(statements: readonly StatementAnalysis[]): void {
    if (statements.some(s => s.otherEncoding === true)) this.encoding.foreign = true;
    this.strings.expect(statements);
  }

  /** Settings that the agent gave at start-up: another session, which did not, may mean something else by the same words. */
  given(names: Iterable<string>): void {
    for (const name of names)
      if (name !== 'application_name' && !REPORTED.some(r => r.toLowerCase() === name))
        this.touched.add(name);
  }

  get(name: string): string | undefined {
    return this.reported.get(name);
  }

  /** The server has completed this statement. */
  completed(statement: StatementAnalysis): void {
    const { effects, actions } = statement;
    for (const action of actions) {
      if (action.kind === 'set') {
        if (action.setting !== null) this.touched.add(action.setting);
        if (action.setting === TIMEOUT || action.setting === null) this.timed = true;
        if (action.setting === null || KNOWN.has(action.setting)) this.doubt();
      } else if (action.kind === 'discard' || action.kind === 'rollback-to') this.dirty = true;
      // Also where another transaction begins at once, so that no ReadyForQuery ever says `idle`: AND CHAIN, COMMIT in a pipeline.
      else if (action.kind === 'commit' || action.kind === 'rollback') this.transactionEnded();
    }
    if (effects.readOnly || keepsNames(effects)) return;
    const mayRun = runsBodies(statement) || effects.unknown.length > 0;
    if (mayRun || effects.commands.some(c => MAY_CHANGE_ANYTHING.has(c))) this.doubt();
  }

  /** Something may have changed them that was not seen to its end. */
  doubt(): void {
    this.dirty = true;
    this.timed = true;
    this.setInTransaction = true;
  }

  /** Outside any transaction again: what was set in it may have been rolled back. */
  transactionEnded(): void {
    if (this.setInTransaction) this.dirty = true;
    if (this.setInTransaction || this.touched.has(TIMEOUT)) this.timed = true;
    this.setInTransaction = false;
  }

  /** The server's answers to SHOW search_path and SHOW role. */
  learn(searchPath: string, role: string, user: string): void {
    this.rawSearchPath = searchPath;
    this.role = role === 'none' ? (this.reported.get('session_authorization') ?? user) : role;
    const path = pathFor(searchPath, this.role);
    // In another encoding than UTF8 the bytes of the server's answers were not read as what they are.
    if (this.encoding.foreign && path.some(name => !/^[\0-\x7f]*$/.test(name)))
      path.splice(0, path.length, UNKNOWN_PATH);
    if (path.join('\0') !== this.searchPath.join('\0')) this.searchPath = path;
    this.dirty = false;
  }

  /** Names to ask for with SHOW before a digest is made. */
  get asked(): string[] {
    const names = [...this.touched].filter(name => name !== '' && !name.includes('\0')).sort();
    if (this.encoding.foreign && names.some(name => !/^[\0-\x7f]*$/.test(name)))
      throw new HoldpointError(
        'other_encoding',
        'a setting of this session has a name that cannot be asked for',
      );
    return names;
  }

  /** For the digest of a statement; `shown` are the answers for `asked`, `escapes` how its text was read, which is when it was parsed. */
  forDigest(shown: ReadonlyMap<string, string>, escapes: boolean): Record<string, string> {
    const settings: Record<string, string> = { search_path: this.rawSearchPath, role: this.role };
    for (const name of REPORTED) {
      const value = this.reported.get(name);
      if (value !== undefined) settings[name.toLowerCase()] = value;
    }
    for (const [name, value] of shown) settings[name] = value;
    settings[STRINGS] = escapes ? 'off' : 'on';
    return settings;
  }
}

/** Whether a time-out, as SHOW gives it, may strike what takes next to no time. */
export function isHasty(shown: string): boolean {
  const ms = /^(\d+)ms$/.exec(shown);
  return ms !== null && Number(ms[1]) < ENOUGH;
}

/** PREPARE TRANSACTION, or the end of one that was prepared: the catalog changes then, and not when its DDL has run. */
export function isTwoPhase({ effects }: StatementAnalysis): boolean {
  return !effects.readOnly && effects.commands.includes('transaction');
}

/** Whether other statements may mean something else once this one is committed. */
export function changesCatalog(statement: StatementAnalysis): boolean {
  const { effects } = statement;
  if (effects.readOnly || keepsNames(effects)) return false;
  if (isTwoPhase(statement)) return true;
  return effects.unknown.length > 0 || effects.commands.some(c => CHANGE_CATALOG.has(c));
}

/** It writes, or may, and runs users' functions on the way: what they did is known as long as their bodies are the ones that were judged. */
export function runsBodies({ effects }: StatementAnalysis): boolean {
  return !effects.readOnly && effects.functions.some(name => !name.startsWith('pg_catalog.'));
}
