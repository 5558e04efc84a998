import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { after, test } from 'node:test';
import type { Recorder } from '#proxy/ports.ts';
import { Answers } from '#proxy/session/answers.ts';
import type { AnswersOwner } from '#proxy/session/answers-owner.ts';
import { HIGH_WATER, Outbox } from '#proxy/session/outbox.ts';
import { OwnRewirings, Rewirings } from '#proxy/session/rewirings.ts';
import { Run } from '#proxy/session/run.ts';
import { dial } from '#proxy/upstream/dial.ts';
import { encode, encodeReady, int32 } from '#proxy/wire/backend.ts';
import { giveSlab, takeSlab } from '#proxy/wire/slabs.ts';
import type { StatementAnalysis } from '#schemas/analysis.ts';
import { dataRow, KEY } from '#test/mask/support.ts';
import { waitFor } from '#test/support/wait-for.ts';

const POISON = 0xdb;
const PROTECTED_TABLE = 7;
const servers: Server[] = [];
const sockets: Socket[] = [];

after(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

/** Both ends of a connection. */
async function pair(): Promise<{ near: Socket; far: Socket }> {
  const { server, port } = await listen();
  const near = connect(port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  sockets.push(near, far);
  return { near, far };
}

function rowDescription(table: number): Buffer {
  const names = ['id', 'email', 'body'];
  const columns = names.map((name, i) => {
    const type = Buffer.concat([int32(25), Buffer.from([0xff, 0xff]), int32(-1), Buffer.of(0, 0)]);
    return Buffer.concat([Buffer.from(`${name}\0`), int32(table), Buffer.of(0, i + 1), type]);
  });
  return encode('T'.charCodeAt(0), Buffer.of(0, names.length), ...columns);
}

/** Rows of very different lengths, each recognisable by its number: as the server sends them, and as the agent has to get them. */
function rows(count: number, masked: boolean): { sent: Buffer[]; wanted: Buffer[] } {
  const sent: Buffer[] = [];
  const wanted: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const length = i % 97 === 0 ? 90_000 + i : i % 11 === 0 ? 5_000 + i : 20 + (i % 50);
    const body = `${i} `.repeat(Math.ceil(length / `${i} `.length));
    sent.push(dataRow([`${i}`, `person${i}@example.com`, body]));
    wanted.push(masked ? dataRow([`${i}`, 'p***@***.com', body]) : sent.at(-1)!);
  }
  return { sent, wanted };
}

const NOTHING = () => {};

for (const masked of [true, false])
  test(`a slow agent behind a slow ledger gets every byte of ${masked ? 'masked' : 'untouched'} rows, whatever memory they came in`, async () => {
    const { sent, wanted } = rows(4_000, masked);
    const description = rowDescription(masked ? PROTECTED_TABLE : 8);
    const end = Buffer.concat([encode('C'.charCodeAt(0), `SELECT ${sent.length}`), encodeReady('I')]);
    const expected = Buffer.concat([description, ...wanted, end]);

    // The server: everything as fast as it is taken, cut at odd places.
    const { server, port } = await listen();
    server.on('connection', (socket: Socket) => {
      sockets.push(socket);
      const all = Buffer.concat([description, ...sent, end]);
      socket.once('data', () => {
        for (let at = 0, turn = 1; at < all.length; turn++) {
          const size = (turn * 7919) % 150_000;
          socket.write(all.subarray(at, at + size));
          at += size;
        }
      });
    });
    const { socket: upstream, reads } = await dial({ host: '127.0.0.1', port, tls: 'disable' }, NOTHING);
    sockets.push(upstream);
    assert.ok(reads !== null);

    // Memory is poisoned each time that it is about to be used: whoever still needed it would show it.
    const next = reads.next.bind(reads);
    const used = new Map<Buffer, number>();
    reads.next = () => {
      const slabs = Array.from({ length: 4 }, takeSlab);
      for (const slab of slabs) giveSlab(slab.fill(POISON));
      const buffer = next().fill(POISON);
      used.set(buffer, (used.get(buffer) ?? 0) + 1);
      return buffer;
    };

    const waiting: (() => void)[] = [];
    const recorder = {
      durable: 0,
      whenDurable: (_: number, done: (fault: Error | null) => void) => waiting.push(() => done(null)),
    };
    const { near: client, far: agent } = await pair();
    const resume = () => {
      if (upstream.isPaused() && outbox.backlog <= HIGH_WATER) upstream.resume();
    };
    const outbox = new Outbox(client, recorder as unknown as Recorder, assert.fail, resume);
    client.on('drain', resume);
    reads.unneeded = () => outbox.backlog === 0;

    const statement = {
      touchesProtected: masked,
      cleanOutputs: null,
      effects: { readOnly: true, commands: ['select'] },
    } as unknown as StatementAnalysis;
    const run = new Run(1, [statement], 0);
    let digest = '';
    const owner: AnswersOwner = {
      maskOf: table => (table === PROTECTED_TABLE ? { column: 't.email', mask: 'email' } : null),
      tellsCheck: () => false,
      protects: () => true,
      encoding: { foreign: false },
      maskKey: KEY,
      ended: ended => {
        digest = ended.outcome('ok', 1).result;
      },
      ...{ confirmed: NOTHING, completed: NOTHING, failed: NOTHING, ready: NOTHING, idle: NOTHING },
      ...{ copyIn: NOTHING, parameter: () => true, rewirings: new OwnRewirings(new Rewirings()) },
    };
    // Only the second column is protected.
    const byColumn = { ...owner, maskOf: (t: number, n: number) => (n === 2 ? owner.maskOf(t, n) : null) };
    const answers = new Answers(outbox, byColumn);
    answers.expect({ kind: 'query', run, plan: undefined });
    let paused = 0;
    upstream.on('data', (chunk: Buffer) => {
      answers.push(chunk);
      outbox.flush();
      if (outbox.backlog <= HIGH_WATER) return;
      upstream.pause();
      paused++;
    });
    outbox.gate(1);
    upstream.write('go');

    await waitFor(() => paused > 0 && waiting.length > 0, { what: 'the ledger holds the result back' });
    recorder.durable = 1;
    for (const done of waiting.splice(0)) done();
    await waitFor(() => paused > 1, { what: 'the agent, which does not read, holds the server back' });

    const got: Buffer[] = [];
    let bytes = 0;
    agent.on('data', (chunk: Buffer) => {
      got.push(chunk);
      bytes += chunk.length;
      // Slow in fits: so the proxy meets full and empty sockets alike.
      if (got.length % 5 !== 0) return;
      agent.pause();
      setImmediate(() => agent.resume());
    });
    await waitFor(() => bytes >= expected.length, { what: 'all bytes are there', deadlineMs: 30_000 });
    const all = Buffer.concat(got);
    assert.equal(all.length, expected.length);
    assert.ok(
      all.equals(expected),
      `the first wrong byte is at ${all.findIndex((b, i) => b !== expected[i])}`,
    );
    assert.equal(digest, createHash('sha256').update(Buffer.concat(wanted)).digest('hex'));
    assert.ok(
      [...used.values()].some(times => times > 20),
      'no memory was used again: nothing was tested',
    );
  });

test('a short result that comes in two chunks has its digest and its bytes, though the first chunk is overwritten at once', () => {
  for (const masked of [true, false]) {
    const { sent, wanted } = rows(3, masked);
    const description = rowDescription(masked ? PROTECTED_TABLE : 8);
    const end = Buffer.concat([encode('C'.charCodeAt(0), 'SELECT 3'), encodeReady('I')]);
    const all = Buffer.concat([description, ...sent.slice(1), end]);
    const expected = Buffer.concat([description, ...wanted.slice(1), end]);
    const digest = createHash('sha256')
      .update(Buffer.concat(wanted.slice(1)))
      .digest('hex');
    for (let cut = 1; cut < all.length; cut++) {
      const got: Buffer[] = [];
      const agent = new Duplex({
        read: NOTHING,
        write: (chunk: Buffer, _, done) => {
          got.push(Buffer.from(chunk));
          done();
        },
      });
      const recorder = { durable: 0 } as unknown as Recorder;
      const outbox = new Outbox(agent, recorder, assert.fail, NOTHING);
      let result = '';
      const answers = new Answers(outbox, {
        maskOf: (table, n) =>
          table === PROTECTED_TABLE && n === 2 ? { column: 't.email', mask: 'email' } : null,
        tellsCheck: () => false,
        protects: () => true,
        encoding: { foreign: false },
        maskKey: KEY,
        ended: run => {
          result = run.outcome('ok', 1).result;
        },
        ...{ confirmed: NOTHING, completed: NOTHING, failed: NOTHING, ready: NOTHING, idle: NOTHING },
        ...{ copyIn: NOTHING, parameter: () => true, rewirings: new OwnRewirings(new Rewirings()) },
      });
      const statement = {
        touchesProtected: masked,
        cleanOutputs: null,
        effects: { readOnly: true, commands: ['select'] },
      } as unknown as StatementAnalysis;
      answers.expect({ kind: 'query', run: new Run(1, [statement], 0), plan: undefined });
      for (const part of [all.subarray(0, cut), all.subarray(cut)]) {
        const chunk = Buffer.from(part);
        answers.push(chunk);
        outbox.flush();
        assert.equal(outbox.backlog, 0);
        chunk.fill(POISON);
      }
      assert.ok(Buffer.concat(got).equals(expected), `cut at ${cut}`);
      assert.equal(result, digest, `cut at ${cut}`);
    }
  }
});
