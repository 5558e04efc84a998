import type { AuditBody, AuditKind } from '#schemas/audit.ts';
import type { Recorder } from '../ports.ts';
import type { Intake } from './intake.ts';

/** Events of one session that may wait for the ledger: between so many and twice as many. */
const EVENTS = 500;
/** Characters of a long text or value that count as one more event. */
const LONG = 1024;
/** Characters of everybody's events from which on nobody runs ahead of the ledger. */
const MUCH = 8 << 20;
/** Messages of one agent before it is everybody else's turn. */
const MESSAGES = 256;

/**
 * How far an agent that does not wait for its answers may run ahead: of the ledger, so that no answer waits for long behind a backlog, and
 * of everybody else, whose turn comes when this one's is over. Stands before the session's recorder, to count what it takes.
 */
export class Pace implements Pick<Recorder, 'append' | 'whenDurable'> {
  private readonly recorder: Recorder;
  private messages = 0;
  private events = 0;
  private last = 0;
  /** The last ticket of the events before those that are counted now. */
  private mark = 0;

  constructor(recorder: Recorder) {
    this.recorder = recorder;
  }

  append<K extends AuditKind>(session: string, kind: K, body: AuditBody<K>): number {
    this.last = this.recorder.append(session, kind, body);
    this.events += kind === 'statement' ? weight(body as AuditBody<'statement'>) : 1;
    return this.last;
  }

  whenDurable(ticket: number, done: (fault: Error | null) => void): void {
    this.recorder.whenDurable(ticket, done);
  }

  /** False when the agent's next message has to wait: then `intake` knows why, and `resume` is called when it is over. */
  turn(intake: Pick<Intake, 'block' | 'wait'>, resume: () => void): boolean {
    if (this.events < EVENTS && this.messages + 1 < MESSAGES && this.recorder.backlog <= MUCH) {
      this.messages += 1;
      return true;
    }
    const why = this.next(() => {
      if (intake.block === why) resume();
    });
    if (why !== null) intake.wait(why);
    return why === null;
  }

  /**
   * Whether the agent's next message may be dealt with now; otherwise what it has to wait for, and `go` is called when that has come, or
   * when the ledger gives no answer: then what comes next is refused.
   */
  next(go: () => void): 'ledger' | 'turn' | null {
    const { recorder } = this;
    const crowded = recorder.backlog > MUCH && this.last > recorder.durable;
    if (this.events >= EVENTS || crowded) {
      const until = crowded ? this.last : this.mark;
      this.mark = this.last;
      this.events = 0;
      if (until > recorder.durable) {
        recorder.whenDurable(until, go);
        return 'ledger';
      }
    }
    this.messages += 1;
    if (this.messages < MESSAGES) return null;
    this.messages = 0;
    setImmediate(go);
    return 'turn';
  }
}

function weight({ text, parameters }: AuditBody<'statement'>): number {
  let long = text.length;
  for (const { value } of parameters) if (value !== null) long += value.length;
  return 1 + Math.floor(long / LONG);
}
