import { HoldpointError } from '#schemas/errors.ts';
import { Pipeline } from '../pipeline.ts';
import { encode, encodeError, encodeNotice, type TransactionStatus } from '../wire/backend.ts';
import { FRONTEND } from '../wire/frontend.ts';
import { Aftermath } from './aftermath.ts';
import { Answers } from './answers.ts';
import { Cancelling } from './cancelling.ts';
import { beginCopyIn, type CopyIn, copyMessage } from './copy-in.ts';
import type { Core } from './core.ts';
import { dispatch } from './dispatch.ts';
import { recordLeftParses } from './extended.ts';
import { HoldNotice } from './hold-notice.ts';
import { Intake } from './intake.ts';
import { type Waiter, whenJudgeable } from './judgeable.ts';
import { Judging } from './judging.ts';
import { runOf } from './op.ts';
import { HIGH_WATER, Outbox } from './outbox.ts';
import { Pace } from './pace.ts';
import type { SessionParts } from './parts.ts';
import { Picture } from './picture.ts';
import { Reading } from './reading.ts';
import { refuseExtended, refuseSimple } from './refusals.ts';
import { reported } from './reported.ts';
import { Retiring } from './retiring.ts';
import { Run, type RunStatus } from './run.ts';
import { DEFAULT_READ_ONLY, ServerLine } from './server-line.ts';
import { Settings } from './settings.ts';
import { type Submitter, submit } from './submission.ts';

