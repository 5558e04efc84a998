import type { StatementAnalysis, Values } from '#schemas/analysis.ts';
import type { HoldpointError } from '#schemas/errors.ts';
import type { MaskPlan } from '../mask/plan.ts';
import type { Prepared } from './picture.ts';
import type { Run } from './run.ts';

/** A portal as the proxy knows it: made by Bind (with its run) or by SQL's DECLARE (run is null; FETCH and Execute judge by `source`). */
export interface Portal {
  readonly source: Prepared;
  /** About what it takes of the proxy's memory: its statement's text may be nobody else's by now. */
  readonly bytes: number;
  readonly run: Run | null;
  readonly resultFormats: readonly number[];
  /** What it was bound with, where its meaning hangs on that. */
  readonly values?: Values | undefined;
  /** `Core.rewired` when it was bound, and what it has added itself: what runs on under another one was judged by what names meant before. */
  rewired?: number;
  /** `OpenedCursors.moves` when it was bound. */
  readonly moves?: number;
  /** `Judge.stamp` under which it was last judged. */
  under?: object;
  /** A Describe that tells its columns has been sent. */
  described: boolean;
  /** Null: nothing to mask. Undefined: not known yet, and no row may pass. */
  plan: MaskPlan | null | undefined;
  /** What the names in its statement stood for when it was bound: the server looks them up when it runs. Absent where there are none. */
  readonly named?: Referents | undefined;
  /** What it names was not there when it was bound: it never runs, and this is what its Execute is answered. */
  readonly missing?: HoldpointError | undefined;
  /** The server has stopped in the middle of its rows: what they are is settled. */
  suspended?: true;
  /** Stands for one Execute of a portal that Bind did not make: its run is over when that is answered. */
  readonly once?: true;
}

/** A prepared statement and a cursor, as the session's tables have them. */
export interface Referents {
  readonly statement: Prepared | undefined;
  readonly cursor: Portal | undefined;
}

/** One message under way to the server, and what its answer means. The server answers in order, or skips to Sync. */
export type Op =
  | { readonly kind: 'query'; readonly run: Run; plan: MaskPlan | null | undefined }
  | { readonly kind: 'function'; readonly run: Run; readonly plan: MaskPlan | null }
  | { readonly kind: 'parse'; readonly name: string; readonly prepared: Prepared; readonly run: Run | null }
  | { readonly kind: 'bind'; readonly name: string; readonly portal: Portal }
  | { readonly kind: 'describe-statement'; readonly prepared: Prepared }
  /** `own`: the agent did not ask; the answer is for the mask alone. */
  | { readonly kind: 'describe-portal'; readonly portal: Portal; readonly own: boolean }
  | { readonly kind: 'execute'; readonly portal: Portal; readonly run: Run }
  | { readonly kind: 'close'; readonly of: 'statement' | 'portal'; readonly name: string }
  /** `run`: the end of its transaction had to be judged. `error`: what the server would say of this Sync itself. */
  | { readonly kind: 'sync'; readonly run?: Run; readonly error?: Buffer }
  /** A statement that fails for certain, sent in place of a refused one: the server's transaction ends up aborted as the agent's does. */
  | {
      readonly kind: 'poison';
      readonly error: Buffer;
      readonly protocol: 'simple' | 'extended';
      /** A Parse without a name was refused: the server would have dropped the unnamed statement. */
      readonly dropsUnnamed: boolean;
    }
  /** The proxy's own message: everything up to a message of type `until` is kept from the agent. */
  | {
      readonly kind: 'own';
      readonly until: number;
      readonly row?: (values: (string | null)[]) => void;
      readonly done?: () => void;
      /** The server skipped it, after an error before it. */
      readonly skipped?: () => void;
      /** The server refused it; without this, that ends the session. */
      readonly failed?: (why: string) => void;
      /** There is a text of the agent's in it: what the server has against that, the agent hears, and what it notes before. */
      readonly run?: Run;
      readonly notices?: Buffer[];
    };

/** Its analysis as judged at Bind: what EXECUTE or FETCH stand for is known then. */
export function analysisOf(portal: Portal): StatementAnalysis {
  return portal.run?.statements[0] ?? portal.source.analysis;
}

/** The run that a message belongs to. */
export function runOf(op: Op): Run | null {
  switch (op.kind) {
    case 'query':
    case 'function':
    case 'execute':
    case 'parse':
      return op.run;
    case 'bind':
    case 'describe-portal':
      return op.portal.run;
    case 'sync':
    case 'own':
      return op.run ?? null;
    default:
      return null;
  }
}
