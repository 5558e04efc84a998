import { cannotTell, type Named, type StatementAnalysis, type Values } from '#schemas/analysis.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { INVARIANT, type Verdict } from '#schemas/verdict.ts';
import { isLonger } from '../policy/effects/text-size.ts';
import type { TransactionStatus } from '../wire/backend.ts';
import { Describing } from './describing.ts';
import { Judge, type Judged } from './judgement.ts';
import { keepsMeaning } from './keeps-meaning.ts';
import { LeftToEnd, type Means } from './left-to-end.ts';
import { neverAllowed } from './never-allowed.ts';
import { type Earlier, OpenedCursors } from './opened-cursors.ts';
import { OwnView } from './own-view.ts';
import { refuseOtherReading } from './parameters.ts';
import { asParsed } from './parsed-types.ts';
import type { SessionCatalog, SessionParts } from './parts.ts';
import type { Picture, Prepared } from './picture.ts';
import type { OwnRewirings } from './rewirings.ts';
import { bytesOf } from './room.ts';
import { Run } from './run.ts';
import { DEFAULT_READ_ONLY, type ServerLine } from './server-line.ts';
import { isHasty, type Settings, TIMEOUT } from './settings.ts';
import { STRINGS } from './strings.ts';

const UNKNOWN_PATH: readonly string[] = ['?'];
const NOTHING: readonly StatementAnalysis[] = [];
const ENCODING = 'client_encoding';

/** What this session's texts mean: catalog, search_path and names, each as the server has it, or not at all. */
export class Judging {
  readonly judge: Judge;
  private readonly parts: SessionParts;
  private readonly settings: Settings;
  private readonly line: ServerLine;
  private readonly picture: () => Picture;
  readonly rewirings: OwnRewirings;
  private last: SessionCatalog | null = null;
  /** DDL of the open transaction, not committed, has changed what other things mean: the catalog does not show it yet. */
  moved = false;
  /** The open transaction has written, or left a cursor open: its end may run functions. */
  worked = false;
  readonly own: OwnView;
  /** What functions have opened. */
  readonly opened = new OpenedCursors();
  readonly left: LeftToEnd;
  readonly describing: Describing;
  /** By what texts are judged now. */
  private means: Means | null = null;

  constructor(
    parts: SessionParts,
    settings: Settings,
    line: ServerLine,
    rewirings: OwnRewirings,
    picture: () => Picture,
  ) {
    this.parts = parts;
    this.settings = settings;
    this.line = line;
    this.rewirings = rewirings;
    this.picture = picture;
    this.own = new OwnView(parts.catalog, line);
    this.left = new LeftToEnd(parts.analyseLate);
    this.judge = new Judge(
      (text, types, strings) =>
        isLonger(parts.limits.text, text, strings === 'escapes')
          ? { kind: 'too-long' }
          : parts.analyse(text, this.path(), types, this.own.view, strings),
      (oid, strings) => parts.analyseCall(oid, this.path(), this.own.view, strings),
      (statements, inTransaction) => this.decide(statements, inTransaction),
      statement => this.seen(statement),
      parts.withBody,
      {
        statement: name => this.bodyOf(this.picture().statements.get(name)),
        cursor: (name, earlier) => this.cursorBody(name, earlier),
      },
      () => (this.means === null ? NOTHING : this.left.judged({ ...this.means, strings: 'doubtful' })),
    );
    this.describing = new Describing(parts, settings, line, this.judge, this.own, () => this.path());
  }

  private cursorBody(name: string, earlier: Earlier): StatementAnalysis | undefined {
    const portal = this.picture().portals.get(name);
    const known = this.bodyOf(portal?.source);
    if (portal !== undefined && (known === undefined || !this.opened.some(earlier))) return known;
    return this.opened.body(this.judge, this.rewirings, earlier, known);
  }

  /** Whether texts can be judged now. */
  ready(status: TransactionStatus, segment: boolean): boolean {
    const { current } = this.parts.catalog;
    if (current === null || this.own.wanted(current)) return false;
    if (status !== 'E' && (this.settings.dirty || this.timed(status, segment))) return false;
    this.from(current, status);
    return true;
  }

  /** The server's mode may have to be switched next, which hangs on the time-out of statements. */
  private timed(status: TransactionStatus, segment: boolean): boolean {
    return this.settings.timed && status === 'I' && !segment;
  }

  private from(current: SessionCatalog, status: TransactionStatus): void {
    this.last = current;
    const view = this.own.view ?? current;
    const searchPath = this.path();
    const strings = this.settings.strings.now;
    let { means } = this;
    if (means?.view !== view || means.searchPath !== searchPath || means.strings !== strings)
      means = this.means = { view, searchPath, strings };
    // The end of a failed transaction runs nothing.
    const left = status === 'E' ? NOTHING : this.left.changed(means);
    this.judge.under(means, this.rewired, this.dark, left);
  }

