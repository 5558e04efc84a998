import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { type NoteKey, parseCheckpoint } from '#schemas/checkpoint.ts';
import { TileBuilder } from '#schemas/tiles.ts';
import type { VerifyReport } from '../ports.ts';
import { auditPass } from './audit-pass.ts';
import type { StoredCheckpoint } from './audit-tables.ts';
import { AuditVerifier, type StoredEvent } from './audit-verifier.ts';
import { openDecisionCheck } from './decision-check.ts';

const checkpointLine = z.strictObject({ note: z.string(), size: z.int().nonnegative() });

/** Proves an export (docs/audit.md) without any database: events, chains, checkpoints, and every byte of every tile. */
export async function verifyExport(dir: string, log: NoteKey | null): Promise<VerifyReport> {
  const tiles = new Map<string, Buffer | null>();
  const builder = new TileBuilder((path, bytes) => compare(dir, path, bytes, tiles, verifier));
  const verifier: AuditVerifier = new AuditVerifier(
    { log, decisions: openDecisionCheck(join(dir, 'decisions.pub')) },
    (data, leaf) => builder.add(Buffer.from(data).subarray(0, 65_535), leaf),
  );
  try {
    for (const path of files(dir, 'tile')) tiles.set(path, null);
    const checkpoints = readCheckpoints(dir, verifier);
    await auditPass(verifier, events(join(dir, 'events.ndjson'), verifier), checkpoints, -1);
    builder.finish();
    for (const path of tiles.keys()) verifier.found('altered', path, 'it is not part of this log');
    newest(dir, checkpoints, verifier);
  } catch (error) {
    verifier.found('unreadable', dir, (error as Error).message);
  }
  return verifier.report();
}

function compare(
  dir: string,
  path: string,
  bytes: Buffer,
  tiles: Map<string, Buffer | null>,
  verifier: AuditVerifier,
): void {
  if (!tiles.delete(path)) verifier.found('missing', path, 'this part of the tree is not there');
  else if (!readFileSync(join(dir, path)).equals(bytes))
    verifier.found('altered', path, 'it is not what the events hash to');
}

function newest(dir: string, checkpoints: readonly StoredCheckpoint[], verifier: AuditVerifier): void {
  const path = join(dir, 'checkpoint');
  if (!existsSync(path)) {
    verifier.found('missing', 'checkpoint', 'there is no such file');
    return;
  }
  const note = readFileSync(path, 'utf8');
  const signed = verifier.trusted(note, 'checkpoint');
  if (signed === null || checkpoints.at(-1)?.note === note) return;
  const { size } = signed.checkpoint;
  if (size > verifier.size) {
    verifier.misplaced(size, 'checkpoint');
    return;
  }
  verifier.found('altered', 'checkpoint', 'it is not the last one of checkpoints.ndjson');
}

function readCheckpoints(dir: string, verifier: AuditVerifier): StoredCheckpoint[] {
  const lines = readFileSync(join(dir, 'checkpoints.ndjson'), 'utf8').split('\n');
  if (lines.pop() !== '') verifier.found('truncated', 'checkpoints.ndjson', 'its last line has no end');
  const all = lines.map(line => checkpointLine.parse(JSON.parse(line)));
  for (const [i, one] of all.entries()) {
    const before = all[i - 1];
    if (before === undefined || before.size < one.size) continue;
    const forked = before.size === one.size && !root(before).equals(root(one));
    const what =
      before.size === one.size ? 'a second checkpoint of this size' : 'it comes after a larger one';
    verifier.found(forked ? 'forked' : 'reordered', `checkpoint ${one.size}`, what);
  }
  return all;
}

function root(checkpoint: StoredCheckpoint): Buffer {
  return parseCheckpoint(checkpoint.note).checkpoint.root;
}

/** Lines end in LF alone: JSON text may hold other characters that some readers take for line ends. */
async function* events(path: string, verifier: AuditVerifier): AsyncGenerator<StoredEvent> {
  let rest = '';
  let index = 0;
  for await (const chunk of createReadStream(path, { encoding: 'utf8' })) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) {
      yield { index, text, filed: null };
      index += 1;
    }
  }
  if (rest !== '') verifier.found('truncated', 'events.ndjson', 'its last line has no end');
}

function files(dir: string, below: string): string[] {
  if (!existsSync(join(dir, below))) return [];
  return readdirSync(join(dir, below), { recursive: true, withFileTypes: true })
    .filter(entry => !entry.isDirectory())
    .map(entry => relative(dir, join(entry.parentPath, entry.name)));
}
