import type { CommandClass } from '#schemas/effects.ts';

/** Among what is left to the end of a transaction: a cursor WITH HOLD. */
export const HELD = 0;

/** What is found out while a tree is walked. Sets only grow, `readOnly` and `keyed` only fall: the order of finding does not matter. */
export class Facts {
  readonly commands = new Set<CommandClass>();
  readonly reads = new Set<string>();
  readonly writes = new Set<string>();
  /** Partitions that are reached by the name of what they are a part of, and functions that a command changes and does not call. */
  readonly within = { reads: new Set<string>(), writes: new Set<string>(), functions: new Set<string>() };
  readonly functions = new Set<string>();
  /** OIDs of the users' own functions that it may come to, also of those that are not worth telling. */
  readonly called = new Set<number>();
  readonly unknown = new Set<string>();
  /** Settings changed; null for all of them. */
  readonly settings = new Set<string | null>();
  /** Names of functions called that could carry a value out of the statement's result. */
  readonly carriers = new Set<string>();
  /** Postgres's own functions that tell what other sessions do, or what the server's files hold. */
  readonly revealing = new Set<string>();
  readOnly = true;
  outside = false;
  withoutWhere = false;
  keyed = true;
  /** The number of rows that nested commands touch; null when not known. */
  rows: number | null = 0;
  /** A protected relation is in scope. */
  protected = false;
  /** It is, through something that the statement calls or that cannot be told: masks apply, but the statement did not name it. */
  suspect = false;
  /** It fetches from a cursor of the session by its name: nobody knows what that shows. */
  fetches = false;
  refusal: string | null = null;
  /** A refusal of something that a body does by itself, whatever becomes of what it gives back. */
  breach: string | null = null;
  /** A body has protected values in its hands: its queries or expressions give them to its own code. */
  hands = false;
  /** COMMIT or ROLLBACK inside a body. */
  endsTransaction = false;
  /** Later statements of the same text may mean something else. */
  changesMeaning = false;
  cursor: string | null = null;
  /** DDL after which names may lead to protected values elsewhere. */
  rewires = false;
  /** Names of relations that are joined with protected ones. */
  readonly joins = new Set<string>();
  /** What DDL in it does to other sessions (about.ts). */
  readonly about = new Set<string>();
  /** Relations that the agent's own text names, `>` before those that it writes: they stay locked to the end of the transaction. */
  readonly takes = new Set<string>();
  /** It is, or has in it, a command beside which event triggers run. */
  firesEvents = false;
  /** SQL that was not read runs. */
  opaque = false;
  /** Reading a literal of a type that occurs runs a user's function that does more than compute. */
  parseRuns = false;
  /** The session may be in a client_encoding other than UTF8 afterwards. */
  otherEncoding = false;
  /** It may change standard_conforming_strings, if only while it runs. */
  otherStrings = false;
  /** A body opens a cursor, which stays when it returns; `held`: for longer than its transaction. */
  opens: 'cursor' | 'held' | null = null;
  /**
   * What may run at the end of its transaction only, by what names and definitions are then: OIDs of functions, negative ones of types, and
   * `HELD` where a cursor goes on by then.
   */
  readonly late = new Set<number>();
  /** Bodies that run, and whose text says something else with standard_conforming_strings off. */
  readonly ambiguous = new Set<string>();

  /** Names in the text itself that lead nowhere, each with the words in which `unknown` has it. Nothing takes them over. */
  readonly missed = new Set<string>();
  /** They count as nothing. */
  lenient = false;

  misses(why: string): void {
    this.missed.add(why);
    if (!this.lenient) this.cannotTell(why);
  }

  cannotTell(why: string): void {
    this.unknown.add(why);
    this.readOnly = false;
    this.suspect = true;
    this.keyed = false;
    this.rows = null;
  }

  /** It runs what was not read: a string, or a body in another language. */
  cannotRead(why: string): void {
    this.cannotTell(why);
    this.opaque = true;
  }

  refuse(why: string): void {
    this.breach ??= why;
    this.givesUnmasked(why);
  }

