import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { Recorder } from '#proxy/ports.ts';
import { Outbox } from '#proxy/session/outbox.ts';
import { Pace } from '#proxy/session/pace.ts';

/** A ledger that is as far as the test says. */
class Slow implements Recorder {
  durable = 0;
  backlog = 0;
  last = 0;
  #waiting: { ticket: number; done: (fault: Error | null) => void }[] = [];

  append: Recorder['append'] = () => ++this.last;
  whenDurable: Recorder['whenDurable'] = (ticket, done) => {
    this.#waiting.push({ ticket, done });
  };
  upTo(ticket: number): void {
    this.durable = ticket;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(w => w.ticket > ticket);
    for (const { ticket: theirs, done } of waiting) if (theirs <= ticket) done(null);
  }
  close = () => Promise.resolve();
}

const append = (pace: Pace, text = '') =>
  pace.append('s', 'statement', {
    ...{ digest: '', effects: [], message: '', n: 1, parameters: [], protocol: 'bind' },
    ...{ rule: 'r', text, verdict: 'allow' },
  });

test('an answer leaves when its own record is durable, however many statements came after it', () => {
  const ledger = new Slow();
  const socket = new PassThrough();
  const outbox = new Outbox(socket, ledger, assert.fail, () => {});
  let gone = '';
  socket.on('data', (bytes: Buffer) => {
    gone += bytes;
  });
  for (let ticket = 1; ticket <= 50; ticket++) {
    outbox.gate(ticket);
    outbox.write(Buffer.from(`${ticket} `));
    outbox.flush();
    // The ledger is always three behind.
    ledger.upTo(ticket - 3);
    outbox.flush();
    assert.equal(gone.trim().split(' ').at(-1), ticket > 3 ? `${ticket - 3}` : '');
  }
  assert.equal(outbox.backlog, '48 49 50 '.length);
});

test('an agent is read no further when a thousand events of its own are not durable, and goes on when they are', () => {
  const ledger = new Slow();
  const pace = new Pace(ledger);
  let freed = 0;
  const go = () => {
    freed += 1;
  };
  const run = () => {
    for (let taken = 0; taken < 5_000; ) {
      const why = pace.next(go);
      if (why === 'ledger') return taken;
      if (why === 'turn') continue;
      append(pace);
      taken += 1;
    }
    return Number.POSITIVE_INFINITY;
  };
  const first = run();
  assert.ok(first <= 1_000, `${first} events were taken`);
  assert.equal(freed, 0);
  ledger.upTo(ledger.last);
  assert.equal(freed, 1);
  assert.ok(run() > 0);
  assert.ok(ledger.last - ledger.durable <= 1_000);
});

test('long texts count as many events', () => {
  const ledger = new Slow();
  const pace = new Pace(ledger);
  append(pace, 'x'.repeat(600_000));
  // The window's first half has nothing before it to wait for; its second has.
  assert.equal(
    pace.next(() => {}),
    null,
  );
  append(pace, 'x'.repeat(600_000));
  assert.equal(
    pace.next(() => {}),
    'ledger',
  );
});

test("behind everybody's backlog each agent waits for its own last record, and one without any does not", () => {
  const ledger = new Slow();
  ledger.backlog = 100 << 20;
  const [busy, idle] = [new Pace(ledger), new Pace(ledger)];
  append(busy);
  let freed = false;
  assert.equal(
    busy.next(() => {
      freed = true;
    }),
    'ledger',
  );
  assert.equal(
    idle.next(() => {}),
    null,
  );
  ledger.upTo(1);
  assert.equal(freed, true);
});

test("after a few hundred messages it is everybody else's turn", async () => {
  const pace = new Pace(new Slow());
  const turn = new PassThrough();
  let messages = 0;
  while (pace.next(() => turn.emit('turn')) === null) messages += 1;
  assert.ok(messages < 300);
  await once(turn, 'turn');
});
