import type { StatementAnalysis } from '#schemas/analysis.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { field } from '../wire/backend.ts';

type Fields = readonly (readonly [string, string])[];

/** SQLSTATE read_only_sql_transaction. */
const READ_ONLY = '25006';

/**
 * A time-out has struck the proxy's own switch to the mode that the agent has chosen, and what the agent sent behind it runs where the server
 * refuses writes. The agent hears of the time-out, which is what has struck its statement; of a mode it knows nothing.
 */
export class NotSwitched {
  private fault: HoldpointError | null = null;

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
    if (fault === null || field(fields, 'C') !== READ_ONLY) return fields;
    return [
      ['S', 'ERROR'],
      ['V', 'ERROR'],
      ['C', fault.sqlstate],
      ['M', fault.message],
      ...(fault.source === undefined
        ? []
        : ([
            ['F', fault.source.file],
            ['R', fault.source.routine],
          ] as const)),
    ];
  }

  /** A transaction that has begun so would stay so: its agent was promised another one. */
  completed({ actions }: StatementAnalysis): void {
    if (this.fault !== null && actions.some(action => action.kind === 'begin'))
      throw new HoldpointError('internal', `the proxy's own statement failed: ${this.fault.message}`);
  }
}
