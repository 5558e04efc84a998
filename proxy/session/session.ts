import type { HoldpointError } from '#schemas/errors.ts';
import { Pipeline } from '../pipeline.ts';
import { encodeNotice, type TransactionStatus } from '../wire/backend.ts';
import { Aftermath } from './aftermath.ts';
import { Answers } from './answers.ts';
import { Cancelling } from './cancelling.ts';
import { beginCopyIn, type CopyIn, copyMessage } from './copy-in.ts';
import type { Core } from './core.ts';
import { dispatch } from './dispatch.ts';
import { Ending, GONE, SAID, TERMINATED } from './ending.ts';
import { HoldNotice } from './hold-notice.ts';
import { Intake } from './intake.ts';
import { isJudgeable, type Waiter, whenJudgeable } from './judgeable.ts';
import { MAX_CACHED_TEXT } from './judgement.ts';
import { Judging } from './judging.ts';
import { KeptPlans } from './kept-plans.ts';
import { HIGH_WATER, Outbox } from './outbox.ts';
import { Pace } from './pace.ts';
import type { SessionParts } from './parts.ts';
import { Picture } from './picture.ts';
import { Reading } from './reading.ts';
import { RecordedAhead } from './recorded-ahead.ts';
import { refuseExtended, refuseSimple } from './refusals.ts';
import { reported } from './reported.ts';
import { Retiring } from './retiring.ts';
import { OwnRewirings } from './rewirings.ts';
import type { Run, RunStatus } from './run.ts';
import { DEFAULT_READ_ONLY, ServerLine } from './server-line.ts';
import { Settings } from './settings.ts';
import type { Submitter } from './submission.ts';
import { waysToWait } from './ways-to-wait.ts';

/**
 * One agent's session, from the server's first ReadyForQuery to its end: reads the agent's messages in order, keeps the picture of the
 * session that the server has, has each statement judged (pipeline.ts), and sends on what is released.
 *
 * One message at a time decides: after a Query or a Sync the next message waits for ReadyForQuery, and after a statement that changes
 * how later ones are read it waits for the answer, so that nothing is judged on a guess.
 */
