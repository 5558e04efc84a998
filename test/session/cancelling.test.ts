import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cancelling } from '#proxy/session/cancelling.ts';
import type { Op } from '#proxy/session/op.ts';

/** A session of which only this is known: what the server answers now, and for which of it a cancel request was sent. */
function session() {
  const cancelled: (string | undefined)[] = [];
  let head: Op['kind'] | undefined;
  const cancelling = new Cancelling(
    () => (head === undefined ? undefined : ({ kind: head } as Op)),
    async () => void cancelled.push(head),
  );
  const answers = async (kind: Op['kind'] | undefined) => {
    head = kind;
    cancelling.step();
    await new Promise(resolve => setImmediate(resolve));
  };
  return { cancelling, cancelled, answers };
}

test('a cancel request for what the proxy still judges waits for it, and is not used up by its Parse and Bind', async () => {
  const { cancelling, cancelled, answers } = session();
  cancelling.request('catalog');
  for (const kind of ['own', 'parse', 'bind', 'own', 'execute', 'execute'] as const) await answers(kind);
  assert.deepEqual(cancelled, ['parse', 'execute']);
});

test('a cancel request for what the server has is sent once, whatever it does', async () => {
  for (const kind of ['query', 'parse', 'sync'] as const) {
    const { cancelling, cancelled, answers } = session();
    await answers(kind);
    cancelling.request(kind === 'query' ? 'ready' : null);
    for (const next of ['bind', 'execute', 'sync', 'query'] as const) await answers(next);
    assert.deepEqual(cancelled, [kind]);
  }
});

test('a cancel request is not for what the agent asks after the answer to what was there', async () => {
  const { cancelling, cancelled, answers } = session();
  cancelling.request('catalog');
  for (const kind of ['parse', 'sync', undefined] as const) await answers(kind);
  cancelling.ready();
  for (const kind of ['parse', 'bind', 'execute'] as const) await answers(kind);
  assert.deepEqual(cancelled, ['parse']);
});
