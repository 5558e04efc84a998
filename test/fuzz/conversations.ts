import * as raw from '#test/support/raw/messages.ts';
import type { Random } from './random.ts';

/** Statements over protected columns, and over a table that has none; none changes the catalog or a value. */
const PROTECTED = [
  'select ssn from people order by id',
  'select people from people where id < 3 order by id',
  'select id, ssn, salary + 1 from people order by id',
  'table v_people',
  'select upper(ssn) from people order by id',
  'select * from f_tab()',
  'select code from m_people order by id',
  'select b from (select id, ssn as b from people order by id) x',
  'select 1, ssn from people order by id',
  'update people set city = city where id = 1 returning ssn, people',
  'select l.ssn from kids k join people l on l.id = k.parent order by k.id',
  'select ssn from child order by id',
  "insert into sink (v) select 'x' returning (select ssn from people where id = 1)",
  "explain (costs off) select * from people where ssn = '1'",
  "select 'x' || salary from people order by id",
];
const PUBLIC = [
  'select label from kids order by id',
  'select id, label from kids order by id',
  'select name from people where id < 4 order by id',
  'select 1',
  'select city, note from people where id = 1 order by tableoid',
  'select label from kids where id = $1',
  "select 'a', id from kids where id < 3 order by id",
  'update kids set label = label where id = 1 returning id, label',
  'copy (select id, label from kids order by id) to stdout',
  'select label from kids where false',
];
const WRONG = ['select 1/0', 'selec', 'select nope', 'select * from nonesuch', 'execute nonesuch'];
const TRANSACTIONS = [
  ...['begin', 'begin', 'begin', 'commit', 'rollback', 'savepoint a', 'rollback to a', 'release a', 'abort'],
  'commit and chain',
];
const SETTINGS = [
  'set search_path to s2, public',
  'set search_path to public',
  'set local search_path to s2, public',
  "select set_config('search_path', 's2, public', true)",
  'reset all',
  'discard all',
  'discard plans',
  'set plan_cache_mode = force_generic_plan',
  'set standard_conforming_strings = off',
  'reset standard_conforming_strings',
  "select swapped('c')",
  "select swapped('p')",
  "select opened('c')",
  "select run('deallocate s')",
  'call turned()',
];
/** What a lexer may take for the end of something. */
const ODD = ['\\', "'", ' --\n', '/* ; */', "\\'", "select E'\\''; ", "select 'a\\'; table v_people; --'"];

const STATEMENTS = ['', '', 's', 's', 's', 't'];
const PORTALS = ['', '', 'p', 'c', 'c'];
const CURSORS = ['c', 'c', 'p'];

/** What SQL's own cursors and prepared statements are made of, under the protocol's names. */
function named(random: Random): string {
  const read = random.pick(random.chance(2) ? PUBLIC.slice(0, 5) : PROTECTED.slice(0, 9));
  const cursor = random.pick(CURSORS);
  const statement = random.pick(['s', 's', 't']);
  switch (random.below(7)) {
    case 0:
      return `prepare ${statement} as ${read}`;
    case 1:
      return `deallocate ${random.pick([statement, 'all'])}`;
    case 2:
      return `declare ${cursor} ${random.pick(['', 'scroll '])}cursor ${random.pick(['', 'with hold '])}for ${read}`;
    case 3:
      return `close ${random.pick([cursor, 'all'])}`;
    case 4:
      return `execute ${statement}`;
    default:
      return `fetch ${random.pick(['1', '2', 'all', 'next', '0', 'prior'])} from ${cursor}`;
  }
}

function statement(random: Random): string {
  const at = random.below(100);
  if (at < 25) return random.pick(PUBLIC);
  if (at < 48) return random.pick(PROTECTED);
  if (at < 54) return random.pick(WRONG);
  if (at < 67) return random.pick(TRANSACTIONS);
  if (at < 80) return random.pick(SETTINGS);
  return named(random);
}

function text(random: Random): string {
  if (random.chance(4))
    return Array.from({ length: 2 + random.below(3) }, () => statement(random)).join('; ');
  return (random.chance(10) ? random.pick(ODD) : '') + statement(random);
}

/** A message, and how to read it in a report. */
function message(random: Random): [string, Buffer] {
  const name = random.pick(STATEMENTS);
  const portal = random.pick(PORTALS);
  const at = random.below(100);
  if (at < 25) {
    const sql = text(random);
    return [`Query ${sql}`, raw.query(sql)];
  }
  if (at < 43) {
    const sql = random.chance(20) ? text(random) : statement(random);
    return [`Parse ${name}: ${sql}`, raw.parse({ name, sql })];
  }
  if (at < 60) {
    const values = random.chance(12) ? ['1'] : [];
    return [
      `Bind ${portal} of ${name} (${values.join()})`,
      raw.bind({ portal, statement: name, values, resultFormats: [random.below(2)] }),
    ];
  }
  if (at < 76) {
    const most = random.pick([0, 0, 1, 2]);
    return [`Execute ${portal} ${most}`, raw.execute(portal, most)];
  }
  const what = random.pick(['statement', 'portal'] as const);
  const which = what === 'statement' ? name : portal;
  if (at < 81) return [`Describe ${what} ${which}`, raw.describe(what, which)];
  if (at < 87) return [`Close ${what} ${which}`, raw.close(what, which)];
  if (at < 90) return ['Flush', raw.flush()];
  if (at < 91) return random.chance(2) ? ['CopyData', raw.copyData('5\tq\n')] : ['CopyDone', raw.copyDone()];
  return ['Sync', raw.sync()];
}

/** What an agent sends in one go, and what it is in words. It ends with Sync and an empty Query, by whose answer its end is known. */
export interface Turn {
  readonly words: readonly string[];
  readonly bytes: Buffer;
}

/** A conversation over the tables of test/mask/two-databases.ts: lawful messages in a random order. */
export function turns(random: Random): Turn[] {
  return Array.from({ length: 2 + random.below(5) }, () => {
    const said = Array.from({ length: 1 + random.below(6) }, () => message(random));
    return {
      words: said.map(([words]) => words),
      bytes: Buffer.concat([...said.map(([, bytes]) => bytes), raw.sync(), raw.query('')]),
    };
  });
}
