import type { Values } from '#schemas/analysis.ts';
import type { CatalogRelation, CatalogView } from '../catalog-view.ts';
import type { Carriers } from './carried.ts';
import { Facts, HELD } from './facts.ts';
import type { Judge } from './judge.ts';
import type { Meetings } from './meetings.ts';
import { effectivePath } from './names.ts';
import type { RowCalls } from './row-calls.ts';
import type { Scope } from './scope.ts';
import type { Tree } from './tree.ts';
import type { Declared } from './void-arguments.ts';

/** A call that may happen, and what it would do if it does. Whether its argument types can occur is known only at the end. */
export interface PossibleCall {
  readonly inputs: readonly number[];
  readonly result: readonly number[];
  readonly facts: Facts;
  /** A built-in function or operator answers to the same name. */
  readonly rivals: boolean;
}

/**
 * The parts of SQL that contain each other: an expression holds queries, a body holds statements. Those that come later in the
 * order of the files are reached through this.
 */
export interface Grammar {
  query(context: Context, select: Tree): void;
  dml(context: Context, tag: string, body: Tree): void;
  into(context: Context, select: Tree): void;
  statement(context: Context, statement: unknown): void;
}

/** Every row that the target list sees is the row of pg_settings whose name is each of `names`. */
export interface PinnedSetting {
  readonly relation: CatalogRelation;
  readonly alias: string;
  readonly names: readonly unknown[];
}

/** The parameters of the agent's own statement. */
export interface Binding {
  /** OIDs as declared, 0 where the server infers the type. */
  readonly types: readonly number[];
  /** Null before it is bound. */
  readonly values: Values | null;
  /** Nodes of parameters that surely are texts where they stand, true where the server would cut them as a name. */
  readonly places: Map<Tree, boolean>;
  /** Numbers of the parameters on which something hangs. */
  readonly asked: Set<number>;
}

/** Everything that walking one statement needs and collects. */
export interface Context {
  readonly view: CatalogView;
  readonly judge: Judge;
  readonly facts: Facts;
  /** For names in this text; null when not known. */
  readonly path: readonly string[] | null;
  /**
   * It is a definition as the server prints it: names have their schemas. But `=` is not printed where NULLIF, IS DISTINCT FROM, CASE x WHEN
   * and USING compare, and is the one that was found when it was made.
   */
  readonly printed: boolean;
  /** For names in the bodies of functions that it calls. */
  callPath: readonly string[];
  /** CTE names in scope, innermost last. */
  readonly ctes: Set<string>[];
  /** Aliases in scope, innermost last. */
  readonly scopes: Scope[];
  /** Types whose values may occur. */
  readonly types: Set<number>;
  /** Types that values are cast to because the text, a declaration or a signature says so. */
  readonly targets: Set<number>;
  /** Casts that the text asks for: to which type, and from which ones, null where that cannot be told. */
  readonly asked: { readonly target: number; readonly sources: readonly number[] | null }[];
  /** Relations read, with the alias that a whole row of each goes by. */
  readonly rows: { readonly relation: CatalogRelation; readonly alias: string }[];
  /** Every name that stands for a column or a whole row; '*' for stars. */
  readonly mentioned: Set<string>;
  readonly calls: PossibleCall[];
  /** Relations named in the text that reach a protected column. */
  readonly exposed: Set<CatalogRelation>;
  /** Names of relations that earlier statements of the same text have joined with protected ones. */
  joined: ReadonlySet<string>;
  /** Of the innermost query, while its target list is walked. */
  pinned: PinnedSetting | null;
  /** There is more than columns and constants: values meet. */
  computes: boolean;
  /** Rows of whatever type occurs are made from text or JSON. */
  populates: boolean;
  /** Values of any type may come in: a body with polymorphic arguments. */
  open: boolean;
  /** Parameters may have types that the text does not tell. */
  parameters: boolean;
  /** The parameters of the agent's statement; null in bodies, whose parameters are never void. */
  declared: Declared | null;
  /** A name may be a variable of the body rather than a column. */
  variables: boolean;
  /** What a name before a dot stands for is a variable's field, where FROM has no such name: PL/pgSQL calls no function by it. */
  fields: boolean;
  /** The body has records, NEW and OLD among them: each can be a row of any type. */
  records: boolean;
  /** The whole statement, where names are looked for beyond what has been walked. */
  root: unknown;
  /** Queries in which no call makes as many rows as a protected value says, where such values are in scope. */
  readonly sized: WeakSet<object>;
  /** What `carriersOf` has found. */
  carriers: Carriers | null;
  /** What `rowCalls` has made. */
  rowCalls: RowCalls | null;
  /** What `meetings` has found. */
  meetings: Meetings | null;
  /** It is the agent's statement itself, not the body of anything that runs behind it. */
  itself: boolean;
  /** Null where no parameter is one that the agent binds. */
  binding: Binding | null;
}

/** `path` is the search path for names in the text, empty where the server has printed it; `callPath` that of functions called from it. */
export function newContext(
  view: CatalogView,
  judge: Judge,
  path: readonly string[],
  callPath: readonly string[] = path,
): Context {
  return {
    view,
    judge,
    facts: new Facts(),
    path: effectivePath(path),
    printed: path.length === 0,
    callPath,
    ctes: [],
    scopes: [],
    types: new Set(),
    targets: new Set(),
    asked: [],
    rows: [],
    mentioned: new Set(),
    pinned: null,
    computes: false,
    populates: false,
    open: false,
    parameters: false,
    declared: null,
    variables: false,
    fields: false,
    records: false,
    root: null,
    sized: new WeakSet(),
    carriers: null,
    rowCalls: null,
    meetings: null,
    itself: false,
    binding: null,
    calls: [],
    exposed: new Set(),
    joined: new Set(),
  };
}

