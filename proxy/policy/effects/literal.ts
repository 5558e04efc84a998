import type { Context } from './context.ts';
import { findTypes } from './names.ts';
import { constant, is, list, names, present, tree } from './tree.ts';

/**
 * The text that an argument surely has when it runs, or null. A cast to anything but `text` may change it (`'abc'::varchar(2)` is `ab`),
 * so that what stands in the quotes is not what the function is given.
 */
export function literal(context: Context, value: unknown): string | null {
  const cast = is(value, 'TypeCast');
  if (cast === null) return constant(value);
  const type = tree(cast.typeName);
  const name = names(type.names);
  if (name.at(-1) !== 'text' || list(type.typmods).length > 0 || present(type.arrayBounds)) return null;
  const schema = name.length > 1 ? (name.at(-2) ?? '') : null;
  const found = findTypes(context.view, schema, 'text', context.path);
  return found.length === 1 && found[0]?.system === true ? literal(context, cast.arg) : null;
}
