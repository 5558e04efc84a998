import { HoldpointError } from '#schemas/errors.ts';
import { encode } from '../wire/backend.ts';
import {
  decodeBind,
  decodeEmpty,
  decodeNamed,
  decodeParse,
  FRONTEND,
  parameterOf,
} from '../wire/frontend.ts';
import { runsWhenBound, runsWhenParsed } from './aftermath.ts';
import { parametersOf, textsOf } from './binds.ts';
import { type Core, endsSegment } from './core.ts';
import { unseenPortal } from './cursors.ts';
import { referentsOf } from './execute.ts';
import { checkName, isNameOfSql } from './names.ts';
import type { Portal } from './op.ts';
import { narrowSegment, openSegment, passInSegment, settle } from './open-segment.ts';
import type { Prepared } from './picture.ts';
import { answer } from './refusals.ts';
import { bytesOf, roomFor, roomForPortal, roomForStatement } from './room.ts';
import type { Run } from './run.ts';
import { OWN } from './server-line.ts';
import { sooner, soonerInBind } from './sooner.ts';
import { refuseSought, soughtBy } from './sought.ts';
import { checkNamesOf } from './sql-names.ts';
import { refuseTooLong } from './too-long.ts';
import { kindOf, lacksNames } from './tried-first.ts';
import { MOST_UNBOUND, recordParses } from './unbound-parses.ts';
import { asTheServer, missedLater, unknownPortal, unknownStatement } from './unknown-names.ts';

/**
 * The extended protocol. A text is judged when it is parsed, so that nothing refused reaches the server at all, and again with its values
 * when it is bound: Bind plans and may evaluate, so a held statement is parked there. Source: manual 54.2.3 "Extended Query".
 */
export function parse(core: Core, buffer: Buffer, start: number, end: number, confirmed = false): void {
  const { name, text, types } = decodeParse(buffer, start, end, core.encoding.text);
  refuseOwnNames(name);
  checkName(name, core.encoding);
  const refuse = (error: HoldpointError, position?: number | null) =>
    core.refuseExtended(error, position, name === '');
  const bytes = bytesOf(text);
  const full = roomForStatement(core, name) ?? core.picture.memory.full(bytes);
  if (full !== null) {
    refuse(full);
    return;
  }
  const judgement = core.judge.text(text, types);
  if (judgement.kind === 'too-long') {
    refuseTooLong(core, text, 'parse', refuse);
    return;
  }
  if (judgement.kind === 'syntax-error') {
    refuse(new HoldpointError('syntax', judgement.message, judgement), judgement.position);
    return;
  }
  const { judged: whole } = judgement;
  checkNamesOf(whole, core.encoding);
  // Here, as what may not run in a transaction block would not run behind anything of the same pipeline.
  if (!core.segment && core.plans.outdated(core, whole.statements)) {
    core.whenReplanned(() => parse(core, buffer, start, end, confirmed));
    return;
  }
  const [analysis, second] = whole.statements;
  if (analysis === undefined || second !== undefined) {
    refuse(
      new HoldpointError('syntax', 'cannot insert multiple commands into a prepared statement', {
        source: { file: 'postgres.c', routine: 'exec_parse_message' },
      }),
    );
    return;
  }
  if (lacksNames(whole) && !confirmed) {
    core.whenConfirmed(() => parse(core, buffer, start, end, true));
    return;
  }
  const { alone } = whole;
  const prepared: Prepared = {
    text,
    types,
    madeBy: null,
    bytes,
    escapes: whole.escapes,
    analysis,
    under: core.judge.stamp,
    doubts: core.opened.doubts,
    alone,
    columns: null,
    unrecorded: true,
  };
  const forward = (run: Run | null) => {
    openSegment(core);
    core.picture.statements.assume(name, prepared);
    if (run === null) {
      // An agent that never asks for an answer must not pile them up.
      if (core.picture.parsed.length >= MOST_UNBOUND) recordParses(core);
      core.picture.parsed.push(prepared);
    }
    core.line.pass(buffer, start, end, { kind: 'parse', name, prepared, run });
    if (runsWhenParsed(analysis)) settle(core);
  };
  const judged = whole.atParse ?? whole;
  const verdict = core.inBlock ? judged.verdict.inTransaction : judged.verdict.outside;
  if (verdict.kind === 'allow' && judged.reads && judged === whole) {
    // Parsing runs nothing, and the Bind that follows records the text; where none follows, Flush or Sync does.
    forward(null);
    return;
  }
  prepared.unrecorded = false;
  const intent = core.ahead.take(judged, core.inBlock, 'parse', []);
  const run = intent?.run ?? core.run(judged.statements);
  const waits = core.submit({
    run,
    judged,
    protocol: 'parse',
    parameters: [],
    intended: intent?.ticket,
    // A held text is held when it is bound, unless reading its literals runs something already.
    parseOnly: analysis.parseRuns !== true,
    forward: () => forward(run),
    again: () => parse(core, buffer, start, end),
    refuse: error => refuse(asTheServer(core, judged, error)),
  });
  if (waits && verdict.kind === 'allow') core.ahead.fill(core, { name, judged: whole, types });
}

