import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { afterEach, before, test } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import { answer, type Gate, heldNotice, onlyError, startGate } from '#test/session/support.ts';
import { lacks } from '#test/support/psql.ts';
import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';

const RULES = `
  - name: two-people
    match: { effects: { writes: [public.notes], anyCommand: [delete] } }
    verdict: hold
    approvers: [approvers]
    quorum: 2
    message: two people have to read this
  - name: owner-reads-prices
    match: { effects: { anyCommand: [update] } }
    verdict: hold
    approvers: [owners]
    message: prices are the owner's
  - name: deletes
    match: { effects: { anyCommand: [delete] } }
    verdict: hold
    approvers: [approvers]
    message: deletes are read first
  - name: rest
    verdict: allow
    match: { effects: { commands: [select, insert, set, transaction, prepare, show] } }
`;

let gate: Gate;
before(async () => {
  gate = await startGate(RULES);
});
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await gate.clear();
});

/** The one that is held now. */
function held(): Promise<string> {
  return waitFor(
    async () => {
      const ids = await gate.heldIds();
      return ids.length === 1 && ids[0]!;
    },
    { what: 'one approval is held', everyMs: 30 },
  );
}
async function approved(id: string, as?: string): Promise<void> {
  assert.equal(await gate.approve(id, as), '');
}
const ids = (where: string) =>
  gate.look(`select id from items where ${where} order by id`).then(rows => rows.map(row => row.id));

test('node-postgres: a held DELETE shows text and binds, and runs once when it is approved', async () => {
  const client = new pg.Client({ connectionString: gate.dev.url(gate.token) });
  closing.push(() => client.end());
  client.on('error', () => {});
  await client.connect();
  const answered = client.query('delete from items where id = $1 and name = $2', [1, 'item 1']);
  answered.catch(() => {});
  const id = await held();
  const seen = await gate.approval(id);
  assert.equal(seen.state, 'held');
  assert.equal(seen.statement.text, 'delete from items where id = $1 and name = $2');
  assert.deepEqual(seen.statement.parameters, [
    { format: 'text', type: 0, value: '1' },
    { format: 'text', type: 0, value: 'item 1' },
  ]);
  assert.match(seen.digest, /^[0-9a-f]{64}$/);
  assert.equal(seen.statement.transaction, 'idle');
  assert.deepEqual(await ids('id = 1'), [1], 'nothing has run before the decision');
  // Once on the command line, which shows the same.
  const { code, stdout } = await gate.dev.cli('approvals', 'show', id);
  assert.equal(code, 0);
  for (const part of [seen.statement.text, 'item 1', seen.digest]) assert.ok(stdout.includes(part), stdout);
  assert.equal((await gate.dev.cli('approvals', 'approve', id, '--as', 'approver-1@example.com')).code, 0);
  assert.equal((await answered).rowCount, 1);
  assert.deepEqual(await ids('id <= 2'), [2]);
  assert.equal((await gate.approval(id)).state, 'executed');
  // Once: the same words again are a hold of their own.
  await gate.look("insert into items values (1, 'item 1')");
  const again = client.query('delete from items where id = $1 and name = $2', [1, 'item 1']);
  again.catch(() => {});
  const second = await held();
  assert.notEqual(second, id);
  await gate.deny(second, 'once is enough');
  await assert.rejects(again);
  assert.deepEqual(await ids('id = 1'), [1]);
});

test('postgres.js: a held DELETE with binds runs once when it is approved over HTTP', async () => {
  const sql = postgres(gate.dev.url(gate.token), { max: 1, onnotice: () => {} });
  closing.push(() => sql.end({ timeout: 0 }));
  const answered = sql`delete from items where id = ${2} returning id, name`.execute();
  answered.catch(() => {});
  const id = await held();
  assert.match(
    (await gate.approval(id)).statement.text,
    /^delete from items where id = \$1 returning id, name/,
  );
  assert.equal(await gate.approve(id, 'approver-2@example.com'), '');
  assert.deepEqual([...(await answered)], [{ id: 2, name: 'item 2' }]);
  assert.deepEqual(await ids('id = 2'), []);
});

