import { parentPort, workerData } from 'node:worker_threads';
import { canonical } from '#schemas/canonical.ts';
import { LEDGER_SESSION } from '#schemas/chain.ts';
import { journalEvents, journalLine } from '#schemas/journal-lines.ts';
import { checkJournal, followJournal } from '#schemas/journal-walk.ts';
import { CheckpointFile } from './checkpoint-file.ts';
import { JournalFiles } from './journal-files.ts';
import type { FromLedger, LedgerStart, ToLedger } from './ledger-messages.ts';
import { LedgerStore, type StoredJournal } from './ledger-store.ts';

/**
 * The ledger's thread: what is in the journal, and so durable, it moves into the tables, a good deal at a time: hashing, the tree,
 * SQLite, signatures. Nobody waits for it, except when the journal is full. What can not be filed is tried again, each time on
 * a store opened anew (a failed commit may or may not have reached the disk: only reading it back tells).
 */

/** A busy journal is filed this often (ms): a commit costs two syncs and a signature, which share the disk with the journal. */
const FILE_EVERY = 150;
/** One without new records is filed after this time (ms). */
const FILE_IDLE = 20;
/** Bytes that one transaction takes at most, but for the last record. */
const MOST = 4 << 20;
/** First and longest pause between two attempts (ms). */
const RETRY_FIRST = 50;
const RETRY_LONGEST = 1000;

const port = parentPort;
if (port === null) throw new Error('the ledger runs in a thread of its own');
const start = workerData as LedgerStart;
const checkpointFile = new CheckpointFile(start.checkpointFile, error => {
  if (error === null) {
    tell({ kind: 'filed', seq: filed.position.seq });
    return;
  }
  tell({ kind: 'fault', message: error.message });
  later();
});

/** Null after a failure, until it is opened anew. */
let ledger: LedgerStore | null = null;
let journal: JournalFiles;
/** How far the tables go. */
let filed: StoredJournal;
/** As far as the journal is known to be on the disk. */
let wanted = 0;
let closing = false;
/** It is on its way to being closed. */
let ending = false;
let filedAt = 0;
let timer: NodeJS.Timeout | undefined;
let retry: NodeJS.Timeout | undefined;
let pause = RETRY_FIRST;

open();

function open(): void {
  try {
    const store = new LedgerStore(start.file, start.key, checkpointFile.read());
    ledger = store;
    journal = new JournalFiles(start.file);
    filed = start.resumed ? continued(store) : begun(store);
    checkpointFile.writeNow(store.note);
  } catch (error) {
    tell({ kind: 'refused', message: sentence(error) });
    port?.close();
    return;
  }
  tell({ kind: 'ready', journal: filed });
  port?.on('message', (message: ToLedger) => {
    wanted = message.seq;
    if (ending) return;
    closing ||= message.kind === 'close';
    // Whoever closes does not wait for the next attempt.
    if (closing) clearTimeout(retry);
    else if (retry !== undefined) return;
    clearTimeout(timer);
    retry = undefined;
    if (closing) step();
    else timer = setTimeout(step, Math.max(FILE_IDLE, filedAt + FILE_EVERY - performance.now()));
  });
}

function continued(store: LedgerStore): StoredJournal {
  if (store.journal === null) throw new Error('the ledger has lost the place of its journal');
  return store.journal;
}

/** Files what another run has left in its journal, and begins one of its own. */
function begun(store: LedgerStore): StoredJournal {
  const left = store.journal;
  const unclean = !store.clean;
  const payloads: Buffer[] = [];
  if (unclean && left !== null) {
    let end = left.position;
    for (const { record, next } of followJournal(journal, left.position)) {
      payloads.push(record.payload);
      end = next;
    }
    try {
      checkJournal(journal, left.position, end, left.room);
    } catch (error) {
      throw new Error(`the journal of the ledger is damaged: ${sentence(error)}`, { cause: error });
    }
  }
  const count = payloads.reduce((sum, lines) => sum + journalEvents(lines.toString('utf8')).length, 0);
  if (unclean && store.size + count > 0) {
    const body = canonical({ entries: store.size + count, unsealed: store.unsealed + count });
    const now = new Date().toISOString();
    payloads.push(Buffer.from(journalLine(now, 'ledger.recovered', JSON.stringify(LEDGER_SESSION), body)));
  }
  // First all is in the tables and the journal not needed; then there is a new one; and only then it is needed.
  store.file(payloads, () => null, true);
  const own = journal.begin(start.file, start.journal);
  store.file([], () => own, false);
  return own;
}

/** Does what is to be done; after a failure, all of it again a little later. */
function step(): void {
  timer = undefined;
  try {
    ledger ??= reopened();
    while (filed.position.seq < wanted) file(ledger);
    checkpointFile.write(ledger.note);
  } catch (error) {
    fail(error);
    return;
  }
  filedAt = performance.now();
  pause = RETRY_FIRST;
  if (closing) void close(ledger);
  else tell({ kind: 'filed', seq: filed.position.seq });
}

function reopened(): LedgerStore {
  const store = new LedgerStore(start.file, start.key, checkpointFile.read());
  filed = continued(store);
  return store;
}

function file(store: LedgerStore): void {
  let next = filed;
  // One after the other: what was collected first would outlive the young generation, and have all of the heap marked every few seconds.
  function* payloads(): Generator<Buffer> {
    let bytes = 0;
    for (const { record, next: position } of followJournal(journal, filed.position)) {
      yield record.payload;
      next = { position, room: filed.room };
      bytes += record.payload.length;
      if (bytes > MOST || position.seq === wanted) return;
    }
  }
  store.file(
    payloads(),
    () => {
      if (next === filed)
        throw new Error(`the journal was altered under way: record ${filed.position.seq} is not there`);
      return next;
    },
    false,
  );
  filed = next;
}

async function close(store: LedgerStore): Promise<void> {
  ending = true;
  try {
    store.file([], () => null, true);
    ledger = null;
    store.close();
    await checkpointFile.settled();
    checkpointFile.writeNow(store.note);
  } catch (error) {
    store.close();
    ending = false;
    fail(error);
    return;
  }
  clearTimeout(retry);
  tell({ kind: 'closed' });
  port?.close();
}

function fail(error: unknown): void {
  ledger?.close();
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

function tell(message: FromLedger): void {
  port?.postMessage(message);
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
