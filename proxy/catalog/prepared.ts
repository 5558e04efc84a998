import type { Rows } from './questions.ts';
import { settled } from './settled.ts';

/** A question, and the one value in it, which it calls $1. */
export interface Asked {
  readonly text: string;
  readonly value?: { readonly type: 'xid' | 'oid[]'; readonly text: string };
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
