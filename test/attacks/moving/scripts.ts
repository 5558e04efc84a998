import type { Random } from '#test/fuzz/random.ts';
import * as raw from '#test/support/raw.ts';

/** One message, or the text of several statements, as an attacker would think of it. */
export type Part =
  | { readonly kind: 'query'; readonly texts: readonly string[] }
  | { readonly kind: 'run'; readonly text: string }
  | { readonly kind: 'parse'; readonly name: string; readonly text: string }
  | { readonly kind: 'bind'; readonly name: string; readonly portal: string }
  | { readonly kind: 'execute'; readonly portal: string; readonly rows: number }
  | { readonly kind: 'describe'; readonly of: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'close'; readonly of: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'flush' }
  | { readonly kind: 'sync' };

/** Sent in one write, and answered before the next. */
export type Turn = readonly Part[];

export function bytesOf(part: Part): Buffer {
  switch (part.kind) {
    case 'query':
      return raw.query(part.texts.join('; '));
    case 'run':
      return Buffer.concat([raw.parse({ sql: part.text }), raw.bind(), raw.execute()]);
    case 'parse':
      return raw.parse({ name: part.name, sql: part.text });
    case 'bind':
      return raw.bind({ statement: part.name, portal: part.portal });
    case 'execute':
      return raw.execute(part.portal, part.rows);
    case 'describe':
      return raw.describe(part.of, part.name);
    case 'close':
      return raw.close(part.of, part.name);
    case 'flush':
      return raw.flush();
    case 'sync':
      return raw.sync();
  }
}

const PATHS = [
  'lab',
  'lab',
  'alt',
  'public',
  'public',
  '"$user", public',
  'lab, public',
  'public, lab',
  'attic, public',
  "''",
];
const READS = [
  'select ssn from people',
  'select id, ssn from people where id = 1',
  'table people',
  'select * from v',
  'select tells()',
  'select p from people p',
  'select string_agg(ssn, $$,$$) from people',
  'select ssn from vault',
];
const WRITES = [
  'delete from vault',
  'delete from vault where id = 1',
  "update vault set v = 'x'",
  "insert into vault values (9, 'x', 'x')",
  'select wipe()',
  'select acts()',
  'truncate vault',
  'with d as (delete from vault returning id) select * from d',
  'insert into dt values (1)',
  'insert into vault select id + 100, name, ssn from people',
];
const ENDS = [
  'commit',
  'commit',
  'rollback',
  'commit and chain',
  'rollback and chain',
  "prepare transaction 'x'",
  "commit prepared 'x'",
  "rollback prepared 'x'",
];
const INSIDE = [
  'begin',
  'begin',
  'begin',
  'begin isolation level serializable',
  'savepoint a',
  'rollback to a',
  'release a',
  'set constraints all immediate',
];
const NAMED = [
  'execute p',
  'execute p',
  'execute p',
  'execute q',
  'execute q',
  'explain analyze execute p',
  'create temp table t as execute p',
  'deallocate p',
  'deallocate q',
  'deallocate all',
  'fetch 1 from c',
  'fetch all from c',
  'fetch all from c',
  'move 1 in c',
  'close c',
  'close all',
  'delete from vault where current of c',
  "update vault set v = 'x' where current of c",
];
const DDL = [
  'alter table lab.vault rename to vault2',
  'alter table lab.vault set schema attic',
  'alter table attic.vault set schema lab',
  'alter table lab.people rename to people2',
  'alter table lab.people set schema attic',
  'alter view lab.v rename to v2',
  'alter function lab.wipe() rename to wipe2',
  'alter function lab.wipe() set schema attic',
  'alter function lab.acts() set search_path = public',
  'alter function lab.acts() reset all',
  'alter schema lab rename to lib',
  'alter schema lib rename to lab',
  'alter schema alt rename to lib',
  'drop table lab.people cascade',
  'drop table lab.vault',
  'drop function lab.wipe()',
  'create view attic.people as select id, name, ssn from lab.people',
  'create view lab.vault2 as select * from alt.vault',
  'create temp table vault (id integer, v text, ssn text)',
  'create temp table people (id integer, name text, ssn text)',
  'drop table pg_temp.vault',
  'drop table pg_temp.people',
  "create or replace function lab.wipe() returns integer language plpgsql as 'begin delete from vault where id = 0; return 1; end'",
  "create or replace function lab.tells() returns text language sql stable as 'select ssn from people where id = 1'",
  "create or replace function attic.wipe() returns integer language sql as 'select 1'",
  'alter table public.people rename to people3',
  'alter table public.people rename column ssn to name2',
  'alter table public.vault rename to vault3',
  'alter table public.vault set schema attic',
  'alter function public.wipe() set schema attic',
  'alter view public.v set schema attic',
];
const MOVES = [
  'reset search_path',
  'reset all',
  'set search_path to default',
  'discard all',
  'discard plans',
  'select moves()',
  'select lab.moves()',
  'call goes()',
  'call lab.goes()',
  'set role helper',
  'set local role helper',
  'reset role',
  'set role none',
  'set session authorization default',
  'set standard_conforming_strings = off',
  'set standard_conforming_strings = on',
  'set local standard_conforming_strings = off',
  "do $$ begin perform pg_catalog.set_config('search_path', 'public', false); end $$",
  'do $$ begin set local search_path = public; end $$',
];
/** What they say hangs on standard_conforming_strings. */
const STRINGS = [
  "select '\\'; delete from vault; --'",
  "select '\\'' ; delete from vault; --'",
  "select '\\', ssn from people; --'",
  "select '\\', ssn from people --'",
  "select '\\'', ssn from people --'",
];

