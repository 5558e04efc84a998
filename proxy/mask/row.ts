import { giveSlab, SLAB, takeSlab } from '#proxy/wire/slabs.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { LONGEST_MASKED, type Replacement } from './kinds.ts';
import type { MaskPlan } from './plan.ts';

const DATA_ROW = 0x44;
/** Type byte, length, column count. */
const HEAD = 7;
/** Slabs double from the first size to the last: a session that gets a few rows holds little, a million rows cost few allocations. */
const FIRST_SLAB = 2 * 1024;
const NOTHING = Buffer.alloc(0);
/** Below this a loop beats the call into the engine's copy. */
const SHORT_RUN = 24;

/**
 * Collects the messages that go to the agent while rows are being masked: `append` rebuilds a DataRow, `pass` adds any other
 * message as it is, `take` gives all of it once per chunk. Bytes given out are not written to again before `restart`.
 */
export class MaskedRows {
  private slab: Buffer = NOTHING;
  private size = FIRST_SLAB;
  private from = 0;
  private at = 0;
  /** Full slabs whose bytes may still be needed. */
  private lent: Buffer[] = [];

  /** Bytes collected and not taken yet. */
  get length(): number {
    return this.at - this.from;
  }

  /** A message that holds no protected value. */
  pass(source: Buffer, start: number, end: number): void {
    this.room(end - start);
    this.at = copy(source, start, end, this.slab, this.at);
  }

  /**
   * Rebuilds the DataRow that lies in `source` from `start` (its type byte) to `end`. Throws HoldpointError `protocol`, with nothing
   * added, when its lengths do not fit together or its columns are not those of the plan: the values could then not be told
   * apart. Source: manual 54.7, DataRow.
   */
  append(plan: MaskPlan, source: Buffer, start: number, end: number): void {
    const { columns } = plan;
    if (end - start < HEAD || start < 0 || end > source.length || source[start] !== DATA_ROW)
      throw malformed('it is no DataRow');
    if (int32(source, start + 1) !== end - start - 1)
      throw malformed('its length is not that of the message');
    if (((source[start + 5]! << 8) | source[start + 6]!) !== columns.length)
      throw malformed('its columns are not those of the RowDescription');
    this.room(end - start);
    let out = this.at + HEAD;
    let at = start + HEAD;
    /** Begin of what passes and is not copied yet. */
    let run = at;
    for (let i = 0; i < columns.length; i++) {
      if (end - at < 4) throw malformed('it ends inside a column length');
      const length = int32(source, at);
      const value = at + 4;
      const column = columns[i]!;
      if (length < 0) {
        if (length !== -1) throw malformed('a column has a negative length');
        if (column?.kind === 'constant' && column.forNull === true) {
          out = copy(source, run, at, this.slab, out);
          out = this.grow(out, 4 + LONGEST_MASKED + (end - value));
          out = mask(column, source, value, value, this.slab, out);
          run = value;
        }
        at = value;
        continue;
      }
      if (length > end - value) throw malformed('a column reaches beyond it');
      if (column !== null) {
        out = copy(source, run, at, this.slab, out);
        // Everything behind this value can still be copied as it is: room for it, and for what this value grows by.
        out = this.grow(out, 4 + LONGEST_MASKED + (end - value - length));
        out = mask(column, source, value, value + length, this.slab, out);
        run = value + length;
      }
      at = value + length;
    }
    if (at !== end) throw malformed('bytes are left over behind its last column');
    out = copy(source, run, end, this.slab, out);
    this.slab[this.at] = DATA_ROW;
    putInt32(this.slab, this.at + 1, out - this.at - 1);
    this.slab[this.at + 5] = columns.length >> 8;
    this.slab[this.at + 6] = columns.length & 0xff;
    this.at = out;
  }

  /** Nobody needs any bytes that were taken: their memory is used again. */
  restart(): void {
    if (this.length > 0) return;
    if (this.lent.length > 0) {
      for (const slab of this.lent) giveSlab(slab);
      this.lent = [];
    }
    this.from = 0;
    this.at = 0;
  }

  /** All messages since the last call. */
  take(): Buffer {
    const taken = this.slab.subarray(this.from, this.at);
    this.from = this.at;
    // A slab made for one giant row is not kept for the small ones behind it.
    if (this.slab.length > SLAB) {
      this.slab = NOTHING;
      this.from = 0;
      this.at = 0;
    }
    return taken;
  }

  private room(bytes: number): void {
    if (this.slab.length - this.at < bytes) this.grow(this.at, bytes);
  }

  /** Makes room for `bytes` behind `out`, moving what is not taken yet. Gives the place that corresponds to `out`. */
  private grow(out: number, bytes: number): number {
    if (this.slab.length - out >= bytes) return out;
    const used = out - this.from;
    const size = Math.max(this.size, (used + bytes) * (used === 0 ? 1 : 2));
    const slab = size === SLAB ? takeSlab() : Buffer.allocUnsafeSlow(size);
    this.size = Math.min(this.size * 2, SLAB);
    this.slab.copy(slab, 0, this.from, out);
    if (this.slab.length === SLAB) this.lent.push(this.slab);
    this.slab = slab;
    this.at -= this.from;
    this.from = 0;
    return used;
  }
}

/** One DataRow alone. See MaskedRows.append. */
export function maskRow(plan: MaskPlan, frame: Buffer): Buffer {
  const rows = new MaskedRows();
  rows.append(plan, frame, 0, frame.length);
  return rows.take();
}

/** The length and bytes of what stands for a value. Gives the place behind it. */
function mask(
  column: Replacement,
  source: Buffer,
  start: number,
  end: number,
  target: Buffer,
  at: number,
): number {
  if (column.kind === 'computed') {
    const after = column.write(source, start, end, target, at + 4);
    putInt32(target, at, after - at - 4);
    return after;
  }
  const { bytes } = column;
  if (bytes === null) return putInt32(target, at, -1);
  return copy(bytes, 0, bytes.length, target, putInt32(target, at, bytes.length));
}

/** As readInt32BE, without its checks; the caller has made sure that the bytes are there. */
function int32(source: Buffer, at: number): number {
  return (source[at]! << 24) | (source[at + 1]! << 16) | (source[at + 2]! << 8) | source[at + 3]!;
}

function putInt32(target: Buffer, at: number, value: number): number {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
  return at + 4;
}

/** Gives the place behind the copy. */
function copy(source: Buffer, start: number, end: number, target: Buffer, at: number): number {
  if (end - start > SHORT_RUN) {
    source.copy(target, at, start, end);
    return at + end - start;
  }
  let out = at;
  for (let i = start; i < end; i++) target[out++] = source[i]!;
  return out;
}

function malformed(why: string): HoldpointError {
  return new HoldpointError('protocol', `a row from the server cannot be masked: ${why}`);
}
