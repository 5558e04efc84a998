import * as raw from '#test/support/raw.ts';
import { type AttackClass, run, talk } from './attack.ts';

/** Read with backslash escapes, the string ends later and hides nothing; read without them, a write stands behind it. And the reverse. */
const ESCAPED = `select '\\'; update public.canary set v = 'dead'; --'`;
const PLAIN = `select '\\', update public.canary set v = ''dead''; --'`;
/** In an encoding where 0x5C is the second byte of a character (SJIS, BIG5, GBK), the quote behind it is no quote. */
const MULTIBYTE = Buffer.concat([
  Buffer.from("select E'"),
  Buffer.from([0x83, 0x5c]),
  Buffer.from("'; update public.canary set v = 'dead'; --'"),
]);
const LATIN = Buffer.from("select 'é\xa0'; update public.canary set v = 'dead'", 'latin1');

const NAME = 'client_encoding';
const LONG = NAME.padEnd(63, ' ');
/** What is given may reach the function as another text than it was sent as: by its type, in a cast, by what stands elsewhere. */
const BOUND: readonly (readonly [string, string[], number[], number[]])[] = [
  ['select set_config($1, $2, false)', [NAME, 'SJIS'], [], []],
  ['select set_config($1, $2, false)', [NAME, 'SJIS'], [25, 25], [1, 1]],
  ['select set_config($1, $2, false)', ['Client_Encoding', 'shift-jis'], [705, 19], [0, 1]],
  ['select set_config($1, $2, false)', [`${NAME} `, 'SJIS'], [1042, 1042], []],
  ['select set_config($1, $2, false), $1::bpchar', [`${NAME} `, 'SJIS'], [], []],
  ['select $1::bpchar, set_config($1, $2, false)', [`${NAME} `, 'SJIS'], [], []],
  ['select $1::varchar(15), set_config($1, $2, false)', [`${NAME}X`, 'SJIS'], [], []],
  ['select set_config($1::varchar(15), $2, false)', [`${NAME}X`, 'SJIS'], [], []],
  ['select $1::name, set_config(rtrim($1), $2, false)', [LONG, 'SJIS'], [], []],
  ['select set_config($1::name::bpchar, $2, false)', [`${LONG}X`, 'SJIS'], [], []],
  ['select set_config($2, $1, false)', ['SJIS', NAME], [], []],
  ['select set_config(setting_name => $1, new_value => $2, is_local => false)', [NAME, 'SJIS'], [], []],
  ['select set_config(name, $1, false) from pg_settings where name = $2', ['SJIS', NAME], [], []],
  ['select set_config(name, $1, false) from pg_settings where $2 = name', ['SJIS', NAME], [], []],
  ['select set_config(coalesce(null, $1), $2, false)', [NAME, 'SJIS'], [], []],
  ['explain analyze select set_config($1, $2, false)', [NAME, 'SJIS'], [], []],
  ['create temp table x as select set_config($1, $2, false)', [NAME, 'SJIS'], [], []],
  ['insert into lab.loaded select set_config($1, $2, false)', [NAME, 'SJIS'], [], []],
  ['select set_config(v, $2, false) from (values ($1)) s(v)', [NAME, 'SJIS'], [], []],
];

