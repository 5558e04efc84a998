import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cancelling } from '#proxy/session/cancelling.ts';
import type { Op } from '#proxy/session/op.ts';

/** A session of which only this is known: what the server answers now, and for which of it a cancel request was sent. */
function session() {
  const cancelled: (string | undefined)[] = [];
  let head: Op['kind'] | undefined;
  let runs = 0;
  const cancelling = new Cancelling(
    () => (head === undefined ? undefined : ({ kind: head } as Op)),
    () => runs,
    async () => void cancelled.push(head),
  );
  const answers = async (kind: Op['kind'] | undefined) => {
    head = kind;
    await sends(kind);
  };
  /** The server is sent this, and answers nothing yet. */
  const sends = async (kind: Op['kind'] | undefined) => {
    if (kind === 'execute' || kind === 'query') runs++;
    cancelling.step();
    for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve));
  };
  return { cancelling, cancelled, answers, sends };
}

test('a cancel request for what the proxy still judges waits for it, and is not used up by its Parse and Bind', async () => {
  const { cancelling, cancelled, answers } = session();
  cancelling.request('catalog');
  for (const kind of ['own', 'parse', 'bind', 'own', 'execute', 'execute'] as const) await answers(kind);
  assert.deepEqual(cancelled, ['parse', 'execute']);
});

test('a cancel request for what the server runs is sent once, whatever it does', async () => {
  for (const kind of ['query', 'execute', 'sync'] as const) {
    const { cancelling, cancelled, answers } = session();
    await answers(kind);
    cancelling.request(kind === 'query' ? 'ready' : null);
    for (const next of ['bind', 'execute', 'sync', 'query'] as const) await answers(next);
    assert.deepEqual(cancelled, [kind]);
  }
});

test('a server that prepares may be waiting for what comes next and hear nothing: it is told again when it runs that', async () => {
  const { cancelling, cancelled, answers } = session();
  await answers('parse');
  cancelling.request('ready');
  for (const kind of ['bind', 'describe-portal', 'execute', 'execute', 'sync'] as const) await answers(kind);
  assert.deepEqual(cancelled, ['parse', 'bind', 'execute']);
});

test('a server that keeps its answers until Sync is told again once it has been sent what runs', async () => {
  const { cancelling, cancelled, answers, sends } = session();
  await answers('parse');
  cancelling.request('judging');
  for (const kind of ['bind', 'describe-portal'] as const) await sends(kind);
  assert.deepEqual(cancelled, ['parse']);
  for (const kind of ['execute', 'sync'] as const) await sends(kind);
  // Twice: it may have been waiting for the Bind when the first one came.
  assert.deepEqual(cancelled, ['parse', 'parse', 'parse']);
  cancelling.answered();
  for (const kind of ['parse', 'bind', 'execute'] as const) await answers(kind);
  assert.deepEqual(cancelled, ['parse', 'parse', 'parse']);
});

test('it is told again, too, when what it runs began while the first request was on its way', async () => {
  let arrive = () => {};
  const cancelled: Op['kind'][] = [];
  let head: Op['kind'] = 'bind';
  const cancelling = new Cancelling(
    () => ({ kind: head }) as Op,
    () => 1,
    () => {
      cancelled.push(head);
      return new Promise(resolve => {
        arrive = resolve;
      });
    },
  );
  cancelling.request('ready');
  head = 'execute';
  cancelling.step();
  let gone = 0;
  assert.ok(cancelling.busy(() => gone++));
  arrive();
  await new Promise(resolve => setImmediate(resolve));
  assert.deepEqual([cancelled, gone], [['bind', 'execute'], 0]);
  arrive();
  await new Promise(resolve => setImmediate(resolve));
  assert.equal(gone, 1);
});

test('a cancel request that was heard, or that nothing is left for, does not meet the next segment', async () => {
  const { cancelling, cancelled, answers } = session();
  await answers('parse');
  cancelling.request('ready');
  cancelling.answered();
  for (const kind of ['parse', 'bind', 'execute'] as const) await answers(kind);
  assert.deepEqual(cancelled, ['parse']);
});

test('a cancel request is not for what the agent asks after the answer to what was there', async () => {
  const { cancelling, cancelled, answers } = session();
  cancelling.request('catalog');
  for (const kind of ['parse', 'sync', undefined] as const) await answers(kind);
  cancelling.ready();
  for (const kind of ['parse', 'bind', 'execute'] as const) await answers(kind);
  assert.deepEqual(cancelled, ['parse']);
});