/** How far a Bind has come: what is before it in its segment has been answered; what it needs has been looked for. */
type Far = 'new' | 'answered' | 'asked';

export function bind(core: Core, buffer: Buffer, start: number, end: number, so: Far = 'new'): void {
  let found: Prepared | undefined;
  const read = () =>
    decodeBind(buffer, start, end, core.encoding.text, (portal, statement) => {
      checkName(portal, core.encoding);
      checkName(statement, core.encoding);
      found = core.picture.statements.get(statement);
      return found !== undefined;
    });
  const message = sooner(read, () => soonerInBind(core, found, buffer, start, end));
  const { portal: name, resultFormats } = message;
  const prepared = found as Prepared | undefined;
  if (prepared === undefined) {
    core.refuseExtended(unknownStatement(message.statement, 'exec_bind_message'));
    return;
  }
  refuseOwnNames(name);
  if (isDoubted(core, message.statement, prepared)) {
    core.whenNamed(() => bind(core, buffer, start, end, so));
    return;
  }
  const full =
    roomForPortal(core, name) ??
    roomFor(core, [prepared.analysis]) ??
    core.picture.memory.full(prepared.bytes);
  if (full !== null) {
    core.refuseExtended(full);
    return;
  }
  const parameters = parametersOf(message, prepared.types, core.encoding, i => parameterOf(name, i));
  const whole = core.judgedBind(prepared, () => textsOf(message, core.encoding));
  if (core.plans.outdated(core, whole.statements)) {
    core.whenReplanned(() => bind(core, buffer, start, end, so));
    return;
  }
  const missed = missedLater(core, whole);
  const judged = missed?.bound ?? whole;
  if (so !== 'asked' && kindOf(core, judged) === 'hold') {
    const again = (far: Far) => bind(core, buffer, start, end, far);
    const sought = core.status === 'E' ? null : soughtBy(judged);
    // Its own Parse may have been refused, or the server lack what it needs: then there is nothing to ask people about.
    if (core.segment && so === 'new') {
      core.whenAnswered(() => again('answered'));
      return;
    }
    if (sought !== null) {
      const how = {
        protocol: 'bind',
        parameters,
        refuse: (error: HoldpointError) => core.refuseExtended(error),
      } as const;
      core.whenSought(
        sought,
        () => again('asked'),
        error => refuseSought(core, judged, error, how),
      );
      return;
    }
  }
  const intent = core.ahead.take(judged, core.inBlock, 'bind', parameters);
  const run = intent?.run ?? core.run(judged.statements);
  prepared.unrecorded = false;
  const waits = core.submit({
    run,
    judged,
    protocol: 'bind',
    parameters,
    intended: intent?.ticket,
    resultFormats,
    forward: () => {
      const late = core.flushed && !core.bound;
      openSegment(core);
      if (late) narrowSegment(core);
      core.bound = true;
      // As it was described under another catalog, or what it names was, a column may come from elsewhere by now.
      if (prepared.under !== core.judge.stamp || !whole.alone) prepared.columns = null;
      const portal: Portal = {
        source: prepared,
        bytes: prepared.bytes,
        run,
        resultFormats,
        values: whole.values,
        named: referentsOf(core, whole),
        missing: missed?.error,
        rewired: core.rewired,
        under: core.judge.stamp,
        moves: core.opened.moves,
        described: false,
        plan: undefined,
      };
      portal.plan = core.answers.shield.planFor(portal);
      core.picture.bound(run);
      core.picture.portals.assume(name, portal);
      core.line.pass(buffer, start, end, { kind: 'bind', name, portal });
      if (judged.statements.some(runsWhenBound)) settle(core);
    },
    refuse: error => core.refuseExtended(asTheServer(core, whole, error)),
    again: () => bind(core, buffer, start, end),
  });
  if (waits && !core.pipeline.parking) core.ahead.fill(core);
}

