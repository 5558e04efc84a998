import type { Duplex } from 'node:stream';
import type { Analysis, CallAnalysis, StatementAnalysis, Strings, Values } from '#schemas/analysis.ts';
import type { Effects } from '#schemas/effects.ts';
import type { HoldpointError } from '#schemas/errors.ts';
import type { MaskKind } from '#schemas/policy.ts';
import type { Verdict } from '#schemas/verdict.ts';
import type { PipelineParts } from '../pipeline.ts';
import type { Recorder } from '../ports.ts';
import type { Share } from '../quota.ts';
import type { Means } from './left-to-end.ts';
import type { Rewirings } from './rewirings.ts';

/** The target's catalog as the session sees it: shared, and reloaded when it may be stale. */
export interface CatalogHandle {
  /** Null while it may be stale. */
  readonly current: SessionCatalog | null;
  readonly rewirings: Rewirings;
  /** Something was run that may have changed it. */
  invalidate(): void;
  whenFresh(done: (error: HoldpointError | null) => void): void;
  /** Asks the target: from then on `current` is no older than this call. Rejects with HoldpointError. */
  confirm(): Promise<void>;
  /**
   * The catalog as another connection sees it in its open transaction; `query` asks that connection, in order. Null where it cannot be
   * told; rejects as `query` does. `last` is what was seen there before in the same transaction, null where nothing was.
   */
  seenBy(
    query: (text: string) => Promise<(string | null)[][]>,
    last: SessionCatalog | null,
  ): Promise<SessionCatalog | null>;
}

export interface SessionCatalog {
  readonly version: string;
  readonly hasProtected: boolean;
  maskOf(tableOid: number, attnum: number): { column: string; mask: MaskKind } | null;
  /** Whether this is the name of a check in which no protected column stands. */
  tellsCheck(schema: string, table: string, name: string): boolean;
  /** Whether it has ever seen the relation that a result column says it comes from. */
  knows(tableOid: number): boolean;
}

export interface SessionLimits {
  /** Longest message of the agent, in bytes. */
  readonly messageBytes: number;
  /** Words, numbers, signs and literals of one text. */
  readonly text: number;
  /** Bytes that an agent may send ahead while a statement is under way. */
  readonly aheadBytes: number;
  /** Prepared statements that are open at once. */
  readonly statements: number;
  /** Portals and cursors. */
  readonly portals: number;
}

export interface SessionParts extends Omit<PipelineParts, 'recorder' | 'gate' | 'parked'> {
  readonly recorder: Recorder;
  readonly client: Duplex;
  readonly upstream: Duplex;
  /** The server's own for this session; absent where it is not known. */
  readonly processId?: number;
  /** Null where the server's bytes come in memory of their own. */
  readonly reads: { unneeded: () => boolean } | null;
  /** As the server reported them at its start. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Statements that the record has already: opening the session, where that needed approval. */
  readonly counted: number;
  /** Names of the settings that the agent gave at start-up. */
  readonly given: Iterable<string>;
  readonly target: string;
  readonly database: string;
  readonly role: string;
  /** The database user behind the role. */
  readonly user: string;
  readonly policyVersion: string;
  /** The server refuses writes for the whole session. */
  readonly readOnly: boolean;
  readonly catalog: CatalogHandle;
  readonly maskKey: Buffer;
  /** What of this session's takes memory that an agent can make the proxy keep. */
  readonly memory: Share;
  readonly limits: SessionLimits;
  /** By what `seenBy` gave where that is not null, else by the catalog as it is now. Throws HoldpointError `catalog_unavailable` where that may be stale. */
  analyse(
    text: string,
    searchPath: readonly string[],
    types: readonly number[],
    seen: SessionCatalog | null,
    strings: Strings,
  ): Analysis;
  analyseCall(
    oid: number,
    searchPath: readonly string[],
    seen: SessionCatalog | null,
    strings: Strings,
  ): CallAnalysis;
  /** What would run at the end of a transaction that has `left` this; `searchPath` is where that was judged. */
  analyseLate(
    left: readonly number[],
    searchPath: readonly string[],
    now: { readonly view: SessionCatalog; readonly strings: Strings },
  ): StatementAnalysis;
  /** What making values of these types would run; `casts`: from values of other types, too. */
  analyseTypes(types: readonly number[], casts: boolean, now: Means): StatementAnalysis;
  /** A digest of the definitions that a text reaches; by which catalog: as `analyse`. */
  definitions(
    of: {
      readonly text: string;
      readonly searchPath: readonly string[];
      readonly types: readonly number[];
      readonly strings: Strings;
      readonly effects: readonly Effects[];
      readonly values: Values | null;
    },
    seen: SessionCatalog | null,
  ): string;
  /** Whatever is said is allowed, as far as the policy goes. */
  readonly allowsAnything?: boolean;
  decide(statements: readonly StatementAnalysis[], inTransaction: boolean): Verdict;
  withBody(outer: StatementAnalysis, body: StatementAnalysis | undefined): StatementAnalysis;
  /** Where a person decides on an approval: the HINT of the notice. */
  approveAt(id: string): string;
  /** Sends a cancel request to the server for this session; resolves when it has arrived, or could not. */
  cancelUpstream(): Promise<void>;
  /** Once, when everything is over. */
  closed(reason: string, statements: number): void;
  log(message: string, error?: unknown): void;
}
