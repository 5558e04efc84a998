import * as raw from '#test/support/raw.ts';
import { type Attack, type AttackClass, talk } from './attack.ts';

const evil = (n: number) =>
  `create or replace function lab.p${n}() returns integer language sql as 'select public.mark(''p${n}'')'`;

/** A domain whose check calls a function, a column of it, and the same names in front without anything behind them. */
const domains = (n: number) => [
  `create function lab.check${n}(v integer) returns boolean language plpgsql as $$ begin return lab.p${n}() > 0; end $$`,
  `create domain other.d${n} as integer check (lab.check${n}(value))`,
  `create table other.o${n} (v other.d${n})`,
  `create domain front.d${n} as integer`,
  `create table front.o${n} (v front.d${n})`,
  'set search_path = other',
];
/** Without a word of the statement that has no name. */
const named = (name: string, sql: string) => [
  raw.parse({ name, sql }),
  raw.bind({ statement: name }),
  raw.execute(),
  raw.sync(),
];
const bound = (statement = '') => [raw.bind({ statement, values: ['1'] }), raw.execute(), raw.sync()];

/** Its parameter has the type that the text led to when it was parsed. */
const inferred = (n: number, how: string, sql: string): Attack =>
  talk(`a parameter of ${how}, in another path than that in which it was parsed`, [
    ...domains(n),
    [raw.parse({ name: 's', sql }), raw.sync()],
    bound('s'),
    evil(n),
    'set search_path = front',
    bound('s'),
  ]);

/** The server chooses the types of parameters when it parses a statement, and keeps them whatever the names in its text lead to afterwards. */
export const PARSED_TYPES: AttackClass = {
  title: 'parsed types',
  attacks: [
    inferred(52, 'a column', 'insert into o52 values ($1)'),
    inferred(53, 'a cast', 'insert into lab.loaded select $1::d53::text'),
    talk('a parameter of a statement that EXECUTE runs', [
      ...domains(54),
      [raw.parse({ name: 's', sql: 'select $1::d54::text' }), raw.sync()],
      evil(54),
      'set search_path = front',
      'begin',
      'execute s(1)',
      'commit',
    ]),
    talk('the same of the statement without a name, in pipelines', [
      ...domains(55),
      [raw.parse({ sql: 'insert into o55 values ($1)' }), raw.sync()],
      named('x', evil(55)),
      named('y', 'set search_path = front'),
      bound(),
    ]),
    talk('a domain under the name of one that the parameter has', [
      ...domains(56),
      [raw.parse({ name: 's', sql: 'insert into lab.loaded select $1::other.d56::text' }), raw.sync()],
      bound('s'),
      'alter domain other.d56 rename to gone56',
      'create domain other.d56 as integer',
      evil(56),
      bound('s'),
    ]),
    talk('a cast to a type that PREPARE has declared', [
      'create type other.ty57 as (a integer)',
      'create type front.ty57 as (a integer)',
      `create function lab.cast57(integer) returns other.ty57 language plpgsql as $$ begin perform lab.p57(); return row(1); end $$`,
      'create cast (integer as other.ty57) with function lab.cast57(integer) as assignment',
      'set search_path = other',
      'prepare s (ty57) as select ($1).a',
      'execute s(1)',
      evil(57),
      'set search_path = front',
      'begin',
      'execute s(1)',
      'commit',
    ]),
  ],
};
