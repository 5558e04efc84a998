import * as raw from '#test/support/raw.ts';
import { type Attack, type AttackClass, run, talk } from './attack.ts';

/** It writes. */
const CALL = 'public.mark($m$strings$m$)';
/** One statement in either reading. Where a backslash is nothing, two strings; where it is an escape, the first one ends before the call. */
const HIDES_WHEN_ON = `select '\\', ' || ${CALL} --'`;
/** Where a backslash is nothing, the string ends before the call; where it is an escape, one string holds it all. */
const HIDES_WHEN_OFF = `select '\\' || ${CALL} --'`;
const WRITE = 'update public.canary set v = $$dead$$';
const BOTH = [HIDES_WHEN_ON, HIDES_WHEN_OFF];
const OFF = 'set standard_conforming_strings = off';
const ON = 'set standard_conforming_strings = on';
const CONFIG = "select set_config('standard_conforming_strings', 'off', false)";

/** Of two statements: in each of these the write stands outside of the strings in one reading alone. */
const SPELLINGS: readonly string[] = [
  `select n'\\', '; ${WRITE}; --'`,
  `select 'a' as x'\\', '; ${WRITE}; --'`,
  `select e'\\'', '\\', '; ${WRITE}; --'`,
  `select 1 as "\\", '\\', '; ${WRITE}; --'`,
  `select 1 as u&"\\0061'", '\\', '; ${WRITE}; --'`,
  `select $$\\'$$, '\\', '; ${WRITE}; --'`,
  `select $a$ ' $a$, '\\', '; ${WRITE}; --'`,
  `select /* ' /* ' */ */ '\\', '; ${WRITE}; --'`,
  `select '' -- it's\n, '\\', '; ${WRITE}; --'`,
  `select 'a'\n'\\', '; ${WRITE}; --'`,
  `select 'a' -- it's\n'\\', '; ${WRITE}; --'`,
  `select 'a' -- it's\r'\\', '; ${WRITE}; --'`,
  `select 'a' /* x */\n, '\\', '; ${WRITE}; --'`,
  `select b'1', x'1', '\\', '; ${WRITE}; --'`,
  `select 'é\\', '; ${WRITE}; --'`,
  `select '𝄞' as "é𝄞", '\\', '; ${WRITE}; --'`,
  `select '\\\\\\', '; ${WRITE}; --'`,
  `select '\\x', '\\1', '\\', '; ${WRITE}; --'`,
  `select 1 as a$b, '\\', '; ${WRITE}; --'`,
  `select 1/*\\*/-'1', '\\', '; ${WRITE}; --'`,
  `select '\\' -- \\', '; ${WRITE}; --'\n`,
];

/** The other reading of a body than the one that was judged: public.mark writes. */
const BODY = `select '\\' || '; select public.mark($m$x$m$)::text; --'`;
const PLPGSQL = `begin perform '\\', '; perform public.mark($m$x$m$); --'; return ''; end`;

function body(name: string, what: string, clause = ''): string {
  const [language, text] = what === 'sql' ? ['sql', BODY] : ['plpgsql', PLPGSQL];
  return `create function lab.${name}() returns text language ${language} ${clause} as $body$ ${text} $body$`;
}

function bodies(name: string, turns: (called: string) => readonly (string | readonly Buffer[])[]): Attack[] {
  return ['sql', 'plpgsql'].map(language =>
    talk(`${name} (${language})`, [
      body(`${name.replaceAll(/\W/g, '_')}_${language}`, language),
      ...turns(`lab.${name.replaceAll(/\W/g, '_')}_${language}()`),
    ]),
  );
}

