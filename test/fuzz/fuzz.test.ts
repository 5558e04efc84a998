import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import pg from 'pg';
import { type Catalog, loadCatalog } from '#proxy/catalog/load.ts';
import { loadParser } from '#proxy/policy/analyse.ts';
import { rowsOf } from '#test/effects/support.ts';
import { startPostgres } from '#test/support/postgres.ts';
import { fuzzCodecs } from './codecs.ts';
import { Random } from './random.ts';
import { conversation, fuzzSession } from './session-rig.ts';
import { fuzzText, randomText } from './texts.ts';

/**
 * Random inputs in both directions. FUZZ_SEED repeats a run, FUZZ_SCALE makes it longer (1 is CI's). Each input has a seed of its own, which
 * is what a crasher is: a file in `crashers/` named `KIND-SEED`, replayed in every run.
 */
const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SCALE = Number(process.env.FUZZ_SCALE ?? 1);
const CRASHERS = join(import.meta.dirname, 'crashers');

let catalog: Catalog;
let oid = 0;
before(async () => {
  console.log(`FUZZ_SEED=${SEED} FUZZ_SCALE=${SCALE}`);
  await loadParser();
  const server = await startPostgres();
  const client = new pg.Client(await server.createDatabase('fuzz'));
  await client.connect();
  await client.query('create table people (id integer primary key, ssn text)');
  catalog = await loadCatalog(sql => rowsOf(client, sql), {
    protectedColumns: [{ schema: 'public', table: 'people', column: 'ssn', mask: 'redact' }],
  });
  oid = Number((await client.query("select 'people'::regclass::oid::int8 as oid")).rows[0].oid);
  await client.end();
});

type Kind = 'codecs' | 'texts' | 'agent' | 'server';
const one: Readonly<Record<Kind, (seed: number) => string | null | Promise<string | null>>> = {
  codecs: seed => fuzzCodecs(new Random(seed)),
  texts: seed => fuzzText(catalog, randomText(new Random(seed))),
  agent: seed => session(seed, false),
  server: seed => session(seed, true),
};
/** How many of each in CI. */
const COUNTS: Readonly<Record<Kind, number>> = { codecs: 30_000, texts: 2_500, agent: 2_000, server: 2_000 };

function session(seed: number, hostile: boolean): Promise<string | null> {
  const random = new Random(seed);
  return fuzzSession(catalog, oid, random, conversation(random), hostile);
}

test('inputs that once did harm do none any more', async () => {
  for (const file of readdirSync(CRASHERS).filter(name => /^\w+-\d+$/.test(name))) {
    const [kind, seed] = file.split('-') as [Kind, string];
    assert.equal(
      await one[kind](Number(seed)),
      null,
      `${file}: ${readFileSync(join(CRASHERS, file), 'utf8')}`,
    );
  }
});

for (const kind of Object.keys(COUNTS) as Kind[])
  test(`${kind}: no input does harm`, async () => {
    const faults: string[] = [];
    const rejected = (reason: unknown) => faults.push(`unhandled: ${(reason as Error).stack}`);
    process.on('unhandledRejection', rejected);
    const from = new Random(SEED ^ kind.length ^ kind.charCodeAt(0));
    const count = Math.round(COUNTS[kind] * SCALE);
    for (let i = 0; i < count && faults.length < 5; i++) {
      const seed = from.below(2 ** 31);
      const fault = await one[kind](seed);
      if (fault !== null) faults.push(`${kind}-${seed}: ${fault}`);
      if (i % 500 === 0) await new Promise(resolve => setImmediate(resolve));
    }
    process.removeListener('unhandledRejection', rejected);
    if (faults.length > 0 && process.env.FUZZ_KEEP !== undefined) {
      mkdirSync(CRASHERS, { recursive: true });
      for (const fault of faults) {
        const [name] = fault.split(':', 1);
        if (name!.includes('-')) writeFileSync(join(CRASHERS, name!), `${fault}\n`);
      }
    }
    assert.deepEqual(faults, []);
    console.log(`${kind}: ${count} inputs`);
  });
