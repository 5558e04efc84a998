import type { Binding, Context } from './context.ts';
import { findTypes } from './names.ts';
import { everything, is, list, names, present, type Tree, tree } from './tree.ts';

/** OIDs in pg_type.dat of the types whose values reach a function of texts as they were sent; 0 and `unknown` are for the server to infer. */
export const TEXTUAL: ReadonlyMap<number, 'inferred' | 'text' | 'name'> = new Map([
  [0, 'inferred'],
  [705, 'inferred'],
  [25, 'text'],
  [1043, 'text'],
  [19, 'name'],
]);
/** No type that is known: what is declared so is no text. */
const OTHER = -1;
/** NAMEDATALEN - 1. */
const MAX_NAME = 63;
/** No encoding of the server takes more for one character. */
const MOST_BYTES = 4;

/** The bytes that a text has as a name, at most; null where the server may cut it. */
export function nameBytes(text: string): number | null {
  const bytes = /^[\0-\x7f]*$/.test(text) ? text.length : text.length * MOST_BYTES;
  return bytes <= MAX_NAME ? bytes : null;
}

/** Statements in which a parameter is one of the message or, in the last, of the statement's own. Everywhere else the server knows none. */
const TAKE_PARAMETERS = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'ExplainStmt',
  'DeclareCursorStmt',
  'CreateTableAsStmt',
  'CallStmt',
  'PrepareStmt',
]);

export function takesParameters(tag: string): boolean {
  return TAKE_PARAMETERS.has(tag);
}

export function newBinding(types: readonly number[], values: Binding['values']): Binding {
  return { types, values, places: new Map(), asked: new Set() };
}

/** The types that PREPARE declares. */
export function declaredTypes(context: Context, argtypes: unknown): number[] {
  return list(argtypes).map(item => {
    const type = tree(is(item, 'TypeName') ?? {});
    const name = names(type.names);
    const schema = name.length > 1 ? (name.at(-2) ?? '') : null;
    const found = findTypes(context.view, schema, name.at(-1) ?? '', context.path);
    const plain = found.length === 1 && !present(type.arrayBounds) && type.pct_type !== true;
    return plain ? (found[0]?.oid ?? OTHER) : OTHER;
  });
}

/**
 * Whether every parameter on which something hangs is a text at the server as well. One whose type is not declared gets it from the first place
 * where it stands: all of its places have to be texts then, and none may cut it for the others.
 */
export function surelyTexts({ asked, places, types }: Binding, statement: unknown): boolean {
  const inferred = new Set([...asked].filter(n => TEXTUAL.get(types[n - 1] ?? 0) === 'inferred'));
  if (inferred.size === 0) return true;
  const found = new Map<number, Tree[]>();
  for (const object of everything(statement)) {
    const parameter = is(object, 'ParamRef');
    if (parameter === null) continue;
    const n = Number(parameter.number ?? 0);
    const same = found.get(n);
    if (same === undefined) found.set(n, [parameter]);
    else same.push(parameter);
  }
  return [...inferred].every(n => {
    const all = found.get(n) ?? [];
    const cut = all.filter(parameter => places.get(parameter) === true).length;
    return all.every(parameter => places.has(parameter)) && (cut === 0 || all.length === 1);
  });
}
