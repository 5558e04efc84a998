/**
 * What masking costs per row, beside passing the rows on untouched: `node bench/mask.ts [rows]`.
 * A figure of this machine in this run; compare the columns, not two runs.
 */

import { type MaskPlan, planMask } from '#proxy/mask/plan.ts';
import { MaskedRows } from '#proxy/mask/row.ts';
import { encode, int32 } from '#proxy/wire/backend.ts';
import type { MaskKind } from '#schemas/policy.ts';

const ROWS = Number(process.argv[2] ?? 1_000_000);
/** As a server's socket gives them. */
const CHUNK = 64 * 1024;

function row(values: readonly string[]): Buffer {
  const parts = values.flatMap(value => [int32(Buffer.byteLength(value)), Buffer.from(value)]);
  return encode(0x44, Buffer.of(0, values.length), ...parts);
}

const values = [
  '1234567',
  'Jane Doe',
  'jane.doe@example.com',
  '123-45-6789',
  '2026-11-21 03:00:00+00',
  'Berlin',
];
const frame = row(values);
const rowsPerChunk = Math.floor(CHUNK / frame.length);
const chunk = Buffer.concat(Array.from({ length: rowsPerChunk }, () => frame));

function planFor(mask: MaskKind, attnum: number): MaskPlan {
  const columns = values.map((name, i) => ({
    ...{ name, tableOid: 1, attnum: i + 1, typeOid: 25, typeSize: -1, typeMod: -1 },
    format: 0 as const,
  }));
  const plan = planMask(
    columns,
    { touchesProtected: true, cleanOutputs: null },
    (_, n) => (n === attnum ? { column: 'public.customers.ssn', mask } : null),
    Buffer.alloc(32, 1),
  );
  if (plan === null) throw new Error('no plan');
  return plan;
}

/** Nanoseconds per row, the best of three. */
function measure(work: () => number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const begin = process.hrtime.bigint();
    const rows = work();
    best = Math.min(best, Number(process.hrtime.bigint() - begin) / rows);
  }
  return best;
}

function framed(each: (start: number, end: number) => void, done: () => void): number {
  let rows = 0;
  while (rows < ROWS) {
    for (let at = 0; at < chunk.length; ) {
      const end = at + 1 + chunk.readInt32BE(at + 1);
      each(at, end);
      at = end;
      rows++;
    }
    done();
  }
  return rows;
}

let sink = 0;
const report = (name: string, ns: number) =>
  console.log(`${name.padEnd(34)} ${ns.toFixed(0).padStart(6)} ns/row`);
console.log(`${ROWS} rows of ${frame.length} bytes, ${values.length} columns`);
report(
  'framed, not masked',
  measure(() =>
    framed(
      (start, end) => {
        sink += end - start;
      },
      () => {},
    ),
  ),
);
for (const mask of ['redact', 'null', 'partial', 'email', 'hash'] as const) {
  const plan = planFor(mask, mask === 'email' ? 3 : 4);
  const rows = new MaskedRows();
  const work = () =>
    framed(
      (start, end) => rows.append(plan, chunk, start, end),
      () => {
        sink += rows.take().length;
      },
    );
  report(`one column of text: ${mask}`, measure(work));
}
if (sink === 0) throw new Error('nothing was measured');
