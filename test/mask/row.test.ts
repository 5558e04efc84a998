import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type MaskPlan, planMask } from '#proxy/mask/plan.ts';
import { MaskedRows, maskRow } from '#proxy/mask/row.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { maskKind } from '#schemas/policy.ts';
import { column, dataRow, KEY, TYPE, valuesOf } from '#test/mask/support.ts';

const protectedColumn = fc.record({
  mask: fc.constantFrom(...maskKind.options),
  typeOid: fc.constantFrom(...Object.values(TYPE)),
  format: fc.constantFrom(0 as const, 1 as const),
  computed: fc.boolean(),
});
/** What no mask can produce by itself: masks write stars, quotes, '@', '.', hex digits and a version byte. */
const secret = fc
  .array(fc.constantFrom(...'GHIJKLMNOPQRSTUVWXYZ#ÄÖ😀'), { minLength: 2, maxLength: 60 })
  .map(letters => letters.join(''));
const bytes = fc.uint8Array({ maxLength: 80 });
/** One result column: what the plan says of it, and the value in one row. */
const cell = fc.oneof(
  fc.record({ masked: fc.constant(null), value: fc.option(bytes, { nil: null }) }),
  fc.record({ masked: protectedColumn, value: fc.option(secret, { nil: null }) }),
);
type Cell = {
  masked: {
    mask: (typeof maskKind.options)[number];
    typeOid: number;
    format: 0 | 1;
    computed?: boolean;
  } | null;
  value: Uint8Array | string | null;
};

function planFor(cells: readonly Cell[]): MaskPlan | null {
  const columns = cells.map((c, i) =>
    column({
      tableOid: 9,
      attnum: i + 1,
      typeOid: c.masked?.typeOid ?? TYPE.bytea,
      format: c.masked?.format ?? 1,
    }),
  );
  return planMask(
    columns,
    { touchesProtected: true, cleanOutputs: null },
    (_, attnum) => {
      const masked = cells[attnum - 1]?.masked;
      if (!masked) return null;
      return { column: `s.t.c${attnum}`, mask: masked.mask, ...(masked.computed ? { computed: true } : {}) };
    },
    KEY,
  );
}

test('no masked value is in the output, and every other column is byte for byte the same', () => {
  fc.assert(
    fc.property(fc.array(cell, { maxLength: 12 }), cells => {
      const plan = planFor(cells);
      if (plan === null) return;
      const out = valuesOf(maskRow(plan, dataRow(cells.map(c => c.value))));
      assert.equal(out.length, cells.length);
      cells.forEach((c, i) => {
        const got = out[i]!;
        if (c.value === null) assert.ok(got === null || (c.masked?.computed && !got.equals(Buffer.alloc(0))));
        else if (c.masked === null) assert.deepEqual(got, Buffer.from(c.value as Uint8Array));
        else
          assert.ok(got === null || !got.includes(Buffer.from(c.value as string)), `${got} tells ${c.value}`);
      });
    }),
    { numRuns: 2000 },
  );
});

test('what an expression gives is the same bytes, whether it is NULL or not', () => {
  const redacted = cell.filter(c => c.masked === null || (c.masked.computed && c.masked.mask === 'redact'));
  fc.assert(
    fc.property(fc.array(redacted, { maxLength: 12 }), fc.array(fc.boolean()), (cells, nulls) => {
      const plan = planFor(cells);
      if (plan === null) return;
      const row = (nullsAre: boolean) =>
        cells.map((c, i) =>
          c.masked !== null && (nulls[i] ?? false) === nullsAre ? null : (c.value ?? 'x'),
        );
      const values = cells.map((c, i) => (c.masked === null ? row(true)[i]! : null));
      const [one, two] = [true, false].map(way =>
        maskRow(plan, dataRow(cells.map((c, i) => (c.masked === null ? values[i]! : row(way)[i]!)))),
      );
      assert.deepEqual(one, two);
    }),
  );
});

