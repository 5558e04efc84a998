import assert from 'node:assert/strict';
import { afterEach, before, suite, test } from 'node:test';
import { answer, type Gate, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';

const HEAD = `version: 1
groups:
  approvers: [approver-1@example.com]
protected:
  - { column: public.items.name, mask: redact }
access:
  - { name: readers, principals: { subjects: ["reader-*"] }, targets: ["*"], roles: ["*"], readOnly: true }
  - { name: agents, targets: ["*"], roles: ["*"] }
`;
const RULES = `
  - name: no settings
    match: { principals: { subjects: [strict] }, effects: { anyCommand: [set] } }
    verdict: deny
    message: settings stay as they are
  - name: settings are held
    match: { principals: { subjects: [held] }, effects: { anyCommand: [set] } }
    verdict: hold
    approvers: [approvers]
    message: a setting changes
  - name: plain
    verdict: allow
    match: { effects: { commands: [select, show, set, delete, maintenance], outside: false } }
`;
const SCHEMA = `create function public.who() returns text language sql as 'select current_setting(''app.user'')';`;

suite('a setting of the start-up packet is the SET that it is', () => {
  let gate: Gate;
  const tokens: Record<string, string> = {};
  before(async () => {
    gate = await startGate(RULES, { head: HEAD, schema: SCHEMA });
    await gate.look(`create role guest; grant guest to agent; create role stranger`);
  });
  afterEach(() => gate.clear());

  async function comesIn(parameters: Record<string, string>, who = 'agent-1') {
    tokens[who] ??= await gate.dev.token(who);
    return gate.agent({ token: tokens[who], parameters });
  }

  async function isRefused(
    parameters: Record<string, string>,
    who: string,
    error: { C: string; M: RegExp; D?: RegExp },
  ): Promise<void> {
    await assert.rejects(comesIn(parameters, who), (fault: Error & { cause?: Record<string, string> }) => {
      const { S, C, M = '', D = '' } = fault.cause ?? {};
      assert.deepEqual([S, C], ['FATAL', error.C], `${JSON.stringify(parameters)}: ${fault.message}`);
      assert.match(M, error.M);
      if (error.D !== undefined) assert.match(D, error.D);
      return true;
    });
  }

  const ways = (name: string, value: string): Record<string, string>[] => [
    { [name]: value },
    { options: `-c ${name}=${value}` },
    { options: `--${name.replaceAll('_', '-')}=${value}` },
    { options: `-c${name.toUpperCase()}=\\${value}` },
  ];

  test('it is refused by the rule that refuses the SET, by whatever way it comes', async () => {
    for (const [name, value] of [
      ['app.user', 'somebody'],
      ['role', 'guest'],
      ['session_authorization', 'agent'],
      ['row_security', 'off'],
      ['array_nulls', 'off'],
    ] as const)
      for (const parameters of ways(name, value)) {
        await isRefused(parameters, 'strict', {
          C: '42501',
          M: /^settings stay as they are$/,
          D: /^rule "no settings" of the policy refused the setting \S+ of the start-up packet$/,
        });
        await isRefused(parameters, 'held', { C: '42501', M: /needs approval: a setting changes$/ });
      }
    assert.deepEqual(await gate.heldIds(), []);
  });

  test('what drivers set by themselves needs no rule', async () => {
    const client = await comesIn(
      { DateStyle: 'ISO', options: '-c search_path=other -c enable_sort=off' },
      'strict',
    );
    client.send(raw.query('show search_path'));
    assert.deepEqual(raw.rows(await client.untilReady()), [['other']]);
  });

  test('a library is loaded only where LOAD is allowed', async () => {
    for (const name of ['local_preload_libraries', 'session_preload_libraries'])
      for (const parameters of ways(name, 'auto_explain'))
        await isRefused(parameters, 'agent-1', { C: '42501', M: /no rule of the policy allows this/ });
  });

  test('a session that is read-only is made no other by it', async () => {
    for (const parameters of ways('transaction_read_only', 'off'))
      await isRefused(parameters, 'reader-1', { C: '42501', M: /read-only/, D: /"invariant"/ });
    for (const parameters of ways('default_transaction_read_only', 'off')) {
      const client = await comesIn(parameters, 'reader-1');
      client.send(raw.query('delete from items'));
      assert.equal(answer(await client.untilReady()), 'E:25006 Z:I');
      client.send(raw.query('reset all'), raw.query('delete from items'));
      await client.untilReady();
      assert.match(answer(await client.untilReady()), /E:(25006|42501) Z:I/);
    }
    assert.equal(await gate.value('select count(*)::int from items'), 20);
  });

  test('the server has the last word, in its own words', async () => {
    await isRefused({ role: 'stranger' }, 'agent-1', {
      C: '42501',
      M: /permission denied to set role "stranger"/,
    });
    await isRefused({ work_mem: 'much' }, 'strict', {
      C: '22023',
      M: /^invalid value for parameter "work_mem": "much"$/,
    });
    await isRefused({ nonsense: '1' }, 'agent-1', {
      C: '42704',
      M: /^unrecognized configuration parameter "nonsense"$/,
    });
    await isRefused({ session_replication_role: 'replica' }, 'agent-1', {
      C: '42501',
      M: /permission denied to set parameter/,
    });
  });

  test('texts are judged by what it has set, and masks stay where they are', async () => {
    const client = await comesIn({ role: 'guest', search_path: 'other, public', 'app.user': "it's" });
    client.send(raw.query("select current_user, current_setting('app.user')"));
    assert.deepEqual(raw.rows(await client.untilReady()), [['guest', "it's"]]);
    const said = async (text: string) => {
      client.send(raw.query(text));
      return raw.rows(await client.untilReady());
    };
    await said('reset role');
    assert.deepEqual(await said('select current_user'), [['guest']], 'what the session began with');
    await said('set role none');
    assert.deepEqual(await said('select name from items order by id limit 1'), [['other 1']]);
    await said('discard all');
    assert.deepEqual(await said('select current_user'), [['guest']]);
    await said('set role none');
    assert.deepEqual(await said('select name from public.items order by id limit 1'), [['***']]);
  });

  test('the record of the session has it', async () => {
    const client = await comesIn(
      { 'App.User': 'somebody', options: '-c work_mem=8MB --work-mem=9MB' },
      'recorded',
    );
    client.send(raw.query('select 1'));
    await client.untilReady();
    const sessions = await gate.dev.json<{ session: string; subject?: string }[]>('audit', 'sessions');
    const recorded = sessions.find(session => session.subject === 'recorded');
    const [opened] = await gate.dev.json<{ body: { settings: object } }[]>(
      'audit',
      'show',
      recorded!.session,
    );
    assert.deepEqual(opened!.body.settings, {
      'app.user': 'somebody',
      client_encoding: 'UTF8',
      standard_conforming_strings: 'on',
      work_mem: '9MB',
    });
  });
});
