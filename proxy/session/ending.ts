import { HoldpointError } from '#schemas/errors.ts';
import { encode, encodeError } from '../wire/backend.ts';
import { FRONTEND } from '../wire/frontend.ts';
import type { Aftermath } from './aftermath.ts';
import type { Answers } from './answers.ts';
import type { Core } from './core.ts';
import type { HoldNotice } from './hold-notice.ts';
import type { Intake } from './intake.ts';
import { runOf } from './op.ts';
import type { Outbox } from './outbox.ts';
import type { SessionParts } from './parts.ts';
import type { ServerLine } from './server-line.ts';
import { recordLeftParses } from './unbound-parses.ts';

/** How long a server may take to finish what an agent that has gone had started. */
const DRAIN_MS = 10_000;
const LINGER_MS = 1_000;
/** The agent may still be waiting for an answer that waits for the ledger. */
const LAST_WORDS_MS = 10_000;
export const TERMINATED = 'the agent ended the session';
export const GONE = 'the agent disconnected';
export const SAID = 'the agent closed its side';

/** What ending it needs of a session. */
export interface Endable {
  readonly parts: SessionParts;
  readonly core: Core;
  readonly line: ServerLine;
  readonly answers: Answers;
  readonly outbox: Outbox;
  readonly intake: Intake;
  readonly holdNotice: HoldNotice;
  readonly aftermath: Aftermath;
  copying(): boolean;
  /** Statements so far. */
  count(): number;
}

/** How a session ends: by its agent, by its server, by the proxy. Whatever comes first, everything is answered, recorded and closed once. */
export class Ending {
  private readonly session: Endable;
  private drain: NodeJS.Timeout | undefined;
  /** The agent has gone: what the server still does for it is only recorded. */
  gone = false;
  /** Everything is over. */
  over = false;
  /** Nothing more goes forward. */
  stopping = false;

  constructor(session: Endable) {
    this.session = session;
  }

  /** Ends the session: its picture or its record can no longer be trusted. */
  fail(cause: unknown): void {
    if (this.over) return;
    const { parts } = this.session;
    const error =
      cause instanceof HoldpointError ? cause : new HoldpointError('internal', undefined, { cause });
    if (error.code === 'internal')
      parts.log(`session ${parts.session} ended: ${error.message}`, error.cause ?? error);
    this.stop(error.message, 'hold_withdrawn', this.lastWord(error));
  }

  /** From outside: shutdown, or the session's time is over. */
  end(error: HoldpointError): void {
    this.stop(error.message, 'shutdown', this.lastWord(error));
  }

  serverGone(): void {
    this.stop('the server ended the connection', 'hold_withdrawn', null);
  }

  /**
   * The agent has closed its side of the connection, or all of it: that cannot be told apart. What is parked is withdrawn; anything else
   * that it sent is dealt with as the server would, which looks for the end only when it wants more.
   */
  agentEnded(): void {
    const { core, intake } = this.session;
    if (core.pipeline.withdraw(GONE, 'hold_withdrawn')) this.agentGone(GONE);
    else intake.end();
  }

  agentGone(why: string): void {
    if (this.gone || this.over) return;
    const { answers, copying, core, line, outbox, parts } = this.session;
    this.gone = true;
    // The server leaves at once, and what nobody has asked it to send stays where it is.
    if (why === TERMINATED) answers.leave(line.asked);
    core.pipeline.withdraw(why, 'hold_withdrawn');
    // Terminate comes after everything: what was answered before it is still owed.
    if (why !== TERMINATED && why !== SAID) outbox.drop();
    if (answers.underWay === 0 || copying()) {
      this.finish(why, null);
      return;
    }
    // What the server is doing runs to its end, so that its outcome is known, but not for ever. Nobody will send the Sync that would
    // make it answer, and one of ours would commit.
    line.askForAnswers();
    line.flush();
    parts.upstream.resume();
    this.drain = setTimeout(() => this.finish(why, null), DRAIN_MS);
  }

  /** What the server did for an agent that has gone is done. True when that was so. */
  drained(): boolean {
    if (this.gone) this.finish(GONE, null);
    return this.gone;
  }

  private lastWord(error: HoldpointError): Buffer {
    return encodeError(error, 'FATAL', null, this.session.core.encoding.say);
  }

  /** What is parked is not answered by itself any more: the last word stands for all. */
  private stop(reason: string, code: 'hold_withdrawn' | 'shutdown', last: Buffer | null): void {
    if (this.over) return;
    this.stopping = true;
    this.session.core.pipeline.withdraw(reason, code);
    this.finish(reason, last);
  }

  private finish(reason: string, last: Buffer | null): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.drain);
    const { aftermath, answers, core, count, holdNotice, outbox, parts } = this.session;
    holdNotice.end();
    const { head } = answers;
    aftermath.sessionEnded(head === undefined ? null : runOf(head));
    answers.lose();
    recordLeftParses(core);
    core.picture.abandon();
    core.pipeline.abandon(reason);
    core.ahead.drop();
    const { client, upstream } = parts;
    outbox.end(last);
    if (upstream.writable) upstream.end(encode(FRONTEND.terminate));
    setTimeout(() => upstream.destroy(), LINGER_MS).unref();
    setTimeout(() => client.destroy(), LAST_WORDS_MS).unref();
    parts.closed(reason, count());
  }
}
