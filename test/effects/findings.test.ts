import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Facts } from '#proxy/policy/effects/facts.ts';
import { Findings } from '#proxy/policy/effects/findings.ts';
import { Random } from '#test/fuzz/random.ts';
import { effectsBench } from './support.ts';

const SEED = Number(process.env.SEED ?? 1);

/** Things that lead to others; some are told only where they do more than compute, as types and casts are. */
interface Thing {
  readonly writes: boolean;
  readonly calls: readonly number[];
  readonly brings: readonly number[];
}

function randomThings(random: Random, count: number): Thing[] {
  const some = () => Array.from({ length: random.below(3) }, () => random.below(count));
  return Array.from({ length: count }, () => ({
    writes: random.below(6) === 0,
    calls: some(),
    brings: some(),
  }));
}

function finder(things: readonly Thing[]): { facts(i: number): Facts; found(): number } {
  const findings = new Findings();
  let found = 0;
  const facts = (i: number): Facts =>
    findings.once(`${i}`, () => {
      found++;
      const own = new Facts();
      const { writes, calls, brings } = things[i]!;
      own.functions.add(`f${i}`);
      if (writes) {
        own.writes.add(`t${i}`);
        own.readOnly = false;
      }
      for (const called of calls) own.absorb(facts(called));
      for (const brought of brings) {
        const other = facts(brought);
        if (!other.readOnly) own.absorb(other);
      }
      return own;
    });
  return { facts, found: () => found };
}

/** The least that holds for all of them together: from nothing, all at once, until nothing is added. */
function expected(things: readonly Thing[]): { functions: Set<string>; readOnly: boolean }[] {
  const all = things.map(({ writes }, i) => ({ functions: new Set([`f${i}`]), readOnly: !writes }));
  for (let before = -1, now = 0; before !== now; ) {
    before = now;
    for (const [i, { calls, brings }] of things.entries())
      for (const other of [...calls, ...brings.filter(b => !all[b]!.readOnly)]) {
        for (const name of all[other]!.functions) all[i]!.functions.add(name);
        all[i]!.readOnly &&= all[other]!.readOnly;
      }
    now = all.reduce((n, one) => n + one.functions.size + (one.readOnly ? 0 : 1), 0);
  }
  return all;
}

test('what things that lead to each other do is found whole, whichever is asked for first', () => {
  const random = new Random(SEED);
  for (let round = 0; round < 150; round++) {
    const things = randomThings(random, 2 + random.below(30));
    const want = expected(things);
    const { facts } = finder(things);
    for (let asked = 0; asked < 10; asked++) {
      const i = random.below(things.length);
      const { functions, readOnly } = facts(i);
      const words = `thing ${i} of round ${round}, seed ${SEED}`;
      assert.deepEqual([...functions].sort(), [...want[i]!.functions].sort(), words);
      assert.equal(readOnly, want[i]!.readOnly, words);
    }
  }
});

test('things that all lead to each other are looked into a few times each, not once for each way among them', () => {
  const all = Array.from({ length: 60 }, (_, i) => i);
  const { facts, found } = finder(all.map(i => ({ writes: i === 59, calls: all, brings: all })));
  for (const i of all) assert.equal(facts(i).functions.size, 60);
  assert.ok(found() <= 60 * 5, `${found()} times`);
});

test('where something fails, what was being found is not taken for known', () => {
  const findings = new Findings();
  let fails = true;
  const one = (): Facts =>
    findings.once('one', () => {
      const own = new Facts();
      own.absorb(two());
      if (fails) throw new Error('failed');
      own.functions.add('one');
      return own;
    });
  const two = (): Facts =>
    findings.once('two', () => {
      const own = new Facts();
      own.absorb(one());
      own.functions.add('two');
      return own;
    });
  assert.throws(one, /failed/);
  fails = false;
  assert.deepEqual([...two().functions].sort(), ['one', 'two']);
  assert.deepEqual([...one().functions].sort(), ['one', 'two']);
});

test('a chain that is too long, or too many things, cannot be told', () => {
  const chain = Array.from({ length: 200 }, (_, i) => ({ writes: false, calls: [i + 1], brings: [] }));
  const long = finder([...chain, { writes: true, calls: [], brings: [] }]).facts(0);
  assert.equal(long.readOnly, false);
  assert.match([...long.unknown].join(), /too much to be followed/);
  const many = Array.from({ length: 6_000 }, (_, i) => ({
    writes: false,
    calls: i === 0 ? [] : [0],
    brings: [],
  }));
  const wide = finder([{ ...many[0]!, calls: many.map((_, i) => i) }, ...many.slice(1)]).facts(0);
  assert.match([...wide.unknown].join(), /too much to be followed/);
});

const bench = effectsBench(`
  create function counts_down(n int) returns int language plpgsql as $$
    begin insert into public.log (id) values (n); if n = 0 then return 0; end if; return public.counts_down(n - 1); end $$;
  create function ping(n int) returns int language plpgsql as $$ begin return public.pong(n - 1); end $$;
  create function pong(n int) returns int language plpgsql as $$
    begin delete from public.log where id = n; return case when n > 0 then public.ping(n) else 0 end; end $$;
`);

test('functions that call each other do what either does, and how many rows that is nobody knows', () => {
  const writes = (sql: string) => bench.one(sql).effects.writes;
  assert.deepEqual(writes('select ping(3)'), ['public.log']);
  assert.deepEqual(writes('select pong(3)'), ['public.log']);
  const { effects } = bench.one('select counts_down(3)');
  assert.deepEqual([effects.writes, effects.rows, effects.unknown], [['public.log'], null, []]);
});