test(
  'psql: a held simple query says so at once, and runs when it is approved',
  { skip: lacks('psql') },
  async () => {
    const answered = gate.dev.psql(gate.token, 'delete from items where id = 3');
    const id = await held();
    const seen = await gate.approval(id);
    assert.deepEqual(
      [seen.statement.text, seen.statement.protocol, seen.statement.parameters],
      ['delete from items where id = 3', 'simple', []],
    );
    await approved(id);
    const { code, stdout, stderr } = await answered;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /DELETE 1/);
    assert.match(stderr, new RegExp(`NOTICE: .*${id}`));
    assert.match(stderr, /rule: deletes/);
    assert.deepEqual(await ids('id = 3'), []);
  },
);

test('denied: an error with the reason, nothing changed, and the session lives on', async () => {
  const client = await gate.agent();
  client.send(raw.query('delete from items where id = 4'));
  const id = await heldNotice(client);
  await gate.deny(id, 'not before the audit');
  const frames = await client.untilReady();
  assert.equal(answer(frames), 'E:42501 Z:I');
  const said = onlyError(frames);
  assert.match(said.D ?? '', /not before the audit/);
  assert.match(`${said.H} ${said.D} ${said.M}`, new RegExp(id));
  assert.deepEqual(await ids('id = 4'), [4]);
  await gate.becomes(id, 'denied');
  client.send(raw.query('select 1'));
  assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
  client.destroy();
});

test('denied inside a transaction, both sides are aborted', async () => {
  const client = await gate.agent();
  client.send(raw.query("begin; insert into notes values (50, 'x')"));
  await client.untilReady();
  client.send(raw.query('delete from items where id = 4'));
  const id = await heldNotice(client);
  assert.equal((await gate.approval(id)).statement.transaction, 'open');
  await gate.deny(id, 'no');
  assert.equal(answer(await client.untilReady()), 'E:42501 Z:E');
  client.send(raw.query('commit'));
  assert.equal(answer(await client.untilReady()), 'C:ROLLBACK Z:I');
  assert.equal(await gate.value('select count(*)::int from notes where id = 50'), 0);
  client.destroy();
});

test('a prepared statement is held again at each Bind, with the values of that Bind', async () => {
  const client = await gate.agent();
  client.send(raw.parse({ name: 's', sql: 'delete from items where id = $1', types: [23] }), raw.sync());
  assert.equal(answer(await client.untilReady()), '1 Z:I');
  const seen = new Set<string>();
  for (const [value, decide] of [
    [5, 'approve'],
    [6, 'deny'],
    [7, 'approve'],
  ] as const) {
    client.send(
      raw.bind({ statement: 's', values: [raw.int32(value)], formats: [1] }),
      raw.execute(),
      raw.sync(),
    );
    const id = await heldNotice(client);
    assert.equal(seen.has(id), false);
    seen.add(id);
    const { parameters } = (await gate.approval(id)).statement;
    assert.deepEqual(parameters, [
      { format: 'binary', type: 23, value: raw.int32(value).toString('base64') },
    ]);
    if (decide === 'approve') await approved(id);
    else await gate.deny(id, 'no');
    assert.equal(
      answer(await client.untilReady()),
      decide === 'approve' ? '2 C:DELETE 1 Z:I' : 'E:42501 Z:I',
      `${value}`,
    );
  }
  assert.deepEqual(await ids('id between 5 and 7'), [6]);
  client.destroy();
});

test('approved means this portal: executed a second time it has nothing more to run', async () => {
  const client = await gate.agent();
  client.send(
    raw.parse({ sql: 'delete from items where id = 8 returning id' }),
    raw.bind({ portal: 'p' }),
    raw.execute('p'),
    raw.execute('p'),
    raw.sync(),
  );
  await approved(await heldNotice(client));
  const frames = await client.untilReady();
  assert.deepEqual(raw.rows(frames), [['8']]);
  assert.deepEqual(await ids('id = 8'), []);
  client.destroy();
});

test('a Query that meets two hold rules needs both', async () => {
  const client = await gate.agent();
  client.send(raw.query('update items set price = 1 where id = 9; delete from items where id = 10'));
  const id = await heldNotice(client);
  const seen = await gate.approval(id);
  assert.deepEqual(seen.requirements.map(one => one.rule).sort(), ['deletes', 'owner-reads-prices']);
  await approved(id);
  assert.equal((await gate.approval(id)).state, 'held');
  assert.deepEqual(await ids('id = 10'), [10]);
  await approved(id, 'owner@example.com');
  assert.equal(answer(await client.untilReady()), 'C:UPDATE 1 C:DELETE 1 Z:I');
  assert.deepEqual([await gate.value('select price from items where id = 9'), await ids('id = 10')], [1, []]);
  client.destroy();
});

