import { type Core, secondWitness } from './core.ts';
import type { Op } from './op.ts';
import { lookAhead } from './segment.ts';

/** The first message of a segment decides the mode for all of it: its transaction begins there. */
export function openSegment(core: Core): void {
  if (core.segment) return;
  core.segment = true;
  if (core.status !== 'I') return;
  // While its first message waited for the ledger, somebody may have changed the catalog: then nobody can tell what is behind it.
  const kind = !core.canJudge()
    ? 'other'
    : lookAhead(core.frames, core.encoding.text, {
        text: core.judgedText,
        prepared: name => core.picture.statements.get(name) ?? null,
        bound: core.judgedBind,
        read: secondWitness,
      });
  if (kind !== 'nothing runs') core.line.switchMode(kind === 'reads');
}

export function passInSegment(core: Core, buffer: Buffer, start: number, end: number, op: Op): void {
  openSegment(core);
  core.line.pass(buffer, start, end, op);
}
