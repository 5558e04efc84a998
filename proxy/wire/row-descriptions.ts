import { type ColumnDescription, decodeRowDescription } from './backend.ts';

/** Longer ones are read each time (bytes). */
const LONGEST = 4096;

/** Reads RowDescriptions for one session, where the same one comes again and again. */
export class RowDescriptions {
  private bytes: Buffer = Buffer.alloc(0);
  private columns: readonly ColumnDescription[] = [];

  /** Bounds are those of the whole frame, header included. */
  read(buffer: Buffer, start: number, end: number): readonly ColumnDescription[] {
    const length = end - start;
    if (length === this.bytes.length && buffer.compare(this.bytes, 0, length, start, end) === 0)
      return this.columns;
    const columns = decodeRowDescription(buffer, start, end);
    if (length <= LONGEST) {
      this.bytes = Buffer.from(buffer.subarray(start, end));
      this.columns = columns;
    }
    return columns;
  }
}
