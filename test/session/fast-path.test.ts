import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, before, test } from 'node:test';
import { answer, type Gate, HEAD, heldNotice, onlyError, startGate } from '#test/session/support.ts';
import { chosenMajor } from '#test/support/postgres.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';

const PROTECTED = `protected:
  - { column: public.people.ssn, mask: redact }
`;
const RULES = `
  - name: reads
    match: { effects: { readOnly: true } }
    verdict: allow
  - name: held
    match: { effects: { functions: [public.add_note] } }
    verdict: hold
    approvers: [approvers]
    message: a note is added
  - name: large-objects
    match: { effects: { functions: [pg_catalog.lo_creat, pg_catalog.lo_open, pg_catalog.lowrite, pg_catalog.loread, pg_catalog.lo_close, pg_catalog.lo_unlink] } }
    verdict: allow
  - name: sequences
    match: { effects: { functions: [pg_catalog.nextval] } }
    verdict: allow
  - name: control
    match: { effects: { commands: [transaction, ddl] } }
    verdict: allow
`;
const SCHEMA = `
create sequence numbers;
create table people (id integer primary key, ssn text);
insert into people values (1, '123-45-6789');
create function ssn_of(integer) returns text language sql stable as 'select ssn from people where id = $1';
create function add_note(integer, text) returns integer language sql as 'insert into notes values ($1, $2) returning id';
create function pretends(integer) returns integer language plpgsql stable as
  $$ begin execute 'insert into notes values (' || $1 || ', ''pretends'')'; return $1; end $$;
create function fails(text) returns integer language sql immutable as 'select $1::integer';
create function many() returns setof integer language sql immutable as 'select 1';
create aggregate total(integer) (sfunc = int4pl, stype = integer);
create schema "Odd ""name";
create function "Odd ""name"."select"(integer) returns integer language sql immutable as 'select $1 + 1';
create function other.twice(text) returns text language plpgsql as $$ begin insert into notes values (77, 'twice'); return $1; end $$;
`;

let gate: Gate;
let guarded: Gate;
before(async () => {
  gate = await startGate(RULES, { schema: SCHEMA });
  guarded = await startGate(
    `
  - { name: all, verdict: allow }
  - { name: unknown, verdict: allow, match: { effects: { unknown: true } } }
`,
    {
      head: HEAD + PROTECTED,
      schema: SCHEMA,
    },
  );
});
afterEach(() => gate.clear());

const oidOf = async (signature: string, at = gate) =>
  Number(await at.value(`select '${signature}'::regprocedure::oid::int`));
const value = (frames: readonly raw.Frame[]) => {
  const result = frames.find(frame => frame.type === 'V')!;
  const length = result.body.readInt32BE(0);
  return length === -1 ? null : result.body.subarray(4).toString('utf8');
};
const notes = () => gate.value('select count(*)::int from notes');

async function call(client: RawClient, signature: string, ...args: (string | null)[]) {
  client.send(raw.functionCall(await oidOf(signature), args));
  return client.untilReady();
}

test('an allowed call is answered as the server itself answers it, in every state of the transaction', async () => {
  const [through, direct] = [await gate.agent(), await gate.direct()];
  const reverse = await oidOf('pg_catalog.reverse(text)');
  const fails = await oidOf('public.fails(text)');
  const steps: Buffer[] = [
    raw.functionCall(reverse, ['ABC']),
    raw.functionCall(reverse, [null]),
    raw.functionCall(reverse, ['A'.repeat(2_000_000)]),
    raw.functionCall(fails, ['x']),
    raw.query('begin'),
    raw.functionCall(reverse, ['In']),
    raw.functionCall(fails, ['x']),
    raw.functionCall(reverse, ['failed']),
    raw.query('rollback'),
    raw.functionCall(reverse, []),
    raw.functionCall(reverse, ['a', 'b']),
    raw.functionCall(await oidOf('"Odd ""name"."select"(integer)'), ['1']),
    Buffer.concat([raw.parse({ sql: 'select 1' }), raw.functionCall(reverse, ['Behind'])]),
    Buffer.concat([raw.parse({ sql: 'selec' }), raw.functionCall(reverse, ['skipped']), raw.sync()]),
    Buffer.concat([
      raw.functionCall(reverse, ['One']),
      raw.functionCall(reverse, ['Two']),
      raw.query('select 1'),
    ]),
  ];
  for (const [i, step] of steps.entries()) {
    const answers = [];
    for (const client of [through, direct]) {
      client.send(step);
      const frames = await client.untilReady();
      if (i === steps.length - 1) frames.push(...(await client.untilReady()), ...(await client.untilReady()));
      answers.push(frames.map(f => `${f.type} ${f.type === 'E' ? raw.fields(f).C : f.body.toString('hex')}`));
    }
    assert.deepEqual(answers[0], answers[1], `step ${i}`);
    if (i === 0) assert.equal(answers[0]?.[0], `V 00000003${Buffer.from('CBA').toString('hex')}`);
  }
});

