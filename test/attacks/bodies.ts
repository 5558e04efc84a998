import { type Attack, type AttackClass, talk } from './attack.ts';

let made = 0;

/** A variable whose default is to be overlooked. Its words stand elsewhere in the body, as other variables' names. */
function hidden(
  name: string,
  declarations: string,
  body = 'begin return 1; end',
  more: string[] = [],
): Attack {
  const f = `lab.body${++made}`;
  return talk(name, [
    ...more,
    `create function ${f}() returns integer language plpgsql as $body$ declare public int; mark int; ${declarations} ${body} $body$`,
    'begin',
    `select ${f}()`,
    'commit',
  ]);
}

const EVIL = "row(public.mark('body'))";
const TYPE = (name: string) => `create type lab.${name} as (x integer)`;

/** A body that does more than its syntax tree shows: the defaults of records are in none. */
export const BODIES: AttackClass = {
  title: 'bodies',
  attacks: [
    hidden('a record', `d record := ${EVIL};`),
    hidden('DEFAULT', `d constant record not null default ${EVIL};`),
    hidden('a name in quotes that begins a body', `a int := (select 1 as "begin"); d record := ${EVIL};`),
    hidden('a name that begins a body', `a int := (select 1 as begin); d record := ${EVIL};`),
    hidden('a comment before it', `/* x */ d record := ${EVIL};`),
    hidden('a comment on the line before it', `-- x\n d record := ${EVIL};`),
    hidden('a letter that JavaScript folds', `Äd record := ${EVIL};`),
    hidden('a longer name than the server keeps', `${'z'.repeat(70)} record := ${EVIL};`),
    hidden('a type of the name of a keyword', `d lab.declare := ${EVIL};`, undefined, [TYPE('"declare"')]),
    hidden('a type of the name of another', `a lab.begin; d record := ${EVIL};`, undefined, [
      TYPE('"begin"'),
    ]),
    hidden(
      'a column before its block',
      '',
      `begin if (select true as declare) then declare d record := ${EVIL}; begin null; end; end if; return 1; end`,
    ),
    hidden('a label', '', `begin <<"begin">> declare d record := ${EVIL}; begin null; end; return 1; end`),
    hidden('two sections', `declare d lab.t%rowtype := row(public.mark('body'), '');`),
  ],
};
