import { sha256 } from '#schemas/canonical.ts';
import { Drawers } from './drawers.ts';
import type { Answers, Row, Rows } from './questions.ts';

/** The column by which the rows of an answer are kept together: the OID of what they say something of. */
const KEY: Partial<Record<keyof Answers, number>> = { foreignKeys: 1 };

export const keyColumn = (name: keyof Answers) => KEY[name] ?? 0;

const keyOf = (name: keyof Answers, row: Row) => row[keyColumn(name)] ?? '0';

/** The rows of an answer, by the object that they say something of. */
export type Groups = Drawers<Rows>;

/**
 * All answers, by object. What was asked again and is as it was stays the very same rows, and what is made of them can be kept. Never
 * changed: `with` gives another one that shares all that is the same.
 */
export class Held {
  readonly #groups: Readonly<Partial<Record<keyof Answers, Groups>>>;

  private constructor(groups: Readonly<Partial<Record<keyof Answers, Groups>>>) {
    this.#groups = groups;
  }

  /** What is not answered has no rows. */
  static from(answers: Partial<Answers>): Held {
    const groups: Partial<Record<keyof Answers, Groups>> = {};
    for (const name of Object.keys(answers) as (keyof Answers)[])
      groups[name] = Drawers.of(grouped(answers[name] ?? NONE, row => keyOf(name, row)));
    return new Held(groups);
  }

  groups(name: keyof Answers): Groups {
    return this.#groups[name] ?? NOTHING;
  }

  of(name: keyof Answers, key: string | null | undefined): Rows {
    return this.groups(name).get(key ?? '0') ?? NONE;
  }

  rows(name: keyof Answers): Rows {
    return flat(this.groups(name));
  }

  /** With the rows of these keys as they were now answered; without keys, with all rows. */
  with(name: keyof Answers, rows: Rows, keys: Iterable<string> | null): Held {
    const before = this.groups(name);
    const found = grouped(rows, row => keyOf(name, row));
    const asked = keys === null ? new Set([...before].map(([key]) => key)) : new Set(keys);
    for (const key of found.keys()) asked.add(key);
    const changes = [...asked]
      .map(key => [key, found.get(key)] as const)
      .filter(([key, now]) => !same(before.get(key), now));
    if (changes.length === 0) return this;
    return new Held({ ...this.#groups, [name]: before.with(changes) });
  }

  /** SHA-256 (hex) of one answer, whatever order its rows came in. Drawers that were hashed before are not hashed again. */
  digest(name: keyof Answers): string {
    return sha256(this.groups(name).drawers.map(digestOf).join('\n'));
  }
}

/** The keys of an answer whose rows are not the very same in both. */
export function changedKeys(before: Held, now: Held, name: keyof Answers): Set<string> {
  const changed = new Set<string>();
  const [had, has] = [before.groups(name), now.groups(name)];
  if (had === has) return changed;
  for (const [i, drawer] of has.drawers.entries()) {
    const old = had.drawers[i]!;
    if (old === drawer) continue;
    for (const [key, rows] of drawer) if (old.get(key) !== rows) changed.add(key);
    for (const key of old.keys()) if (!drawer.has(key)) changed.add(key);
  }
  return changed;
}

const NONE: Rows = [];
const NOTHING: Groups = Drawers.of<Rows>([]);
const flattened = new WeakMap<Groups, Rows>();
const digests = new WeakMap<ReadonlyMap<string, Rows>, string>();

function flat(groups: Groups): Rows {
  let rows = flattened.get(groups);
  if (rows === undefined) {
    rows = [...groups].flatMap(([, group]) => group);
    flattened.set(groups, rows);
  }
  return rows;
}

/** One line for each row: as JSON none has a line break inside. */
function digestOf(drawer: ReadonlyMap<string, Rows>): string {
  let digest = digests.get(drawer);
  if (digest === undefined) {
    const lines = [...drawer.values()].flatMap(rows => rows.map(row => JSON.stringify(row)));
    digest = sha256(lines.sort().join('\n'));
    digests.set(drawer, digest);
  }
  return digest;
}

function same(before: Rows | undefined, now: Rows | undefined): boolean {
  if (before === undefined || now === undefined) return before === now;
  if (before.length !== now.length) return false;
  const texts = (rows: Rows) => rows.map(row => JSON.stringify(row)).sort();
  const [one, other] = [texts(before), texts(now)];
  return one.every((text, i) => text === other[i]);
}

export function grouped<T, K>(items: Iterable<T>, key: (item: T) => K): Map<K, T[]> {
  const found = new Map<K, T[]>();
  for (const item of items) {
    const known = found.get(key(item));
    if (known === undefined) found.set(key(item), [item]);
    else known.push(item);
  }
  return found;
}
