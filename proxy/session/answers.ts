import { HoldpointError } from '#schemas/errors.ts';
import type { MaskPlan } from '../mask/plan.ts';
import {
  BACKEND,
  decodeCString,
  decodeFields,
  decodeParameterStatus,
  decodeTextRow,
  encodeFields,
  field,
  type TransactionStatus,
} from '../wire/backend.ts';
import { Frames } from '../wire/frames.ts';
import { RowDescriptions } from '../wire/row-descriptions.ts';
import type { AnswersOwner } from './answers-owner.ts';
import { Asides } from './asides.ts';
import { CallResult } from './call-result.ts';
import { CopyAnswers } from './copy-answers.ts';
import { NotSwitched } from './not-switched.ts';
import { analysisOf, type Op, type Portal, runOf } from './op.ts';
import { OpQueue } from './op-queue.ts';
import type { Outbox } from './outbox.ts';
import { ownFault } from './own-fault.ts';
import { Passage } from './passage.ts';
import type { Run, RunStatus } from './run.ts';
import { Shield } from './shield.ts';
import { asOfExecute } from './unasked.ts';
import { expected, unexpected } from './unexpected.ts';

/** Any length that the server's own limit (1 GiB) allows; rows that pass unmasked are never held whole. */
const MAX_SERVER_MESSAGE = 0x3fffffff;
const STREAMED: ReadonlySet<number> = new Set([BACKEND.dataRow, BACKEND.copyData, BACKEND.functionResult]);

/**
 * The way back: reads the server's messages, matches them with what was sent, masks and redacts, counts and hashes, and passes the rest
 * on without copying. A message that does not fit what was asked ends the session: the proxy's picture would no longer be the server's.
 */
export class Answers {
  private readonly queue = new OpQueue();
  private readonly frames: Frames;
  private readonly passage: Passage;
  private readonly descriptions = new RowDescriptions();
  readonly shield: Shield;
  private readonly asides: Asides;
  private readonly result: CallResult;
  private readonly copying: CopyAnswers;
  private readonly owner: AnswersOwner;
  readonly notSwitched: NotSwitched;

  constructor(outbox: Outbox, owner: AnswersOwner) {
    this.passage = new Passage(outbox);
    this.notSwitched = new NotSwitched(this.passage, this.queue);
    this.owner = owner;
    this.shield = new Shield(owner);
    this.asides = new Asides(this.passage, this.shield, owner);
    this.result = new CallResult(this.passage, this.shield, owner);
    this.copying = new CopyAnswers(this.passage, owner);
    this.frames = new Frames({
      limit: () => MAX_SERVER_MESSAGE,
      stream: type => STREAMED.has(type) && this.streams(),
    });
  }

  /** Messages so far. */
  sent = 0;
  /** So many messages at the end of those under way have answers that nobody hears. */
  private unheard = -1;

  /** The agent has left: it is told no more than the answers to the first `asked` messages, for which it had asked. */
  leave(asked: number): void {
    this.unheard = this.sent - asked;
  }

  expect(op: Op): void {
    this.sent += 1;
    if (op.kind === 'execute') op.run.executing = true;
    if (op.kind !== 'own') this.owner.rewirings.sent(runOf(op));
    this.queue.push(op);
  }

  /** How many messages that run something the server has been sent, ever. */
  get runs(): number {
    return this.queue.runs;
  }

  get underWay(): number {
    return this.queue.length;
  }

  /** What the server is answering now. */
  get head(): Op | undefined {
    return this.queue.head;
  }

  /** The connection to the server is gone: whatever was under way has no known outcome. */
  lose(): void {
    for (const op of this.queue.takeUntil(null)) this.endOf(op, 'lost');
    this.owner.rewirings.over();
  }

  private streams(): boolean {
    const op = this.queue.head;
    if (op?.kind === 'query' || op?.kind === 'function') return op.plan === null;
    return op?.kind === 'execute' && op.portal.plan === null;
  }

  /** Afterwards only the outbox still needs the chunk's memory, as long as it has a backlog. */
  push(chunk: Buffer): void {
    const { frames, passage } = this;
    passage.begin();
    frames.push(chunk);
    while (frames.next()) this.message(frames.type, frames.buffer, frames.start, frames.end);
    passage.end();
    frames.keep();
  }

