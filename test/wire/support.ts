import assert from 'node:assert/strict';
import { type FrameRules, Frames } from '#proxy/wire/frames.ts';
import { HoldpointError } from '#schemas/errors.ts';

/** One piece of a message as `Frames` gave it, copied: its views end with the next push. */
export interface Piece {
  readonly type: number;
  readonly first: boolean;
  readonly last: boolean;
  readonly bytes: Buffer;
}

export function rules(more: Partial<FrameRules> = {}): FrameRules {
  return { limit: () => 1024 * 1024, stream: () => false, ...more };
}

/** Pushes the chunks one after the other and takes everything out after each. */
export function cut(chunks: readonly Buffer[], more: Partial<FrameRules> = {}): Piece[] {
  const frames = new Frames(rules(more));
  const pieces: Piece[] = [];
  for (const chunk of chunks) {
    frames.push(chunk);
    while (frames.next()) pieces.push(pieceOf(frames));
  }
  return pieces;
}

export function pieceOf(frames: Frames): Piece {
  const bytes = Buffer.from(frames.buffer.subarray(frames.start, frames.end));
  return { type: frames.type, first: frames.first, last: frames.last, bytes };
}

/** Chunks of these sizes, in turn, until the data is used up. */
export function chunksOf(data: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < data.length; turn += 1) {
    const size = Math.max(1, sizes[turn % sizes.length]!);
    chunks.push(data.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** Gives the refusal; anything that is no HoldpointError, and no throw at all, fails the test. */
export function refusalOf(work: () => unknown, code?: HoldpointError['code']): HoldpointError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof HoldpointError, `not a HoldpointError: ${String(error)}`);
    if (code !== undefined) assert.equal(error.code, code, error.message);
    return error;
  }
  return assert.fail('it was accepted');
}

/** Runs it, and lets nothing but a HoldpointError come out. */
export function onlyOrdinaryFaults(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof HoldpointError)) throw error;
  }
}