  /** These are sent, or go on. */
  sent(statements: readonly StatementAnalysis[], by: Means | null = this.means): void {
    if (statements.some(s => s.late !== undefined)) this.left.add(statements, by);
  }

  /**
   * Null when texts can be judged now. Otherwise says what has to be waited for; `done` is called when it is there (null) or cannot
   * be had (the error), and has to ask again.
   */
  prepare(
    status: TransactionStatus,
    segment: boolean,
    done: (error: HoldpointError | null) => void,
  ): 'catalog' | 'probe' | null {
    const { catalog } = this.parts;
    const { current } = catalog;
    if (current === null) {
      catalog.whenFresh(done);
      return 'catalog';
    }
    const timed = this.timed(status, segment);
    if ((this.settings.dirty || timed) && status !== 'E') {
      const names = ['search_path', 'role'];
      if (timed) names.push(TIMEOUT);
      if (this.parts.readOnly) names.push(DEFAULT_READ_ONLY);
      // Elsewhere the server has reported it before it said that it is ready.
      if (segment) names.push(ENCODING, STRINGS);
      this.line.show(
        names,
        segment,
        answers => {
          const timeout = answers.get(TIMEOUT);
          if (timeout !== undefined) {
            this.settings.timed = false;
            this.line.hasty = isHasty(timeout);
          }
          const encoding = answers.get(ENCODING);
          if (encoding !== undefined) {
            this.settings.encoding.learn(encoding);
            refuseOtherReading(ENCODING, encoding);
          }
          const strings = answers.get(STRINGS);
          if (strings !== undefined) this.settings.strings.learn(strings);
          if (this.parts.readOnly && answers.get(DEFAULT_READ_ONLY) !== 'on')
            throw new HoldpointError('internal', 'a read-only session was made writable');
          this.settings.learn(answers.get('search_path') ?? '?', answers.get('role') ?? '?', this.parts.user);
          done(null);
        },
        done,
      );
      return 'probe';
    }
    const { own } = this;
    if (own.wanted(current)) {
      if (status === 'T' && !segment && !this.rewired && this.settings.encoding.plain) {
        void own.load(current).then(() => done(null));
        return 'probe';
      }
      own.forget();
    }
    this.from(current, status);
    return null;
  }

  /** DDL of the open transaction, not committed, has changed what names mean around protected columns. */
  get rewired(): boolean {
    return this.rewirings.held;
  }

  set rewired(rewired: boolean) {
    this.rewirings.held = rewired;
  }

  /** Names of relations that the open transaction has joined with protected ones. */
  get joined(): Set<string> {
    return this.rewirings.joined;
  }

  /** Whether anything is protected, as everybody sees the catalog or as the session's own transaction does. */
  get protects(): boolean {
    return (this.catalog?.hasProtected ?? true) || this.own.view?.hasProtected === true;
  }

  /** Whatever runs is allowed, and nothing is masked: nothing hangs on what names lead to. */
  get unconcerned(): boolean {
    return this.parts.allowsAnything === true && !this.protects;
  }

  /** What has just been judged, on its way. */
  run(n: number, statements: readonly StatementAnalysis[]): Run {
    this.settings.expect(statements);
    return this.rewirings.stamp(new Run(n, statements, this.parts.now(), 0, this.last, this.means));
  }

  /** The newest catalog there is: masks by an old one are better than none while a new one is loaded. */
  get catalog(): SessionCatalog | null {
    return this.parts.catalog.current ?? this.last;
  }

  /**
   * How a result column is masked by its origin. One that the catalog has not seen may show anything, unless the session's own open
   * transaction (`ownChanges`) has just made it, of nothing protected.
   */
  maskOf(oid: number, attnum: number, ownChanges: boolean): ReturnType<SessionCatalog['maskOf']> {
    const { catalog, rewired } = this;
    const known = catalog?.maskOf(oid, attnum) ?? this.own.view?.maskOf(oid, attnum) ?? null;
    if (known !== null || (!rewired && (ownChanges || catalog?.knows(oid) === true))) return known;
    return { column: `(relation ${oid}, column ${attnum})`, mask: 'redact' };
  }

  /** Only by what everybody sees now: what the session's own transaction has changed may have put another check in its place. */
  tellsCheck(names: Parameters<SessionCatalog['tellsCheck']>, ownChanges: boolean): boolean {
    return !ownChanges && !this.rewired && this.parts.catalog.current?.tellsCheck(...names) === true;
  }

  /** In a failed transaction the settings cannot be asked for, and may be other than known. */
  private path(): readonly string[] {
    return this.settings.dirty ? UNKNOWN_PATH : this.settings.searchPath;
  }

