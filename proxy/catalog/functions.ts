import type { Answers } from './load.ts';
import type { CatalogFunction } from './shapes.ts';

/** OIDs from here on are users' own. */
export const FIRST_USER_OID = 16384;

export function oids(text: string | null | undefined): number[] {
  return (text ?? '')
    .split(' ')
    .filter(t => t !== '' && t !== '0')
    .map(Number);
}

/** `ownFunctions` and `aggregates` may speak of more functions than `functions` does. */
export function buildFunctions(
  answers: Pick<Answers, 'functions' | 'ownFunctions' | 'aggregates'>,
): Map<number, CatalogFunction> {
  const own = new Map(answers.ownFunctions.map(row => [row[0], row]));
  const parts = new Map(answers.aggregates.map(([oid, all]) => [oid, oids(all)]));
  const found = new Map<number, CatalogFunction>();
  for (const [
    oid,
    schema,
    name,
    kind,
    language,
    volatility,
    inputs,
    defaults,
    variadic,
    result,
    set,
  ] of answers.functions) {
    const more = own.get(oid ?? '');
    found.set(Number(oid), {
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
      parts: parts.get(oid ?? '') ?? [],
    });
  }
  return found;
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
  const words = new Map(
    own.map(f => [
      f.oid,
      new Set(`${f.source} ${f.sqlBody}`.toLowerCase().match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? []),
    ]),
  );
  const wanted = new Set([...relations].map(name => name.toLowerCase()));
  const suspects = new Set<number>();
  for (let grown = true; grown; ) {
    grown = false;
    for (const f of own) {
      if (suspects.has(f.oid)) continue;
      const said = words.get(f.oid) ?? new Set();
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