test('one who may decide only half of it cannot deny the other half away, and one no is a no', async () => {
  const client = await gate.agent();
  client.send(raw.query('update items set price = 2 where id = 9; delete from items where id = 11'));
  const id = await heldNotice(client);
  await approved(id);
  await gate.deny(id, 'too dear', 'owner@example.com');
  const frames = await client.untilReady();
  assert.equal(answer(frames), 'E:42501 Z:I');
  assert.match(onlyError(frames).D ?? '', /too dear/);
  assert.deepEqual(await ids('id = 11'), [11]);
  client.destroy();
});

test('search_path and other settings are part of what is approved: the digest changes with them', async () => {
  const client = await gate.agent();
  const digests = new Map<string, string>();
  for (const before of [
    '',
    'set search_path = other, public',
    "set datestyle = 'German'",
    "set timezone = 'Asia/Tokyo'",
    'begin',
  ]) {
    if (before !== '') {
      client.send(raw.query(before));
      const frames = await client.untilReady();
      assert.equal(
        frames.some(frame => frame.type === 'E'),
        false,
        `${before}: ${answer(frames)}`,
      );
    }
    client.send(raw.query('delete from items where id = 12'));
    const id = await heldNotice(client);
    const { digest, statement } = await gate.approval(id);
    assert.equal([...digests.values()].includes(digest), false, `"${before}" left the digest as it was`);
    digests.set(before, digest);
    if (before.includes('search_path')) assert.equal(statement.settings.search_path, 'other, public');
    await gate.deny(id, 'only looking');
    await client.untilReady();
  }
  client.destroy();
  // And it is the statement that decides, not the moment: the same again in a like session is the same digest.
  const other = await gate.agent();
  other.send(raw.query('delete from items where id = 12'));
  const id = await heldNotice(other);
  assert.equal((await gate.approval(id)).digest, digests.get(''));
  await gate.deny(id, 'only looking');
  await other.untilReady();
  other.destroy();
});

test('how its strings were read when it was parsed is part of what is approved, whatever the setting is when it runs', async () => {
  const client = await gate.agent();
  const text = `delete from items where name = '\\' or id = 19 --'`;
  const parsed = async (name: string) => {
    client.send(raw.parse({ name, sql: text }), raw.sync());
    assert.equal(answer(await client.untilReady()), '1 Z:I');
  };
  const set = async (value: string) => {
    client.send(raw.query(`set standard_conforming_strings = ${value}; set escape_string_warning = off`));
    assert.equal(answer(await client.untilReady()), 'C:SET C:SET Z:I');
  };
  const run = async (statement: string) => {
    client.send(raw.bind({ statement }), raw.execute(), raw.sync());
    return heldNotice(client);
  };
  await parsed('on');
  await set('off');
  await parsed('off');
  const digests: string[] = [];
  for (const [setting, statement] of [
    ['off', 'off'],
    ['on', 'off'],
    ['on', 'on'],
    ['off', 'on'],
  ] as const) {
    await set(setting);
    const id = await run(statement);
    const { digest, statement: shown } = await gate.approval(id);
    assert.equal(shown.settings.standard_conforming_strings, statement, `${statement}, run while ${setting}`);
    digests.push(digest);
    await gate.deny(id, 'only looking');
    await client.untilReady();
  }
  assert.notEqual(digests[0], digests[2]);
  // The same words: where the backslash escapes the quote they name no row, and else one.
  await approved(await run('off'));
  assert.equal(answer(await client.untilReady()), '2 C:DELETE 0 Z:I');
  assert.deepEqual(await ids('id = 19'), [19]);
  await approved(await run('on'));
  assert.equal(answer(await client.untilReady()), '2 C:DELETE 1 Z:I');
  assert.deepEqual(await ids('id = 19'), []);
  client.destroy();
});