test('a call is recorded as the SELECT that says the same, with its values', async () => {
  const client = await gate.agent();
  const frames = await call(client, 'pg_catalog.reverse(text)', 'Recorded');
  client.send(raw.query('select 1'));
  await client.untilReady();
  const sessions = await gate.dev.json<{ session: string }[]>('audit', 'sessions');
  const events = [];
  for (const { session } of sessions)
    events.push(
      ...(await gate.dev.json<{ kind: string; body: Record<string, unknown> }[]>('audit', 'show', session)),
    );
  const said = events.find(e => e.kind === 'statement' && JSON.stringify(e.body).includes('Recorded'))!.body;
  assert.equal(said.protocol, 'function');
  assert.equal(said.text, 'SELECT pg_catalog.reverse($1::pg_catalog.text)');
  assert.deepEqual(said.parameters, [{ format: 'text', type: 25, value: 'Recorded' }]);
  const outcome = events.find(e => e.kind === 'outcome' && e.body.tag === 'FUNCTION')!.body;
  const [result] = frames.filter(frame => frame.type === 'V');
  const sent = raw.message('V', result!.body);
  assert.deepEqual(
    [outcome.status, outcome.rows, outcome.bytes, outcome.result],
    ['ok', 1, sent.length, createHash('sha256').update(sent).digest('hex')],
  );
});

test('what writes, reaches outside or cannot be told is refused like the same SELECT, and nothing runs', async () => {
  const client = await gate.agent();
  const before = await notes();
  const refused: [string, ...string[]][] = [
    ['pg_catalog.lo_import(text)', '/etc/passwd'],
    ['pg_catalog.lo_export(oid, text)', '1', '/tmp/never'],
    ['pg_catalog.pg_read_file(text)', 'PG_VERSION'],
    ['pg_catalog.pg_ls_dir(text)', '.'],
    ['pg_catalog.set_config(text, text, boolean)', 'search_path', 'other', 'f'],
    ['pg_catalog.query_to_xml(text, boolean, boolean, text)', 'delete from notes', 't', 't', ''],
    // With a time to wait from Postgres 14 on.
    ...(chosenMajor() === '13'
      ? [['pg_catalog.pg_terminate_backend(integer)', '1'] as [string, string]]
      : [['pg_catalog.pg_terminate_backend(integer, bigint)', '1', '0'] as [string, string, string]]),
    ['pg_catalog.setval(regclass, bigint)', 'numbers', '100'],
    ['pg_catalog.pg_advisory_lock(bigint)', '1'],
    ['public.pretends(integer)', '50'],
    ['other.twice(text)', 'x'],
    ['public.many()'],
    ['public.total(integer)', '1'],
  ];
  for (const [signature, ...args] of refused) {
    assert.equal(answer(await call(client, signature, ...args)), 'E:42501 Z:I', signature);
    client.send(raw.query('begin'));
    await client.untilReady();
    assert.equal(answer(await call(client, signature, ...args)), 'E:42501 Z:E', signature);
    client.send(raw.query('rollback'));
    await client.untilReady();
  }
  assert.equal(await notes(), before);
  client.send(raw.query('show search_path'));
  assert.deepEqual(raw.rows(await client.untilReady()), [['"$user", public']]);
});

test('an OID that no function has, or that one gets later, is unknown', async () => {
  const client = await gate.agent();
  for (const oid of [0, 1, 4_000_000, 2 ** 32 - 1]) {
    client.send(raw.functionCall(oid >> 0, ['x']));
    assert.equal(answer(await client.untilReady()), 'E:42501 Z:I', String(oid));
  }
  client.send(
    raw.query(`begin; create function made() returns integer language sql as 'delete from notes; select 1'`),
  );
  assert.doesNotMatch(answer(await client.untilReady()), /E:/);
  const [[made]] = await (async () => {
    client.send(raw.query(`select oid::int from pg_proc where proname = 'made'`));
    return raw.rows(await client.untilReady()) as [[string]];
  })();
  client.send(raw.functionCall(Number(made), []));
  assert.equal(answer(await client.untilReady()), 'E:42501 Z:E');
  assert.ok(Number(await notes()) > 0);
});

test('a held call waits for a decision that shows and covers its values, and runs once', async () => {
  const client = await gate.agent();
  client.send(raw.functionCall(await oidOf('public.add_note(integer, text)'), ['60', 'by oid']));
  const id = await heldNotice(client);
  const { statement } = await gate.approval(id);
  assert.equal(statement.protocol, 'function');
  assert.equal(statement.text, 'SELECT public.add_note($1::pg_catalog.int4, $2::pg_catalog.text)');
  assert.deepEqual(
    statement.parameters.map(p => [p.type, p.value]),
    [
      [23, '60'],
      [25, 'by oid'],
    ],
  );
  assert.equal(await gate.value('select count(*)::int from notes where id = 60'), 0);
  await gate.approve(id);
  const frames = await client.untilReady();
  assert.equal(value(frames), '60');
  assert.deepEqual(await gate.look('select body from notes where id = 60'), [{ body: 'by oid' }]);
  await gate.becomes(id, 'executed');

  client.send(raw.functionCall(await oidOf('public.add_note(integer, text)'), ['61', 'never']));
  await gate.deny(await heldNotice(client), 'no');
  assert.equal(answer(await client.untilReady()), 'E:42501 Z:I');
  client.send(raw.functionCall(await oidOf('public.add_note(integer, text)'), ['62', 'never']));
  const gone = await heldNotice(client);
  client.destroy();
  await gate.becomes(gone, 'withdrawn');
  assert.equal(await gate.value('select count(*)::int from notes where id in (61, 62)'), 0);
  assert.equal((await gate.dev.cli('audit', 'verify')).code, 0);
});

