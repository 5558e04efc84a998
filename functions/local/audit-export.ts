import { createWriteStream, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import { auditEvent } from '#schemas/audit.ts';
import { eventHash, leafData } from '#schemas/chain.ts';
import { verifierKey } from '#schemas/checkpoint.ts';
import { leafHash } from '#schemas/merkle.ts';
import { TileBuilder } from '#schemas/tiles.ts';
import { readKey } from './audit-reader.ts';
import { openTables, storedCheckpoints, storedEvents } from './audit-tables.ts';
import { readPublicKeys } from './decision-check.ts';

/**
 * Writes the log, up to its newest checkpoint, into a folder that a stranger can verify without Holdpoint (docs/audit.md): a C2SP
 * tlog-tiles log, the events themselves, all checkpoints, and the public keys of the log and of the deciders. Exports what is stored, altered or not: proving it
 * is the verifier's. Throws an Error when the folder has anything in it, or there is nothing sealed.
 */
export async function exportAudit(
  file: string,
  dir: string,
  keys: { readonly publicFile: string; readonly decisionKeyFile: string },
): Promise<{ events: number; checkpoints: number }> {
  if (existsSync(dir) && readdirSync(dir).length > 0) throw new Error(`${dir} is not empty`);
  const key = readKey(keys.publicFile);
  const decisions = readPublicKeys(keys.decisionKeyFile);
  const db = openTables(file);
  try {
    db.exec('BEGIN');
    const checkpoints = [...storedCheckpoints(db, -1)];
    const newest = checkpoints.at(-1);
    if (newest === undefined) throw new Error(`${file} has no checkpoint yet`);
    mkdirSync(dir, { recursive: true });
    const tiles = new TileBuilder((path, bytes) => {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), bytes);
    });
    const out = createWriteStream(join(dir, 'events.ndjson'));
    const ended = finished(out);
    let events = 0;
    for (const { index, text } of storedEvents(db, 0)) {
      if (index >= newest.size) break;
      if (!out.write(`${text}\n`)) await new Promise<void>(drained => out.once('drain', drained));
      const data = leafOf(text);
      tiles.add(Buffer.from(data), leafHash(data));
      events += 1;
    }
    out.end();
    await ended;
    tiles.finish();
    const notes = checkpoints.map(c => `${JSON.stringify({ note: c.note, size: c.size })}\n`);
    writeFileSync(join(dir, 'checkpoints.ndjson'), notes.join(''));
    writeFileSync(join(dir, 'checkpoint'), newest.note);
    // From what was read as public keys: a private one, named by mistake, must not leave with the export.
    if (key !== null) writeFileSync(join(dir, 'key.pub'), `${verifierKey(key)}\n`);
    if (decisions.length > 0)
      writeFileSync(
        join(dir, 'decisions.pub'),
        decisions.map(k => k.export({ type: 'spki', format: 'pem' })).join(''),
      );
    return { events, checkpoints: checkpoints.length };
  } finally {
    db.close();
  }
}

/** As the verifier computes it: from the text, or over the text itself where that is no event. */
function leafOf(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text.slice(0, 65_535);
  }
  const event = auditEvent.safeParse(value);
  if (!event.success) return text.slice(0, 65_535);
  return leafData(JSON.stringify(event.data.session), event.data.seq, eventHash(event.data));
}
