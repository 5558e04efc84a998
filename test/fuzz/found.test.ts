import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Run } from '#proxy/session/run.ts';
import { HoldpointError } from '#schemas/errors.ts';

/** What fuzzing has found, each as a test of its own: seeds mean something else once the generators change. */

test('rows behind the end of a result are a fault of the server, and nothing of them is told', () => {
  const run = new Run(1, [], 0);
  run.passed(Buffer.from('one'));
  run.passed(Buffer.from('two'));
  run.outcome('ok', 1);
  assert.throws(() => run.passed(Buffer.from('three')), HoldpointError);
});
