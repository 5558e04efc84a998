import type { LedgerKey } from './ledger-store.ts';

/** What the ledger's thread is started with. */
export interface LedgerStart {
  readonly file: string;
  readonly checkpointFile: string;
  readonly key: LedgerKey;
  /** A thread of this process has died before: no recovery is recorded, the queue goes on where it was. */
  readonly resumed: boolean;
}

/** To the thread: one batch (a line per event: at, kind, session, body, with tabs between; canonical JSON has neither), or the end. */
export type ToLedger =
  | { readonly kind: 'batch'; readonly lines: string }
  /** Nothing may be under way. */
  | { readonly kind: 'close' };

/** From the thread. `size` counts the log's entries that are durable. */
export type FromLedger =
  | { readonly kind: 'ready'; readonly size: number }
  /** The ledger does not open; the thread has ended. */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'durable'; readonly size: number }
  /** A write has failed and is tried again until it succeeds: `durable` says when. */
  | { readonly kind: 'fault'; readonly message: string }
  | { readonly kind: 'closed' };