  /** What it gives back would be seen as it is. Where nobody gets that, as from a trigger, it is fine. */
  givesUnmasked(why: string): void {
    this.refusal ??= why;
    this.readOnly = false;
  }

  does(command: CommandClass): void {
    this.commands.add(command);
    this.readOnly = false;
    if (command === 'ddl' || command === 'privilege') this.firesEvents = true;
  }

  /** The same facts of something that runs without the statement having asked for it and was put there by others: a trigger, a default. */
  withoutRefusal(): Facts {
    const copy = this.beside();
    copy.carriers.clear();
    return copy;
  }

  /** The same of what sees each row: a view, a policy, a check. Where a protected one passes by it, it may not carry anything away. */
  beside(): Facts {
    const copy = new Facts();
    copy.absorb(this);
    copy.refusal = null;
    return copy;
  }

  /** It may come to the same functions as something that does nothing worth telling. */
  mayCome({ called }: Facts): void {
    for (const oid of called) this.called.add(oid);
  }

  /** Takes over everything that something called or reached would do. */
  absorb(other: Facts): void {
    for (const c of other.commands) this.commands.add(c);
    for (const r of other.reads) this.reads.add(r);
    for (const w of other.writes) this.writes.add(w);
    for (const r of other.within.reads) this.within.reads.add(r);
    for (const w of other.within.writes) this.within.writes.add(w);
    for (const f of other.within.functions) this.within.functions.add(f);
    for (const f of other.functions) this.functions.add(f);
    this.mayCome(other);
    for (const u of other.unknown) this.unknown.add(u);
    for (const s of other.settings) this.settings.add(s);
    for (const c of other.carriers) this.carriers.add(c);
    for (const r of other.revealing) this.revealing.add(r);
    this.readOnly &&= other.readOnly;
    this.outside ||= other.outside;
    this.withoutWhere ||= other.withoutWhere;
    this.keyed &&= other.keyed;
    this.rows = this.rows === null || other.rows === null ? null : this.rows + other.rows;
    this.protected ||= other.protected;
    this.suspect ||= other.suspect;
    this.fetches ||= other.fetches;
    this.refusal ??= other.refusal;
    this.breach ??= other.breach;
    this.hands ||= other.hands;
    this.endsTransaction ||= other.endsTransaction;
    this.changesMeaning ||= other.changesMeaning;
    this.opaque ||= other.opaque;
    for (const name of other.joins) this.joins.add(name);
    for (const name of other.about) this.about.add(name);
    this.parseRuns ||= other.parseRuns;
    this.otherEncoding ||= other.otherEncoding;
    this.otherStrings ||= other.otherStrings;
    if (other.opens !== null && this.opens !== 'held') this.opens = other.opens;
    for (const oid of other.late) this.late.add(oid);
    for (const a of other.ambiguous) this.ambiguous.add(a);
    this.cursor ??= other.cursor;
  }

  /**
   * What two findings of the same thing have together; itself where the other adds nothing. Where rows are more each time, as of what calls itself,
   * nobody knows how many there will be.
   */
  or(other: Facts): Facts {
    if (this.#has(other)) return this;
    const both = new Facts();
    both.absorb(this);
    both.absorb(other);
    both.rows = this.rows === other.rows ? this.rows : null;
    both.rewires = this.rewires || other.rewires;
    both.firesEvents = this.firesEvents || other.firesEvents;
    return this.#has(both) ? this : both;
  }

  /** The other is the same, but for what its sets have less. */
  #has(other: Facts): boolean {
    for (const key of KEYS) {
      const [own, its] = [this[key], other[key]];
      if (its instanceof Set ? !isIn(its, own as Set<unknown>) : key !== 'within' && own !== its)
        return false;
    }
    const [own, its] = [this.within, other.within];
    return isIn(its.reads, own.reads) && isIn(its.writes, own.writes) && isIn(its.functions, own.functions);
  }
}

const KEYS = Object.keys(new Facts()) as (keyof Facts)[];

function isIn(some: ReadonlySet<unknown>, all: ReadonlySet<unknown>): boolean {
  if (some.size > all.size) return false;
  for (const one of some) if (!all.has(one)) return false;
  return true;
}
