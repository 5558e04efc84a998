import type { MaskPlan } from '../mask/plan.ts';
import { MaskedRows } from '../mask/row.ts';
import type { Outbox } from './outbox.ts';
import type { Run } from './run.ts';

/**
 * The last stretch to the agent: messages that lie side by side in a chunk go as one slice of it, uncopied; masked rows are collected
 * in one buffer for a stretch of them; order is kept. Result rows are told to their run as the agent gets them.
 */
export class Passage {
  private readonly outbox: Outbox;
  /** Nothing of what comes now is for the agent. */
  muted = false;
  private buffer: Buffer = Buffer.alloc(0);
  private from = -1;
  private to = -1;
  /** The rows among it that their run has not been told of yet. */
  private rowsFrom = -1;
  private rowsOf: Run | null = null;
  private readonly masked = new MaskedRows();
  private maskedOf: Run | null = null;
  /** Whose rows were among this chunk: nearly always nobody else's than these. */
  private latest: Run | null = null;
  private earlier: Run[] = [];

  constructor(outbox: Outbox) {
    this.outbox = outbox;
  }

  /** A message as the server sent it. */
  pass(buffer: Buffer, start: number, end: number): void {
    if (this.muted) return;
    if (this.rowsOf !== null) this.endRows();
    this.extend(buffer, start, end);
  }

  /** A result row, or a piece of one, as the server sent it. */
  row(run: Run, buffer: Buffer, start: number, end: number): void {
    if (this.muted) return;
    if (this.rowsOf !== run) {
      this.endRows();
      this.rowsOf = run;
    }
    this.extend(buffer, start, end);
    if (this.rowsFrom < 0) this.rowsFrom = start;
  }

  /** A whole result row, to be rebuilt. */
  maskedRow(run: Run, plan: MaskPlan, buffer: Buffer, start: number, end: number): void {
    if (this.muted) return;
    if (this.from >= 0) this.cut();
    this.masked.append(plan, buffer, start, end);
    this.maskedOf = run;
  }

  /** A message made here. */
  make(bytes: Buffer): void {
    if (this.muted) return;
    this.cut();
    this.outbox.write(bytes);
  }

  /** From here on the agent is told nothing. */
  mute(): void {
    this.cut();
    this.outbox.muted = true;
  }

  /** Before a chunk: what went to the agent is not needed any more once its side has taken all of it. */
  begin(): void {
    if (this.outbox.backlog === 0) this.masked.restart();
  }

  /** After a chunk, whose memory will be used again: hands over all there is. */
  end(): void {
    this.cut();
    if (this.latest === null) return;
    if (!this.latest.ended) this.latest.keep();
    this.latest = null;
    if (this.earlier.length === 0) return;
    for (const run of this.earlier) if (!run.ended) run.keep();
    this.earlier = [];
  }

  private cut(): void {
    this.endMasked();
    this.endRows();
    if (this.from < 0) return;
    const { buffer, from, to } = this;
    this.outbox.write(from === 0 && to === buffer.length ? buffer : buffer.subarray(from, to));
    this.from = -1;
  }

  private extend(buffer: Buffer, start: number, end: number): void {
    this.endMasked();
    if (this.from >= 0 && this.to === start && this.buffer === buffer) {
      this.to = end;
      return;
    }
    const run = this.rowsOf;
    if (this.from >= 0) this.cut();
    this.rowsOf = run;
    this.buffer = buffer;
    this.from = start;
    this.to = end;
  }

  private endRows(): void {
    if (this.rowsOf !== null && this.rowsFrom >= 0)
      this.tell(this.rowsOf, this.buffer.subarray(this.rowsFrom, this.to));
    this.rowsFrom = -1;
    this.rowsOf = null;
  }

  private endMasked(): void {
    if (this.maskedOf === null) return;
    const bytes = this.masked.take();
    this.tell(this.maskedOf, bytes);
    this.maskedOf = null;
    this.outbox.write(bytes);
  }

  /** Result bytes as the agent gets them. */
  tell(run: Run, bytes: Buffer): void {
    if (this.muted) return;
    run.passed(bytes);
    if (this.latest === run) return;
    if (this.latest !== null) this.earlier.push(this.latest);
    this.latest = run;
  }
}
