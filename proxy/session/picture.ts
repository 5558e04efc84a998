import type { StatementAnalysis } from '#schemas/analysis.ts';
import type { ColumnDescription } from '../wire/backend.ts';

/** A prepared statement, by the protocol's Parse or by SQL's PREPARE: the server keeps both under one set of names. */
export interface Prepared {
  /** Null where SQL's PREPARE or DECLARE made it. */
  readonly text: string | null;
  readonly types: readonly number[];
  /** Bodies added as they were at the time. */
  readonly analysis: StatementAnalysis;
  /** `Judge.stamp` at that time: under another one, an analysis without text is void. */
  readonly under: object;
  /** It names no other statement or cursor. */
  readonly alone: boolean;
  /** As the server last described it to anybody; null until then. Formats are Bind's to say. */
  columns: readonly ColumnDescription[] | 'none' | null;
  /** True until an audit event carries its text. */
  unrecorded: boolean;
}

/**
 * A name table in two layers. `certain` is what the server has confirmed. `assumed` is what it will hold when everything sent so far
 * succeeds: messages behind an error are skipped up to Sync, so judging them under that assumption is safe, and an error simply
 * drops the layer. Null in `assumed` means: closed.
 */
export class Names<T> {
  private readonly certain = new Map<string, T>();
  private readonly assumed = new Map<string, T | null>();

  get(name: string): T | undefined {
    const value = this.assumed.get(name);
    if (value !== undefined) return value ?? undefined;
    return this.certain.get(name);
  }

  assume(name: string, value: T | null): void {
    this.assumed.set(name, value);
  }

  /** The server has confirmed it. Gives what the name stood for before. */
  confirm(name: string, value: T | null): T | undefined {
    const before = this.certain.get(name);
    if (value === null) this.certain.delete(name);
    else this.certain.set(name, value);
    return before;
  }

  /** Sent and not yet confirmed. */
  *pending(): Iterable<T> {
    for (const value of this.assumed.values()) if (value !== null) yield value;
  }

  /** Nothing is under way any more, or it failed: only what was confirmed counts. */
  settle(): void {
    if (this.assumed.size > 0) this.assumed.clear();
  }

  /** DEALLOCATE ALL, CLOSE ALL, end of a transaction. */
  keepOnly(keep: (value: T) => boolean): void {
    for (const [name, value] of this.certain) if (!keep(value)) this.certain.delete(name);
  }

  get size(): number {
    return this.certain.size + this.assumed.size;
  }
}
