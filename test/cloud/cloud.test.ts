import { after, before, describe } from 'node:test';
import { lacksEmulators } from '#test/support/emulators.ts';
import { altered } from './altered.ts';
import { crashes } from './crashes.ts';
import { deliveries } from './deliveries.ts';
import { outages } from './outages.ts';
import { type Stack, startStack } from './stack.ts';
import { tour } from './tour.ts';

// One stack for all of them: it takes longer to start than most tests take.
describe('the cloud: every part a process of its own', { skip: lacksEmulators() }, () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack();
  });
  after(() => stack?.stop());
  const stackOf = () => stack;
  describe('the tour', () => tour(stackOf));
  describe('documents altered by hand', () => altered(stackOf));
  describe('deliveries and presses', () => deliveries(stackOf));
  describe('outages', () => outages(stackOf));
  describe('crashes', () => crashes(stackOf));
});
