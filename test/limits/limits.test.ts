import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { answer, type Gate, HEAD, heldNotice, onlyError, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';
import { RawClient } from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';

/**
 * Every limit of the policy is reached here, and each time somebody else works on beside it. The limits are small, the
 * numbers below are theirs.
 */
const LIMITS = `limits:
  startup: 2s
  unproven: 20
  connections: 9
  connectionsPerPrincipal: 5
  message: 256kB
  text: 200
  ahead: 64kB
  memory: 850kB
  memoryPerPrincipal: 600kB
  parked: 3
  parkedPerPrincipal: 2
  statements: 5
  portals: 4
`;
const RULES = `
  - { name: own-table, match: { effects: { writes: [public.notes] } }, verdict: hold, approvers: [approvers] }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
`;
const KB = 1024;
const HELD = "update notes set body = 'x' where id = 1";

let gate: Gate;
const tokens: string[] = [];
const strangers: RawClient[] = [];

before(async () => {
  gate = await startGate(RULES, { head: HEAD + LIMITS });
  tokens.push(gate.token);
  for (const name of ['agent-2', 'agent-3'])
    tokens.push(await gate.dev.token(name, { email: `${name}@example.com` }));
});
afterEach(async () => {
  for (const stranger of strangers.splice(0)) stranger.destroy();
  await gate.clear();
  // The proxy has seen that they are gone: the next test's connections count from nothing.
  await waitFor(async () => (await sessions()) === 0, { what: 'every session has ended', everyMs: 20 });
});
after(() => {
  tokens.length = 0;
});

async function sessions(): Promise<number> {
  const count =
    "select count(*)::int from pg_stat_activity where usename = 'agent' and application_name = 'limits'";
  return (await gate.value(count)) as number;
}

function agent(who = 0): Promise<RawClient> {
  return gate.agent({ token: tokens[who]!, parameters: { application_name: 'limits' } });
}

async function stranger(...bytes: Buffer[]): Promise<RawClient> {
  const client = await RawClient.connect({ port: gate.dev.pgPort });
  strangers.push(client);
  if (bytes.length > 0) client.send(...bytes);
  return client;
}

interface Asked {
  readonly kind: string;
  readonly body: {
    readonly protocol: string;
    readonly verdict: string;
    readonly rule: string;
    readonly message: string;
  };
}

/** Every statement in the record. */
async function statements(): Promise<Asked[]> {
  const all = [];
  for (const { session } of await gate.dev.json<{ session: string }[]>('audit', 'sessions'))
    all.push(...(await gate.dev.json<Asked[]>('audit', 'show', session)));
  return all.filter(({ kind }) => kind === 'statement');
}

/** Somebody else, who must not notice anything. */
async function works(client: RawClient): Promise<void> {
  client.send(raw.query('select count(*) from items'));
  assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
}

async function fatal(client: RawClient, sqlstate: string, message: RegExp): Promise<void> {
  const said = onlyError((await client.untilClosed()).filter(frame => frame.type !== 'N'));
  assert.deepEqual({ severity: said.S, sqlstate: said.C }, { severity: 'FATAL', sqlstate });
  assert.match(said.M!, message);
  assert.ok(said.H, 'it has a hint');
}

function refused(frames: readonly raw.Frame[], sqlstate: string, message: RegExp): void {
  const said = onlyError(frames);
  assert.deepEqual({ severity: said.S, sqlstate: said.C }, { severity: 'ERROR', sqlstate });
  assert.match(said.M!, message);
  assert.ok(said.H, 'it has a hint');
}

test('startup: whoever does not finish the start-up is cut at its deadline, at any stage of it, and keeps nobody waiting', async () => {
  const packet = raw.startup({ user: 'agent', database: 'shop' });
  const late = await Promise.all([
    stranger(),
    stranger(packet.subarray(0, 3)),
    stranger(packet.subarray(0, packet.length - 1)),
    stranger(packet),
    stranger(packet, raw.password('x'.repeat(100)).subarray(0, 50)),
  ]);
  const other = await agent();
  await works(other);
  for (const client of late) {
    const said = onlyError((await client.untilClosed()).filter(frame => frame.type === 'E'));
    assert.deepEqual([said.S, said.C, said.M], ['FATAL', '08006', 'the start-up took too long']);
    assert.ok(said.H);
  }
  await works(other);
});

test('unproven: strangers that say nothing make room for newcomers, oldest first, and never keep an agent out', async () => {
  const first = await stranger();
  for (let i = 1; i < 20; i += 1) await stranger(raw.startup({ user: 'agent', database: 'shop' }));
  const other = await agent();
  await fatal(first, '53300', /not said who they are/);
  await works(other);
  await works(await agent(1));
});

test('connectionsPerPrincipal: one principal has as many as that, another comes in, and one that ends makes room', async () => {
  const open = [];
  for (let i = 0; i < 5; i += 1) open.push(await agent());
  await assert.rejects(agent(), /53300 too many connections of one principal/);
  await works(open[0]!);
  await works(await agent(1));
  open[1]!.send(raw.terminate());
  await open[1]!.untilClosed();
  await works(await waitFor(() => agent(), { what: 'there is room' }));
});

test('connections: in all there are as many as that; those that are open work on, and one that ends makes room', async () => {
  const open = [];
  for (let i = 0; i < 5; i += 1) open.push(await agent());
  for (let i = 0; i < 4; i += 1) open.push(await agent(1));
  await assert.rejects(agent(2), /53300 too many connections$/);
  for (const client of open) await works(client);
  open[0]!.destroy();
  await works(await waitFor(() => agent(2), { what: 'there is room' }));
});

test('a refused start-up takes no place: neither a wrong token nor a wrong target counts', async () => {
  for (let i = 0; i < 12; i += 1) {
    await assert.rejects(gate.agent({ token: 'x.y.z' }), /28P01/);
    const client = await stranger();
    const login = client.login({ user: 'agent', database: 'nowhere', password: tokens[0]! });
    await assert.rejects(login, /3D000/);
  }
  await works(await agent());
});

test('message: a longer one is dropped as it comes in and refused like any statement, and its session lives on', async () => {
  const other = await agent();
  const client = await agent();
  const limit = /^message of type '[QPBF]' has \d+ bytes; the limit is 262144$/;
  const long = (type: string, bytes = 300 * KB) => raw.message(type, Buffer.alloc(bytes, 'x'));
  client.send(long('Q'));
  refused(await client.untilReady(), '54000', limit);
  client.send(long('F'));
  refused(await client.untilReady(), '54000', limit);
  await client.sendInPieces(Buffer.concat([long('Q', 20_000 * KB), raw.query('select 1')]), 1_000 * KB);
  refused(await client.untilReady(), '54000', limit);
  assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
  for (const type of ['P', 'B']) {
    const behind = [raw.parse({ sql: 'select 2' }), raw.bind(), raw.execute(), long(type), raw.sync()];
    client.send(raw.parse({ sql: 'select 1' }), long(type), raw.bind(), raw.execute(), ...behind);
    const frames = await client.untilReady();
    assert.equal(answer(frames), '1 E:54000 Z:I');
    refused(
      frames.filter(f => f.type === 'E'),
      '54000',
      limit,
    );
    client.send(...behind);
    assert.equal(answer(await client.untilReady()), '1 2 D C:SELECT 1 E:54000 Z:I');
  }
  client.send(raw.query('begin'), long('Q'), raw.query('select 1'), raw.query('rollback'));
  const said = [];
  for (let i = 0; i < 4; i += 1) said.push(answer(await client.untilReady()));
  assert.deepEqual(said, ['C:BEGIN Z:T', 'E:54000 Z:E', 'E:25P02 Z:E', 'C:ROLLBACK Z:I']);
  // What would be dropped anyhow is dropped whatever its length.
  client.send(long('d'), raw.query('select 1'));
  assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
  await works(client);
  await works(other);
});

test('message: what no server would read ends the session at its header, before its body is there, and no other', async () => {
  const other = await agent();
  const long = [
    [raw.message('Q', '', 0x7fffffff), 262144],
    [raw.message('P', '', 0x3fffffff), 262144],
    [raw.message('S', '', 10_001), 10_000],
    // COPY data is never held whole: its limit is the server's.
    [raw.message('d', '', 0x7fffffff), 0x3ffffffe],
  ] as const;
  for (const [bytes, limit] of long) {
    const client = await agent();
    client.send(bytes);
    await fatal(client, '54000', new RegExp(`the limit is ${limit}$`));
  }
  await works(other);
  other.send(raw.query(`select /*${'x'.repeat(256 * KB - 200)}*/ 1`));
  assert.equal(answer(await other.untilReady()), 'T D C:SELECT 1 Z:I');
});

test('text: one with more in it is refused unread, wherever it stands; literals and comments are as long as they like', async () => {
  const other = await agent();
  const client = await agent();
  const said = /^the text is too long to be judged$/;
  const long = `select ${'1,'.repeat(200)}1`;
  const many = 'select 1;'.repeat(30);
  const block = `do $$ begin ${'perform 1;'.repeat(40)} end $$`;
  for (const sql of [long, many, block, `${many} this does not parse`]) {
    client.send(raw.query(sql));
    refused(await client.untilReady(), '54000', said);
    const behind = [raw.bind(), raw.execute(), raw.parse({ sql: 'select 1' }), raw.sync()];
    client.send(raw.parse({ sql: 'select 2' }), raw.parse({ sql }), ...behind, raw.query('select 1'));
    assert.equal(answer(await client.untilReady()), '1 E:54000 Z:I');
    assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
  }
  // The unnamed statement is gone, as behind a text that does not parse; a named one was never made.
  client.send(raw.parse({ sql: 'select 2' }), raw.sync(), raw.parse({ sql: long }), raw.sync());
  client.send(raw.bind(), raw.sync(), raw.parse({ name: 's', sql: long }), raw.sync());
  client.send(raw.bind({ statement: 's' }), raw.sync());
  const heard = [];
  for (let i = 0; i < 5; i += 1) heard.push(answer(await client.untilReady()));
  assert.deepEqual(heard, ['1 Z:I', 'E:54000 Z:I', 'E:26000 Z:I', 'E:54000 Z:I', 'E:26000 Z:I']);
  const inOne = ['begin', "update items set name = 'x' where id = 1", long, long, 'select 1', 'rollback'];
  client.send(...inOne.map(raw.query));
  const inBlock = [];
  for (const _ of inOne) inBlock.push(answer(await client.untilReady()));
  assert.deepEqual(inBlock, [
    'C:BEGIN Z:T',
    'C:UPDATE 1 Z:T',
    'E:54000 Z:E',
    'E:54000 Z:E',
    'E:25P02 Z:E',
    'C:ROLLBACK Z:I',
  ]);
  const letters = 'x '.repeat(50 * KB);
  for (const sql of [
    `select '${letters}'`,
    `select /* ${letters} */ 1`,
    `select $$${letters}$$ -- ${letters}`,
  ]) {
    client.send(raw.query(sql));
    assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
  }
  await works(client);
  await works(other);
  const recorded = (await statements()).filter(({ body }) => said.test(body.message));
  assert.deepEqual(
    recorded.map(({ body }) => `${body.protocol} ${body.verdict} ${body.rule}`),
    [
      ...[long, many, block, many].flatMap(() => ['simple', 'parse']),
      ...['parse', 'parse', 'simple', 'simple'],
    ].map(protocol => `${protocol} deny invariant`),
  );
});

test('ahead: who floods behind a held statement loses session and hold, and the held statement never runs', async () => {
  const other = await agent(1);
  for (const flood of [
    raw.query(`select '${'x'.repeat(1000)}'`),
    raw.bind({ values: ['y'.repeat(20 * KB)] }),
    raw.sync(),
  ]) {
    const client = await agent();
    client.send(raw.query(HELD));
    const id = await heldNotice(client);
    client.send(...Array.from({ length: Math.ceil((65 * KB) / flood.length) }, () => flood));
    await fatal(client, '53400', /sent behind a statement that is held/);
    await gate.becomes(id, 'withdrawn');
  }
  await works(other);
  assert.equal(await gate.value('select body from notes where id = 1'), 'one');
});

test('memoryPerPrincipal and memory: messages that are never whole take so much and no more, and what ends gives it back', async () => {
  const part = (bytes: number) => raw.message('Q', Buffer.alloc(bytes, 'x'), 250 * KB);
  const fill = async (who: number, bytes: number) => {
    const client = await agent(who);
    client.send(part(bytes));
    return client;
  };
  const mine = [await fill(0, 240 * KB), await fill(0, 240 * KB)];
  const refusedOne = await fill(0, 240 * KB);
  await fatal(refusedOne, '53200', /one principal/);
  const others = [await fill(1, 240 * KB)];
  await fatal(await fill(2, 240 * KB), '53200', /memory for what agents send/);
  const small = await agent(2);
  await works(small);
  for (const client of [...mine, ...others]) client.destroy();
  await waitFor(async () => (await sessions()) === 1, { what: 'they have ended', everyMs: 20 });
  for (let i = 0; i < 3; i += 1) {
    small.send(raw.query(`select /*${'x'.repeat(240 * KB)}*/ 1`));
    assert.equal(answer(await small.untilReady()), 'T D C:SELECT 1 Z:I');
  }
});

test('memoryPerPrincipal: prepared texts count until they are closed, also the one behind an open portal; the refusal is an ordinary error', async () => {
  const client = await agent();
  const sql = `select 1 /*${'x'.repeat(160 * KB)}*/`;
  const shorter = `select 1 /*${'x'.repeat(60 * KB)}*/`;
  for (const name of ['a', 'b']) {
    client.send(raw.parse({ name, sql }), raw.sync());
    assert.equal(answer(await client.untilReady()), '1 Z:I');
  }
  client.send(raw.parse({ name: 'c', sql }), raw.sync());
  refused(await client.untilReady(), '53200', /one principal/);
  await works(client);
  await works(await agent(1));
  client.send(raw.close('statement', 'a'), raw.sync());
  assert.equal(answer(await client.untilReady()), '3 Z:I');
  client.send(raw.parse({ name: 'c', sql }), raw.sync());
  assert.equal(answer(await client.untilReady()), '1 Z:I');
  client.send(raw.query('deallocate all'));
  await client.untilReady();
  for (let i = 0; i < 5; i += 1) {
    client.send(raw.parse({ sql: shorter }), raw.bind(), raw.execute(), raw.sync());
    assert.equal(answer(await client.untilReady()), '1 2 D C:SELECT 1 Z:I');
  }
  client.send(raw.query('begin'), raw.parse({ sql }), raw.bind({ portal: 'p' }), raw.sync());
  await client.untilReady();
  assert.equal(answer(await client.untilReady()), '1 2 Z:T');
  client.send(raw.parse({ sql }), raw.bind({ portal: 'q' }), raw.sync());
  assert.match(answer(await client.untilReady()), /E/);
  client.send(raw.query('rollback'));
  await client.untilReady();
  await works(client);
});

test('parkedPerPrincipal and parked: the next one is refused like any statement, its session lives on, others may still be held', async () => {
  const open = [];
  for (const who of [0, 0, 1]) {
    const client = await agent(who);
    client.send(raw.query(HELD));
    await heldNotice(client);
    open.push(client);
  }
  const mine = await agent();
  mine.send(raw.query(HELD));
  refused(await mine.untilReady(), '53400', /too many of your statements/);
  await works(mine);
  const third = await agent(2);
  third.send(raw.parse({ sql: HELD }), raw.bind(), raw.execute(), raw.sync());
  refused(await third.untilReady(), '53400', /^too many statements wait/);
  await works(third);

  open[0]!.destroy();
  await waitFor(async () => (await gate.heldIds()).length === 2, { what: 'one hold has gone' });
  mine.send(raw.query(HELD));
  await heldNotice(mine);
  const held = await gate.heldIds();
  assert.equal(held.length, 3);
  for (const id of held) assert.equal(await gate.deny(id, 'no'), '');
  for (const client of [open[1]!, open[2]!, mine])
    onlyError((await client.untilReady()).filter(f => f.type === 'E'));
  assert.equal(await gate.value('select body from notes where id = 1'), 'one');
});

test('statements: by the protocol or by PREPARE there are as many as that; the unnamed one is replaced; one closed makes room', async () => {
  const client = await agent();
  const other = await agent(1);
  for (let i = 0; i < 3; i += 1) {
    client.send(raw.parse({ name: `p${i}`, sql: 'select 1' }), raw.sync());
    assert.equal(answer(await client.untilReady()), '1 Z:I');
  }
  client.send(raw.query('prepare s0 as select 1'));
  assert.equal(answer(await client.untilReady()), 'C:PREPARE Z:I');
  for (let i = 0; i < 3; i += 1) {
    client.send(raw.parse({ sql: 'select 2' }), raw.bind(), raw.execute(), raw.sync());
    assert.equal(answer(await client.untilReady()), '1 2 D C:SELECT 1 Z:I');
  }
  for (const sql of [
    'prepare s1 as select 1',
    'deallocate p0; prepare s1 as select 1; prepare s2 as select 2',
  ]) {
    client.send(raw.query(sql));
    refused(await client.untilReady(), '54000', /too many prepared statements/);
  }
  // A Query drops the unnamed one, though it was refused.
  client.send(raw.parse({ sql: 'select 2' }), raw.sync());
  assert.equal(answer(await client.untilReady()), '1 Z:I');
  client.send(raw.parse({ name: 'p9', sql: 'select 1' }), raw.sync());
  refused(await client.untilReady(), '54000', /too many prepared statements/);
  client.send(raw.close('statement', 'p0'), raw.parse({ name: 'p9', sql: 'select 1' }), raw.sync());
  assert.equal(answer(await client.untilReady()), '3 1 Z:I');
  client.send(raw.query('deallocate all'));
  await client.untilReady();
  client.send(
    raw.query(
      'prepare a as select 1; prepare b as select 1; prepare c as select 1; prepare d as select 1; prepare e as select 1; prepare f as select 1',
    ),
  );
  refused(await client.untilReady(), '54000', /too many prepared statements/);
  await works(client);
  await works(other);
});

test('statements: names opened and closed in one pipeline do not pile up without end', async () => {
  const client = await agent();
  const parts = [];
  for (let i = 0; i < 50; i += 1)
    parts.push(raw.parse({ name: `n${i}`, sql: 'select 1' }), raw.close('statement', `n${i}`));
  client.send(...parts, raw.sync());
  refused(
    (await client.untilReady()).filter(f => f.type === 'E'),
    '54000',
    /too many prepared/,
  );
  for (let i = 0; i < 50; i += 1) parts.splice(0, 1, raw.close('statement', `unknown ${i}`));
  client.send(...parts.slice(0, 1), raw.sync());
  assert.equal(answer(await client.untilReady()), '3 Z:I');
  await works(client);
});

test('portals: portals and cursors are counted together; the end of the transaction makes room', async () => {
  const client = await agent();
  const other = await agent(1);
  client.send(raw.query('begin; declare c0 cursor for select 1'));
  await client.untilReady();
  client.send(raw.parse({ name: 'p', sql: 'select 1' }));
  for (let i = 0; i < 3; i += 1) client.send(raw.bind({ portal: `b${i}`, statement: 'p' }));
  client.send(raw.sync());
  assert.equal(answer(await client.untilReady()), '1 2 2 2 Z:T');
  client.send(raw.query('savepoint s'), raw.bind({ portal: 'b3', statement: 'p' }), raw.sync());
  await client.untilReady();
  refused(await client.untilReady(), '54000', /too many portals and cursors/);
  client.send(raw.query('rollback to s'));
  await client.untilReady();
  client.send(raw.query('declare c1 cursor for select 1'));
  refused(await client.untilReady(), '54000', /too many portals and cursors/);
  client.send(raw.query('rollback'));
  await client.untilReady();
  client.send(raw.query('begin; declare c1 cursor for select 1; fetch c1; commit'));
  assert.equal(answer(await client.untilReady()), 'C:BEGIN C:DECLARE CURSOR T D C:FETCH 1 C:COMMIT Z:I');
  await works(client);
  await works(other);
});
