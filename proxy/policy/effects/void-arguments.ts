import { everything, is, list, names, node, type Tree, tree } from './tree.ts';

/** Of a statement's parameters: their declared types, 0 where the text decides; and the statement, to see where else they stand. */
export interface Declared {
  readonly types: readonly number[];
  readonly statement: unknown;
}

/** OIDs in pg_type.dat; the other one stands for any that is not void. */
const VOID = 2278;
const NOT_VOID = 25;

/** The types of the parameters of one statement. `parameters` are the TypeNames of the PREPARE that it stands under, null for any other. */
export function declaredIn(statement: unknown, parameters: unknown, types: readonly number[]): Declared {
  const prepare = is(statement, 'PrepareStmt');
  if (prepare === null && parameters === null) return { types, statement };
  const named = list(prepare === null ? parameters : prepare.argtypes).map(item =>
    names(tree(is(item, 'TypeName') ?? item).names).at(-1),
  );
  return { types: named.map(name => (name === 'void' ? VOID : NOT_VOID)), statement };
}

/**
 * What is left of a call's arguments at the server. Its parser drops each that is a parameter of type void, so that a JDBC driver need not
 * tell in the text what comes back (ParseFuncOrColumn in parse_func.c): `f($1, 'x')` may be `f('x')`, another function with other
 * positions. `sure` are the arguments without those that are dropped for certain, `fewest` how many there are at least: a parameter whose
 * type the text decides can become void by a cast, or by another place where it stands before.
 */
export function argumentsLeft(
  declared: Declared | null,
  args: readonly unknown[],
): { readonly sure: readonly unknown[]; readonly fewest: number } {
  if (declared === null) return { sure: args, fewest: args.length };
  const sure: unknown[] = [];
  let fewest = 0;
  for (const arg of args) {
    const { number, cast } = parameterOf(arg);
    const type = number === null ? NOT_VOID : (declared.types[number - 1] ?? 0);
    if (type === VOID && !cast) continue;
    sure.push(arg);
    const maybe = type === VOID || (type === 0 && (cast || uses(declared.statement, number ?? 0) > 1));
    if (!maybe) fewest++;
  }
  return { sure, fewest };
}

function parameterOf(arg: unknown): { readonly number: number | null; readonly cast: boolean } {
  let found = node(arg);
  let cast = false;
  while (found?.tag === 'TypeCast') {
    cast = true;
    found = node(found.body.arg);
  }
  return { number: found?.tag === 'ParamRef' ? Number(found.body.number) : null, cast };
}

/** How often each parameter of a statement stands in it, by its number. */
const USES = new WeakMap<object, ReadonlyMap<number, number>>();

function uses(statement: unknown, number: number): number {
  const whole = tree(statement);
  const counted = USES.get(whole) ?? count(whole);
  USES.set(whole, counted);
  return counted.get(number) ?? 0;
}

function count(statement: Tree): ReadonlyMap<number, number> {
  const counted = new Map<number, number>();
  for (const object of everything(statement)) {
    const reference: Tree = tree(object.ParamRef);
    if (!('number' in reference)) continue;
    const number = Number(reference.number);
    counted.set(number, (counted.get(number) ?? 0) + 1);
  }
  return counted;
}
