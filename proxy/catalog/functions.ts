import { changedKeys, type Held } from './held.ts';
import { Index } from './layers.ts';
import type { Row } from './questions.ts';
import type { CatalogFunction } from './shapes.ts';

/** OIDs from here on are users' own. */
export const FIRST_USER_OID = 16384;

export function oids(text: string | null | undefined): number[] {
  return (text ?? '')
    .split(' ')
    .filter(t => t !== '' && t !== '0')
    .map(Number);
}

/** `ownFunctions` and `aggregates` may speak of more functions than `functions` does. What has the same rows as before is kept. */
export function buildFunctions(
  held: Held,
  last: { readonly held: Held; readonly functions: Index<CatalogFunction> } | null,
): Index<CatalogFunction> {
  const one = (oid: string | null) => {
    const [row] = held.of('functions', oid);
    return row && built(row, held.of('ownFunctions', oid).at(-1), held.of('aggregates', oid).at(-1));
  };
  if (last === null)
    return new Index(new Map(held.rows('functions').map(([oid = null]) => [Number(oid), one(oid)!])));
  return last.functions.after(new Set(ROWS.flatMap(name => [...changedKeys(last.held, held, name)])), one);
}

const ROWS = ['functions', 'ownFunctions', 'aggregates'] as const;

function built(row: Row, more: Row | undefined, parts: Row | undefined): CatalogFunction {
  const [oid, schema, name, kind, language, volatility, inputs, defaults, variadic, result, set] = row;
  return {
    oid: Number(oid),
    schema: schema ?? '',
    name: name ?? '',
    kind: kind ?? '',
    language: language ?? '',
    volatility: volatility ?? 'v',
    system: more === undefined,
    inputs: (inputs ?? '')
      .split(' ')
      .filter(t => t !== '')
      .map(Number),
    defaults: Number(defaults),
    variadic: variadic !== '0',
    result: Number(result),
    returnsSet: set === 't',
    allTypes: strings(more?.[1]).map(Number),
    names: strings(more?.[2]),
    source: more?.[3] ?? '',
    sqlBody: more?.[4] ?? '',
    config: strings(more?.[5]),
    extension: more?.[6] ?? '',
    defaultText: more?.[7] ?? '',
    definition: more?.[8] ?? '',
    terms: more?.[9] ?? '',
    definer: more?.[10] ?? '',
    parts: oids(parts?.[1]),
  };
}

function strings(json: string | null | undefined): string[] {
  if (json === null || json === undefined) return [];
  return (JSON.parse(json) as unknown[]).map(String);
}

/**
 * User functions that may read one of these relations: by a word of their text, because they run strings or are in a language
 * that is not read, or through another such function. Too many rather than too few: it decides what is masked.
 */
export function suspectFunctions(
  functions: ReadonlyMap<number, CatalogFunction>,
  relations: ReadonlySet<string>,
): Set<number> {
  const own = [...functions.values()].filter(f => !f.system);
  const wanted = new Set([...relations].map(name => name.toLowerCase()));
  const suspects = new Set<number>();
  for (let grown = true; grown; ) {
    grown = false;
    for (const f of own) {
      if (suspects.has(f.oid)) continue;
      const said = wordsOf(f);
      const strange =
        f.kind !== 'a' && f.language !== 'sql' && f.language !== 'plpgsql' && f.extension === '';
      const hit =
        strange ||
        said.has('execute') ||
        /["\\]/.test(f.source) ||
        [...wanted].some(w => said.has(w)) ||
        f.parts.some(p => suspects.has(p));
      if (!hit) continue;
      suspects.add(f.oid);
      wanted.add(f.name.toLowerCase());
      grown = true;
    }
  }
  return suspects;
}

const words = new WeakMap<CatalogFunction, ReadonlySet<string>>();

/** Kept with the function, which outlasts a catalog. */
function wordsOf(f: CatalogFunction): ReadonlySet<string> {
  let said = words.get(f);
  if (said === undefined) {
    said = new Set(`${f.source} ${f.sqlBody}`.toLowerCase().match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? []);
    words.set(f, said);
  }
  return said;
}