test('rows of any size come out right when many are collected, with other messages between them', () => {
  const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 9000 }), fc.boolean(), fc.boolean()), { maxLength: 60 }),
      items => {
        const plan = planFor([
          { masked: { mask: 'redact', typeOid: TYPE.text, format: 0 }, value: null },
          { masked: null, value: null },
          { masked: { mask: 'hash', typeOid: TYPE.text, format: 0 }, value: null },
        ])!;
        const rows = new MaskedRows();
        const got: Buffer[] = [];
        const expected: Buffer[] = [];
        for (const [size, other, take] of items) {
          const frame = dataRow(['SECRET', Buffer.alloc(size, 0x61), '']);
          const padded = Buffer.concat([Buffer.from('xx'), frame, Buffer.from('yyy')]);
          rows.append(plan, padded, 2, 2 + frame.length);
          expected.push(maskRow(plan, frame));
          if (other) {
            rows.pass(ready, 0, ready.length);
            expected.push(ready);
          }
          if (take) got.push(rows.take());
          assert.equal(take ? rows.length : 0, 0);
        }
        got.push(rows.take());
        // Compared only now: what was taken must not have been written to since.
        assert.ok(Buffer.concat(got).equals(Buffer.concat(expected)));
      },
    ),
  );
});

test('a row of many megabytes is rebuilt, and its memory is not kept', () => {
  const plan = planFor([
    { masked: { mask: 'redact', typeOid: TYPE.text, format: 0 }, value: null },
    { masked: null, value: null },
  ])!;
  const rows = new MaskedRows();
  const big = Buffer.alloc(20_000_000, 0x62);
  const frame = dataRow([big, big]);
  rows.append(plan, frame, 0, frame.length);
  const taken = rows.take();
  assert.deepEqual(
    valuesOf(taken).map(v => v?.length),
    [3, 20_000_000],
  );
  rows.append(plan, dataRow(['x', 'y']), 0, dataRow(['x', 'y']).length);
  assert.ok(rows.take().buffer.byteLength < 100_000);
});

const twoColumns = planFor([
  { masked: { mask: 'redact', typeOid: TYPE.text, format: 0 }, value: null },
  { masked: null, value: null },
])!;

function refused(frame: Buffer, plan = twoColumns): void {
  assert.throws(
    () => maskRow(plan, frame),
    (error: unknown) => error instanceof HoldpointError && error.code === 'protocol',
  );
}

test('a row that is cut anywhere, or has one byte too many, is refused', () => {
  const frame = dataRow(['secret', 'open']);
  for (let length = 0; length < frame.length; length++) {
    refused(frame.subarray(0, length));
    // With a length that claims to be right.
    const lying = Buffer.from(frame.subarray(0, length));
    if (length >= 5) lying.writeInt32BE(length - 1, 1);
    refused(lying);
  }
  const longer = Buffer.concat([frame, Buffer.of(0)]);
  refused(longer);
  longer.writeInt32BE(longer.length - 1, 1);
  refused(longer);
});

test('another message type, another number of columns and impossible lengths are refused', () => {
  for (const type of [0x00, 0x64, 0x54, 0x5a, 0x45]) {
    const frame = dataRow(['secret', 'open']);
    frame[0] = type;
    refused(frame);
  }
  for (const values of [[], ['secret'], ['secret', 'open', 'more']]) refused(dataRow(values));
  for (const length of [-2, -2147483648, 2147483647, 7, 5]) {
    const frame = dataRow(['secret', 'open']);
    frame.writeInt32BE(length, 7);
    refused(frame);
  }
});

test('bytes at random are refused or are a row of the right shape, and a refused row leaves nothing behind', () => {
  const rows = new MaskedRows();
  const good = dataRow(['secret', 'open']);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(30), fc.nat(255), (noise, at, byte) => {
      refused(Buffer.from(noise));
      const flipped = Buffer.from(good);
      flipped[at % flipped.length] = byte;
      try {
        rows.append(twoColumns, flipped, 0, flipped.length);
        const [first] = valuesOf(rows.take());
        assert.ok(first === null || first?.toString() === '***');
      } catch (error) {
        assert.ok(error instanceof HoldpointError);
        assert.equal(rows.length, 0);
      }
    }),
    { numRuns: 2000 },
  );
});

test('bounds outside the buffer are refused', () => {
  const frame = dataRow(['secret', 'open']);
  for (const [start, end] of [
    [-1, frame.length],
    [0, frame.length + 1],
    [1, frame.length],
    [5, 3],
  ] as const)
    assert.throws(() => new MaskedRows().append(twoColumns, frame, start, end), HoldpointError);
});