  private message(type: number, buffer: Buffer, start: number, end: number): void {
    const op = this.queue.head;
    if (this.queue.length <= this.unheard) this.passage.mute();
    if (type === BACKEND.dataRow && op !== undefined && op.kind !== 'own') {
      this.row(op, buffer, start, end);
      return;
    }
    switch (type) {
      case BACKEND.notice:
        this.asides.notice(op, buffer, start, end);
        return;
      case BACKEND.notification:
        // It is no answer to anything.
        this.notSwitched.aside(() => this.asides.notification(buffer, start, end));
        return;
      case BACKEND.parameterStatus: {
        const { name, value } = decodeParameterStatus(buffer, start, end);
        if (this.owner.parameter(name, value, op?.kind === 'own'))
          this.notSwitched.aside(() => this.passage.pass(buffer, start, end));
        return;
      }
      case BACKEND.error:
        this.error(op, buffer, start, end);
        return;
      default:
        if (op === undefined) throw unexpected(type, 'nothing was asked');
        this.answer(op, type, buffer, start, end);
    }
  }

  private answer(op: Op, type: number, buffer: Buffer, start: number, end: number): void {
    switch (op.kind) {
      case 'query':
        this.queryAnswer(op, type, buffer, start, end);
        return;
      case 'execute':
        this.executeAnswer(op, type, buffer, start, end);
        return;
      case 'function':
        if (type === BACKEND.readyForQuery) {
          this.notSwitched.reveal();
          this.owner.ended(op.run, op.run.sqlstate === '' ? 'ok' : 'error');
          this.ready(op, buffer, start, end);
          return;
        }
        expected(type, BACKEND.functionResult, op);
        if (this.frames.first) this.result.begin(op.run);
        this.result.pass(op.run, op.plan, buffer, start, end);
        return;
      case 'parse':
        expected(type, BACKEND.parseComplete, op);
        this.passage.pass(buffer, start, end);
        if (op.run !== null) {
          op.run.tag = 'PARSE';
          this.owner.ended(op.run, 'ok');
        }
        this.done(op);
        return;
      case 'bind':
        expected(type, BACKEND.bindComplete, op);
        this.shield.bound(op.portal);
        if (op.portal.run !== null) op.portal.run.bound = true;
        this.passage.pass(buffer, start, end);
        this.done(op);
        return;
      case 'close':
        expected(type, BACKEND.closeComplete, op);
        this.passage.pass(buffer, start, end);
        this.done(op);
        return;
      case 'describe-statement':
        this.passage.pass(buffer, start, end);
        if (type === BACKEND.parameterDescription) return;
        if (type === BACKEND.rowDescription) op.prepared.columns = this.descriptions.read(buffer, start, end);
        else {
          expected(type, BACKEND.noData, op);
          op.prepared.columns = 'none';
        }
        this.done(op);
        return;
      case 'describe-portal':
        if (type === BACKEND.rowDescription) {
          const columns = this.descriptions.read(buffer, start, end);
          op.portal.plan = this.shield.plan(columns, analysisOf(op.portal), op.portal.run);
        } else {
          expected(type, BACKEND.noData, op);
          op.portal.plan = null;
        }
        if (!op.own) this.passage.pass(buffer, start, end);
        this.done(op);
        return;
      case 'sync':
        expected(type, BACKEND.readyForQuery, op);
        if (op.run !== undefined) this.owner.ended(op.run, op.run.sqlstate === '' ? 'ok' : 'error');
        if (op.error !== undefined) this.passage.make(op.error);
        this.ready(op, buffer, start, end);
        return;
      case 'poison':
        // Only reached in the simple protocol: the error before it has been replaced by ours, and this is its ReadyForQuery.
        expected(type, BACKEND.readyForQuery, op);
        this.ready(op, buffer, start, end);
        return;
      case 'own':
        if (type === BACKEND.dataRow && op.row !== undefined) op.row(decodeTextRow(buffer, start, end));
        if (type === op.until) {
          op.done?.();
          this.done(op);
        }
        return;
    }
  }

  private queryAnswer(
    op: Op & { kind: 'query' },
    type: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    const { run } = op;
    switch (type) {
      case BACKEND.rowDescription:
        op.plan = this.shield.plan(this.descriptions.read(buffer, start, end), run.current, run);
        this.passage.pass(buffer, start, end);
        return;
      case BACKEND.commandComplete:
        this.complete(run, buffer, start, end);
        op.plan = undefined;
        return;
      case BACKEND.emptyQuery:
        this.passage.pass(buffer, start, end);
        return;
      case BACKEND.readyForQuery:
        this.notSwitched.reveal();
        this.owner.ended(run, run.sqlstate === '' ? 'ok' : 'error');
        this.ready(op, buffer, start, end);
        return;
      default:
        this.copying.answer(op, type, buffer, start, end, this.frames.first);
    }
  }

