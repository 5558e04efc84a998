import type { StatementAnalysis } from '#schemas/analysis.ts';
import type { MaskKind } from '#schemas/policy.ts';
import type { TransactionStatus } from '../wire/backend.ts';
import type { Op, Portal } from './op.ts';
import type { OwnRewirings } from './rewirings.ts';
import type { Run, RunStatus } from './run.ts';

/** What the answers need to know of the session, and tell it. */
export interface AnswersOwner {
  /** The mask of a plain column of the target; null where it is not protected. */
  maskOf(tableOid: number, attnum: number): { column: string; mask: MaskKind } | null;
  /** Whether this is the name of a check in which no protected column stands. */
  tellsCheck(schema: string, table: string, name: string): boolean;
  /** Whether anything on this target is protected at all. */
  protects(): boolean;
  readonly rewirings: OwnRewirings;
  readonly maskKey: Buffer;
  readonly encoding: { readonly foreign: boolean };
  ended(run: Run, status: RunStatus): void;
  /** The server has confirmed what the head of the queue asked for. */
  confirmed(op: Op): void;
  /**
   * One statement of a run is complete, or a part of its rows is there: its actions on the session's picture hold. `portal` is what runs it,
   * where it may go on.
   */
  completed(statement: StatementAnalysis, run: Run, portal?: Portal): void;
  /** The server skips to Sync; what was assumed of the messages behind the error is void. */
  failed(extended: boolean): void;
  ready(status: TransactionStatus): void;
  /** Nothing is under way any more, though the segment may go on. */
  idle(): void;
  copyIn(): void;
  /** True where the agent should see it. */
  parameter(name: string, value: string, own: boolean): boolean;
}