test('with another search_path the other table is what runs, and what is shown', async () => {
  const client = await gate.agent({ parameters: { search_path: 'other' } });
  client.send(raw.query('delete from items where id = 13'));
  const id = await heldNotice(client);
  const seen = await gate.approval(id);
  assert.deepEqual(seen.effects[0]?.writes, ['other.items']);
  await approved(id);
  assert.equal(answer(await client.untilReady()), 'C:DELETE 1 Z:I');
  assert.deepEqual(await ids('id = 13'), [13]);
  assert.equal(await gate.value('select count(*)::int from other.items where id = 13'), 0);
  client.destroy();
});

test('a quorum of two needs two people, however often one of them says yes', async () => {
  const client = await gate.agent();
  client.send(raw.query('delete from notes where id = 1'));
  const id = await heldNotice(client);
  await approved(id);
  assert.match(await gate.approve(id), /already decided/);
  assert.equal((await gate.approval(id)).state, 'held');
  assert.equal(await gate.value('select count(*)::int from notes where id = 1'), 1);
  await approved(id, 'approver-2@example.com');
  assert.equal(answer(await client.untilReady()), 'C:DELETE 1 Z:I');
  assert.match(await gate.approve(id), /can no longer/);
  client.destroy();
});

test('the requester and strangers do not decide', async () => {
  // An agent who is also an approver by the policy.
  const insider = await gate.dev.token('insider', { email: 'approver-1@example.com', groups: ['approvers'] });
  const client = await gate.agent({ token: insider });
  client.send(raw.query('delete from items where id = 14'));
  const id = await heldNotice(client);
  for (const as of [
    'approver-1@example.com',
    'Approver-1@Example.com',
    'insider',
    'stranger@example.com',
    'owner@example.com',
    'agent-1@example.com',
  ]) {
    assert.notEqual(await gate.approve(id, as), '', as);
    assert.equal((await gate.approval(id)).state, 'held', as);
  }
  assert.deepEqual(await ids('id = 14'), [14]);
  await approved(id, 'approver-2@example.com');
  assert.equal(answer(await client.untilReady()), 'C:DELETE 1 Z:I');
  client.destroy();
});

test('what is parked in a pipeline runs inside its transaction, after what came before it', async () => {
  const client = await gate.agent();
  const run = (sql: string) => [raw.parse({ sql }), raw.bind(), raw.execute()];
  client.send(
    ...run("insert into items values (50, 'new')"),
    ...run('delete from items where id = 50'),
    ...run("insert into items values (51, 'newer')"),
    raw.sync(),
  );
  const id = await heldNotice(client);
  assert.equal((await gate.approval(id)).statement.transaction, 'implicit');
  assert.deepEqual(await ids('id >= 50'), [], 'not committed while it waits');
  await approved(id);
  // The notice came somewhere before: everything else is there in order.
  assert.match(answer(await client.untilReady()), /2 C:DELETE 1 1 2 C:INSERT 0 1 Z:I$/);
  assert.deepEqual(await ids('id >= 50'), [51]);
  client.destroy();
});

test('a statement longer than any preview is shown whole', async () => {
  const client = await gate.agent();
  const text = `delete from items where id = 15 /* ${'long '.repeat(40_000)} */ or id = 16`;
  client.send(raw.query(text));
  const id = await heldNotice(client);
  assert.equal((await gate.approval(id)).statement.text, text);
  await gate.deny(id, 'too long');
  await client.untilReady();
  client.destroy();
});

test(
  'psql in single-transaction mode over stdin is held statement by statement',
  { skip: lacks('psql') },
  async () => {
    const child = spawn('psql', ['-X', '-w', '-1', '-v', 'ON_ERROR_STOP=1', '-d', gate.dev.ready.pg], {
      env: { ...process.env, PGPASSWORD: gate.token },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const code = new Promise<number | null>(resolve => child.once('exit', resolve));
    child.stdin.end('delete from items where id = 17;\ndelete from items where id = 18;\n');
    await approved(await held());
    assert.deepEqual(await ids('id in (17, 18)'), [17, 18], 'inside the transaction, nobody sees it yet');
    const id = await waitFor(async () => (await gate.heldIds())[0], {
      what: 'the second is held',
      everyMs: 30,
    });
    await gate.deny(id, 'not this one');
    assert.notEqual(await code, 0);
    assert.deepEqual(await ids('id in (17, 18)'), [17, 18]);
  },
);
