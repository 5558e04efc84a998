import { FRONTEND } from '../wire/frontend.ts';
import { type Core, secondWitness } from './core.ts';
import type { Judged } from './judgement.ts';
import type { Op } from './op.ts';
import { lookAhead, type SegmentKind } from './segment.ts';
import { recordParses } from './unbound-parses.ts';

/** The first message of a segment decides the mode for all of it: its transaction begins there. */
export function openSegment(core: Core): void {
  if (core.segment) return;
  core.segment = true;
  if (core.status !== 'I') return;
  const kind = kindFromHere(core, secondWitness);
  if (kind === 'nothing runs') return;
  const { line } = core;
  // Struck there, it is a part of the agent's pipeline that was struck.
  if (line.hasty && !line.readOnly && kindFromHere(core, plainRead) === 'reads') line.narrow();
  else line.switchMode(kind === 'reads');
}

/**
 * The first Bind of a segment that was open before, as where a driver has what it parsed described and asks for the answer by Flush: the
 * transaction began with Parse, in the agent's mode. Nothing has run in it, so where all that is still to come is there, and reads, it is
 * narrowed now. The other way round would not go: a transaction that has a snapshot cannot become writable.
 */
export function narrowSegment(core: Core): void {
  if (core.status !== 'I' || core.inBlock || core.line.readOnly) return;
  if (kindFromHere(core, plainRead) === 'reads') core.line.narrow();
}

/**
 * The message that is looked at now opens a segment of reads that cannot be narrowed in its own pipeline, and the agent's time-out may strike
 * the switch before it.
 */
export function mayMissItsSegment(core: Core, type: number): boolean {
  const { line, segment, skipping, status } = core;
  if (!line.hasty || line.readOnly || status !== 'I' || segment || skipping || !OPENS.has(type)) return false;
  return kindFromHere(core, secondWitness) === 'reads' && kindFromHere(core, plainRead) !== 'reads';
}

const OPENS: ReadonlySet<number> = new Set([
  FRONTEND.parse,
  FRONTEND.bind,
  FRONTEND.describe,
  FRONTEND.execute,
  FRONTEND.close,
]);

/** Whether what is bound now runs, or will, where the server refuses writes. */
export function opensReads(core: Core): boolean {
  // Something may have run in it that lets it write.
  if (core.segment) return core.line.readOnly && !core.bound;
  return core.status === 'I' && kindFromHere(core, secondWitness) === 'reads';
}

/** Whether it runs alike behind another statement: some are for blocks alone, and behind a first statement a segment is one. */
function plainRead(judged: Judged): boolean {
  return (
    secondWitness(judged) &&
    judged.statements.every(s => s.actions.length === 0 && s.effects.commands.every(c => c === 'select'))
  );
}

function kindFromHere(core: Core, read: (judged: Judged) => boolean): SegmentKind {
  // While its first message waited for the ledger, somebody may have changed the catalog: then nobody can tell what is behind it.
  if (!core.canJudge()) return 'other';
  return lookAhead(core.frames, core.encoding.text, {
    text: core.judgedText,
    prepared: name => core.picture.statements.get(name) ?? null,
    bound: prepared => core.judgedBind(prepared),
    read,
  });
}

export function passInSegment(core: Core, buffer: Buffer, start: number, end: number, op: Op): void {
  openSegment(core);
  core.line.pass(buffer, start, end, op);
}

/** What follows may mean something else once this is done: it waits for the answer, which Flush makes the server give. */
export function settle(core: Core, why: 'settle' | 'copy' = 'settle'): void {
  recordParses(core);
  core.line.askForAnswers();
  core.wait(why);
}