/** A text is judged in one reading of its strings, and runs in the other. */
export const STRINGS: AttackClass = {
  title: 'what a backslash means',
  attacks: [
    talk('after SET', [...BOTH, OFF, ...BOTH, ON, ...BOTH]),
    talk('after set_config', [CONFIG, ...BOTH]),
    talk(
      'from the start-up packet',
      [...BOTH, 'reset standard_conforming_strings', ...BOTH, 'discard all', ...BOTH],
      {
        parameters: { standard_conforming_strings: 'off' },
      },
    ),
    talk('from the options of the start-up packet', [...BOTH, ON, ...BOTH, 'reset all', ...BOTH], {
      parameters: { options: '-c standard-conforming-strings=no' },
    }),
    talk('every way to spell it', [...SPELLINGS, OFF, ...SPELLINGS]),
    ...BOTH.flatMap((text, i) => [
      talk(`behind a SET in the same pipeline (${i})`, [[run(OFF), run(text), raw.sync()]]),
      talk(`behind a SET LOCAL in the same pipeline, and behind its end (${i})`, [
        [
          run('begin'),
          run('set local standard_conforming_strings = off'),
          run('commit'),
          run(text),
          raw.sync(),
        ],
        [run('set local standard_conforming_strings = off'), raw.sync(), run(text), raw.sync()],
        [run('begin'), run(OFF), run('rollback and chain'), run(text), raw.sync()],
        text,
      ]),
      talk(`behind a pipeline that failed (${i})`, [
        [run(OFF), run('select 1/0'), raw.sync(), run(text), raw.sync()],
        [run('begin'), run(OFF), run('select 1/0'), raw.sync(), raw.query(`rollback; ${text}`)],
        ['begin', OFF, 'select 1/0', text, `rollback; ${text}`, text].map(t => raw.query(t)),
      ]),
      talk(`around savepoints (${i})`, [
        'begin',
        'savepoint a',
        OFF,
        text,
        'rollback to a',
        text,
        [run('savepoint a'), run(OFF), run('rollback to a'), run(text), raw.sync()],
        'rollback',
        text,
      ]),
      talk(`in the text of the SET itself (${i})`, [`${OFF}; ${text}`, `${ON}; ${text}`]),
      talk(`by a function that an Execute runs (${i})`, [
        [run('select lab.unstandard()'), run(text), raw.sync()],
        text,
      ]),
      talk(`by a function that Bind runs already (${i})`, [
        [
          raw.parse({ sql: 'select lab.folded()' }),
          raw.bind({ portal: 'a' }),
          raw.parse({ name: 'b', sql: text }),
          raw.bind({ statement: 'b', portal: 'b' }),
          raw.execute('b'),
          raw.sync(),
        ],
        text,
      ]),
      talk(`prepared in one reading, run in the other (${i})`, [
        [raw.parse({ name: 'a', sql: text }), raw.sync()],
        OFF,
        [raw.bind({ statement: 'a' }), raw.execute(), raw.sync()],
        [raw.parse({ name: 'b', sql: text }), raw.sync()],
        ON,
        'create table lab.meanwhile ()',
        'drop table lab.meanwhile',
        [raw.bind({ statement: 'b' }), raw.execute(), raw.sync()],
        `prepare c as ${text}`,
        OFF,
        `prepare d as ${text}`,
        'execute c',
        ON,
        'execute d',
      ]),
    ]),
    ...bodies('a body called while it is off', called => [OFF, `select ${called}`, `select ${called} || ''`]),
    ...bodies('a body compiled while it was off', called => [
      OFF,
      `select ${called}`,
      `explain select ${called}`,
      ON,
      `select ${called}`,
    ]),
    ...bodies('a body behind the SET in the same text', called => [
      `${OFF}; select ${called}`,
      `${ON}; ${CONFIG}; select ${called}`,
    ]),
    ...bodies('a body behind the SET in the same statement', called => [
      `select set_config('standard_conforming_strings', 'off', false), ${called}`,
      `select lab.unstandard(), ${called}`,
    ]),
    ...bodies('a body after a SET that was taken back', called => [
      'begin',
      OFF,
      'rollback',
      `select ${called}`,
    ]),
    ...['sql', 'plpgsql'].map(language =>
      talk(`a body with a SET clause (${language})`, [
        body(`clause_${language}`, language, 'set standard_conforming_strings = off'),
        `select lab.clause_${language}()`,
      ]),
    ),
    talk('a body made while it is off', [
      OFF,
      body('made', 'sql'),
      'select lab.made()',
      'alter function lab.made() set standard_conforming_strings = off',
      ON,
      'select lab.made()',
    ]),
    {
      name: 'a body called by its OID',
      async run(me, field) {
        for (const language of ['sql', 'plpgsql']) {
          await me.say(body(`by_oid_${language}`, language));
          const oid = await field.gate.value(`select 'lab.by_oid_${language}'::regproc::oid::int`);
          await me.say(OFF);
          await me.say(raw.functionCall(Number(oid)));
          await me.say(ON);
          await me.say(raw.functionCall(Number(oid)));
        }
      },
    },
    talk('DO', [OFF, `do $body$ ${PLPGSQL.replace(`return ''; `, '')} $body$`]),
    talk('defaults for sessions to come', [
      'alter role agent set standard_conforming_strings = off',
      'alter database shop set standard_conforming_strings = off',
      'discard all',
      ...BOTH,
    ]),
  ],
};
