import * as raw from '#test/support/raw.ts';
import { type AttackClass, run, talk } from './attack.ts';

const MARK = "select public.mark('held')";
const as = { as: 'holder' } as const;
const go = (statement: string) => Buffer.concat([raw.bind({ statement }), raw.execute()]);

/** A statement that is held for approval, which nobody gives: nothing of it may run, by whatever message. */
export const HOLDS: AttackClass = {
  title: 'held statements',
  attacks: [
    talk('executed by every protocol', [[run(MARK), raw.sync()]], as),
    talk('in one text behind a read', [`select 1; ${MARK}`], as),
    talk(
      'run by Parse: an array of a domain with a check',
      [[raw.parse({ sql: "select '{1}'::lab.trap[]" }), raw.sync()]],
      as,
    ),
    talk(
      'run by Parse: a composite with a domain in it',
      [[raw.parse({ sql: "select '(1)'::lab.trapped" }), raw.sync()]],
      as,
    ),
    talk(
      'run by Parse, with Flush and no Sync',
      [[raw.parse({ sql: "select '(1)'::lab.trapped" }), raw.flush()], raw.sync()],
      as,
    ),
    talk(
      'run by Parse in a transaction',
      ['begin', [raw.parse({ sql: "select '{1}'::lab.trap[]" }), raw.sync()], 'commit'],
      as,
    ),
    talk(
      'run by Parse and Describe',
      [
        [
          raw.parse({ name: 's', sql: "select '(1)'::lab.trapped" }),
          raw.describe('statement', 's'),
          raw.sync(),
        ],
        [raw.describe('statement', 's'), raw.sync()],
      ],
      as,
    ),
    talk(
      'run by Parse of a literal in a range or an IN list',
      [[raw.parse({ sql: "select 1 where '(1)'::lab.trapped in ('(2)')" }), raw.sync()]],
      as,
    ),
    talk(
      'run by Bind with a value of a domain',
      [[raw.parse({ sql: 'select $1::lab.trap' }), raw.bind({ values: ['1'] }), raw.sync()]],
      as,
    ),
    talk(
      'run by Bind with a declared type',
      [
        [raw.query("select 'lab.trap'::regtype::oid")],
        [raw.parse({ sql: 'select $1', types: [0] }), raw.bind({ values: ['1'] }), raw.execute(), raw.sync()],
      ],
      as,
    ),
    {
      name: 'run by Bind, declared by its OID',
      as: 'holder',
      async run(me, field) {
        const oid = Number(await field.gate.value("select 'lab.trap'::regtype::oid::int8"));
        await me.say(
          raw.parse({ sql: 'select $1', types: [oid] }),
          raw.bind({ values: ['1'] }),
          raw.execute(),
          raw.sync(),
        );
      },
    },
    talk(
      'a held statement prepared twice',
      [[raw.parse({ name: 'w', sql: MARK }), raw.sync()], ['begin'], [run('select 1'), go('w'), raw.sync()]],
      as,
    ),
    {
      name: 'cancelled, and the connection gone, while it is held',
      as: 'holder',
      async run(me, field) {
        await me.say(MARK);
        me.client.send(raw.query('select 1'), raw.terminate());
        const other = await field.attacker('holder');
        await other.say('begin');
        await other.say(MARK);
        other.client.reset();
      },
    },
    {
      name: 'a held statement and a write sent ahead',
      as: 'holder',
      async run(me) {
        await me.say(MARK);
        me.client.send(raw.query("update public.canary set v = 'dead'"), raw.sync(), run(MARK), raw.sync());
        await me.client.next(200).catch(() => null);
      },
    },
    talk('EXPLAIN, PREPARE, DECLARE and CREATE TABLE AS of it', [`explain analyze ${MARK}`], as),
    talk('PREPARE of it', [`prepare w as ${MARK}`], as),
    talk('DECLARE of it', [`begin; declare c cursor for ${MARK}; fetch all from c; commit`], as),
  ],
};
