import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { openLedger } from '#proxy/local/ledger.ts';
import type { Recorder } from '#proxy/ports.ts';
import type { HoldpointError } from '#schemas/errors.ts';
import { waitFor } from '../support/wait-for.ts';
import { durable, opened, outcome, place, statement, verified } from './support.ts';
import { journalWrites, standStill } from './writes.ts';

/** However slow this machine's disk is. */
class Disk {
  quick = true;
  failures = 0;
  readonly times: number[] = [];
  fast = () => this.quick;
  took = (ms: number, own: boolean) => {
    if (own) this.times.push(ms);
  };
  failed = () => {
    this.failures += 1;
  };
}

let sessions = 0;
/** Several statements share a record: then the next one is written on the proxy's own thread, where the disk is fast. */
async function crowd(ledger: Recorder): Promise<void> {
  sessions += 1;
  const session = `crowd ${sessions}`;
  ledger.append(session, 'session.open', opened);
  for (let n = 1; n <= 3; n += 1) {
    ledger.append(session, 'statement', statement(n));
    ledger.append(session, 'outcome', outcome(n, { status: 'refused' }));
  }
  await durable(ledger, ledger.append(session, 'session.close', { reason: 'done', statements: 3 }));
}

async function open(context: TestContext, deadlineMs = 20_000) {
  const writes = journalWrites(context);
  const at = place();
  const disk = new Disk();
  const ledger = await openLedger({ ...at, deadlineMs, disk });
  context.after(() => ledger.close());
  await durable(ledger, ledger.append('s', 'session.open', opened));
  return { at, disk, ledger, writes };
}

async function proven(at: ReturnType<typeof place>): Promise<void> {
  const proof = await verified(at);
  assert.deepEqual(proof.findings, []);
  assert.equal(proof.unsealed, 0);
}

test('a client alone is written for in the pool, a crowd by the own thread, and where the disk is not fast by the pool', async context => {
  const { at, disk, ledger, writes } = await open(context);
  for (let n = 1; n <= 5; n += 1) await durable(ledger, ledger.append('s', 'statement', statement(n)));
  assert.deepEqual([writes.own, writes.pool], [0, 6]);
  await crowd(ledger);
  await durable(ledger, ledger.append('s', 'statement', statement(6)));
  const { own } = writes;
  assert.ok(own > 0);
  assert.equal(disk.times.length, own);
  disk.quick = false;
  await crowd(ledger);
  await durable(ledger, ledger.append('s', 'statement', statement(7)));
  assert.equal(writes.own, own);
  await ledger.close();
  await proven(at);
});

test('what the disk refuses, or takes in part, on the own thread is written again, and nothing is acknowledged before it is there', async context => {
  const { at, disk, ledger, writes } = await open(context);
  let n = 0;
  for (const fault of ['refused', 'short'] as const) {
    await crowd(ledger);
    let pooled = Number.POSITIVE_INFINITY;
    writes.instead = (real, ...args) => {
      writes.instead = null;
      pooled = writes.pool;
      if (fault === 'refused') throw new Error('EIO: i/o error, write');
      const [fd, bytes, from, , at] = args;
      return real(fd, bytes, from, 4096, at);
    };
    n += 1;
    await durable(ledger, ledger.append('s', 'statement', statement(n, { text: 'e'.repeat(9000) })));
    assert.ok(writes.pool > pooled, 'the pool has written it before anybody was told');
    assert.equal(disk.failures, n);
  }
  await ledger.close();
  await proven(at);
});

test('a stall longer than the deadline releases nobody who waited through it, though the record is there', async context => {
  const { at, disk, ledger, writes } = await open(context, 2500);
  await crowd(ledger);
  writes.instead = (real, ...args) => {
    writes.instead = null;
    standStill(3000);
    return real(...args);
  };
  const ticket = ledger.append('s', 'statement', statement(1));
  await assert.rejects(
    durable(ledger, ticket),
    (error: HoldpointError) => error.code === 'ledger_unavailable',
  );
  assert.ok(disk.times.some(ms => ms >= 3000));
  await waitFor(() => ledger.durable >= ticket, { what: 'the ledger knows it' });
  // And takes statements again.
  await waitFor(
    async () => {
      await durable(ledger, ledger.append('t', 'session.open', opened));
      return true;
    },
    { what: 'somebody is released' },
  );
  await ledger.close();
  await proven(at);
});

test('after a stall, timers that came due and sockets that were closed meanwhile come before whoever waited for the record', async context => {
  const { at, ledger, writes } = await open(context);
  const server = createServer({ allowHalfOpen: true });
  const sockets: Socket[] = [];
  context.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const pair = async (): Promise<[Socket, Socket]> => {
    const near = connect({ port, host: '127.0.0.1' });
    const [far] = (await once(server, 'connection')) as [Socket];
    sockets.push(near, far);
    far.on('error', () => {});
    near.on('error', () => {});
    return [near, far];
  };
  // As sockets of the proxy have it: an event is told when it is read.
  const [ended, endedFar] = await pair();
  const [reset, resetFar] = await pair();
  const [speaks, speaksFar] = await pair();
  const order: string[] = [];
  endedFar.on('end', () => order.push('ended')).resume();
  resetFar.on('error', () => order.push('reset')).resume();
  speaksFar.on('end', () => order.push('spoke and ended')).resume();
  await crowd(ledger);
  setTimeout(() => order.push('timer'), 50);
  writes.instead = (real, ...args) => {
    writes.instead = null;
    ended.destroy();
    reset.resetAndDestroy();
    speaks.write('last words');
    speaks.destroy();
    standStill(200);
    return real(...args);
  };
  const ticket = ledger.append('s', 'statement', statement(1));
  await durable(ledger, ticket);
  order.push('released');
  assert.deepEqual(order.slice(0, -1).sort(), ['ended', 'reset', 'spoke and ended', 'timer']);
  assert.equal(order.at(-1), 'released');
  await ledger.close();
  await proven(at);
});
