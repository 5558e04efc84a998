import type { LedgerKey, StoredJournal } from './ledger-store.ts';

/** What the ledger's thread is started with. */
export interface LedgerStart {
  readonly file: string;
  readonly checkpointFile: string;
  readonly key: LedgerKey;
  /** Room for each of the journal's files (bytes). */
  readonly journal: number;
  /** A thread of this process has died before: its journal goes on, and no recovery is recorded. */
  readonly resumed: boolean;
}

/** To the thread. `seq`: all records of the journal below this number are on the disk. */
export type ToLedger =
  | { readonly kind: 'more'; readonly seq: number }
  /** File all of it and seal; no more will come. */
  | { readonly kind: 'close'; readonly seq: number };

/** From the thread. */
export type FromLedger =
  | { readonly kind: 'ready'; readonly journal: StoredJournal }
  /** The ledger does not open; the thread has ended. */
  | { readonly kind: 'refused'; readonly message: string }
  /** All records of the journal below this number are in the tables, and a checkpoint covers them. */
  | { readonly kind: 'filed'; readonly seq: number }
  /** Filing has failed and is tried again until it succeeds: `filed` says when. */
  | { readonly kind: 'fault'; readonly message: string }
  | { readonly kind: 'closed' };