export function describe(core: Core, buffer: Buffer, start: number, end: number): void {
  const { kind, name } = decodeNamed(buffer, start, end, core.encoding.text);
  checkName(name, core.encoding);
  if (kind === 'statement') {
    const prepared = core.picture.statements.get(name);
    if (prepared === undefined)
      core.refuseExtended(unknownStatement(name, 'exec_describe_statement_message'));
    else passInSegment(core, buffer, start, end, { kind: 'describe-statement', prepared });
    return;
  }
  const portal = core.picture.portals.get(name) ?? unseenPortal(core, name);
  if (portal === null) {
    core.refuseExtended(unknownPortal(name, 'exec_describe_portal_message'));
    return;
  }
  portal.described = true;
  passInSegment(core, buffer, start, end, { kind: 'describe-portal', portal, own: false });
}

export function close(core: Core, buffer: Buffer, start: number, end: number): void {
  const { kind, name } = decodeNamed(buffer, start, end, core.encoding.text);
  checkName(name, core.encoding);
  if (kind === 'statement') core.picture.statements.assume(name, null);
  else core.picture.portals.assume(name, null);
  passInSegment(core, buffer, start, end, { kind: 'close', of: kind, name });
}

export function flush(core: Core, buffer: Buffer, start: number, end: number): void {
  decodeEmpty(buffer, start, end);
  core.flushed = core.segment;
  recordParses(core);
  core.line.passFlush(buffer, start, end);
}

export function sync(core: Core, buffer: Buffer, start: number, end: number): void {
  recordParses(core);
  const ends = endsSegment(core) && !core.skipping;
  const left = ends ? core.left() : null;
  if (left !== null && core.waitsToGoOn(left, () => sync(core, buffer, start, end))) return;
  const go = (run?: Run) => {
    if (left !== null) core.goesOn(left);
    const op = run === undefined ? SYNCS : ({ kind: 'sync', run } as const);
    if (end - start === SYNC.length) core.line.pass(buffer, start, end, op);
    else {
      // The server complains of what is in it, also where it skips everything else, and it ends the segment all the same.
      const error = answer(core, new HoldpointError('malformed', undefined, { source: FINISH }));
      if (!core.skipping && (core.status === 'T' || core.segment)) core.line.poison(NOTHING, 'extended');
      core.line.send(SYNC, { ...op, error });
    }
    core.skipping = false;
    core.wait('ready');
  };
  const judged = ends ? core.judge.end() : null;
  if (judged === null) {
    go();
    return;
  }
  const run = core.run(judged.statements);
  core.submit({
    run,
    judged,
    protocol: 'simple',
    parameters: [],
    forward: () => go(run),
    refuse: error => {
      core.refuseExtended(error);
      go();
    },
    skipped: () => go(),
    again: () => sync(core, buffer, start, end),
  });
}

const SYNC = encode(FRONTEND.sync);
const SYNCS = { kind: 'sync' } as const;
const NOTHING = Buffer.alloc(0);
const FINISH = { file: 'pqformat.c', routine: 'pq_getmsgend' };

/** What nobody has read has run since: it may have dropped the statement of this name, and prepared another one. */
function isDoubted(core: Core, name: string, { text, doubts }: Prepared): boolean {
  if (!isNameOfSql(name) || text === null || doubts === core.opened.doubts) return false;
  return core.status !== 'E' || !core.inBlock;
}

function refuseOwnNames(name: string): void {
  if (name.startsWith(OWN))
    throw new HoldpointError('unsupported', `names that begin with ${OWN} belong to the proxy`);
}
