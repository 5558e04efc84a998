import type { CatalogRelation, CatalogView } from '../catalog-view.ts';
import { Facts } from './facts.ts';
import type { Judge } from './judge.ts';
import { effectivePath } from './names.ts';
import type { Tree } from './tree.ts';

/** A call that may happen, and what it would do if it does. Whether its argument types can occur is known only at the end. */
export interface PossibleCall {
  readonly inputs: readonly number[];
  readonly result: readonly number[];
  readonly facts: Facts;
  /** A built-in function or operator answers to the same name. */
  readonly rivals: boolean;
}

/** Columns of the relation behind an alias; null where they are not known. */
export type Scope = Map<string, ReadonlyMap<string, number> | null>;

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

/** Everything that walking one statement needs and collects. */
export interface Context {
  readonly view: CatalogView;
  readonly judge: Judge;
  readonly facts: Facts;
  /** For names in this text; null when not known. */
  readonly path: readonly string[] | null;
  /** For names in the bodies of functions that it calls. */
  readonly callPath: readonly string[];
  /** CTE names in scope, innermost last. */
  readonly ctes: Set<string>[];
  /** Aliases in scope, innermost last. */
  readonly scopes: Scope[];
  /** Types whose values may occur. */
  readonly types: Set<number>;
  readonly calls: PossibleCall[];
  /** Relations named in the text that reach a protected column. */
  readonly exposed: Set<CatalogRelation>;
  /** Nothing runs, it is only planned: EXPLAIN. */
  planOnly: boolean;
}

/** `path` is the search path for names in the text, `callPath` that of functions called from it. */
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
    callPath,
    ctes: [],
    scopes: [],
    types: new Set(),
    calls: [],
    exposed: new Set(),
    planOnly: false,
  };
}

/** A value of this type may occur: so may values of what it is made of. */
export function involve(context: Context, oid: number): void {
  if (oid === 0 || context.types.has(oid)) return;
  const type = context.view.type(oid);
  if (type === undefined) return;
  context.types.add(oid);
  for (const part of type.parts) involve(context, part);
}

/** Decides which possible calls can happen and what the types that occur bring with them; then the facts are complete. */
export function settle(context: Context): Facts {
  const { facts } = context;
  let open = context.calls.splice(0);
  for (;;) {
    const rest: PossibleCall[] = [];
    for (const call of open) {
      if (!feasible(context, call)) {
        rest.push(call);
        continue;
      }
      facts.absorb(call.facts);
      for (const oid of [...call.inputs, ...call.result]) involve(context, oid);
    }
    if (rest.length === open.length) break;
    open = rest;
  }
  for (const oid of context.types) {
    const brought = context.judge.typeFacts(oid, context.callPath);
    if (brought !== null) facts.absorb(brought);
  }
  return facts;
}

/**
 * A candidate that takes nothing but user types cannot win against a built-in one of the same name unless a value of such a type
 * occurs: untyped literals go to the built-in form. Domains, composites and types with an implicit cast to them give no such certainty.
 */
function feasible(context: Context, call: PossibleCall): boolean {
  if (!call.rivals || call.inputs.length === 0) return true;
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
