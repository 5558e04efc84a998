import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import * as raw from '#test/support/raw.ts';
import { reconcile } from './compare.ts';
import { type Pair, startPair } from './pair.ts';
import { play } from './script.ts';

let pair: Pair;
before(async () => {
  pair = await startPair();
});
after(() => pair.clear());

const VERSION = raw.int32(0x0003_0000);
const USER = Buffer.concat([raw.cstring('user'), raw.cstring('agent')]);
const packet = (...parts: Buffer[]) => raw.untyped(Buffer.concat(parts));
const STARTUP = raw.startup({ user: 'agent', database: 'shop' });

/** What is sent on a new connection, of which nothing can come. */
const FIRST: Readonly<Record<string, readonly Buffer[]>> = {
  'Terminate before any start-up': [raw.terminate()],
  'a request of HTTP': [Buffer.from('GET / HTTP/1.1\r\nHost: db\r\n\r\n')],
  'a ClientHello where there is no TLS': [Buffer.of(0x16, 3, 1, 2, 0, 1, 0)],
  'a length that is too short': [raw.untyped(VERSION, 7), VERSION],
  'a length that is too long': [raw.untyped(VERSION, 10_005), VERSION],
  'protocol 4.0': [raw.startup({ user: 'agent' }, 0x0004_0000)],
  'a request code that there is not': [packet(raw.int32(80877105))],
  'no parameters at all': [packet(VERSION)],
  'a name without a value': [packet(VERSION, raw.cstring('user'))],
  'a value without its end': [packet(VERSION, raw.cstring('user'), Buffer.from('agent'))],
  'bytes behind the end of the parameters': [
    packet(VERSION, USER, Buffer.of(0), Buffer.from('x'), Buffer.of(0)),
  ],
  'no user': [packet(VERSION, Buffer.of(0))],
  'a cancel request that ends too early': [packet(raw.int32(80877102), Buffer.from('ab'))],
  'Terminate in place of a password': [STARTUP, raw.terminate()],
  'a Query in place of a password': [STARTUP, raw.query('select 1')],
  'a password whose length is none': [STARTUP, raw.message('p', 'secret', 3)],
};

for (const [name, send] of Object.entries(FIRST))
  test(`a connection that begins with ${name} ends as the server ends it`, async () => {
    const [direct, proxied] = await Promise.all(
      [pair.direct, pair.proxied].map(async way => play(await way.socket(), [{ send, until: 'close' }])),
    );
    const answers = reconcile(direct!, proxied!);
    assert.equal(answers.direct.at(-1)?.type, 'close');
    assert.deepEqual(answers.proxied, answers.direct);
  });

/** Which minor versions there are is for each server to say. */
const NEWEST = /3\.0 to 3\.\d/;

/** All that comes back, byte by byte: nothing of it is a message of protocol 3. */
async function bytesOf(port: number, first: Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', chunk => chunks.push(chunk));
  socket.write(first);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

test('a client of protocol 1 or 2 is told so in its own form', async () => {
  for (const version of [0x0002_0000, 0x0001_0000, 0x0002_0003]) {
    const first = raw.startup({ user: 'agent' }, version);
    const [direct, proxied] = await Promise.all([
      bytesOf(pair.direct.port, first),
      bytesOf(pair.proxied.port, first),
    ]);
    assert.match(direct, /^EFATAL: {2}unsupported frontend protocol [12]\.[03]: .*\n\0$/s);
    assert.equal(proxied.replace(NEWEST, ''), direct.replace(NEWEST, ''));
  }
});

test('of what the start-up packet gives twice, the last counts', async () => {
  const pairs = (...words: string[]) => packet(VERSION, ...words.map(raw.cstring), Buffer.of(0));
  const given = (user: string) =>
    pairs(
      ...[
        'user',
        'nobody',
        'DateStyle',
        'German',
        'options',
        '-c TimeZone=Asia/Tokyo',
        'timezone',
        'Europe/Berlin',
      ],
      ...['database', 'nowhere', 'user', user, 'datestyle', 'SQL', 'database', 'shop', 'DateStyle', 'ISO'],
      ...[
        'options',
        '-c TimeZone=UTC -c DateStyle=German -c IntervalStyle=iso_8601 -c IntervalStyle=postgres_verbose',
      ],
    );
  const shown: string[][] = [];
  for (const way of [pair.direct, pair.proxied]) {
    const client = await way.socket();
    client.send(given('agent'), raw.password(way.password));
    await client.untilReady();
    client.send(raw.query('select current_user, current_database()'), raw.query('show all'));
    const rows = [...(await client.untilReady()), ...(await client.untilReady())].filter(f => f.type === 'D');
    shown.push(
      rows
        .map(f => f.body.toString('latin1'))
        .filter(row => /agent|DateStyle|TimeZone|IntervalStyle/.test(row)),
    );
  }
  assert.deepEqual(shown[1], shown[0]);
});

test('one that ends inside its first packet is not spoken to either', async () => {
  for (const cut of [2, 6, STARTUP.length - 1]) {
    const seen = [pair.direct, pair.proxied].map(async way => {
      const client = await way.socket();
      client.send(STARTUP.subarray(0, cut));
      client.end();
      return client.untilClosed();
    });
    assert.deepEqual(await Promise.all(seen), [[], []]);
  }
});
