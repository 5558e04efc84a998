import { HoldpointError } from '#schemas/errors.ts';
import { decodeQuery } from '../wire/frontend.ts';
import { belongsApart, type Core, endsSegment, mayMissItsWitness, secondWitness } from './core.ts';
import { oldPlans } from './kept-plans.ts';
import { roomFor } from './room.ts';
import { checkNamesOf } from './sql-names.ts';
import { refuseTooLong } from './too-long.ts';
import { asTheServer } from './unknown-names.ts';

/** The server drops the unnamed statement before it reads the text. */
function refuse(core: Core, error: HoldpointError, position?: number | null): void {
  core.refuseSimple(error, position, true);
}

/** A simple Query: all its statements are judged before any of it is sent, and the strictest verdict is the verdict. */
export function query(core: Core, buffer: Buffer, start: number, end: number): void {
  const text = decodeQuery(buffer, start, end, core.encoding.text);
  const judgement = core.judge.text(text);
  if (judgement.kind === 'too-long') {
    refuseTooLong(core, text, 'simple', error => refuse(core, error));
    return;
  }
  if (judgement.kind === 'syntax-error') {
    refuse(core, new HoldpointError('syntax', judgement.message, judgement), judgement.position);
    return;
  }
  const judged = endsSegment(core) ? core.judge.ending(judgement.judged) : judgement.judged;
  checkNamesOf(judged, core.encoding);
  if (mayMissItsWitness(core, judged)) {
    core.whenSwitched(() => query(core, buffer, start, end));
    return;
  }
  if (core.plans.outdated(core, judged.statements)) {
    if (belongsApart(core)) core.whenApart(() => query(core, buffer, start, end));
    else if (core.status !== 'E') core.whenReplanned(() => query(core, buffer, start, end));
    else refuse(core, oldPlans());
    return;
  }
  const full = roomFor(core, judged.statements);
  if (full !== null) {
    refuse(core, full);
    return;
  }
  const run = core.run(judged.statements);
  core.submit({
    run,
    judged,
    protocol: 'simple',
    parameters: [],
    forward: () => {
      if (core.status === 'I' && !core.segment) core.line.switchMode(secondWitness(judged));
      core.line.pass(buffer, start, end, { kind: 'query', run, plan: undefined });
      core.wait('ready');
    },
    refuse: error => refuse(core, asTheServer(core, judged, error)),
  });
}
