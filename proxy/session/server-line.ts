import type { Duplex } from 'node:stream';
import type { HoldpointError } from '#schemas/errors.ts';
import { BACKEND, encode, int32 } from '../wire/backend.ts';
import { FRONTEND } from '../wire/frontend.ts';
import type { Answers } from './answers.ts';
import type { Op } from './op.ts';
import { struck } from './own-fault.ts';
import type { Run } from './run.ts';

/** Names that the proxy uses on the server side; an agent that uses them is refused. */
export const OWN = '_holdpoint';
/** Fails in the server's parser, before anything is looked at or run, and says in its log why. */
const SKIPPED = '57014 an earlier statement of the same pipeline failed';
const POISON = 'holdpoint refused a statement here';
export const DEFAULT_READ_ONLY = 'default_transaction_read_only';
const FLUSH = encode(FRONTEND.flush);
const NONE = Buffer.of(0, 0);
const SYNC = encode(FRONTEND.sync);
const CLOSE_STATEMENT = encode(FRONTEND.close, Buffer.from('S'), OWN);
const CLOSE_UNNAMED = encode(FRONTEND.close, Buffer.from('S'), '');
const CLOSE_PORTAL = encode(FRONTEND.close, Buffer.from('P'), OWN);
const READ_ONLY_ON = command(`SET ${DEFAULT_READ_ONLY} = on`);
const READ_ONLY_OFF = command(`SET ${DEFAULT_READ_ONLY} = off`);

/** The way to the server: what is sent, what is expected back, and what the proxy itself asks of it. One write per turn. */
export class ServerLine {
  private readonly upstream: Duplex;
  private readonly answers: Answers;
  private out: Buffer[] = [];
  /** Messages of the agent side by side in one chunk, behind those in `out`; `from` is -1 where there are none. */
  private chunk: Buffer = NONE;
  private from = -1;
  private to = -1;
  /** The server has got the beginning of a message of COPY data, and waits for its rest. */
  halfway = false;
  /** So many messages had been sent when the agent last asked for their answers by Flush. */
  asked = 0;
  /** The agent has set a time-out that may strike a statement of the proxy's own: reads that can be are narrowed in their own pipeline. */
  hasty = false;
  /** The server's default now, and what the agent believes it to be. */
  private serverReadOnly: boolean;
  private agentReadOnly: boolean;

  constructor(upstream: Duplex, answers: Answers, readOnly: boolean) {
    this.upstream = upstream;
    this.answers = answers;
    this.serverReadOnly = readOnly;
    this.agentReadOnly = readOnly;
  }

  /** A message, and what its answer will mean; null where none comes. */
  send(bytes: Buffer, op: Op | null): void {
    if (op !== null) this.answers.expect(op);
    this.cut();
    this.out.push(bytes);
  }

  /** The same for a message of the agent that lies in `buffer`. */
  pass(buffer: Buffer, start: number, end: number, op: Op | null): void {
    if (op !== null) this.answers.expect(op);
    if (this.from >= 0 && this.to === start && this.chunk === buffer) {
      this.to = end;
      return;
    }
    this.cut();
    this.chunk = buffer;
    this.from = start;
    this.to = end;
  }

