import { FIRST_USER_OID } from './functions.ts';

type Column = readonly [attnum: number, name: string, type: number];

/** The columns of a relation. Shared by all catalogs that have the same: never changed. */
export interface Columns {
  readonly all: readonly Column[];
  /** Those of a type of users'. */
  readonly users: readonly Column[];
  /** By name. */
  readonly types: ReadonlyMap<string, number>;
  /** By name. */
  readonly numbers: ReadonlyMap<string, number>;
}

/** Characters of texts that are kept in each of two generations: the columns of some ten thousand tables. */
const KEPT = 4 << 20;

const NONE: Columns = { all: [], users: [], types: new Map(), numbers: new Map() };

let young = new Map<string, Columns>();
let old: ReadonlyMap<string, Columns> = young;
let size = 0;

/**
 * The columns of this JSON text of RELATIONS. They hang on the text alone, and between two loads of a catalog nearly all stay the same:
 * what was read lately is not read again.
 */
export function columnsOf(json: string | null | undefined): Columns {
  if (json === null || json === undefined) return NONE;
  const known = young.get(json);
  if (known !== undefined) return known;
  const columns = old.get(json) ?? read(json);
  if (size + json.length > KEPT) {
    old = young;
    young = new Map();
    size = 0;
  }
  young.set(json, columns);
  size += json.length;
  return columns;
}

function read(json: string): Columns {
  const all = JSON.parse(json) as Column[];
  return {
    all,
    users: all.filter(([, , type]) => type >= FIRST_USER_OID),
    types: new Map(all.map(([, name, type]) => [name, type])),
    numbers: new Map(all.map(([attnum, name]) => [name, attnum])),
  };
}