/** What is walked next is a text of its own. */
export function rooted(context: Context, root: unknown): void {
  context.root = root;
  context.carriers = null;
  context.rowCalls = null;
  context.meetings = null;
}

/** A value of this type may occur: so may values of what it is made of. */
export function involve(context: Context, oid: number): void {
  if (oid === 0 || context.types.has(oid)) return;
  const type = context.view.type(oid);
  if (type === undefined) return;
  context.types.add(oid);
  for (const part of type.parts) involve(context, part);
}

/** The type of a relation's rows, which nobody has to name. */
export function involveRow(context: Context, relation: CatalogRelation): void {
  for (const type of context.view.typesNamed(relation.name))
    if (type.schema === relation.schema) involve(context, type.oid);
}

/** A value is cast to this type, and with it to everything that it is made of. */
export function castTo(context: Context, oid: number): void {
  if (oid === 0 || context.targets.has(oid)) return;
  context.targets.add(oid);
  involve(context, oid);
  // A range compares its bounds as soon as it is made.
  if ('rm'.includes(context.view.type(oid)?.kind ?? 'p')) context.computes = true;
  for (const part of context.view.type(oid)?.parts ?? []) castTo(context, part);
}

/** The text casts something to this type; `sources` are the types that it can have. A user's type may always be among them. */
export function ask(context: Context, target: number, sources: readonly number[] | null): void {
  castTo(context, target);
  const seen = new Set<number>();
  const add = (oid: number, from: readonly number[] | null) => {
    if (oid === 0 || seen.has(oid)) return;
    seen.add(oid);
    if (oid !== target && sources?.length === 0) return;
    const type = context.view.type(oid);
    context.asked.push({ target: oid, sources: from });
    for (const part of type?.parts ?? []) add(part, type?.kind === 'd' ? from : null);
  };
  add(target, sources);
}

/** Columns that are read: only the types of those that are mentioned count, and that of the row where all of it may be meant. */
function involveColumns(context: Context): void {
  const { mentioned } = context;
  for (const { relation, alias } of context.rows) {
    const whole = context.populates || mentioned.has('*') || mentioned.has(alias);
    if (whole) involveRow(context, relation);
    for (const [column, type] of relation.columns) if (whole || mentioned.has(column)) involve(context, type);
  }
}

/** Decides which possible calls can happen and what the types that occur bring with them; then the facts are complete. */
export function settle(context: Context): Facts {
  const { facts, judge, callPath } = context;
  involveColumns(context);
  if (context.open) for (const oid of context.view.lively) castTo(context, oid);
  let open = context.calls.splice(0);
  for (;;) {
    const rest: PossibleCall[] = [];
    for (const call of open) {
      if (!feasible(context, call)) {
        rest.push(call);
        continue;
      }
      facts.absorb(call.facts);
      for (const oid of call.inputs) castTo(context, oid);
      for (const oid of call.result) involve(context, oid);
    }
    if (rest.length === open.length) break;
    open = rest;
  }
  if (context.populates) for (const oid of [...context.types]) castTo(context, oid);
  for (const oid of context.types) {
    brings(facts, judge.typeFacts(oid, 'io', callPath));
    if (context.computes) facts.absorb(judge.typeFacts(oid, 'meets', callPath));
  }
  for (const oid of context.targets) brings(facts, judge.typeFacts(oid, 'checks', callPath));
  // JSON constructors look for a cast to JSON without being asked.
  const json = JSON_TYPES.map(target => ({ target, sources: [] }));
  for (const { target, sources } of [...context.asked, ...json])
    for (const { source, function: called } of context.view.type(target)?.casts ?? []) {
      const own = context.view.type(source)?.system === false;
      const record = context.records && context.view.type(source)?.kind === 'c';
      const possible = own
        ? context.open || record || context.types.has(source)
        : (sources?.includes(source) ?? true);
      if (possible) facts.absorb(judge.hookFacts(called, callPath, 'a cast'));
    }
  // What was absorbed has met them where it was settled.
  if (facts.firesEvents) facts.absorb(judge.eventFacts(callPath));
  if (facts.late.has(HELD)) leave(context);
  return facts;
}

/** The end of the transaction runs a cursor: whatever it may come to then, types that have nothing of users' yet among it. */
function leave({ facts, types, targets, view }: Context): void {
  for (const oid of facts.called) facts.late.add(oid);
  for (const oid of [...types, ...targets]) if (view.type(oid)?.system === false) facts.late.add(-oid);
}

/** What a type runs when one of its values is read from text, which for a literal is when the server parses. */
function brings(facts: Facts, found: Facts): void {
  facts.absorb(found);
  if (!found.readOnly) facts.parseRuns = true;
}

/** OIDs of json and jsonb in pg_type.dat. */
const JSON_TYPES = [114, 3802];

/**
 * A candidate that takes nothing but user types cannot win against a built-in one of the same name unless a value of such a type
 * occurs: untyped literals go to the built-in form. Domains, composites and types with an implicit cast to them give no such certainty.
 */
function feasible(context: Context, call: PossibleCall): boolean {
  if (context.open || !call.rivals || call.inputs.length === 0) return true;
  const distinct = call.inputs.every(oid => {
    const type = context.view.type(oid);
    return type !== undefined && !type.system && 'berm'.includes(type.kind) && !type.castTo;
  });
  return !distinct || call.inputs.some(oid => occurs(context, oid));
}

function occurs(context: Context, oid: number): boolean {
  if (context.types.has(oid)) return true;
  return context.view.type(oid)?.parts.some(part => occurs(context, part)) ?? true;
}