  private cut(): void {
    if (this.from < 0) return;
    const { chunk, from, to } = this;
    this.out.push(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
    this.chunk = NONE;
    this.from = -1;
  }

  /** The agent's Flush. */
  passFlush(buffer: Buffer, start: number, end: number): void {
    this.asked = this.answers.sent;
    this.pass(buffer, start, end, null);
  }

  /** False when the server does not keep up: the agent has to wait for `drain`. */
  flush(): boolean {
    this.cut();
    const { out } = this;
    if (out.length === 0) return true;
    this.out = [];
    return this.upstream.write(out.length === 1 ? out[0] : Buffer.concat(out));
  }

  /** Makes the server answer what it was sent so far, without ending the implicit transaction. */
  askForAnswers(): void {
    this.send(FLUSH, null);
  }

  /** Sends what must fail, in place of a refused message: `error` is what the agent gets for it. */
  poison(error: Buffer, protocol: 'simple' | 'extended', dropsUnnamed = false): void {
    const bytes =
      protocol === 'simple' ? encode(FRONTEND.query, POISON) : encode(FRONTEND.parse, OWN, POISON, NONE);
    this.send(bytes, { kind: 'poison', error, protocol, dropsUnnamed });
  }

  /**
   * Second witness: outside a transaction block a released read runs where the server refuses writes, and anything else under the
   * default that the agent has chosen. Only outside any transaction: inside, the server keeps what it began with.
   */
  switchMode(read: boolean): void {
    const wanted = read || this.agentReadOnly;
    if (this.serverReadOnly === wanted) return;
    this.serverReadOnly = wanted;
    const own = { kind: 'own', until: BACKEND.readyForQuery } as const;
    if (wanted) {
      const failed = (why: string) => {
        this.serverReadOnly = false;
        this.answers.notSwitched.before(struck(why));
      };
      this.send(READ_ONLY_ON, { ...own, failed });
      return;
    }
    const failed = (why: string) => {
      // What may write is refused by the server, in words that are not the agent's to hear.
      this.serverReadOnly = true;
      this.answers.notSwitched.struck(struck(why));
    };
    this.send(READ_ONLY_OFF, { ...own, failed });
  }

  /**
   * The switch for a read that waits for it, as the agent's time-out may strike the switch: then that is the error, and the read is never sent. Call `flush`
   * afterwards.
   */
  switchFirst(done: (error: HoldpointError | null) => void): void {
    let fault: HoldpointError | null = null;
    this.serverReadOnly = true;
    this.send(READ_ONLY_ON, {
      kind: 'own',
      until: BACKEND.readyForQuery,
      failed: why => {
        this.serverReadOnly = false;
        fault = struck(why);
      },
      done: () => done(fault),
    });
  }

  /** Outside a block, a transaction begins where the server refuses writes. */
  get readOnly(): boolean {
    return this.serverReadOnly;
  }

  /** The implicit transaction that is open refuses writes from here to its end. */
  narrow(): void {
    this.run('SET LOCAL transaction_read_only = on');
  }

  /** The server reports its default. True where the agent should see it: the switch is the proxy's, the setting the agent's. */
  reported(readOnly: boolean, own: boolean): boolean {
    this.serverReadOnly = readOnly;
    if (!own) this.agentReadOnly = readOnly;
    return !own;
  }

  /**
   * SHOW for each name, answered by the server itself, in whatever state the session is; not to be used in a failed transaction. SHOW
   * takes no snapshot, so it leaves a transaction that has just begun as it was. `segment`: inside an extended segment, where a
   * Sync would end the implicit transaction. `lost`: an error before it made the server skip it (null), or a time-out that the agent has
   * set struck it, and so strikes the message that waits for it.
   */
  show(
    names: readonly string[],
    segment: boolean,
    done: (answers: Map<string, string>) => void,
    lost: (error: HoldpointError | null) => void,
  ): void {
    const answers = new Map<string, string>();
    let fault: HoldpointError | null = null;
    names.forEach((name, i) => {
      const row = (values: (string | null)[]) => {
        answers.set(name, values[0] ?? '');
      };
      const end = () => (fault === null ? done(answers) : lost(fault));
      const finished = i === names.length - 1 ? { done: end, skipped: () => lost(null) } : {};
      if (!segment) {
        this.send(command(`SHOW ${quoted(name)}`), {
          kind: 'own',
          until: BACKEND.readyForQuery,
          row,
          failed: why => {
            fault ??= struck(why);
          },
          ...finished,
        });
        return;
      }
      this.run(`SHOW ${quoted(name)}`, { row }, finished);
    });
    if (segment) this.askForAnswers();
  }

  /** One statement of the proxy's own that must not fail. `segment`, `done` and `lost` as in `show`. */
  ask(
    text: string,
    segment: boolean,
    row: (values: (string | null)[]) => void,
    done: () => void,
    lost: (error: HoldpointError | null) => void,
  ): void {
    let fault: HoldpointError | null = null;
    const finished = { done: () => (fault === null ? done() : lost(fault)), skipped: () => lost(null) };
    if (segment) {
      this.run(text, { row }, finished);
      this.askForAnswers();
      return;
    }
    const failed = (why: string) => {
      fault ??= struck(why);
    };
    this.send(command(text), { kind: 'own', until: BACKEND.readyForQuery, row, failed, ...finished });
  }

  /** One statement that may fail: `done` is told why, null where it did not. In a segment the error is the agent's: then the rest of it is skipped. */
  attempt(text: string, segment: boolean, done: (why: string | null) => void): void {
    let fault: string | null = null;
    if (segment) {
      this.run(text, {}, { done: () => done(null), skipped: () => done(SKIPPED) });
      this.askForAnswers();
      return;
    }
    const failed = (why: string) => {
      fault ??= why;
    };
    const finished = { done: () => done(fault), skipped: () => done(SKIPPED) };
    this.send(command(text), { kind: 'own', until: BACKEND.readyForQuery, failed, ...finished });
  }

  /** Ends a segment in which nothing has run. `lost`: a message of it has failed, so that it goes on to the agent's own Sync. */
  endSegment(done: () => void, lost: () => void): void {
    const ended = () => {
      this.send(SYNC, { kind: 'own', until: BACKEND.readyForQuery, done });
      this.flush();
    };
    // A Sync right behind what fails would have the server go on.
    this.answered(ended, lost);
  }

  /** Nothing but a question whether all that was sent before in this segment went well. `lost`: a message of it has failed. */
  answered(done: () => void, lost: () => void): void {
    this.own(BACKEND.closeComplete, CLOSE_STATEMENT, { done, skipped: lost });
    this.askForAnswers();
  }

  /**
   * Has the server parse the text of a Query, outside an extended segment, and run nothing of it: under no name, as the Query itself would drop that
   * statement. `done`: it has, and is ready for the next message. What it has against the text, and notes before, the agent gets as the Query's own answer.
   */
  tryParse(text: Buffer, run: Run, done: () => void): void {
    let refused = false;
    // As one of two that are: the first brings what ends the Query.
    const skipped = () => {
      if (!refused) this.send(SYNC, { kind: 'sync' });
      refused = true;
    };
    const parsed = () => {
      run.tag = 'PARSE';
      this.send(SYNC, { kind: 'own', until: BACKEND.readyForQuery, done });
      this.flush();
    };
    const own = { kind: 'own', run, skipped } as const;
    this.send(encode(FRONTEND.parse, '', text, NONE), { ...own, until: BACKEND.parseComplete, notices: [] });
    this.send(CLOSE_UNNAMED, { ...own, until: BACKEND.closeComplete, done: parsed });
    this.askForAnswers();
  }

  /** A question of the proxy's own, which the server may refuse; outside an extended segment. In order; call `flush` afterwards. */
  query(text: string): Promise<(string | null)[][]> {
    return new Promise((resolve, reject) => {
      const rows: (string | null)[][] = [];
      let fault: string | null = null;
      this.send(command(text), {
        kind: 'own',
        until: BACKEND.readyForQuery,
        row: values => rows.push(values),
        failed: why => {
          fault = why;
        },
        skipped: () => reject(new Error('the session is over')),
        done: () => {
          if (fault === null) resolve(rows);
          else reject(new Error(fault));
        },
      });
    });
  }

  /** A statement of the proxy's own inside an extended segment. */
  private run(
    text: string,
    executed: Pick<Op & { kind: 'own' }, 'row'> = {},
    finished: Pick<Op & { kind: 'own' }, 'done' | 'skipped'> = {},
  ): void {
    this.own(BACKEND.closeComplete, CLOSE_STATEMENT);
    this.own(BACKEND.closeComplete, CLOSE_PORTAL);
    this.own(BACKEND.parseComplete, encode(FRONTEND.parse, OWN, text, NONE));
    this.own(BACKEND.bindComplete, encode(FRONTEND.bind, OWN, OWN, NONE, NONE, NONE));
    this.own(BACKEND.commandComplete, encode(FRONTEND.execute, OWN, int32(0)), executed);
    this.own(BACKEND.closeComplete, CLOSE_PORTAL);
    this.own(BACKEND.closeComplete, CLOSE_STATEMENT, finished);
  }

  private own(
    until: number,
    bytes: Buffer,
    more: Pick<Op & { kind: 'own' }, 'row' | 'done' | 'skipped'> = {},
  ): void {
    this.send(bytes, { kind: 'own', until, ...more });
  }
}

/**
 * A statement of the proxy's own, up to its ReadyForQuery. Never a simple Query: that would drop the agent's unnamed statement, and the
 * agent may still want to bind it. Closed before, too: SQL inside a function may have taken the name.
 */
function command(text: string): Buffer {
  return Buffer.concat([
    CLOSE_STATEMENT,
    CLOSE_PORTAL,
    encode(FRONTEND.parse, OWN, text, NONE),
    encode(FRONTEND.bind, OWN, OWN, NONE, NONE, NONE),
    encode(FRONTEND.execute, OWN, int32(0)),
    CLOSE_PORTAL,
    CLOSE_STATEMENT,
    SYNC,
  ]);
}

/** A setting of an extension or of a program has a name in parts, each of which may be any identifier. */
function quoted(setting: string): string {
  if (/^[a-z_]+$/.test(setting)) return setting;
  return setting.replace(/[^.]+/g, part => `"${part.replaceAll('"', '""')}"`);
}
