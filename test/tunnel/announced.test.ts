import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Gate, HEAD, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';
import { type Near, startNear } from './fixtures.ts';

let gate: Gate;
let near: Near;

before(async () => {
  gate = await startGate('  - { name: all, verdict: allow }\n', {
    head: `${HEAD}    maxSession: 4s\n`,
  });
  const args = ['--url', gate.dev.ready.http, '--token-env', 'T', '--listen', '127.0.0.1:0'];
  near = await startNear(args, { T: gate.token });
});
after(() => near.stop());

test('a session is told that it ends before it is cut, over TCP and through the tunnel, also while a statement runs', async () => {
  const [host = '', port = ''] = near.at.split(':');
  const told = async (at: { host: string; port: number }) => {
    const client = await raw.RawClient.connect(at);
    await client.login({ user: 'agent', database: 'shop', password: gate.token });
    client.send(raw.query('select pg_sleep(60)'));
    const frames = (await client.untilClosed()).filter(frame => frame.type === 'N' || frame.type === 'E');
    assert.deepEqual(
      frames.map(frame => frame.type),
      ['N', 'E'],
      raw.outline(frames),
    );
    assert.match(raw.fields(frames[0]!).M ?? '', /^this session ends in [1-4] seconds$/);
    const { S, C, M } = raw.fields(frames[1]!);
    assert.deepEqual([S, C, M], ['FATAL', '57P05', 'the session has reached its end']);
  };
  await Promise.all([told({ host: '127.0.0.1', port: gate.dev.pgPort }), told({ host, port: Number(port) })]);
});
