import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, before, test } from 'node:test';
import { SignJWT } from 'jose';
import { answer, type Gate, onlyError, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';
import { RawClient } from '#test/support/raw.ts';

const RULES = `
  - name: everything-but-deletes
    match: { effects: { commands: [select, insert, update, set, show, transaction] } }
    verdict: allow
`;

let gate: Gate;
before(async () => {
  gate = await startGate(RULES);
});
afterEach(() => gate.clear());

const open = () => RawClient.connect({ port: gate.dev.pgPort });

/** Refused at start-up with this SQLSTATE, as FATAL, and closed. */
async function refusedLogin(options: Parameters<RawClient['login']>[0], sqlstate: string): Promise<void> {
  const client = await open();
  await assert.rejects(client.login(options), (error: Error & { cause?: Record<string, string> }) => {
    assert.deepEqual([error.cause?.S, error.cause?.C], ['FATAL', sqlstate], error.message);
    for (const part of String(options.password ?? 'none').split('.'))
      if (part.length > 20)
        assert.ok(!JSON.stringify(error.cause).includes(part), 'the token is in the error');
    return true;
  });
  await client.untilClosed();
}
/** Others are served whatever has happened. */
async function servesOthers(): Promise<void> {
  const client = await gate.agent();
  client.send(raw.query('select 1'));
  assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
  client.destroy();
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('tokens that are wrong in any way are refused, without a word on why that a stranger could use', async () => {
  const [head = '', body = '', signature = ''] = gate.token.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
  const flipped = Buffer.from(signature, 'base64url');
  flipped[0]! ^= 1;
  const wrong: Record<string, string> = {
    empty: '',
    rubbish: 'secret',
    'three parts of rubbish': 'a.b.c',
    'no signature': `${head}.${body}.`,
    'another signature': `${head}.${body}.${flipped.toString('base64url')}`,
    'other claims under the same signature': `${head}.${part({ ...claims, sub: 'admin' })}.${signature}`,
    'alg none': `${part({ alg: 'none', typ: 'JWT' })}.${body}.`,
    'alg None with the signature': `${part({ alg: 'None' })}.${body}.${signature}`,
    'alg HS256': `${part({ alg: 'HS256', typ: 'JWT' })}.${body}.${signature}`,
    'very long': 'x'.repeat(15_000),
  };
  for (const [name, password] of Object.entries(wrong)) {
    await refusedLogin({ user: 'agent', database: 'shop', password }, '28P01').catch(error => {
      throw new Error(name, { cause: error });
    });
  }
  await servesOthers();
});

test('tokens of the right key for another audience, another issuer or another time are refused', async () => {
  const key = createPrivateKey(readFileSync(join(gate.dev.data, 'keys', 'issuer.key')));
  const [head = '', body = ''] = gate.token.split('.').map(text => Buffer.from(text, 'base64url').toString());
  const claims = JSON.parse(body) as { iat: number; exp: number; [claim: string]: unknown };
  const sign = (changed: Record<string, unknown>) =>
    new SignJWT({ ...claims, ...changed }).setProtectedHeader(JSON.parse(head) as { alg: string }).sign(key);
  const client = await gate.agent({ token: await sign({}) });
  client.destroy();
  const wrong: Record<string, Record<string, unknown>> = {
    'foreign audience': { aud: 'elsewhere' },
    'no audience': { aud: undefined },
    'foreign issuer': { iss: 'https://issuer.example.com' },
    expired: { iat: claims.iat - 7200, exp: claims.iat - 3600 },
    'no end': { exp: undefined },
    'not yet': { nbf: claims.iat + 3600 },
    'no subject': { sub: undefined },
  };
  for (const [name, changed] of Object.entries(wrong)) {
    await refusedLogin({ user: 'agent', database: 'shop', password: await sign(changed) }, '28P01').catch(
      error => {
        throw new Error(name, { cause: error });
      },
    );
  }
});

test('an unknown target or role is named as such, but only to those with a token', async () => {
  const password = gate.token;
  await refusedLogin({ user: 'agent', database: 'nowhere', password }, '3D000');
  await refusedLogin({ user: 'postgres', database: 'shop', password }, '28000');
  await refusedLogin({ user: 'agent', password }, '3D000');
  await refusedLogin({ user: '', database: 'shop', password }, '28000');
  await refusedLogin({ user: 'agent', database: '__proto__', password }, '3D000');
  await refusedLogin({ user: 'constructor', database: 'shop', password }, '28000');
  await refusedLogin({ user: 'nobody', database: 'nowhere', password: 'x' }, '28P01');
});

test('what an unknown database, role or encoding is called is what the server calls it', async () => {
  for (const [said, parameters] of [
    ['FATAL 3D000 database "nowhere" does not exist', { database: 'nowhere' }],
    ['FATAL 28000 role "nobody" does not exist', { user: 'nobody' }],
    ['FATAL 22023 invalid value for parameter "client_encoding": "none"', { client_encoding: 'none' }],
  ] as const)
    for (const [port, password] of [
      [gate.db.port, ''],
      [gate.dev.pgPort, gate.token],
    ] as const) {
      const { user = 'agent', database = 'shop', ...more } = parameters as Record<string, string>;
      const client = await RawClient.connect({ port });
      const login = client.login({ user, database, password, parameters: more });
      await assert.rejects(login, (error: Error) => {
        const { S, C, M } = error.cause as Record<string, string>;
        assert.equal(`${S} ${C} ${M}`, said);
        return true;
      });
    }
});

test('a first packet that cannot be one is closed at once, without a word as by the server', async () => {
  const garbage: Record<string, Buffer> = {
    http: Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    'TLS without SSLRequest': Buffer.from('16030100c8010000c40303', 'hex'),
    zeros: Buffer.alloc(100),
    'negative length': raw.int32(-1, 0x0003_0000),
    'length 7': raw.int32(7, 0x0003_0000),
    'a gigabyte': raw.int32(0x40000000, 0x0003_0000),
    '10,005 bytes': raw.startup({ user: 'agent', database: 'shop', application_name: 'x'.repeat(9_953) }),
  };
  assert.equal(garbage['10,005 bytes']!.length, 10_005);
  for (const [name, bytes] of Object.entries(garbage)) {
    const client = await open();
    client.send(bytes);
    assert.deepEqual(await client.untilClosed(), [], name);
  }
  await servesOthers();
});

test('a start-up packet whose inside is garbage is refused at once and closed', async () => {
  const startup = raw.startup({ user: 'agent', database: 'shop' });
  const garbage: Record<string, Buffer> = {
    'a parameter without its value': raw.untyped(
      Buffer.concat([raw.int32(0x0003_0000), raw.cstring('user')]),
    ),
    'no UTF-8': raw.startup({ user: 'agent' }).fill(0xff, 13, 15),
  };
  for (const [name, bytes] of Object.entries(garbage)) {
    const client = await open();
    client.send(bytes);
    const said = onlyError(await client.untilClosed());
    assert.deepEqual([said.S, said.C], ['FATAL', '08P01'], name);
  }
  const newer = await open();
  newer.send(raw.startup({ user: 'agent' }, 0x0004_0000));
  const said = onlyError(await newer.untilClosed());
  assert.deepEqual([said.S, said.C], ['FATAL', '0A000']);
  // Half a packet and gone: closed as well, and nobody else notices.
  const half = await open();
  half.send(startup.subarray(0, 9));
  half.end();
  await half.untilClosed();
  await servesOthers();
});

test('clients that connect and say nothing, or stop half-way, hinder nobody', async () => {
  const silent = await Promise.all(Array.from({ length: 30 }, open));
  for (const [index, client] of silent.entries()) {
    if (index % 3 === 1) client.send(raw.startup({ user: 'agent', database: 'shop' }).subarray(0, 6));
    if (index % 3 === 2) client.send(raw.startup({ user: 'agent', database: 'shop' }));
  }
  await servesOthers();
  for (const client of silent) client.destroy();
  await servesOthers();
});

test('anything but a password where one is asked for is refused', async () => {
  const bad = {
    'a query': raw.query('select 1'),
    'longer than a token can be': raw.message('p', '', 20_001),
    'no terminator': raw.message('p', 'secret'),
    'more behind it': raw.message('p', 'secret\0more\0'),
  };
  for (const [name, bytes] of Object.entries(bad)) {
    const client = await open();
    client.send(raw.startup({ user: 'agent', database: 'shop' }));
    assert.equal((await client.next()).type, 'R');
    client.send(bytes);
    const said = onlyError(await client.untilClosed());
    assert.deepEqual([said.S, said.C], ['FATAL', '08P01'], name);
  }
  for (const length of [3, -1, 65_540, 1_000_000]) {
    const client = await open();
    client.send(raw.startup({ user: 'agent', database: 'shop' }), raw.message('p', '', length));
    const types = (await client.untilClosed()).map(frame => frame.type);
    assert.deepEqual(
      types,
      ['R'],
      `a password of ${length} bytes is closed without a word, as by the server`,
    );
  }
});

test('a message longer than the server would read is refused from its header and ends the session', async () => {
  for (const [type, length] of [
    ['Q', 0x7fffffff],
    ['P', 0x3fffffff],
    ['B', 0x40000000],
    ['S', 10_001],
  ] as const) {
    const client = await gate.agent();
    client.send(raw.message(type, 'select 1', length));
    const said = onlyError(await client.untilClosed());
    assert.deepEqual([said.S, said.C], ['FATAL', '54000'], type);
  }
  await servesOthers();
});

const insert = "insert into notes values (900, 'x')";
const insertion = [raw.parse({ sql: insert }), raw.bind(), raw.execute()];

test('messages whose inside cannot be are ordinary errors, and nothing of their pipeline stays', async () => {
  const head = Buffer.concat([raw.cstring(''), raw.cstring('')]);
  const bad: Record<string, Buffer> = {
    'a negative length in Bind': raw.message(
      'B',
      Buffer.concat([head, raw.int16(0, 1), raw.int32(-5), raw.int16(0)]),
    ),
    'a value beyond Bind': raw.message(
      'B',
      Buffer.concat([head, raw.int16(0, 1), raw.int32(999), raw.int16(0)]),
    ),
    'a count beyond Bind': raw.message('B', Buffer.concat([head, raw.int16(-1)])),
    'a query without its zero': raw.message('Q', insert),
    'a query with more behind its zero': raw.message('Q', `select 1\0${insert}\0`),
    'a query that is not UTF-8': raw.query(Buffer.concat([Buffer.from(`${insert} -- `), Buffer.of(0xff)])),
    'an Execute cut short': raw.message('E', '\0\0'),
    'a Describe of nothing': raw.message('D', ''),
  };
  for (const [name, bytes] of Object.entries(bad)) {
    const client = await gate.agent();
    client.send(raw.query('select 1'), ...insertion, bytes, raw.sync());
    await client.untilReady();
    const said = onlyError(await client.untilReady());
    assert.deepEqual([said.S, said.C], ['ERROR', name.includes('UTF-8') ? '22021' : '08P01'], name);
    if (bytes[0] === 0x51) assert.equal(answer(await client.untilReady()), 'Z:I');
    client.send(raw.query('select 1'));
    assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I', name);
    client.destroy();
    assert.equal(await gate.value('select count(*)::int from notes where id = 900'), 0, name);
  }
});

test('lengths that cannot be end the session, and nothing of their pipeline stays', async () => {
  for (const bytes of [raw.message('Q', '', 3), raw.message('S', '', -4)]) {
    const client = await gate.agent();
    client.send(...insertion, bytes, raw.sync());
    const said = onlyError(await client.untilClosed());
    assert.deepEqual([said.S, said.C], ['FATAL', '08P01']);
    assert.equal(await gate.value('select count(*)::int from notes where id = 900'), 0);
  }
});

test('text values that are not UTF-8 are refused as the server would, and the session lives on', async () => {
  const client = await gate.agent();
  client.send(
    raw.parse({ sql: 'select $1::text' }),
    raw.bind({ values: [Buffer.of(0xc3, 0x28)] }),
    raw.execute(),
    raw.sync(),
  );
  assert.equal(answer(await client.untilReady()), '1 E:22021 Z:I');
  client.send(raw.query('select 1'));
  assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
});

/** What the setting that changes how text is read is on the server now, in every session of the agent. */
async function settingsStay(client: RawClient, how: string): Promise<void> {
  if (client.closed) return;
  client.send(raw.query("select current_setting('client_encoding')"));
  const frames = await client.untilReady();
  assert.deepEqual(raw.rows(frames), [['UTF8']], how);
}

test('a client_encoding that hides ASCII is refused at start-up, by whatever way', async () => {
  for (const parameters of [
    { client_encoding: 'SJIS' },
    { client_encoding: 'GB18030' },
    { CLIENT_ENCODING: 'sjis' },
    { options: '-c client_encoding=BIG5' },
    { options: '--client-encoding=BIG5' },
    { options: '-cclient_encoding=BIG5' },
  ]) {
    await refusedLogin({ user: 'agent', database: 'shop', password: gate.token, parameters }, '0A000');
  }
  for (const parameters of [
    { client_encoding: 'utf-8' },
    { client_encoding: 'UNICODE' },
    { options: '-c client_encoding=UTF8' },
  ])
    (await gate.agent({ parameters })).destroy();
});

test('a client_encoding that hides ASCII is never accepted later, by whatever way', async () => {
  const ways = [
    "set client_encoding = 'SJIS'",
    "set local client_encoding = 'SJIS'",
    "set names 'SJIS'",
    'set client_encoding to johab',
    "select set_config('client_encoding', 'SJIS', false)",
    "select set_config('client_' || 'encoding', 'SJIS', false)",
    "with x as (select set_config('client_encoding', 'SJIS', false)) select * from x",
    "update pg_settings set setting = 'SJIS' where name = 'client_encoding'",
    "update pg_settings set setting = 'SJIS' where name like 'client_enc%'",
    "begin; set client_encoding = 'SJIS'; select '\\'; drop table notes; --'",
  ];
  for (const sql of ways) {
    for (const protocol of ['simple', 'extended'] as const) {
      if (protocol === 'extended' && sql.includes(';')) continue;
      const client = await gate.agent();
      if (protocol === 'simple') client.send(raw.query(sql));
      else client.send(raw.parse({ sql }), raw.bind(), raw.execute(), raw.sync());
      const how = `${protocol}: ${sql}`;
      const seen = [];
      while (!client.closed || seen.length === 0) {
        const frame = await client.next().catch(() => null);
        if (frame === null) break;
        seen.push(frame);
        if (frame.type === 'Z') break;
      }
      assert.equal(
        seen.some(frame => frame.type === 'E'),
        true,
        `${how}: ${answer(seen)}`,
      );
      if (seen.at(-1)?.type === 'Z') {
        client.send(raw.query('rollback'));
        await client.untilReady();
        await settingsStay(client, how);
      }
      client.destroy();
    }
  }
  assert.equal(await gate.value("select count(*)::int from pg_class where relname = 'notes'"), 1);
  await servesOthers();
});

test('SSLRequest and GSSENCRequest are answered with N, and the start-up goes on in the clear', async () => {
  const client = await open();
  client.send(raw.sslRequest());
  assert.equal(await client.byte(), 'N');
  client.send(raw.gssEncRequest());
  assert.equal(await client.byte(), 'N');
  await client.login({ user: 'agent', database: 'shop', password: gate.token });
  client.send(raw.query('select 1'));
  assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
  client.destroy();
  const many = await open();
  many.send(raw.sslRequest(), raw.sslRequest(), raw.sslRequest());
  await assert.doesNotReject(many.untilClosed());
});

test('protocol 3.2 gets a long cancel key, and newer ones are negotiated down with their options named', async () => {
  const login = { user: 'agent', database: 'shop', password: gate.token };
  const keyOf = async (protocol: number, parameters: Record<string, string> = {}) => {
    const client = await open();
    const frames = await client.login({ ...login, protocol, parameters });
    client.send(raw.query('select 1'));
    assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
    const negotiated = frames.find(frame => frame.type === 'v');
    client.destroy();
    return { size: client.backend!.key.length, negotiated: negotiated?.body };
  };
  assert.deepEqual(await keyOf(0x0003_0000), { size: 4, negotiated: undefined });
  assert.deepEqual(await keyOf(0x0003_0002), { size: 32, negotiated: undefined });
  // NegotiateProtocolVersion: newest minor version as the server sends it, number of unknown options, their names.
  const newer = await keyOf(0x0003_0009);
  assert.deepEqual(newer.negotiated?.subarray(4), raw.int32(0));
  assert.equal(newer.negotiated!.readInt32BE(0) & 0xffff, 2);
  assert.equal(newer.size, 32);
  const options = await keyOf(0x0003_0009, { '_pq_.one': '1', '_pq_.two': 'x' });
  assert.deepEqual(
    options.negotiated?.subarray(4),
    Buffer.concat([raw.int32(2), raw.cstring('_pq_.one'), raw.cstring('_pq_.two')]),
  );
  const old = await keyOf(0x0003_0000, { '_pq_.one': '1' });
  assert.equal(old.negotiated!.readInt32BE(4), 1);
});

test('a cancel request with a wrong key does nothing, and one with the right key cancels', async () => {
  const client = await gate.agent();
  const { pid, key } = client.backend!;
  client.send(raw.query('select pg_sleep(30)'));
  await waitActive();
  const wrong = Buffer.from(key);
  wrong[0]! ^= 1;
  for (const [process, secret] of [
    [pid, wrong],
    [pid, Buffer.alloc(4)],
    [pid, Buffer.concat([key, Buffer.alloc(28)])],
    [pid + 1, key],
  ] as const) {
    const other = await open();
    other.send(raw.cancelRequest(process, secret));
    assert.deepEqual(await other.untilClosed(), [], 'a cancel request has no answer');
  }
  await client.expectSilence(200);
  const other = await open();
  other.send(raw.cancelRequest(pid, key));
  await other.untilClosed();
  assert.equal(answer((await client.untilReady()).filter(frame => frame.type !== 'T')), 'E:57014 Z:I');
  client.send(raw.query('select 1'));
  assert.equal(answer(await client.untilReady()), 'T D C:SELECT 1 Z:I');
});

async function waitActive(): Promise<void> {
  const end = Date.now() + 10_000;
  while (
    (await gate.value(
      "select count(*)::int from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'",
    )) !== 1
  )
    if (Date.now() > end) assert.fail('the statement does not run');
}

test('a message type that there is not ends the session by its first byte, whatever length it claims', async () => {
  for (const bytes of [
    raw.startup({ user: 'agent', database: 'shop' }),
    raw.sslRequest(),
    raw.cancelRequest(1, Buffer.alloc(4)),
    Buffer.of(0x7a),
    raw.message('z', '', 0),
    raw.message('z', '', 0x7fff_ffff),
    raw.message('p', 'secret', 500),
  ]) {
    const client = await gate.agent();
    client.send(raw.query('select 1'), bytes);
    const frames = await client.untilClosed();
    assert.equal(answer(frames), 'T D C:SELECT 1 Z:I E:08P01', bytes.toString('hex'));
    assert.equal(onlyError(frames).M, `invalid frontend message type ${bytes[0]}`);
  }
});

test('a Query that is refused has dropped the unnamed statement, as at the server', async () => {
  for (const sql of ['selec', 'delete from items', '']) {
    const client = await gate.agent();
    client.send(raw.parse({ sql: 'select 1' }), raw.sync(), raw.query(sql), raw.bind(), raw.sync());
    assert.match(answer(await client.untilReady()), /^1 Z:I$/);
    await client.untilReady();
    assert.equal(answer(await client.untilReady()), 'E:26000 Z:I', sql);
  }
  // What could not be read has dropped nothing.
  const client = await gate.agent();
  client.send(
    raw.parse({ sql: 'select 1' }),
    raw.sync(),
    raw.message('Q', 'select 2'),
    raw.bind(),
    raw.sync(),
  );
  await client.untilReady();
  await client.untilReady();
  assert.equal(answer(await client.untilReady()), '2 Z:I');
});