  private decide(statements: readonly StatementAnalysis[], inTransaction: boolean): Verdict {
    const why = neverAllowed(statements, this.parts.readOnly, this.rewired, this.joined);
    if (why !== null) return { kind: 'deny', rule: INVARIANT, message: why };
    return this.parts.decide(statements, inTransaction);
  }

  /** The open transaction has changed meanings, and cannot be asked what it sees. */
  private get dark(): boolean {
    return this.moved && this.own.view === null;
  }

  /** Where what the open transaction has changed is not seen, what runs behind it, or at its end, cannot be told. */
  private seen(statement: StatementAnalysis): StatementAnalysis {
    const hidden = this.dark ? !keepsMeaning(statement) : this.worked && statement.meaning === 'changes';
    return hidden ? cannotTell(statement, MOVED) : statement;
  }

  /**
   * What PREPARE or DECLARE make: an analysis, valid as long as nothing that it depends on changes. `epoch`: in which it was judged;
   * null where that is not known. Not `sure`: its name may stand for something else already.
   */
  fromSql(
    { body: analysis, text }: Pick<Named, 'body' | 'text'>,
    epoch: number | null,
    sure = true,
  ): Prepared {
    // What the open transaction has changed may have been planned into it, and be changed back before anybody looks.
    const madeBy =
      text === undefined || epoch === null || this.moved || this.rewired ? null : { text, epoch };
    const alone = analysis.executes === null && analysis.cursor === null;
    return {
      text: null,
      types: [],
      bytes: bytesOf(text ?? ''),
      madeBy,
      escapes: false,
      analysis,
      under: this.judge.stamp,
      doubts: sure ? this.opened.doubts : -1,
      alone,
      columns: null,
      unrecorded: false,
    };
  }

  /** A prepared statement judged anew: its meaning may have changed since, and may hang on the values that it is bound with. */
  bound(prepared: Prepared, values?: () => Values): Judged {
    const judged = this.anew(prepared);
    return values === undefined ? judged : this.judge.bound(judged, values);
  }

  private anew(prepared: Prepared): Judged {
    const { judge } = this;
    if (prepared.judged?.under === judge.stamp) return prepared.judged.judged;
    if (prepared.text === null) {
      const body = this.bodyOf(prepared) ?? cannotTell(prepared.analysis, ANOTHER);
      return judge.statements('(prepared in SQL)', [body]);
    }
    const judgement = judge.text(prepared.text, prepared.types, prepared.escapes);
    if (judgement.kind !== 'judged')
      throw new HoldpointError('internal', 'a prepared statement does not parse any more');
    const judged = asParsed(prepared, judgement.judged, false, judge, this.means, this.parts);
    // What changes meanings is judged by what its transaction has done before.
    if (judged.alone && judged.statements.every(s => s.meaning !== 'changes'))
      prepared.judged = { under: judge.stamp, judged };
    return judged;
  }

  /** What a name stands for; not told where that hangs on yet another name, which may be another one by now. */
  private bodyOf(prepared: Prepared | undefined): StatementAnalysis | undefined {
    if (prepared === undefined || !prepared.alone || prepared.doubts !== this.opened.doubts) return undefined;
    if (prepared.text === null) return this.stillMeans(prepared) ? prepared.analysis : undefined;
    const judgement = this.judge.text(prepared.text, prepared.types, prepared.escapes);
    if (judgement.kind !== 'judged') return undefined;
    return asParsed(prepared, judgement.judged, true, this.judge, this.means, this.parts).statements[0];
  }

  /**
   * Whether what PREPARE or DECLARE made is what its text would make now. A cursor goes on as it was planned and a prepared statement is planned
   * anew: where both analyses are the same, each is right for either. Not where names around protected columns have changed since it was
   * judged, by whomever: it may have waited for the lock of that change, and the names may be back where they were.
   */
  private stillMeans(prepared: Prepared): boolean {
    const { judge } = this;
    if (prepared.under === judge.stamp) return true;
    if (prepared.madeBy === null || this.rewirings.since(prepared.madeBy.epoch)) return false;
    const again = judge.text(prepared.madeBy.text);
    if (again.kind !== 'judged') return false;
    const [statement] = again.judged.statements;
    const named = statement?.actions.find(a => a.kind === 'prepare' || a.kind === 'declare');
    const whole = named?.kind === 'declare' ? undefined : BY_NAME;
    if (JSON.stringify(named?.body, whole) !== JSON.stringify(prepared.analysis, whole)) return false;
    // The same, and by the catalog as it is now where it has yet to be bound.
    prepared.analysis = named?.body ?? prepared.analysis;
    prepared.under = judge.stamp;
    return true;
  }
}

/** A prepared statement looks up anew what it calls; a cursor goes on with the functions that it has. */
const BY_NAME = (key: string, value: unknown) => (key === 'calls' || key === 'late' ? undefined : value);
const ANOTHER = 'what was prepared by SQL may be something else by now';
const MOVED = 'this transaction has changed what names mean: commit it first';
