import type { StatementAnalysis } from '#schemas/analysis.ts';
import { HoldpointError } from '#schemas/errors.ts';
import type { Core } from './core.ts';
import type { Judge } from './judgement.ts';
import { callsBodies, plansNothing } from './keeps-meaning.ts';

/**
 * The server plans a prepared statement, and what a body says, once: when something new comes to stand in front of what a name led to (a table
 * in an earlier schema of the path), it goes on with the old one, until something that the plan mentions changes. What is judged is what names
 * mean now. So plans that may be older than the catalog are dropped before anything runs by them.
 */
export class KeptPlans {
  private readonly judge: Pick<Judge, 'catalog' | 'first'>;
  /** Nothing hangs on what runs: then the server keeps its plans, as it does without a proxy. */
  private readonly unconcerned: () => boolean;
  /** The catalog that all plans are as new as. */
  private under: unknown = null;

  constructor(judge: Pick<Judge, 'catalog' | 'first'>, unconcerned: () => boolean) {
    this.judge = judge;
    this.unconcerned = unconcerned;
  }

  /** Whether these, judged just now, may run by older plans; null where it is not told what runs. In a failed transaction nothing does but what ends it. */
  outdated(
    { status, inBlock }: Pick<Core, 'status' | 'inBlock'>,
    statements: readonly StatementAnalysis[] | null,
  ): boolean {
    const { catalog, first } = this.judge;
    this.under ??= first;
    if (this.under === catalog || statements?.every(plansNothing) === true) return false;
    if (this.unconcerned()) return false;
    return (
      status !== 'E' ||
      !inBlock ||
      (statements?.some(plansNothing) === true && statements.some(s => s.executes !== null || callsBodies(s)))
    );
  }

  /** They are dropped now. What is given back is called when they are. */
  dropping(): () => void {
    const { catalog } = this.judge;
    return () => {
      this.under = catalog;
    };
  }
}

/** Of a text that ends a failed transaction and goes on. */
export function oldPlans(): HoldpointError {
  return new HoldpointError(
    'in_failed_transaction',
    'what follows the end of the failed transaction cannot be told: the catalog has changed meanwhile',
    { hint: 'Send ROLLBACK by itself.' },
  );
}