  private executeAnswer(
    op: Op & { kind: 'execute' },
    type: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    const { run } = op;
    switch (type) {
      case BACKEND.commandComplete:
        // A portal at its end runs nothing when it is executed again: the server just says its tag once more.
        if (run.ended) this.passage.pass(buffer, start, end);
        else {
          this.complete(run, buffer, start, end, op.portal);
          this.owner.ended(run, 'ok');
        }
        this.done(op);
        return;
      case BACKEND.emptyQuery:
        this.passage.pass(buffer, start, end);
        this.owner.ended(run, 'ok');
        this.done(op);
        return;
      case BACKEND.portalSuspended:
        this.passage.pass(buffer, start, end);
        // What it has done so far is done: settings, names, meanings.
        if (run.current !== undefined) this.owner.completed(run.current, run, op.portal);
        op.portal.suspended = true;
        run.executing = false;
        if (op.portal.once === true) this.owner.ended(run, 'ok');
        this.done(op);
        return;
      default:
        this.copying.answer(op, type, buffer, start, end, this.frames.first);
    }
  }

  private complete(run: Run, buffer: Buffer, start: number, end: number, portal?: Portal): void {
    this.shield.touched(run);
    const tag = decodeCString(buffer, start, end);
    run.tag = run.tag === '' ? tag : `${run.tag}; ${tag}`;
    this.passage.pass(buffer, start, end);
    const statement = run.current;
    run.index++;
    if (statement === undefined)
      throw unexpected(BACKEND.commandComplete, 'more completions than statements');
    this.notSwitched.completed(statement);
    this.owner.completed(statement, run, portal);
  }

  private row(op: Op, buffer: Buffer, start: number, end: number): void {
    let run: Run;
    let plan: MaskPlan | null | undefined;
    if (op.kind === 'query') {
      run = op.run;
      plan = op.plan;
    } else if (op.kind === 'execute') {
      run = op.run;
      plan = op.portal.plan;
    } else throw unexpected(BACKEND.dataRow, `an answer to ${op.kind}`);
    if (plan === undefined) throw new HoldpointError('internal', 'a row came before its description');
    if (this.frames.first) run.rows++;
    if (plan === null) this.passage.row(run, buffer, start, end);
    else this.passage.maskedRow(run, plan, buffer, start, end);
  }

  private error(op: Op | undefined, buffer: Buffer, start: number, end: number): void {
    const fields = decodeFields(buffer, start, end, 'latin1');
    const severity = field(fields, 'V') || field(fields, 'S');
    const fatal = severity === 'FATAL' || severity === 'PANIC';
    if (op?.kind === 'own' && !fatal && ownFault(op, fields)) return;
    if (op?.kind === 'poison' && !fatal) {
      this.passage.make(op.error);
      if (op.protocol === 'simple') return;
      this.owner.confirmed(op);
    } else {
      if (op?.kind === 'own') this.asides.noted(op);
      const unasked = op?.kind === 'describe-portal' && op.own;
      const said = this.notSwitched.told(unasked ? asOfExecute(fields) : fields);
      if (this.shield.inScope(op)) this.passage.make(this.shield.redacted(said));
      else if (said !== fields) this.passage.make(encodeFields(BACKEND.error, said, 'latin1'));
      else this.passage.pass(buffer, start, end);
    }
    if (op === undefined || fatal) return;
    const run = runOf(op);
    if (run !== null) run.sqlstate = field(fields, 'C');
    if (op.kind === 'query' || op.kind === 'function') {
      this.owner.failed(false);
      return;
    }
    if (op.kind === 'sync') return;
    // The server now skips to Sync: nothing between here and there will be answered.
    this.endOf(op, 'error');
    this.queue.shift();
    const skipped = this.queue.takeUntil('sync');
    // First of all the session has to know: who is told that its question was skipped must not ask it again.
    this.owner.failed(true);
    for (const other of skipped) this.endOf(other, 'skipped');
    if (this.queue.length === 0) this.owner.idle();
  }

  private endOf(op: Op, status: RunStatus): void {
    if (op.kind === 'own') op.skipped?.();
    const run = runOf(op);
    if (run !== null && !run.ended) this.owner.ended(run, status);
  }

  private done(op: Op): void {
    this.queue.shift();
    this.owner.confirmed(op);
    if (this.queue.length === 0) this.owner.idle();
  }

  private ready(op: Op, buffer: Buffer, start: number, end: number): void {
    const status = String.fromCharCode(buffer[start + 5]!) as TransactionStatus;
    this.shield.inScope(op);
    if (status === 'I') this.shield.transactionEnded();
    this.passage.pass(buffer, start, end);
    this.queue.shift();
    this.owner.rewirings.answered(status === 'I', status === 'E');
    this.notSwitched.over();
    this.owner.ready(status);
  }
}
