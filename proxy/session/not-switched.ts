import type { StatementAnalysis } from '#schemas/analysis.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { BACKEND, encodeFields, field } from '../wire/backend.ts';
import type { OpQueue } from './op-queue.ts';
import type { Passage } from './passage.ts';
import type { Run } from './run.ts';

type Fields = readonly (readonly [string, string])[];

/** SQLSTATE read_only_sql_transaction. */
const READ_ONLY = '25006';

/**
 * A time-out has struck the proxy's own switch to the mode that the agent has chosen, and what the agent sent behind it runs where the server
 * refuses writes. The agent hears of the time-out, which is what has struck its statement; of a mode it knows nothing.
 */
export class NotSwitched {
  private fault: HoldpointError | null = null;
  /** Of this run the agent sees nothing, and hears this instead. */
  private hidden: { readonly run: Run; readonly fault: HoldpointError } | null = null;
  private readonly passage: Pick<Passage, 'make' | 'muted'>;
  private readonly queue: Pick<OpQueue, 'next'>;

  constructor(passage: Pick<Passage, 'make' | 'muted'>, queue: Pick<OpQueue, 'next'>) {
    this.passage = passage;
    this.queue = queue;
  }

  /**
   * The switch to where the server refuses writes was struck, and the read behind it, which is under way, has its first witness alone: it counts
   * as what was struck. Throws, which ends the session, where it would leave something behind.
   */
  before(fault: HoldpointError): void {
    const { next } = this.queue;
    const run = next?.kind === 'query' || next?.kind === 'function' ? next.run : null;
    if (run?.statements.every(s => s.effects.readOnly && s.actions.length === 0) !== true)
      throw new HoldpointError('internal', `the proxy's own statement failed: ${fault.message}`);
    this.hidden = { run, fault };
    this.passage.muted = true;
  }

  /** What is hidden is over. */
  reveal(): void {
    if (this.hidden === null) return;
    const { fault, run } = this.hidden;
    this.hidden = null;
    this.passage.muted = false;
    run.sqlstate = fault.sqlstate;
    this.passage.make(encodeFields(BACKEND.error, fieldsOf(fault), 'latin1'));
  }

  /** What is said meanwhile and belongs to nothing. */
  aside(say: () => void): void {
    const { muted } = this.passage;
    this.passage.muted = false;
    say();
    this.passage.muted = muted;
  }

  struck(fault: HoldpointError): void {
    this.fault = fault;
  }

  /** The server is ready: the next statement switches anew. */
  over(): void {
    this.fault = null;
  }

  /** The fields of an error as the agent gets them; the same ones where this has nothing to do with it. */
  told(fields: Fields): Fields {
    const { fault } = this;
    return fault === null || field(fields, 'C') !== READ_ONLY ? fields : fieldsOf(fault);
  }

  /** A transaction that has begun so would stay so: its agent was promised another one. */
  completed({ actions }: StatementAnalysis): void {
    if (this.fault !== null && actions.some(action => action.kind === 'begin'))
      throw new HoldpointError('internal', `the proxy's own statement failed: ${this.fault.message}`);
  }
}

/** What the agent hears of it. */
function fieldsOf({ message, source, sqlstate }: HoldpointError): Fields {
  const said: [string, string][] = [
    ['S', 'ERROR'],
    ['V', 'ERROR'],
    ['C', sqlstate],
    ['M', message],
  ];
  if (source !== undefined) said.push(['F', source.file], ['R', source.routine]);
  return said;
}
