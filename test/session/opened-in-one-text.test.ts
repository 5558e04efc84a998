import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Judge } from '#proxy/session/judgement.ts';
import { Earlier, OpenedCursors } from '#proxy/session/opened-cursors.ts';
import type { StatementAnalysis } from '#schemas/analysis.ts';

/** A call of a function that opens a cursor over t, and a FETCH of a name that nobody has seen made. `looked` counts how often it is looked at. */
function texts(n: number, looked: () => void): StatementAnalysis[] {
  const effects = {
    commands: ['select' as const],
    reads: ['public.t'],
    writes: [],
    functions: ['public.opens'],
    withoutWhere: false,
    keyed: false,
    rows: null,
    outside: false,
    unknown: [],
    readOnly: true,
  };
  const rest = {
    actions: [],
    executes: null,
    touchesProtected: false,
    cleanOutputs: null,
    refusal: null,
    ownTransaction: false,
  };
  const seen = (statement: StatementAnalysis) =>
    Object.defineProperty({ ...statement }, 'effects', {
      get: () => {
        looked();
        return effects;
      },
      enumerable: true,
    });
  return Array.from({ length: n }, (_, i) => [
    seen({ ...rest, effects, cursor: null, opens: 'cursor' }),
    seen({ ...rest, effects: { ...effects, reads: [] }, cursor: `c${i}` }),
  ]).flat();
}

function judged(n: number): { looks: number; asked: number; fetched: StatementAnalysis } {
  let looks = 0;
  let asked = 0;
  const opened = new OpenedCursors();
  const rewirings = { epoch: 0, since: () => false };
  const statements = texts(n, () => looks++);
  const judge: Judge = new Judge(
    () => ({ kind: 'statements', statements }),
    () => assert.fail('nothing is called'),
    () => ({ kind: 'allow', rule: 'all' }),
    statement => statement,
    (outer, body) => body ?? outer,
    {
      statement: () => undefined,
      cursor: (_name, earlier: Earlier) => {
        asked++;
        return opened.body(judge, rewirings, earlier, undefined);
      },
    },
    () => [],
  );
  const judgement = judge.text('select opens(); fetch c');
  assert.ok(judgement.kind === 'judged');
  return { looks, asked, fetched: judgement.judged.statements.at(-1)! };
}

test('what cursors do that a text has opened before is found in steps that grow with the text', () => {
  const [one, two] = [judged(200), judged(400)];
  assert.deepEqual(one.fetched.effects.reads, ['public.t']);
  assert.equal(two.asked, 400);
  assert.ok(two.looks < 2.25 * one.looks, `${one.looks} and ${two.looks}`);
});

test('what cannot be told before a cursor leaves it untold', () => {
  const opened = new OpenedCursors();
  const earlier = new Earlier();
  const [opener] = texts(1, () => {});
  earlier.add(opener!);
  const judge = {} as Judge;
  const rewirings = { epoch: 0, since: () => false };
  assert.notEqual(opened.body(judge, rewirings, earlier, undefined), undefined);
  earlier.add({ ...opener!, opens: 'held' });
  assert.equal(opened.body(judge, rewirings, earlier, undefined), undefined);
});
