import type { Catalog } from '#proxy/catalog/load.ts';
import { CatalogLoader as Following, type Loaded, type LoadOptions } from '#proxy/catalog/loader.ts';
import { keysOf, pictureOf, type Query, usersOf } from '../picture.ts';

const counted = { loads: 0, seen: 0 };
process.once('exit', () => {
  console.error(`catalogs compared: ${counted.loads} shared, ${counted.seen} of open transactions`);
});

/** Loads whole behind each load, in the same state of the database, and ends the process where that is another catalog. */
export class CatalogLoader extends Following {
  readonly #query: Query;
  readonly #whole: Following;

  constructor(query: Query, options: ConstructorParameters<typeof Following>[1]) {
    super(query, options);
    this.#query = query;
    this.#whole = new Following(text => query(text.replace(/^(PREPARE|EXECUTE) /, '$1 whole_')), {
      ...options,
      whole: true,
    });
  }

  override async load(options: LoadOptions = {}): Promise<Loaded> {
    for (let tries = 1; ; tries++) {
      const loaded = await super.load(options);
      const whole = await this.#whole.load(options);
      if (!loaded.complete || !whole.complete) return loaded;
      counted.loads++;
      const differs = await difference(this.#query, loaded.catalog, whole.catalog);
      if (differs === '') return loaded;
      // Somebody may have committed a change between the two.
      const again = await this.#whole.load(options);
      if (again.catalog.version === whole.catalog.version && tries > 1) fail(`shared: ${differs}`);
    }
  }

  override async seenBy(query: Query, last: Catalog | null = null): Promise<Catalog | null> {
    // What nothing has changed in stays as the shared connection printed it: constants in its style, not in the agent's.
    for (const name of ['DateStyle', 'IntervalStyle', 'TimeZone', 'extra_float_digits', 'bytea_output']) {
      const [[value] = []] = await this.#query(`show ${name}`);
      await query(`set local ${name} to '${value}'`);
    }
    const seen = await super.seenBy(query, last);
    const whole = await this.#whole.seenBy(query);
    if (whole === null) return seen;
    counted.seen++;
    const differs = seen === null ? 'nothing is seen' : await difference(query, seen, whole);
    if (differs === '') return seen;
    const again = await this.#whole.seenBy(query);
    if (again?.version === whole.version) fail(`within a transaction: ${differs}`);
    return again;
  }
}

async function difference(query: Query, one: Catalog, whole: Catalog): Promise<string> {
  const keys = usersOf(await keysOf(query));
  const [is, should] = [pictureOf(one, keys), pictureOf(whole, keys)];
  for (const [part, text] of Object.entries(should))
    if (is[part] !== text) {
      const lines = new Set(text.split('\n'));
      const others = (is[part] ?? '').split('\n').filter(line => !lines.has(line));
      return `${part}\n${others.slice(0, 5).join('\n')}`;
    }
  return one.version === whole.version ? '' : 'version';
}

function fail(words: string): never {
  console.error(`THE CATALOG IS NOT WHAT A WHOLE LOAD FINDS: ${words}`);
  process.exit(70);
}
