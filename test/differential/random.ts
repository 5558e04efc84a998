import fc from 'fast-check';
import { bind, close, describe, execute, flush, parse, query, sync } from '#test/support/raw/messages.ts';
import { type Step, step } from './script.ts';

const NAMES = ['', 'a', 'b'];
const PORTALS = [...NAMES, 'c', 'h'];
/** No statement shows an OID given out meanwhile, or leaves anything behind that outlives its session, so that each script can be played alone. */
const TEXTS = [
  'select 1',
  'select $1::int + 1',
  "select $1::text || 'x', $2::int",
  'select id, name from items where id <= 3 order by id',
  'select g from generate_series(1, 7) g',
  'select 1/0',
  'select nothing',
  'selec 1',
  '',
  'begin',
  'commit',
  'rollback',
  'savepoint s',
  'rollback to s',
  'release s',
  'set local timezone = UTC',
  "set application_name = 'random'",
  'reset all',
  'show timezone',
  'create temp table tt (a int)',
  'insert into tt values (1), (2)',
  'select a + 0 from tt',
  'drop table tt',
  'prepare a as select 41',
  'execute a',
  'deallocate a',
  'deallocate all',
  'discard all',
  'declare c cursor for select g from generate_series(1, 5) g',
  'declare h cursor with hold for select g from generate_series(1, 5) g',
  'fetch 2 from c',
  'fetch from h',
  'fetch 1 from b',
  'move 1 in c',
  'close b',
  'close h',
  'close all',
  "do $$ begin raise notice 'n'; end $$",
  'copy (select 1) to stdout',
  'listen c',
  "notify c, 'p'",
  'explain (costs off) select * from items where id = 1',
  'select 1; select 2',
  'begin; select 1',
  'select 1; select 1/0; select 3',
];

const name = fc.constantFrom(...NAMES);
const portal = fc.constantFrom(...PORTALS);
const sql = fc.constantFrom(...TEXTS);
const either = fc.oneof(
  fc.tuple(fc.constant('statement' as const), name),
  fc.tuple(fc.constant('portal' as const), portal),
);

const message: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ name, sql }).map(parse) },
  {
    weight: 5,
    arbitrary: fc
      .record({
        portal: name,
        statement: name,
        values: fc.array(fc.constantFrom('1', '20', 'x', null), { maxLength: 2 }),
        resultFormats: fc.constantFrom<number[]>([], [0], [1]),
      })
      .map(bind),
  },
  {
    weight: 5,
    arbitrary: fc.tuple(portal, fc.constantFrom(0, 0, 1, 3)).map(([of, rows]) => execute(of, rows)),
  },
  {
    weight: 3,
    arbitrary: either.map(([of, n]) => describe(of, n)),
  },
  {
    weight: 2,
    arbitrary: either.map(([of, n]) => close(of, n)),
  },
  { weight: 1, arbitrary: fc.constant(flush()) },
);

/** One pipeline up to its Sync, or a few simple queries: after each the server has said ReadyForQuery. */
const stepOf: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.array(message, { minLength: 1, maxLength: 8 }).map(all => step([...all, sync()])),
  },
  { weight: 2, arbitrary: fc.array(sql, { minLength: 1, maxLength: 3 }).map(all => step(all.map(query))) },
  {
    weight: 1,
    arbitrary: fc
      .array(message, { minLength: 1, maxLength: 4 })
      .map(all => step([...all, sync(), ...all, sync()])),
  },
);

export function scripts(): fc.Arbitrary<{ steps: Step[]; pieces: number[] }> {
  return fc.record({
    steps: fc.array(stepOf, { minLength: 1, maxLength: 6 }),
    pieces: fc.array(fc.nat(4_000), { maxLength: 6 }),
  });
}
