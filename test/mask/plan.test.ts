import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MaskOf, planMask, withFormats } from '#proxy/mask/plan.ts';
import { column, KEY, TYPE } from '#test/mask/support.ts';

const maskOf: MaskOf = (tableOid, attnum) =>
  tableOid === 500 && attnum === 2 ? { column: 'public.customers.ssn', mask: 'partial' } : null;
const protectedScope = { touchesProtected: true, cleanOutputs: null };
const plainScope = { touchesProtected: false, cleanOutputs: null };
const ssn = column({ name: 'ssn', tableOid: 500, attnum: 2 });
const id = column({ name: 'id', tableOid: 500, attnum: 1, typeOid: TYPE.int4 });
const expression = column({ name: 'substr' });

/** Positions of the result that are masked. */
function positions(...args: Parameters<typeof planMask>): number[] {
  return planMask(...args)?.columns.flatMap((c, i) => (c === null ? [] : [i])) ?? [];
}

test('nothing to mask is no plan, so that rows pass untouched', () => {
  assert.equal(planMask([], protectedScope, maskOf, KEY), null);
  assert.equal(planMask([id], protectedScope, maskOf, KEY), null);
  assert.equal(planMask([id, expression], plainScope, maskOf, KEY), null);
});

test('a protected column is masked by origin, whatever its label says and whatever the analysis has seen', () => {
  const aliased = { ...ssn, name: 'id' };
  for (const scope of [protectedScope, plainScope, { touchesProtected: false, cleanOutputs: [true, true] }])
    assert.deepEqual(positions([id, aliased], scope, maskOf, KEY), [1]);
  assert.deepEqual(planMask([aliased], plainScope, maskOf, KEY)?.applied, [
    { column: 'public.customers.ssn', mask: 'partial' },
  ]);
});

test('a column without origin is redacted while a protected relation is in scope', () => {
  const plan = planMask([id, expression], protectedScope, maskOf, KEY);
  assert.deepEqual(plan?.columns, [null, { kind: 'constant', bytes: Buffer.from('***'), forNull: true }]);
  assert.deepEqual(plan?.applied, [{ column: '(substr)', mask: 'redact' }]);
});

test('system columns and whole rows count as columns without origin', () => {
  const ctid = column({ name: 'ctid', tableOid: 500, attnum: -1, typeOid: 27 });
  const row = column({ name: 'customers', tableOid: 500, attnum: 0, typeOid: 16_400 });
  assert.deepEqual(positions([ctid, row], protectedScope, maskOf, KEY), [0, 1]);
  assert.deepEqual(positions([ctid, row], plainScope, maskOf, KEY), []);
});

test('an output that is proven clean passes, but only where the proof is for these columns', () => {
  const scope = (...cleanOutputs: boolean[]) => ({ touchesProtected: true, cleanOutputs });
  assert.deepEqual(positions([expression, expression], scope(true, false), maskOf, KEY), [1]);
  // select "a", *: one position more or less would shift every proof.
  assert.deepEqual(positions([expression, expression], scope(true), maskOf, KEY), [0, 1]);
  assert.deepEqual(positions([expression], scope(true, true), maskOf, KEY), [0]);
});

test('a proof does not make a protected column clean', () => {
  assert.deepEqual(positions([ssn], { touchesProtected: true, cleanOutputs: [true] }, maskOf, KEY), [0]);
});

test('the audit gets the kind that was really used, and labels of a bounded length', () => {
  const plan = planMask(
    [{ ...ssn, typeOid: TYPE.int8 }, column({ name: 'x'.repeat(5000) })],
    protectedScope,
    maskOf,
    KEY,
  );
  assert.deepEqual(plan?.applied[0], { column: 'public.customers.ssn', mask: 'null' });
  assert.equal(plan?.applied[1]?.column.length, 200);
});

test('a plan for the formats of a portal: none, one for all, one each, and nothing else', () => {
  const formats = (codes: number[]) => withFormats([id, ssn], codes)?.map(c => c.format) ?? null;
  assert.deepEqual(formats([]), [0, 0]);
  assert.deepEqual(formats([1]), [1, 1]);
  assert.deepEqual(formats([0, 1]), [0, 1]);
  assert.equal(formats([1, 0, 1]), null);
  assert.deepEqual(withFormats([id], [1]), [{ ...id, format: 1 }]);
});