function movesTo(random: Random): string {
  const path = random.pick(PATHS);
  const quoted = `'${path.replaceAll("'", '')}'`;
  return random.pick([
    `set search_path = ${path}`,
    `set search_path = ${path}`,
    `set local search_path = ${path}`,
    `select set_config('search_path', ${quoted}, false)`,
    `select set_config('search_path', ${quoted}, true)`,
    `select set_config('search_path', ${quoted}, true), ssn from people`,
    `select wipe(), set_config('search_path', ${quoted}, false)`,
  ]);
}

function statement(random: Random): string {
  const of = random.below(100);
  if (of < 13) return random.pick(READS);
  if (of < 26) return random.pick(WRITES);
  if (of < 40) return movesTo(random);
  if (of < 47) return random.pick(MOVES);
  if (of < 56) return random.pick(ENDS);
  if (of < 66) return random.pick(INSIDE);
  if (of < 74)
    return `prepare ${random.pick(['p', 'q'])} as ${random.pick(random.chance(2) ? READS : WRITES.filter(preparable))}`;
  if (of < 80) return `declare c cursor ${random.chance(2) ? 'with hold ' : ''}for ${random.pick(CURSORS)}`;
  if (of < 90) return random.pick(NAMED);
  if (of < 92) return random.pick(STRINGS);
  if (of < 94)
    return random.pick([
      'copy people to stdout',
      'copy (select ssn from people) to stdout',
      'explain analyze delete from vault',
    ]);
  return random.pick(DDL);
}

const CURSORS = [...READS, 'select wipe() from people', 'select acts() from vault'];

function preparable(text: string): boolean {
  return /^(select|insert|update|delete|with)/.test(text);
}

const NAMES = ['', 'p', 'p', 'q'];
const PORTALS = ['', 'c'];

function part(random: Random): Part {
  const name = random.pick(NAMES);
  const portal = random.pick(PORTALS);
  switch (random.below(9)) {
    case 0:
    case 1:
    case 2:
      return { kind: 'run', text: statement(random) };
    case 3:
    case 4:
      return { kind: 'parse', name, text: statement(random) };
    case 5:
      return { kind: 'bind', name, portal };
    case 6:
      return { kind: 'execute', portal, rows: random.pick([0, 0, 1]) };
    case 7:
      return random.chance(2)
        ? { kind: 'describe', of: 'portal', name: portal }
        : { kind: 'describe', of: 'statement', name };
    default:
      if (random.chance(3)) return { kind: 'flush' };
      return random.chance(2)
        ? { kind: 'close', of: 'portal', name: portal }
        : { kind: 'close', of: 'statement', name };
  }
}

function turn(random: Random): Turn {
  const query = (): Part => ({
    kind: 'query',
    texts: Array.from({ length: 1 + random.below(random.chance(3) ? 5 : 2) }, () => statement(random)),
  });
  if (random.chance(2)) return [query()];
  const parts: Part[] = [];
  for (let left = 1 + random.below(6); left > 0; left--)
    parts.push(random.chance(8) ? { kind: 'sync' } : random.chance(8) ? query() : part(random));
  return parts;
}

/** Begins where all names are harmless, mostly. */
export function scriptOf(random: Random): Turn[] {
  const start: Turn[] = random.chance(6)
    ? []
    : [[{ kind: 'query', texts: [`set search_path = ${random.pick(['lab', 'alt', 'lab, alt'])}`] }]];
  return [...start, ...Array.from({ length: 2 + random.below(7) }, () => turn(random))];
}

/** The same with one thing less, in every way: to find what matters in a script that has done harm. */
export function* smaller(script: readonly Turn[]): Generator<Turn[]> {
  for (let t = 0; t < script.length; t++) {
    yield script.toSpliced(t, 1);
    const parts = script[t]!;
    for (let p = 0; p < parts.length; p++) {
      if (parts.length > 1) yield script.with(t, parts.toSpliced(p, 1));
      const one = parts[p]!;
      if (one.kind === 'query' && one.texts.length > 1)
        for (let s = 0; s < one.texts.length; s++)
          yield script.with(t, parts.with(p, { ...one, texts: one.texts.toSpliced(s, 1) }));
    }
  }
}

export function shown(script: readonly Turn[]): string {
  return script.map(turn => turn.map(one => JSON.stringify(one)).join('\n    ')).join('\n  - ');
}
