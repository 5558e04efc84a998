import type { Below } from './assemble.ts';
import { buildFunctions } from './functions.ts';
import { initdbsHalf, SPLITS, type Split, STRANGE, type Strange } from './halves.ts';
import { Held } from './held.ts';
import { byName, Layers } from './layers.ts';
import { Protection } from './protect.ts';
import type { Question, Rows } from './questions.ts';
import { buildRelations, NO_RELATIONS } from './relations.ts';
import { buildOperators, buildTypes, operatorCode } from './types.ts';
import { hashOf } from './version.ts';

/** What initdb made, as long as the guard stays the same. */
export interface Base {
  readonly guard: string;
  readonly strange: Strange;
  readonly below: Below;
  readonly hash: string;
}

type Query = (text: string) => Promise<Rows>;

export async function strangeOf(query: Query): Promise<Strange> {
  const found: Partial<Record<Question, number[]>> = {};
  for (const [name, oid] of await query(STRANGE)) {
    const question = name as Question;
    found[question] = [...(found[question] ?? []), Number(oid)];
  }
  return found;
}

/** Reads and builds initdb's half, beside the users' half of the same snapshot. */
export async function baseOf(query: Query, guard: string, strange: Strange, users: Held): Promise<Base> {
  const asked = await Promise.allSettled(
    SPLITS.map(async name => [name, await query(initdbsHalf(name, strange))] as const),
  );
  const rows = {} as Record<Split, Rows>;
  for (const result of asked) {
    if (result.status === 'rejected') throw result.reason;
    rows[result.value[0]] = result.value[1];
  }
  const held = Held.from(rows);
  // Which functions are users' own hangs on rows that are guarded, too.
  const own = buildFunctions(users, null);
  const functions = buildFunctions(held, null);
  const all = new Layers(functions, own);
  const code = operatorCode(held);
  const { types } = buildTypes(held, all, new Map(), new Map(), null);
  const relations = buildRelations(held, all, NO_RELATIONS, null);
  const { index } = relations.finish(new Protection(new Map(), []));
  return {
    guard,
    strange,
    hash: hashOf(Held.from({ ...rows, relations: rows.relations.map(row => row.with(4, null)) }), []),
    below: {
      part: {
        functions,
        operators: byName(buildOperators(held, new Map([...operatorCode(users), ...code]))),
        types,
        relations: index,
      },
      relations: { rows: keyed(rows.relations), protectable: relations.protectable, keys: rows.uniqueKeys },
      types: keyed(rows.types),
      operatorCode: code,
    },
  };
}

function keyed(rows: Rows): Map<string, Rows[number]> {
  return new Map(rows.map(row => [row[0] ?? '', row]));
}