export class Session {
  private readonly parts: SessionParts;
  private readonly outbox: Outbox;
  private readonly pace: Pace;
  private readonly answers: Answers;
  private readonly line: ServerLine;
  private readonly judging: Judging;
  private readonly core: Core & { status: TransactionStatus; inBlock: boolean; began: boolean };
  private readonly submitter: Submitter & Waiter;
  private readonly settings = new Settings();
  private readonly intake: Intake;
  private readonly reading: Reading;
  private readonly cancelling: Cancelling;
  private readonly holdNotice: HoldNotice;
  private readonly aftermath: Aftermath;
  private copying: CopyIn | null = null;
  private readonly ending: Ending;
  private readonly retiring = new Retiring(error => this.end(error));
  private count: number;
  /** A chunk of the server's is being dealt with, and once it is, the agent's messages go on. */
  private dealing = false;
  private resuming = false;
  private leaving = false;

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.count = parts.counted;
    const relieved = () => this.relieved();
    this.outbox = new Outbox(parts.client, parts.recorder, fault => this.ending.fail(fault), relieved);
    this.pace = new Pace(parts.recorder);
    const rewirings = new OwnRewirings(parts.catalog.rewirings, {
      process: parts.processId ?? 0,
      shielded: () => this.line.readOnly && !this.core.inBlock,
      inBlock: () => this.core.inBlock,
      unconcerned: () => this.judging.unconcerned,
    });
    this.holdNotice = new HoldNotice(bytes => this.tell(bytes), parts.approveAt, this.settings.encoding.say);
    this.reading = new Reading(parts.client);
    this.intake = new Intake(parts, this.reading, {
      turn: () => this.copying !== null || this.pace.turn(this.intake, this.goOn),
      message: (type, buffer, start, end) => this.message(type, buffer, start, end),
      rest: () => this.flush(),
      over: () => this.ending.over,
      parked: () => this.core.pipeline.parking,
      said: () => this.ending.agentGone(SAID),
      leaving: () => this.core.pipeline.withdraw(TERMINATED, 'hold_withdrawn'),
    });
    this.cancelling = new Cancelling(
      () => this.answers.head,
      () => this.answers.runs,
      () => parts.cancelUpstream(),
    );
    this.answers = new Answers(this.outbox, {
      maskOf: (oid, attnum) => this.judging.maskOf(oid, attnum, this.aftermath.catalogTouched),
      tellsCheck: (...names) => this.judging.tellsCheck(names, this.aftermath.catalogTouched),
      protects: () => this.judging.protects,
      rewirings,
      maskKey: parts.maskKey,
      encoding: this.settings.encoding,
      ended: (run, status) => this.ended(run, status),
      confirmed: op => this.aftermath.confirmed(op),
      completed: (...what) => this.aftermath.completed(...what),
      failed: inSegment => this.failed(inSegment),
      ready: status => this.ready(status),
      idle: () => this.idle(),
      copyIn: () => {
        this.copying = beginCopyIn(this.answers.head);
        this.resume();
      },
      parameter: (name, value, own) => reported(this.settings, this.line, parts.readOnly, name, value, own),
    });
    const readOnly = parts.readOnly || parts.parameters.get(DEFAULT_READ_ONLY) === 'on';
    this.line = new ServerLine(parts.upstream, this.answers, readOnly);
    this.judging = new Judging(parts, this.settings, this.line, rewirings, () => this.core.picture);
    this.core = this.makeCore();
    this.aftermath = new Aftermath(this.settings, this.judging, parts.catalog, this.core);
    this.submitter = {
      core: this.core,
      intake: this.intake,
      judging: this.judging,
      cancelling: this.cancelling,
      gone: () => this.ending.gone || this.ending.over || this.ending.stopping,
      left: () => this.intake.ended,
      over: () => this.ending.over,
      resume: this.goOn,
      decided: () => this.holdNotice.end(),
      ended: (run, status) => this.ended(run, status),
      guard: work => this.guard(work),
      flush: () => this.flush(),
    };
    const { aftermath, answers, core, holdNotice, intake, line, outbox } = this;
    this.ending = new Ending({
      ...{ aftermath, answers, core, holdNotice, intake, line, outbox, parts },
      copying: () => this.copying !== null,
      count: () => this.count,
    });
    for (const [name, value] of parts.parameters) this.settings.report(name, value);
    this.settings.given(parts.given);
    this.listen();
  }

  private makeCore(): Core & { status: TransactionStatus; inBlock: boolean; began: boolean } {
    const { parts } = this;
    const { judge } = this.judging;
    return {
      frames: this.intake.frames,
      line: this.line,
      answers: this.answers,
      picture: new Picture(
        parts.memory,
        run => this.ended(run, run.rows > 0 ? 'ok' : 'skipped'),
        (...made) => this.judging.fromSql(...made),
      ),
      judge,
      pipeline: new Pipeline({
        ...parts,
        recorder: this.pace,
        gate: ticket => this.outbox.gate(ticket),
        parked: (hold, message) => {
          this.reading.watch();
          this.holdNotice.begin(hold.approval, message);
        },
      }),
      encoding: this.settings.encoding,
      limits: parts.limits,
      major: Number.parseInt(parts.parameters.get('server_version') ?? '', 10),
      status: 'I',
      inBlock: false,
      ahead: new RecordedAhead(
        run => this.ended(run, 'skipped'),
        run => this.judging.rewirings.stamp(run),
      ),
      began: false,
      segment: false,
      bound: false,
      flushed: false,
      rewired: 0,
      skipping: false,
      wait: why => this.intake.wait(why),
      ...waysToWait(() => this.submitter, parts.catalog),
      plans: new KeptPlans(judge, () => this.judging.unconcerned),
      opened: this.judging.opened,
      retiring: this.retiring,
      run: statements => this.judging.run(++this.count, statements),
      canJudge: () => parts.catalog.current !== null,
      fromSql: (named, epoch) => this.judging.fromSql(named, epoch),
      judgedBind: (prepared, values) => this.judging.bound(prepared, values),
      sent: statements => this.judging.sent(statements),
      judgedText: (text, types) => {
        // It would be judged once more in its turn.
        if (text.length > MAX_CACHED_TEXT) return null;
        const judgement = judge.text(text, types);
        return judgement.kind === 'judged' ? judgement.judged : null;
      },
      left: () => this.judging.left.run,
      goesOn: run => this.judging.rewirings.changes.sent(run),
      refuseSimple: (...how) => refuseSimple(this.core, this.outbox, ...how),
      refuseExtended: (...how) => refuseExtended(this.core, this.outbox, ...how),
    };
  }

  private listen(): void {
    const { client, upstream, reads } = this.parts;
    client.on('data', (chunk: Buffer) =>
      this.guard(() => {
        if (!this.ending.over && !this.ending.gone) this.intake.take(chunk);
      }),
    );
    client.on('end', () => this.guard(() => this.ending.agentEnded()));
    client.on('close', () => this.ending.agentGone(GONE));
    client.on('error', () => this.ending.agentGone('the connection to the agent broke'));
    client.on('drain', () => this.relieved());
    if (reads !== null) reads.unneeded = () => this.outbox.backlog === 0;
    upstream.on('data', (chunk: Buffer) => this.guard(() => this.fromServer(chunk)));
    upstream.on('end', () => this.ending.serverGone());
    upstream.on('close', () => this.ending.serverGone());
    upstream.on('error', () => this.ending.serverGone());
    upstream.on('drain', () => this.reading.go('server'));
  }

  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.ending.fail(error);
    }
  }

  private message(type: number, buffer: Buffer, start: number, end: number): void {
    // A cancel request is for what was there when it came.
    if (this.answers.underWay === 0 && !this.core.segment) this.cancelling.ready();
    if (this.intake.frames.first ? this.copying !== null : this.line.halfway)
      this.copyMessage(this.copying, buffer.subarray(start, end));
    else dispatch(this.core, this.judgeable, this.leave, type, buffer, start, end);
  }

  private readonly judgeable = {
    now: () => isJudgeable(this.submitter),
    when: (then: () => void) => whenJudgeable(this.submitter, then),
  };
  private readonly leave = () => this.ending.agentGone(TERMINATED);

  private copyMessage(copying: CopyIn | null, bytes: Buffer): void {
    const next = copyMessage(copying, this.line, this.intake.frames, bytes);
    if (next === 'gone') this.leave();
    if (next !== 'done') return;
    this.copying = null;
    this.intake.wait(copying?.simple === true ? 'ready' : 'settle');
  }

  /** A notice that belongs to no statement, such as the time that is left. */
  notice(message: string): void {
    this.tell(encodeNotice(message, {}, this.settings.encoding.say));
  }

  private tell(bytes: Buffer): void {
    if (this.ending.over || this.ending.gone) return;
    this.outbox.write(bytes);
    this.outbox.flush();
  }

  /** The agent's cancel request: withdraws what is parked, or cancels at the server what runs there. */
  cancel(): void {
    if (this.core.pipeline.withdraw('cancelled by the agent', 'cancelled')) return;
    const { changes } = this.judging.rewirings;
    if (changes.cancel()) return;
    if (changes.waitsThere) {
      this.cancelling.now();
      return;
    }
    const { block } = this.intake;
    if (this.answers.underWay > 0 || block !== null) this.cancelling.request(block);
  }

  private fromServer(chunk: Buffer): void {
    if (this.ending.over) return;
    this.dealing = true;
    try {
      this.answers.push(chunk);
    } finally {
      this.dealing = false;
    }
    this.flush();
    if (this.leaving) this.ending.drained();
    if (this.outbox.backlog > HIGH_WATER && !this.ending.gone) this.parts.upstream.pause();
    if (!this.resuming) return;
    this.resuming = false;
    this.intake.pump();
  }

  /** The agent has taken what was sent, or the ledger what was recorded: the server may go on. */
  private relieved(): void {
    if (this.outbox.backlog > HIGH_WATER) return;
    if (this.parts.upstream.isPaused()) this.parts.upstream.resume();
    if (this.intake.block === 'reader') this.resume();
  }

  private flush(): void {
    if (!this.line.flush()) this.reading.stop('server');
    this.cancelling.step();
    this.outbox.flush();
  }

  private ended(run: Run, status: RunStatus): void {
    if (run.ended) return;
    if (status === 'error' || status === 'lost') this.aftermath.failed(run);
    this.core.picture.ended(run);
    this.core.pipeline.ended(run, status);
  }

  private failed(inSegment: boolean): void {
    const { core, intake } = this;
    if (!inSegment) {
      if (this.copying !== null) intake.wait('ready');
      this.copying = null;
      return;
    }
    this.copying = null;
    this.cancelling.answered();
    core.picture.settle();
    core.skipping = true;
    core.pipeline.withdraw('an earlier statement of the same pipeline failed', 'hold_withdrawn');
    // A Query behind the error is skipped too, and its ReadyForQuery will never come.
    const unanswered = intake.block === 'ready' && this.answers.underWay === 0;
    if (intake.block === 'copy' || intake.block === 'settle' || unanswered) this.resume();
  }

  private idle(): void {
    this.cancelling.answered();
    if (this.drained()) return;
    this.core.picture.settle();
    if (this.retiring.rests(this.core.segment)) return;
    const { block } = this.intake;
    if (block === 'settle' || block === 'copy') this.resume();
  }

  /** True when the agent has gone: what the server did for it is done, and told once this chunk has been dealt with. */
  private drained(): boolean {
    if (!this.dealing) return this.ending.drained();
    this.leaving = this.ending.gone;
    return this.leaving;
  }

  private ready(status: TransactionStatus): void {
    const { core } = this;
    core.status = status;
    this.settings.ready();
    core.inBlock = status !== 'I';
    core.segment = false;
    core.bound = false;
    core.flushed = false;
    core.skipping = false;
    core.ahead.drop();
    this.copying = null;
    core.picture.settle();
    if (status === 'I') {
      core.began = false;
      core.picture.transactionEnded();
      this.aftermath.transactionEnded();
    }
    if (!this.drained() && !this.retiring.rests()) this.resume();
  }

  /** The agent's messages go on, once this chunk of the server's is dealt with. */
  private resume(): void {
    this.intake.free();
    if (this.dealing) this.resuming = true;
    else queueMicrotask(() => this.guard(() => this.intake.pump()));
  }

  private readonly goOn = () => this.resume();

  /** Ends the session, once what runs for the agent has been answered. */
  retire(error: HoldpointError): void {
    this.retiring.begin(error, this.answers.underWay > 0 || this.core.segment);
  }

  /** From outside: shutdown, or the session's time is over. */
  end(error: HoldpointError): void {
    this.ending.end(error);
  }
}
