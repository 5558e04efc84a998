import type { StoredCheckpoint } from './audit-tables.ts';
import type { AuditVerifier, StoredEvent } from './audit-verifier.ts';

/** Events between two pauses: a few milliseconds, so that a process that verifies goes on serving. */
const STRIDE = 64;

/**
 * Feeds a verifier with events and checkpoints, each checkpoint where it belongs, and compares the newest checkpoint with the one kept
 * apart from the log. Gives the size of the last checkpoint fed (`above` when there was none).
 */
export async function auditPass(
  verifier: AuditVerifier,
  events: Iterable<StoredEvent> | AsyncIterable<StoredEvent>,
  checkpoints: Iterable<StoredCheckpoint>,
  above: number,
): Promise<number> {
  const notes = checkpoints[Symbol.iterator]();
  let last = above;
  let next = notes.next();
  const reach = (): void => {
    while (next.done !== true && next.value.size <= verifier.size) {
      const { size, note } = next.value;
      if (size === verifier.size) verifier.checkpoint(note, `checkpoint ${size}`);
      else verifier.misplaced(size, `checkpoint ${size}`);
      last = size;
      next = notes.next();
    }
  };
  reach();
  let fed = 0;
  for await (const event of events) {
    verifier.event(event);
    reach();
    fed += 1;
    if (fed % STRIDE === 0) await new Promise(setImmediate);
  }
  let beyond = 0;
  for (; next.done !== true; next = notes.next()) {
    last = next.value.size;
    beyond += 1;
  }
  if (beyond > 0)
    verifier.misplaced(
      last,
      beyond === 1 ? `checkpoint ${last}` : `checkpoint ${last} and ${beyond - 1} before it`,
    );
  return last;
}