/** The server is made to read a text differently from the proxy. */
export const ENCODING: AttackClass = {
  title: 'how text is read',
  attacks: [
    talk('standard_conforming_strings by SET', [
      'set standard_conforming_strings = off',
      ESCAPED,
      PLAIN,
      'set local standard_conforming_strings to off',
      ESCAPED,
      "set standard_conforming_strings = 'false'",
      ESCAPED,
      'set session standard_conforming_strings to 0',
      ESCAPED,
    ]),
    talk('standard_conforming_strings by set_config', [
      "select set_config('standard_conforming_strings', 'off', false)",
      ESCAPED,
      "select set_config('STANDARD_CONFORMING_STRINGS', 'of', false)",
      ESCAPED,
      "select set_config(E'standard_conforming\\137strings', 'no', false)",
      ESCAPED,
    ]),
    talk('standard_conforming_strings by parameters', [
      [
        raw.parse({ sql: 'select set_config($1, $2, false)' }),
        raw.bind({ values: ['standard_conforming_strings', 'off'] }),
        raw.execute(),
        raw.sync(),
      ],
      ESCAPED,
    ]),
    talk('standard_conforming_strings by UPDATE pg_settings', [
      "update pg_settings set setting = 'off' where name = 'standard_conforming_strings'",
      ESCAPED,
      PLAIN,
    ]),
    talk('standard_conforming_strings by UPDATE pg_settings in the same text', [
      `update pg_settings set setting = 'off' where name = 'standard_conforming_strings'; ${ESCAPED}`,
    ]),
    talk('standard_conforming_strings by UPDATE pg_settings in the same pipeline', [
      [
        run("update pg_settings set setting = 'off' where name = 'standard_conforming_strings'"),
        run(ESCAPED),
        raw.sync(),
      ],
    ]),
    talk('standard_conforming_strings by MERGE and INSERT into pg_settings', [
      "merge into pg_settings s using (select 1) x on s.name = 'standard_conforming_strings' when matched then update set setting = 'off'",
      ESCAPED,
      "with x as (update pg_settings set setting = 'off' where name = 'standard_conforming_strings' returning 1) select 1",
      ESCAPED,
    ]),
    talk('standard_conforming_strings at start-up', [ESCAPED, PLAIN], {
      parameters: { search_path: 'public' },
    }),
    {
      name: 'settings at start-up that change how text is read',
      async run(_me, field) {
        for (const parameters of [
          { standard_conforming_strings: 'off' },
          { options: '-c standard_conforming_strings=off' },
          { options: '--standard-conforming-strings=off' },
          { options: '-cstandard_conforming_strings\\=off' },
          { STANDARD_CONFORMING_STRINGS: 'off' },
          { backslash_quote: 'on' },
          { client_encoding: 'SJIS' },
          { client_encoding: 'LATIN1' },
          { options: '-c client_encoding=BIG5' },
          { client_encoding: 'UTF8', CLIENT_ENCODING: 'SJIS' },
          { options: '-c client_encoding=UTF8 -c client-encoding=SJIS' },
        ]) {
          const one = await field.attacker('agent', parameters as Record<string, string>).catch(() => null);
          if (one === null) continue;
          await one.say(ESCAPED);
          await one.say(PLAIN);
          await one.say(raw.query(MULTIBYTE));
        }
      },
    },
    talk('client_encoding by SET', [
      "set client_encoding = 'SJIS'",
      raw.query(MULTIBYTE),
      "set names 'BIG5'",
      raw.query(MULTIBYTE),
      "set client_encoding to 'GBK'",
      raw.query(MULTIBYTE),
      "set client_encoding to 'LATIN1'",
      raw.query(LATIN),
      'set client_encoding to default',
      'reset client_encoding',
    ]),
    talk('client_encoding by set_config', [
      "select set_config('client_encoding', 'SJIS', false)",
      raw.query(MULTIBYTE),
      "select set_config('client_' || 'encoding', 'SJIS', false)",
      raw.query(MULTIBYTE),
    ]),
    ...BOUND.map(([sql, values, types, formats], i) =>
      talk(`client_encoding by the values of a bind (${i})`, [
        [raw.parse({ sql, types }), raw.bind({ values, formats }), raw.execute(), raw.sync()],
        raw.query(MULTIBYTE),
        [raw.parse({ sql, types }), raw.bind({ values, formats }), raw.execute(), raw.query(MULTIBYTE)],
      ]),
    ),
    talk('client_encoding by the values of an EXECUTE', [
      'prepare p as select set_config($1, $2, false)',
      "execute p('client_encoding', 'SJIS')",
      raw.query(MULTIBYTE),
      [raw.bind({ statement: 'p', values: ['client_encoding', 'SJIS'] }), raw.execute(), raw.sync()],
      raw.query(MULTIBYTE),
      "deallocate p; prepare p(bpchar, text) as select set_config($1, $2, false); execute p('client_encoding ', 'SJIS')",
      raw.query(MULTIBYTE),
      "explain analyze execute p('client_encoding ', 'SJIS')",
      raw.query(MULTIBYTE),
      'prepare q("char") as select set_config($1::text, $1::text, false)',
      "execute q('client_encoding')",
    ]),
    talk('client_encoding by a statement that is bound twice, the first time harmlessly', [
      [raw.parse({ name: 's', sql: 'select set_config($1, $2, false)' }), raw.sync()],
      [
        raw.bind({ portal: 'a', statement: 's', values: ['my.own', 'x'] }),
        raw.bind({ portal: 'b', statement: 's', values: ['client_encoding', 'SJIS'] }),
        raw.execute('b'),
        raw.execute('a'),
        raw.sync(),
      ],
      raw.query(MULTIBYTE),
      [
        raw.bind({ statement: 's', values: ['my.own', 'x'] }),
        raw.bind({ statement: 's', values: ['client_encoding', 'SJIS'] }),
        raw.execute(),
        raw.sync(),
      ],
      raw.query(MULTIBYTE),
    ]),
    talk('client_encoding by UPDATE pg_settings', [
      "update pg_settings set setting = 'SJIS' where name = 'client_encoding'",
      raw.query(MULTIBYTE),
    ]),
    talk('client_encoding by UPDATE pg_settings, in one pipeline', [
      [
        run("update pg_settings set setting = 'SJIS' where name = 'client_encoding'"),
        Buffer.concat([raw.parse({ sql: MULTIBYTE }), raw.bind(), raw.execute()]),
        raw.sync(),
      ],
    ]),
    talk('bytes that are no UTF-8', [raw.query(MULTIBYTE), raw.query(LATIN)]),
    talk('an overlong quote', [
      raw.query(
        Buffer.concat([
          Buffer.from("select '"),
          Buffer.from([0xc0, 0xa7]),
          Buffer.from("; update public.canary set v = 'dead'; --'"),
        ]),
      ),
    ]),
    talk('a surrogate', [
      raw.query(
        Buffer.concat([
          Buffer.from("select '"),
          Buffer.from([0xed, 0xa0, 0x80]),
          Buffer.from("'; update public.canary set v = 'dead'"),
        ]),
      ),
    ]),
    talk('backslash_quote', [
      'set backslash_quote = on',
      "select E'\\'; update public.canary set v = ''dead''; --'",
      "select set_config('backslash_quote', 'on', false)",
      'set escape_string_warning = off',
      ESCAPED,
    ]),
    talk('a NUL inside the text', [
      raw.query(Buffer.from("select 1\0; update public.canary set v = 'dead'")),
      [
        raw.parse({ sql: Buffer.from("select 1\0update public.canary set v = 'dead'") }),
        raw.bind(),
        raw.execute(),
        raw.sync(),
      ],
    ]),
    talk('comments that only one side closes', [
      "select 1 /* /* */ update public.canary set v = 'dead' */",
      "select 1 /* */ */; update public.canary set v = 'dead'",
      "select 1 --\r; update public.canary set v = 'dead'",
      "select 1 -- x\u2028; update public.canary set v = 'dead'",
      "select 1 -- x\u0085; update public.canary set v = 'dead'",
    ]),
    talk('dollar quotes', [
      "select $a$ $b$ $a$; update public.canary set v = 'dead'; select $b$ $b$",
      "select $ä$ $ä$; update public.canary set v = 'dead'",
      "select $1$; update public.canary set v = 'dead'; select $1$",
      "select a$x$ from (select 1 as a$x$) x; update public.canary set v = 'dead'",
    ]),
    talk('white space that one side does not know', [
      "select 1;\u00a0update public.canary set v = 'dead'",
      "\ufeffupdate public.canary set v = 'dead'",
      "select\u30001;update public.canary set v = 'dead'",
      "\u200bupdate public.canary set v = 'dead'",
      "update\u000bpublic.canary set v = 'dead'",
      '\u00a0',
      ";;;update public.canary set v = 'dead'",
    ]),
    talk('strings continued over lines', [
      "select 'a'\n'; update public.canary set v = ''dead''; --'",
      "select 'a' -- x\n '; update public.canary set v = ''dead''",
      "select U&'\\0027; update public.canary set v = \\0027dead\\0027'",
      "select U&'!0027' uescape '!'; update public.canary set v = 'dead'",
    ]),
    talk('a function that changes how text is read', [
      "create function lab.e1() returns void language sql set standard_conforming_strings = off as 'select'",
      'select lab.e1()',
      'create function lab.e2() returns void language plpgsql as $$ begin set standard_conforming_strings = off; end $$',
      'select lab.e2()',
      ESCAPED,
      `select lab.e2(); ${ESCAPED}`,
    ]),
    talk('ALTER ROLE and ALTER DATABASE', [
      'alter role agent set standard_conforming_strings = off',
      'alter role current_user set client_encoding = sjis',
      'alter database shop set standard_conforming_strings = off',
      'discard all',
      ESCAPED,
    ]),
    talk('numbers and operators that one side splits', [
      "select 1e; update public.canary set v = 'dead'",
      "select 0x1g; update public.canary set v = 'dead'",
      "select 1_000_; update public.canary set v = 'dead'",
      "select 1 --+ \n, 2; update public.canary set v = 'dead'",
    ]),
  ],
};
