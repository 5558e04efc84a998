import type { Rows } from './questions.ts';
import { settled } from './settled.ts';

/** A question, and the one value in it, which it calls $1. */
export interface Asked {
  readonly text: string;
  readonly value?: { readonly type: 'xid' | 'oid[]'; readonly text: string };
}

/** With keys: those rows of the answer whose column of this number is one of them; without a column, the text itself has $1 for them. */
export function askedOf(text: string, keys: readonly string[] | null, column: number | null): Asked {
  if (keys === null) return { text };
  const value = { type: 'oid[]', text: `{${keys.join()}}` } as const;
  if (column === null) return { text, value };
  const names = Array.from({ length: column }, (_, i) => `c${i}`);
  return {
    text: `select * from (${text}) as q (${[...names, 'k'].join(', ')}) where k = any ($1)`,
    value,
  };
}

type Query = (text: string) => Promise<(string | null)[][]>;

/** Asks each question by a prepared statement: to plan most of them takes as long as to answer them. */
export class Prepared {
  readonly #query: Query;
  #names = new Map<string, string>();

  constructor(query: Query) {
    this.#query = query;
  }

  ask({ text, value }: Asked): Promise<Rows> {
    const execute = (name: string) =>
      this.#query(value === undefined ? `EXECUTE ${name}` : `EXECUTE ${name} ('${value.text}')`);
    let name = this.#names.get(text);
    if (name !== undefined) return execute(name);
    name = `holdpoint_${this.#names.size}`;
    this.#names.set(text, name);
    const types = value === undefined ? '' : ` (${value.type})`;
    return settled([this.#query(`PREPARE ${name}${types} AS ${text}`), execute(name)]).then(
      ([, rows]) => rows as Rows,
    );
  }

  /** What was prepared may be gone. */
  forget(): void {
    this.#names = new Map();
  }
}

/** On a connection on which nothing may be prepared. */
export function literally(query: Query): (asked: Asked) => Promise<Rows> {
  return ({ text, value }) =>
    query(value === undefined ? text : text.replaceAll('$1', `'${value.text}'::${value.type}`));
}