test('a call that reads runs where the server refuses writes, and one that writes does not', async () => {
  const client = await gate.agent();
  const readOnly = await call(client, 'pg_catalog.current_setting(text)', 'transaction_read_only');
  assert.equal(value(readOnly), 'on');
  assert.equal(value(await call(client, 'pg_catalog.nextval(regclass)', 'numbers')), '1');
});

test('large objects work through the calls that drivers make', async () => {
  const client = await gate.agent();
  client.send(raw.query('begin'));
  await client.untilReady();
  const made = value(await call(client, 'pg_catalog.lo_creat(integer)', '-1'))!;
  const fd = value(await call(client, 'pg_catalog.lo_open(oid, integer)', made, String(0x60000)))!;
  assert.equal(value(await call(client, 'pg_catalog.lowrite(integer, bytea)', fd, '\\x00ff7f')), '3');
  assert.equal(value(await call(client, 'pg_catalog.lo_close(integer)', fd)), '0');
  client.send(raw.query('commit'));
  await client.untilReady();
  assert.equal(await gate.value(`select encode(lo_get(${made}), 'hex')`), '00ff7f');
});

test('behind calls for large objects nothing is asked again: names, settings and definitions are what they were', async () => {
  const client = await gate.agent({ parameters: { application_name: 'large' } });
  client.send(raw.query('begin'));
  await client.untilReady();
  const oid = await oidOf('pg_catalog.lo_creat(integer)');
  const seen = [];
  for (let i = 0; i < 3; i++) {
    client.send(raw.functionCall(oid, ['-1']));
    assert.equal(answer(await client.untilReady()), 'V Z:T');
    // A call has no text: the server shows what it was told before.
    seen.push(await gate.value("select query from pg_stat_activity where application_name = 'large'"));
  }
  assert.deepEqual(seen.slice(1), [seen[0], seen[0]]);
  client.send(raw.query('rollback'));
  await client.untilReady();
});

test('a call that could carry a protected value is refused, or its result is masked', async () => {
  const client = await guarded.agent();
  const ssn = await oidOf('public.ssn_of(integer)', guarded);
  client.send(raw.functionCall(ssn, ['1']));
  const refused = await client.untilReady();
  assert.equal(answer(refused), 'E:42501 Z:I');
  assert.doesNotMatch(JSON.stringify(onlyError(refused)), /123-45/);
  client.send(raw.query('begin'));
  await client.untilReady();
  const creat = await oidOf('pg_catalog.lo_creat(integer)', guarded);
  client.send(raw.functionCall(creat, ['-1']));
  const masked = await client.untilReady();
  assert.equal(answer(masked), 'V Z:T');
  assert.equal(value(masked), null);
  const file = join(tempDir('ssn'), 'note');
  writeFileSync(file, '123-45-6789');
  client.send(raw.functionCall(await oidOf('pg_catalog.pg_read_file(text)', guarded), [file]));
  assert.doesNotMatch(Buffer.concat((await client.untilReady()).map(f => f.body)).toString(), /123-45/);
});

test('a malformed call is an ordinary error, and calls nothing', async () => {
  const lower = raw.int32(870);
  const bad: [string, Buffer][] = [
    ['nothing in it', Buffer.alloc(0)],
    ['no result format', Buffer.concat([lower, raw.int16(0, 0)])],
    ['a value beyond it', Buffer.concat([lower, raw.int16(0, 1), raw.int32(99), raw.int16(0)])],
    ['a negative length', Buffer.concat([lower, raw.int16(0, 1), raw.int32(-2), raw.int16(0)])],
    ['two formats for one value', Buffer.concat([lower, raw.int16(2, 0, 0, 1), raw.int32(-1), raw.int16(0)])],
    ['format 2', Buffer.concat([lower, raw.int16(1, 2, 1), raw.int32(-1), raw.int16(0)])],
    ['result format 2', Buffer.concat([lower, raw.int16(0, 1), raw.int32(-1), raw.int16(2)])],
    ['more behind it', Buffer.concat([lower, raw.int16(0, 1), raw.int32(-1), raw.int16(0, 0)])],
  ];
  const client = await gate.agent();
  for (const [name, body] of bad) {
    client.send(raw.message('F', body), raw.query('select 1'));
    const said = onlyError((await client.untilReady()).slice(0, 1));
    assert.deepEqual([said.S, said.C], ['ERROR', /format \d$/.test(name) ? '22023' : '08P01'], name);
    assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I', name);
  }
});