/** How long a server may take to finish what an agent that has gone had started. */
const DRAIN_MS = 10_000;
const LINGER_MS = 1_000;
/** The agent may still be waiting for an answer that waits for the ledger. */
const LAST_WORDS_MS = 10_000;
const TERMINATED = 'the agent ended the session';
const GONE = 'the agent disconnected';
const SAID = 'the agent closed its side';

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
  private readonly core: Core & { status: TransactionStatus; inBlock: boolean };
  private readonly submitter: Submitter & Waiter;
  private readonly settings = new Settings();
  private readonly intake: Intake;
  private readonly reading: Reading;
  private readonly cancelling: Cancelling;
  private readonly holdNotice: HoldNotice;
  private readonly aftermath: Aftermath;
  private copying: CopyIn | null = null;
  private gone = false;
  private over = false;
  private stopping = false;
  private readonly retiring = new Retiring(error => this.end(error));
  private count: number;
  private drain: NodeJS.Timeout | undefined;

  constructor(parts: SessionParts) {
    this.parts = parts;
    this.count = parts.counted;
    const relieved = () => this.relieved();
    this.outbox = new Outbox(parts.client, parts.recorder, fault => this.fail(fault), relieved);
    this.pace = new Pace(parts.recorder);
    this.holdNotice = new HoldNotice(bytes => this.tell(bytes), parts.approveAt, this.settings.encoding.say);
    this.reading = new Reading(parts.client);
    this.intake = new Intake(parts, this.reading, {
      turn: () => this.copying !== null || this.pace.turn(this.intake, () => this.resume()),
      message: (type, buffer, start, end) => this.message(type, buffer, start, end),
      rest: () => this.flush(),
      over: () => this.over,
      parked: () => this.core.pipeline.parking,
      said: () => this.agentGone(SAID),
      leaving: () => this.core.pipeline.withdraw(TERMINATED, 'hold_withdrawn'),
    });
    this.cancelling = new Cancelling(
      () => this.answers.head,
      () => parts.cancelUpstream(),
    );
    this.answers = new Answers(this.outbox, {
      maskOf: (oid, attnum) => this.judging.maskOf(oid, attnum, this.aftermath.catalogTouched),
      protects: () => this.judging.protects,
      maskKey: parts.maskKey,
      encoding: this.settings.encoding,
      ended: (run, status) => this.ended(run, status),
      confirmed: op => {
        this.core.picture.confirmed(op);
        this.cancelling.step();
      },
      completed: statement => this.aftermath.completed(statement),
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
    this.judging = new Judging(parts, this.settings, this.line, () => this.core.picture);
    this.core = this.makeCore();
    this.aftermath = new Aftermath(this.settings, this.judging, parts.catalog, this.core);
    this.submitter = {
      core: this.core,
      intake: this.intake,
      judging: this.judging,
      cancelling: this.cancelling,
      gone: () => this.gone || this.over || this.stopping,
      left: () => this.intake.ended,
      over: () => this.over,
      resume: () => this.resume(),
      decided: () => this.holdNotice.end(),
      ended: (run, status) => this.ended(run, status),
      guard: work => this.guard(work),
      flush: () => this.flush(),
    };
    for (const [name, value] of parts.parameters) this.settings.report(name, value);
    this.settings.given(parts.given);
    this.listen();
  }

  private makeCore(): Core & { status: TransactionStatus; inBlock: boolean } {
    const { parts } = this;
    const { judge } = this.judging;
    return {
      frames: this.intake.frames,
      line: this.line,
      answers: this.answers,
      picture: new Picture(
        parts.memory,
        run => this.ended(run, run.rows > 0 ? 'ok' : 'skipped'),
        analysis => this.judging.fromSql(analysis),
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
      status: 'I',
      inBlock: false,
      segment: false,
      bound: false,
      rewired: 0,
      skipping: false,
      wait: why => this.intake.wait(why),
      run: statements => {
        if (statements.some(s => s.otherEncoding === true)) this.settings.encoding.foreign = true;
        return new Run(++this.count, statements, parts.now());
      },
      canJudge: () => parts.catalog.current !== null,
      judgedBind: prepared => this.judging.bound(prepared),
      judgedText: (text, types) => {
        const judgement = judge.text(text, types);
        return judgement.kind === 'judged' ? judgement.judged : null;
      },
      submit: work => submit(this.submitter, work),
      refuseSimple: (...how) => refuseSimple(this.core, this.outbox, ...how),
      refuseExtended: (...how) => refuseExtended(this.core, this.outbox, ...how),
    };
  }

  private listen(): void {
    const { client, upstream, reads } = this.parts;
    client.on('data', (chunk: Buffer) =>
      this.guard(() => {
        if (!this.over && !this.gone) this.intake.take(chunk);
      }),
    );
    client.on('end', () => this.guard(() => this.agentEnded()));
    client.on('close', () => this.agentGone(GONE));
    client.on('error', () => this.agentGone('the connection to the agent broke'));
    client.on('drain', () => this.relieved());
    if (reads !== null) reads.unneeded = () => this.outbox.backlog === 0;
    upstream.on('data', (chunk: Buffer) => this.guard(() => this.fromServer(chunk)));
    upstream.on('end', () => this.serverGone());
    upstream.on('close', () => this.serverGone());
    upstream.on('error', () => this.serverGone());
    upstream.on('drain', () => this.reading.go('server'));
  }

  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.fail(error);
    }
  }

  private message(type: number, buffer: Buffer, start: number, end: number): void {
    // A cancel request is for what was there when it came.
    if (this.answers.underWay === 0 && !this.core.segment) this.cancelling.ready();
    if (this.intake.frames.first ? this.copying !== null : this.line.halfway)
      this.copyMessage(this.copying, buffer.subarray(start, end));
    else dispatch(this.core, this.judgeable, this.leave, type, buffer, start, end);
  }

  private readonly judgeable = (then: () => void) => whenJudgeable(this.submitter, then);
  private readonly leave = () => this.agentGone(TERMINATED);

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
    if (this.over || this.gone) return;
    this.outbox.write(bytes);
    this.outbox.flush();
  }

  /** The agent's cancel request: withdraws what is parked, or cancels at the server what runs there. */
  cancel(): void {
    if (this.core.pipeline.withdraw('cancelled by the agent', 'cancelled')) return;
    if (this.answers.underWay > 0 || this.intake.block !== null) this.cancelling.request();
  }

  private fromServer(chunk: Buffer): void {
    if (this.over) return;
    this.answers.push(chunk);
    this.flush();
    if (this.outbox.backlog > HIGH_WATER && !this.gone) this.parts.upstream.pause();
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
    core.picture.settle();
    core.skipping = true;
    core.pipeline.withdraw('an earlier statement of the same pipeline failed', 'hold_withdrawn');
    // A Query behind the error is skipped too, and its ReadyForQuery will never come.
    const unanswered = intake.block === 'ready' && this.answers.underWay === 0;
    if (intake.block === 'copy' || intake.block === 'settle' || unanswered) this.resume();
  }

  private idle(): void {
    if (this.gone) {
      this.finish(GONE, null);
      return;
    }
    this.core.picture.settle();
    if (!this.core.segment) this.retiring.rests();
    const { block } = this.intake;
    if (block === 'settle' || block === 'copy') this.resume();
  }

  private ready(status: TransactionStatus): void {
    const { core } = this;
    core.status = status;
    this.settings.encoding.ready();
    core.inBlock = status !== 'I';
    core.segment = false;
    core.bound = false;
    core.skipping = false;
    this.copying = null;
    core.picture.settle();
    if (status === 'I') {
      core.picture.transactionEnded();
      this.aftermath.transactionEnded();
    }
    if (this.gone) this.finish(GONE, null);
    else if (!this.retiring.rests()) this.resume();
  }

  /** The agent's messages go on, once this chunk of the server's is dealt with. */
  private resume(): void {
    this.intake.free();
    queueMicrotask(() => this.guard(() => this.intake.pump()));
  }

  /** Ends the session: its picture or its record can no longer be trusted. */
  private fail(cause: unknown): void {
    if (this.over) return;
    const error =
      cause instanceof HoldpointError ? cause : new HoldpointError('internal', undefined, { cause });
    if (error.code === 'internal')
      this.parts.log(`session ${this.parts.session} ended: ${error.message}`, error.cause ?? error);
    this.stop(error.message, 'hold_withdrawn', encodeError(error, 'FATAL', null, this.settings.encoding.say));
  }

  /** Ends the session, once what runs for the agent has been answered. */
  retire(error: HoldpointError): void {
    this.retiring.begin(error, this.answers.underWay > 0 || this.core.segment);
  }

  /** From outside: shutdown, or the session's time is over. */
  end(error: HoldpointError): void {
    this.stop(error.message, 'shutdown', encodeError(error, 'FATAL', null, this.settings.encoding.say));
  }

  /** What is parked is not answered by itself any more: the last word stands for all. */
  private stop(reason: string, code: 'hold_withdrawn' | 'shutdown', last: Buffer | null): void {
    if (this.over) return;
    this.stopping = true;
    this.core.pipeline.withdraw(reason, code);
    this.finish(reason, last);
  }

  /**
   * The agent has closed its side of the connection, or all of it: that cannot be told apart. What is parked is withdrawn; anything else
   * that it sent is dealt with as the server would, which looks for the end only when it wants more.
   */
  private agentEnded(): void {
    if (this.core.pipeline.withdraw(GONE, 'hold_withdrawn')) this.agentGone(GONE);
    else this.intake.end();
  }

  private agentGone(why: string): void {
    if (this.gone || this.over) return;
    this.gone = true;
    this.core.pipeline.withdraw(why, 'hold_withdrawn');
    // Terminate comes after everything: what was answered before it is still owed.
    if (why !== TERMINATED && why !== SAID) this.outbox.drop();
    if (this.answers.underWay === 0 || this.copying !== null) {
      this.finish(why, null);
      return;
    }
    // What the server is doing runs to its end, so that its outcome is known, but not for ever. Nobody will send the Sync that would
    // make it answer, and one of ours would commit.
    this.line.askForAnswers();
    this.line.flush();
    this.parts.upstream.resume();
    this.drain = setTimeout(() => this.finish(why, null), DRAIN_MS);
  }

  private serverGone(): void {
    this.stop('the server ended the connection', 'hold_withdrawn', null);
  }

  private finish(reason: string, last: Buffer | null): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.drain);
    this.holdNotice.end();
    const { head } = this.answers;
    this.aftermath.sessionEnded(head === undefined ? null : runOf(head));
    this.answers.lose();
    recordLeftParses(this.core);
    this.core.picture.abandon();
    this.core.pipeline.abandon(reason);
    const { client, upstream } = this.parts;
    this.outbox.end(last);
    if (upstream.writable) upstream.end(encode(FRONTEND.terminate));
    setTimeout(() => upstream.destroy(), LINGER_MS).unref();
    setTimeout(() => client.destroy(), LAST_WORDS_MS).unref();
    this.parts.closed(reason, this.count);
  }
}
