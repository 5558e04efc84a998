import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { lacksEmulators } from '#test/support/emulators.ts';
import { altered } from './altered.ts';
import { crashes } from './crashes.ts';
import { deliveries } from './deliveries.ts';
import { outages } from './outages.ts';
import { sessions } from './sessions.ts';
import { type Stack, startStack } from './stack.ts';
import { tour } from './tour.ts';

// One stack for all of them: it takes longer to start than most tests take.
describe('the cloud: every part a process of its own', { skip: lacksEmulators() }, () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack();
  });
  after(() => stack?.stop());
  test('proxy and functions are processes of their own, on this machine', async () => {
    const { proxy, functions } = stack;
    const pids = [proxy, ...Object.values(functions)].map(one => one.pid);
    assert.equal(new Set([process.pid, ...pids]).size, 6);
    for (const { url } of Object.values(functions)) assert.match(url, /^http:\/\/127\.0\.0\.1:/);
  });
  const stackOf = () => stack;
  describe('the tour', () => tour(stackOf));
  describe('documents altered by hand', () => altered(stackOf));
  describe('deliveries and presses', () => deliveries(stackOf));
  describe('outages', () => outages(stackOf));
  describe('crashes', () => crashes(stackOf));
  describe('two proxies', () => sessions(stackOf));
});
