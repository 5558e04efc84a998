import type { Context } from './context.ts';
import { findTypes } from './names.ts';
import { nameBytes, TEXTUAL } from './parameters.ts';
import { constant, is, list, names, present, type Tree, tree } from './tree.ts';

/** What can be said of an argument before it runs. */
export type Argument =
  /** The text that it surely has. */
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'null' }
  /** That is known when the statement is bound. */
  | { readonly kind: 'later' }
  | { readonly kind: 'computed' };

const NULL: Argument = { kind: 'null' };
const LATER: Argument = { kind: 'later' };
export const COMPUTED: Argument = { kind: 'computed' };

/**
 * A constant, or a parameter of the statement itself. A cast to anything but text may change it (`'abc'::varchar(2)` is `ab`), so that what
 * stands in the quotes is not what the function is given.
 */
export function argument(context: Context, value: unknown): Argument {
  const cast = is(value, 'TypeCast');
  if (cast !== null) {
    const type = textualCast(context, cast);
    const inner = type === null ? COMPUTED : argument(context, cast.arg);
    return type === 'name' ? asName(inner) : inner;
  }
  const parameter = is(value, 'ParamRef');
  if (parameter !== null) return bound(context, parameter);
  if (is(value, 'A_Const')?.isnull === true) return NULL;
  const text = constant(value);
  return text === null ? COMPUTED : { kind: 'text', text };
}

/** What a cast makes of a text: the same, or as much of it as a name has; null where nobody can tell. */
function textualCast(context: Context, cast: Tree): 'text' | 'name' | null {
  const type = tree(cast.typeName);
  const name = names(type.names);
  const last = name.at(-1) ?? '';
  if (list(type.typmods).length > 0 || present(type.arrayBounds)) return null;
  if (last !== 'text' && last !== 'varchar' && last !== 'name') return null;
  const found = findTypes(context.view, name.length > 1 ? (name.at(-2) ?? '') : null, last, context.path);
  if (found.length !== 1 || found[0]?.system !== true) return null;
  return last === 'name' ? 'name' : 'text';
}

/** A name that the server would cut is not what it says. */
function asName(given: Argument): Argument {
  return given.kind === 'text' && nameBytes(given.text) === null ? COMPUTED : given;
}

/**
 * Notes that a parameter standing here, as it is or in casts to text, is a text: what the server makes of the type of an undeclared one hangs
 * on the places where it stands.
 */
export function textPlace(context: Context, value: unknown, cut = false): void {
  const cast = is(value, 'TypeCast');
  if (cast !== null) {
    const type = textualCast(context, cast);
    if (type !== null) textPlace(context, cast.arg, type === 'name');
    return;
  }
  const parameter = is(value, 'ParamRef');
  if (parameter !== null) context.binding?.places.set(parameter, cut);
}

function bound({ binding, itself }: Context, parameter: Tree): Argument {
  const n = Number(parameter.number ?? 0);
  if (binding === null || !itself || n < 1) return COMPUTED;
  binding.asked.add(n);
  const type = binding.types[n - 1] ?? 0;
  if (!TEXTUAL.has(type)) return COMPUTED;
  if (binding.values === null) return LATER;
  // The server refuses a statement that is given too few.
  const value = n > binding.values.length ? null : binding.values[n - 1];
  if (value === null) return NULL;
  if (value === undefined || value.includes('\0')) return COMPUTED;
  const text: Argument = { kind: 'text', text: value };
  return TEXTUAL.get(type) === 'name' ? asName(text) : text;
}
