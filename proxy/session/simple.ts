import { HoldpointError } from '#schemas/errors.ts';
import { decodeQuery } from '../wire/frontend.ts';
import { belongsApart, type Core, endsSegment, mayMissItsWitness, secondWitness } from './core.ts';
import type { Judged } from './judgement.ts';
import { oldPlans } from './kept-plans.ts';
import { roomFor } from './room.ts';
import { refuseSought, soughtBy } from './sought.ts';
import { checkNamesOf } from './sql-names.ts';
import { refuseTooLong } from './too-long.ts';
import { isTriedFirst, lacksNames, mayAsk } from './tried-first.ts';
import { asTheServer } from './unknown-names.ts';

/** Type and length of a message; what follows in a Query is its text. */
const HEADER = 5;

/** The server drops the unnamed statement before it reads the text. */
function refuse(core: Core, error: HoldpointError, position?: number | null): void {
  core.refuseSimple(error, position, true);
}

/** It is held, or lacks names: that the server can parse it is found out first. */
function tryFirst(core: Core, text: Buffer, judged: Judged, then: () => void): void {
  const run = core.run(judged.statements);
  core.submit({
    run,
    judged,
    protocol: 'parse',
    parameters: [],
    parseOnly: true,
    forward: () => core.whenTried(text, run, then),
    refuse: error => refuse(core, error),
    again: then,
  });
}

/** How far a Query has come: judged by a catalog that may be seconds old, or by that of now; or the server has been asked what it has against it. */
type Far = 'judged' | 'confirmed' | 'tried';

/** A simple Query: all its statements are judged before any of it is sent, and the strictest verdict is the verdict. */
export function query(core: Core, buffer: Buffer, start: number, end: number, so: Far = 'judged'): void {
  const again = (far: Far = so) => query(core, buffer, start, end, far);
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
    core.whenSwitched(() => again());
    return;
  }
  if (core.plans.outdated(core, judged.statements)) {
    if (belongsApart(core)) core.whenApart(() => again());
    else if (core.status !== 'E') core.whenReplanned(() => again());
    else refuse(core, oldPlans());
    return;
  }
  if (so !== 'tried' && isTriedFirst(core, judged)) {
    const lacks = lacksNames(judged);
    if (lacks && so === 'judged') core.whenConfirmed(() => again('confirmed'));
    else if (lacks && core.status === 'I' && !core.line.readOnly) core.whenSwitched(again);
    else tryFirst(core, buffer.subarray(start + HEADER, end), judged.atParse ?? judged, () => again('tried'));
    return;
  }
  const sought = so === 'tried' || !mayAsk(core, judged) ? null : soughtBy(judged);
  if (sought !== null) {
    const how = {
      protocol: 'simple',
      parameters: [],
      refuse: (error: HoldpointError) => refuse(core, error),
    } as const;
    core.whenSought(
      sought,
      () => again('tried'),
      error => refuseSought(core, judged, error, how),
    );
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
    again: () => query(core, buffer, start, end),
  });
}
