import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type AuditEvent, auditEvent } from '#schemas/audit.ts';
import { type NoteKey, parseCheckpoint, parseVerifierKey } from '#schemas/checkpoint.ts';
import type { AuditReader, SessionSummary, VerifyReport } from '../ports.ts';
import { auditPass } from './audit-pass.ts';
import {
  openTables,
  sealedSize,
  storedCheckpoints,
  storedEvents,
  storedSession,
  storedSessions,
} from './audit-tables.ts';
import { AuditVerifier, type StoredEvent, type VerifierKeys } from './audit-verifier.ts';
import { openDecisionCheck } from './decision-check.ts';
import { type JournalTail, openMoment } from './journal-tail.ts';
import { SessionSummaries } from './session-summaries.ts';

export interface AuditReaderOptions {
  /** Verifier key (one line) of the log; default: `keys/ledger.key.pub` beside the database. */
  readonly keyFile?: string;
  /** Public keys of those who sign decisions (PEM); default: `keys/decision.pub` beside the database. */
  readonly decisionKeyFile?: string;
}

/** How long a live ledger may leave its end unsealed before that is a finding (ms), and how often it is looked at. */
const PATIENCE = 3000;
const LOOK_EVERY = 100;
/** Events between two pauses. */
const STRIDE = 256;

/** The record of one machine. Throws an Error when there is no ledger at `file`. */
export function openAuditReader(
  file: string,
  options: AuditReaderOptions = {},
): AuditReader & { close(): void } {
  const keyFile = options.keyFile ?? join(dirname(file), 'keys', 'ledger.key.pub');
  const decisionKeyFile = options.decisionKeyFile ?? join(dirname(file), 'keys', 'decision.pub');
  const db = openTables(file);
  const summaries = new SessionSummaries();
  let summed = 0;
  let summing: Promise<void> = Promise.resolve();

  async function sum(): Promise<void> {
    const { db, tail } = openMoment(file, { check: false });
    try {
      for (const { index, text } of all(storedEvents(db, summed), tail)) {
        if (index < summed) continue;
        const event = auditEvent.safeParse(json(text));
        if (event.success) summaries.add(event.data);
        summed = index + 1;
        if (summed % STRIDE === 0) await new Promise(setImmediate);
      }
    } finally {
      db.close();
    }
  }

  return {
    async sessions(): Promise<SessionSummary[]> {
      summing = summing.then(sum);
      await summing;
      return summaries.list();
    },
    async events(session): Promise<AuditEvent[]> {
      const events: AuditEvent[] = [];
      // One moment of the ledger, although others get their turn in between.
      const { db, tail } = openMoment(file, { check: false });
      try {
        for (const text of storedSession(db, session, tail.events)) {
          const event = auditEvent.safeParse(json(text));
          if (!event.success) throw new Error(`an event of session ${session} is unreadable: verify the log`);
          events.push(event.data);
          if (events.length % STRIDE === 0) await new Promise(setImmediate);
        }
      } finally {
        db.close();
      }
      return events.reverse();
    },
    verify: async session => {
      const keys = { log: readKey(keyFile), decisions: openDecisionCheck(decisionKeyFile) };
      return verifyLedger(file, keys, session);
    },
    close: () => db.close(),
  };
}

/** The verifier key in this file, null when there is no file. Throws an Error when it holds something else, and when it is `required`. */
export function readKey(keyFile: string, { required = false } = {}): NoteKey | null {
  if (!existsSync(keyFile)) {
    if (required) throw new Error(`there is no key at ${keyFile}`);
    return null;
  }
  try {
    return parseVerifierKey(readFileSync(keyFile, 'utf8'));
  } catch (error) {
    throw new Error(`${keyFile}: ${(error as Error).message}`);
  }
}

async function verifyLedger(file: string, keys: VerifierKeys, session?: string): Promise<VerifyReport> {
  const verifier = new AuditVerifier(keys);
  const newestFile = `${file}.checkpoint`;
  // Read before the tables: it is written after them, so it can only be behind.
  const newest = existsSync(newestFile) ? readFileSync(newestFile, 'utf8') : null;
  const until = performance.now() + PATIENCE;
  try {
    const first = await snapshot(file, verifier, -1, false);
    checkNewest(file, verifier, newest);
    // As far as was durable when this was asked: the end of a busy log moves on faster than it can be followed.
    let { above } = first;
    while (verifier.next < first.size && performance.now() < until) {
      await delay(LOOK_EVERY);
      above = (await snapshot(file, verifier, above, false)).above;
    }
    if (verifier.next < first.size) await snapshot(file, verifier, above, true);
    return verifier.report(session);
  } catch (error) {
    verifier.found('unreadable', file, (error as Error).message);
    return verifier.report(session);
  }
}

/**
 * One pass over what is new: events and checkpoints of the same moment. Those beyond the last checkpoint only with `unsealed`, or where
 * nobody will ever seal them. Gives the size of the last checkpoint, and that of the log with all that is durable.
 */
async function snapshot(
  file: string,
  verifier: AuditVerifier,
  above: number,
  unsealed: boolean,
): Promise<{ above: number; size: number }> {
  const { db, tail, open } = openMoment(file, { check: true });
  try {
    const sealed = sealedSize(db);
    const covered = storedEvents(db, verifier.next, sealed);
    const last = await auditPass(verifier, covered, storedCheckpoints(db, above), above);
    if (verifier.next === sealed) verifier.sessions(storedSessions(db));
    const size =
      tail.events.length + Number(db.prepare('SELECT max(idx) + 1 AS n FROM events').get()?.n ?? 0);
    if (open && !unsealed && tail.fault === null) return { above: last, size };
    if (tail.fault !== null) verifier.found(tail.fault.fault, 'journal', tail.fault.message);
    await auditPass(verifier, all(storedEvents(db, Math.max(sealed, verifier.next)), tail), [], last);
    return { above: last, size };
  } finally {
    db.close();
  }
}

/** What the tables hold, and what follows in the journal. */
function* all(filed: Iterable<StoredEvent>, tail: JournalTail): Generator<StoredEvent> {
  yield* filed;
  yield* tail.events;
}

function checkNewest(file: string, verifier: AuditVerifier, newest: string | null): void {
  const where = 'checkpoint file';
  if (newest === null) {
    verifier.found('missing', where, `there is no ${file}.checkpoint`);
    return;
  }
  const signed = verifier.trusted(newest, where);
  if (signed === null) return;
  const { size } = signed.checkpoint;
  if (size > verifier.size) {
    verifier.misplaced(size, where);
    return;
  }
  const db = openTables(file);
  try {
    const note = db.prepare('SELECT note FROM checkpoints WHERE size = ?').get(size)?.note;
    if (note === newest) return;
    if (note === undefined) {
      verifier.found('missing', where, `the log lacks its checkpoint of size ${size}`);
      return;
    }
    const same = parseCheckpoint(String(note)).checkpoint.root.equals(signed.checkpoint.root);
    verifier.found(
      same ? 'altered' : 'forked',
      where,
      `it is another checkpoint of size ${size} than the log's`,
    );
  } finally {
    db.close();
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
