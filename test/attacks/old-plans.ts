import * as raw from '#test/support/raw.ts';
import { type Attack, type AttackClass, run, talk } from './attack.ts';

const harmless = (name: string) => `create function ${name}() returns integer language sql as 'select 1'`;
const evil = (name: string) =>
  `create or replace function lab.${name}() returns integer language sql as 'select public.mark(''${name}'')'`;

/** `other.name` calls the function of the lab, and what is in `front` comes before it. */
const behind = (name: string, of: string) => [
  `create function other.${name}() returns integer language plpgsql as $$ begin return lab.${of}(); end $$`,
  'set search_path = front, other',
];

const execute = (statement: string) => [raw.bind({ statement }), raw.execute(), raw.sync()];
const insert = (what: string) => `insert into lab.loaded select ${what}()::text`;

/** A statement over a table whose writes are held; then something of the agent's own comes to stand in front of it. */
function held(
  name: string,
  before: readonly string[],
  made: string,
  how: 'before' | 'inside' | 'beside',
): Attack {
  const writes = "insert into marks values ('old plan')";
  return {
    name,
    as: 'holder',
    async run(me, field) {
      for (const text of [...before, 'set search_path = front, public']) await me.say(text);
      if (how === 'inside') await me.say('begin');
      await me.say(raw.parse({ name: 's', sql: writes }), raw.sync());
      await (how === 'beside' ? await field.attacker() : me).say(made);
      await me.say(...execute('s'));
      if (how === 'inside') await me.say('commit');
      await (await field.attacker()).say(
        made.startsWith('create view') ? 'drop view front.marks' : 'drop table front.marks',
      );
    },
  };
}

/** The server goes on with what a name led to when it was planned, while it leads to a harmless thing now. */
export const OLD_PLANS: AttackClass = {
  title: 'old plans',
  attacks: [
    talk('a function in front of one that a prepared statement calls', [
      ...behind('op41', 'p41'),
      [raw.parse({ name: 's', sql: insert('op41') }), raw.sync()],
      execute('s'),
      harmless('front.op41'),
      evil('p41'),
      execute('s'),
    ]),
    talk('a function in front of one that a statement of SQL calls', [
      ...behind('op42', 'p42'),
      'prepare s as select op42()',
      'execute s',
      harmless('front.op42'),
      evil('p42'),
      'begin',
      'execute s',
      'rollback',
      'begin',
      execute('s'),
      'commit',
    ]),
    talk('a function in front of one that a body has called before', [
      ...behind('op43', 'p43'),
      'create function lab.calls43() returns integer language plpgsql as $$ begin return op43(); end $$',
      insert('lab.calls43'),
      insert('lab.calls43'),
      harmless('front.op43'),
      evil('p43'),
      insert('lab.calls43'),
    ]),
    talk('a table in front of one whose trigger changes', [
      'create table other.o44 (id integer)',
      `create function lab.tr44() returns trigger language plpgsql as $$ begin perform lab.p44(); return new; end $$`,
      'create trigger tr before insert on other.o44 for each row execute function lab.tr44()',
      'set search_path = front, other',
      [raw.parse({ name: 's', sql: 'insert into o44 values (1)' }), raw.sync()],
      execute('s'),
      'create table front.o44 (id integer)',
      evil('p44'),
      execute('s'),
    ]),
    {
      name: 'a function in front of one that a portal calls, made by a second session',
      async run(me, field) {
        const other = await field.attacker();
        for (const text of [...behind('op46', 'p46'), 'begin']) await me.say(text);
        await me.say(raw.parse({ sql: 'select op46() from lab.t' }), raw.bind({ portal: 'p' }), raw.sync());
        await other.say(harmless('front.op46'));
        await other.say(evil('p46'));
        await me.say(raw.execute('p', 1), raw.sync());
        await me.say('commit');
      },
    },
    talk('a domain in front of that of a variable', [
      `create function lab.check47(v integer) returns boolean language plpgsql as $$ begin return lab.p47() > 0; end $$`,
      'create domain other.d47 as integer check (lab.check47(value))',
      'set search_path = front, other',
      'create function lab.var47() returns integer language plpgsql as $$ declare x d47; begin x := 1; return x; end $$',
      insert('lab.var47'),
      'create domain front.d47 as integer',
      evil('p47'),
      insert('lab.var47'),
    ]),
    talk('a variable whose domain has got another name', [
      harmless('lab.check55'),
      'create domain other.d55 as integer check (value > lab.check55() - 2)',
      'create function lab.calls55() returns integer language plpgsql as $$ declare a other.d55; begin a := 1; return a; end $$',
      insert('lab.calls55'),
      'alter domain other.d55 rename to elsewhere55',
      'create domain other.d55 as integer',
      evil('check55'),
      insert('lab.calls55'),
    ]),
    talk('another path than that in which the type of a variable was found', [
      `create function lab.check48(v integer) returns boolean language plpgsql as $$ begin return lab.p48() > 0; end $$`,
      'create domain other.d48 as integer check (lab.check48(value))',
      'create domain front.d48 as integer',
      'set search_path = other',
      'create function lab.var48() returns integer language plpgsql as $$ declare x d48; begin x := 1; return x; end $$',
      insert('lab.var48'),
      'set search_path = front',
      evil('p48'),
      insert('lab.var48'),
    ]),
    held(
      'a table in front of one whose writes are held',
      [],
      'create table front.marks (what text)',
      'before',
    ),
    held('a table in front of it, in a transaction', [], 'create table front.marks (what text)', 'inside'),
    held(
      'a table in front of it, made by a second session',
      [],
      'create table front.marks (what text)',
      'beside',
    ),
    held(
      'a view in front of it',
      [],
      'create view front.marks as select v as what from lab.loaded',
      'before',
    ),
    held(
      'a table that gets its name',
      ['create table front.m (what text)'],
      'alter table front.m rename to marks',
      'before',
    ),
    talk('a function that closes a portal and opens another one of its name', [
      `create function lab.opens49() returns integer language plpgsql as $$ begin return f49(); end $$`,
      `create function lab.swaps49() returns void language sql as 'close p; declare p cursor for select lab.opens49()'`,
      'set search_path = other',
      'begin',
      [
        raw.parse({ sql: 'select id from lab.t' }),
        raw.bind({ portal: 'p' }),
        raw.execute('p', 1),
        raw.sync(),
      ],
      'select lab.swaps49()',
      'set search_path = public',
      [raw.execute('p', 1), raw.sync()],
      'commit',
    ]),
    talk('the same by a variable, in one pipeline', [
      `create function lab.opens50() returns integer language plpgsql as $$ begin return f50(); end $$`,
      `create function lab.swaps50() returns integer language plpgsql as
        $$ declare c refcursor := 'p'; begin close c; open c for select lab.opens50(); return 1; end $$`,
      'set search_path = other',
      [
        run('begin'),
        raw.parse({ name: 's', sql: 'select id from lab.t' }),
        raw.bind({ statement: 's', portal: 'p' }),
        raw.execute('p', 1),
        run('select lab.swaps50()'),
        run('set search_path = public'),
        raw.execute('p', 1),
        run('commit'),
        raw.sync(),
      ],
    ]),
    talk('a function that prepares another statement of a name that is known', [
      'prepare a as select 1',
      `create function lab.swaps51() returns void language sql as 'deallocate a; prepare a as select f51()'`,
      'set search_path = other',
      'select lab.swaps51()',
      'set search_path = public',
      'begin',
      'execute a',
      'rollback',
      'begin',
      execute('a'),
      'commit',
    ]),
  ],
};
