import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Frame } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';
import { reconcile } from './compare.ts';
import { type Pair, startPair, type Way } from './pair.ts';
import { logIn, play, step } from './script.ts';

let pair: Pair;
before(async () => {
  pair = await startPair({
    schema: `
    create role guest; create role other superuser login;
    create schema one; create table one.items (who text); insert into one.items values ('one');
    grant usage on schema one to guest; grant select on one.items to guest;
    create table codes (id integer, code text unique); insert into codes values (1, null), (2, null), (3, 'c');`,
  });
});
after(() => pair.clear());

const query = (...texts: string[]) => texts.map(text => step([raw.query(text)]));
/** What every session of these is asked. */
const ASKED = query(
  'select current_user, session_user, current_schemas(false)',
  'show search_path',
  'select * from items order by 1 limit 1',
  "select current_setting('app.user', true), current_setting('app.\"odd\"', true)",
  'show work_mem',
  "set app.user = 'other'; reset app.user; show app.user",
  "set work_mem = '9MB'; set search_path = pg_catalog; set app.user = 'third'",
  'reset all',
  "select current_setting('app.user', true)",
  'show work_mem; show search_path; show role',
  'discard all',
  "select current_setting('app.user', true), current_user",
  "select source, setting from pg_settings where name in ('work_mem', 'array_nulls', 'row_security') order by name",
  'begin; set local role none; select current_user; rollback; select current_user',
  'prepare p as select * from items order by 1 limit 1; set role none',
  'execute p; reset role; select current_user',
);

type Given = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** In the packet itself, or in its options. */
const OPENS: Given = {
  'a setting of a program': { 'app.user': "it's me", 'App.Other': '' },
  'a name of many parts, and one that needs quotes': { 'app.a.b.c': '1', 'app.b$c': '2', 'app.É': '3' },
  'a setting that is read when the server starts': { log_connections: 'on', ignore_system_indexes: 'on' },
  'a role': { role: 'guest', search_path: 'one' },
  'another user': { session_authorization: 'other' },
  'another user and a role': { session_authorization: 'other', role: 'guest', search_path: 'one' },
  'a path': { search_path: 'one, "$user", public' },
  'switches of what texts mean': { array_nulls: 'off', transform_null_equals: 'on', row_security: 'off' },
  'a transaction that is read-only': { transaction_read_only: 'on', default_transaction_read_only: 'on' },
  'a spelling of its own': { WORK_mem: '8MB', Role: 'guest' },
  'options with -c': { options: '-c app.user=x -c work_mem=8MB -cstatement_timeout=60s' },
  'options with --': { options: '--app.user=x --work-mem=8MB --array-nulls=off' },
  'options with backslashes': { options: "-c app.user=a\\ b\\\\c\\'d -c search_path=one,\\ public" },
  'options and the same beside them': {
    options: '-c app.user=x -c work_mem=8MB',
    work_mem: '7MB',
    'app.user': 'y',
  },
  'options that give it twice': { options: '-c app.user=x -c role=guest --app.user=y -c role=none' },
  'the old switches that are settings': { options: '-e -S 8192 -fs -f h -tpa -t e -P -O' },
  'the old switches in one word': { options: '-esS 8192' },
  'switches that do nothing any more': {
    options: '-n -b -E -j -C x -D /nowhere -v 3 -r out -T -cwork_mem=8MB --',
  },
  'what is logged': { options: '-d 0' },
  'much that is logged': { options: '-d5' },
  'a prefix that will be taken': { 'plpgsql.nonsense': '1' },
};

const REFUSED: Given = {
  'a name that is none': { 'app.user name': '1' },
  'a name in parts of which one is empty': { 'app..x': '1' },
  'a name with a hyphen': { 'work-mem': '8MB' },
  'a name that is not known': { nonsense: '1' },
  'a value that is none': { work_mem: 'much' },
  'a value out of its range': { work_mem: '1' },
  'a value that is none of a list': { bytea_output: 'octal', client_min_messages: 'loud' },
  'a switch that is none': { array_nulls: 'perhaps' },
  'a setting of the server': { shared_buffers: '1GB' },
  'a setting that is told and never set': { server_version: '1' },
  'a role that there is not': { role: 'nobody' },
  'a path that cannot be read': { search_path: 'one,,' },
  'a library that there is not': { local_preload_libraries: 'nothing' },
  'options of which the first is none': { options: '-c work_mem=much -c work_mem=8MB' },
  'an option without a value': { options: '-c app.user' },
  'a long option without a value': { options: '--app-user' },
  'an option that is empty': { options: '-c =x' },
  'a word that is no option': { options: '-c work_mem=8MB word -c work_mem=9MB' },
  'a word behind the end of options': { options: '-- word' },
  'a switch that there is not': { options: '-c work_mem=8MB -x' },
  'a switch that there is not, before others': { options: '-c work_mem=8MB -xe' },
  'a switch without its value': { options: '-e -S' },
  'a switch that takes no value': { options: '-T1' },
  'statistics of a part and of all': { options: '-s -tpa' },
  'a plan that there is not': { options: '-e -fx' },
  'statistics that there are not': { options: '-t x' },
  'switches of the whole server': { options: '-B 100' },
  'a switch of the whole server': { options: '-F' },
  'the port of the server': { options: '-p 1' },
  'a value of a switch that is none': { options: '-S much' },
  'an option called user': { options: '-c user=other' },
  'an option called options': { options: '-c options=--role=guest' },
  'an option called replication': { options: '--replication=true' },
};

/** Everything that is said to it, from its start-up packet on; no questions of how it proves itself. */
async function said(way: Way, parameters: Given[string]): Promise<Frame[]> {
  const client = await way.socket();
  const seen = await logIn(client, { ...way, password: raw.password(way.password) }, parameters);
  const asked = seen.at(-1)?.type === 'Z' ? await play(client, ASKED) : [];
  return [...seen, ...asked].filter(frame => frame.type !== 'R');
}

for (const [name, parameters] of Object.entries({ ...OPENS, ...REFUSED }))
  test(`a session that begins with ${name} is what it is without the proxy`, async () => {
    const [direct, proxied] = await Promise.all([
      said(pair.direct, parameters),
      said(pair.proxied, parameters),
    ]);
    const answers = reconcile(direct!, proxied!);
    assert.deepEqual(answers.proxied, answers.direct);
    assert.equal(answers.direct.at(-1)?.type, name in REFUSED ? 'close' : 'Z');
  });
