import { parentPort, workerData } from 'node:worker_threads';
import type { UnlinkedEvent } from '#schemas/chain.ts';
import { CheckpointFile } from './checkpoint-file.ts';
import type { FromLedger, LedgerStart, ToLedger } from './ledger-messages.ts';
import { LedgerStore } from './ledger-store.ts';

/**
 * The ledger's thread: hashing, the tree, SQLite's synchronous writes and signatures happen here, so that the proxy's own thread never
 * waits for a disk. One batch is one commit. A batch that cannot be written is kept and tried again, each time on a store opened anew
 * (a failed commit may or may not have reached the disk: only reading it back tells).
 */

/** A busy ledger is sealed this often (ms): a signature for each commit would cost more than the commit. */
const SEAL_EVERY = 100;
/** A ledger without work is sealed after this time (ms). */
const SEAL_IDLE = 20;
/** First and longest pause between two attempts (ms). */
const RETRY_FIRST = 50;
const RETRY_LONGEST = 1000;

const port = parentPort;
if (port === null) throw new Error('the ledger runs in a thread of its own');
const start = workerData as LedgerStart;
const file = new CheckpointFile(start.checkpointFile, error => {
  if (error === null) {
    tell({ kind: 'durable', size: durable });
    return;
  }
  tell({ kind: 'fault', message: error.message });
  later();
});

/** Null after a failure, until it is opened anew. */
let ledger: LedgerStore | null = null;
let durable = 0;
let batch: string | null = null;
let closing = false;
let sealedAt = 0;
let idle: NodeJS.Timeout | undefined;
let retry: NodeJS.Timeout | undefined;
let pause = RETRY_FIRST;

open();

function open(): void {
  try {
    ledger = new LedgerStore(start.file, start.key, file.read());
    if (ledger.size > 0 && !ledger.clean && !start.resumed) ledger.recover(new Date().toISOString());
    else ledger.seal();
    file.writeNow(ledger.note);
  } catch (error) {
    tell({ kind: 'refused', message: sentence(error) });
    port?.close();
    return;
  }
  durable = ledger.size;
  tell({ kind: 'ready', size: durable });
  port?.on('message', (message: ToLedger) => {
    if (message.kind === 'batch') batch = message.lines;
    else closing = true;
    if (retry === undefined) step();
  });
}

/** Does what is to be done; after a failure, all of it again a little later. */
function step(): void {
  clearTimeout(idle);
  try {
    ledger ??= new LedgerStore(start.file, start.key, file.read());
    const resting = batch === null;
    if (batch !== null) write(ledger, batch);
    else if (ledger.unsealed > 0) seal(ledger);
    if (!closing) ledger.tidy(resting);
    if (ledger.unsealed > 0) idle = setTimeout(step, SEAL_IDLE);
    else file.write(ledger.note);
  } catch (error) {
    fail(error);
    return;
  }
  pause = RETRY_FIRST;
  if (closing) void close(ledger);
}

/** Writes one batch. The other side sends the next one only when it has heard that this one is durable. */
function write(store: LedgerStore, lines: string): void {
  const now = performance.now();
  // More entries than were acknowledged: the commit that seemed to fail is there, and as a whole. This one makes it durable.
  if (store.size > durable) store.seal();
  else store.append(events(lines), now - sealedAt >= SEAL_EVERY);
  if (store.unsealed === 0) sealedAt = now;
  batch = null;
  durable = store.size;
  tell({ kind: 'durable', size: durable });
}

function seal(store: LedgerStore): void {
  store.seal();
  sealedAt = performance.now();
  tell({ kind: 'durable', size: durable });
}

async function close(store: LedgerStore): Promise<void> {
  clearTimeout(idle);
  try {
    ledger = null;
    store.finish();
    await file.settled();
    file.writeNow(store.note);
  } catch (error) {
    store.abandon();
    fail(error);
    return;
  }
  clearTimeout(retry);
  tell({ kind: 'closed' });
  port?.close();
}

function fail(error: unknown): void {
  ledger?.abandon();
  ledger = null;
  tell({ kind: 'fault', message: sentence(error) });
  later();
}

function later(): void {
  if (retry !== undefined) return;
  retry = setTimeout(() => {
    retry = undefined;
    step();
  }, pause);
  pause = Math.min(pause * 2, RETRY_LONGEST);
}

function events(lines: string): UnlinkedEvent[] {
  const events: UnlinkedEvent[] = [];
  for (let from = 0; from < lines.length; ) {
    const kind = lines.indexOf('\t', from) + 1;
    const session = lines.indexOf('\t', kind) + 1;
    const body = lines.indexOf('\t', session) + 1;
    const end = lines.indexOf('\n', body);
    events.push({
      at: lines.slice(from, kind - 1),
      kind: lines.slice(kind, session - 1),
      session: lines.slice(session, body - 1),
      body: lines.slice(body, end),
    });
    from = end + 1;
  }
  return events;
}

function tell(message: FromLedger): void {
  port?.postMessage(message);
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
