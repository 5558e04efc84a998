import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { before, test } from 'node:test';
import { openAuditReader } from '#functions/local/audit-reader.ts';
import type { VerifyReport } from '#functions/ports.ts';
import { openLedger } from '#proxy/local/ledger.ts';
import { canonical } from '#schemas/canonical.ts';
import { eventHash } from '#schemas/chain.ts';
import { tempDir } from '../support/temp.ts';
import { type Place, place, tamper, verified, written } from './support.ts';

// One ledger of three sessions of 13 events; each test tampers with a copy of it.
const original = place();
before(() => written(original, ['one', 'two', 'three']));

function copy(): Place {
  const dir = tempDir('tamper');
  cpSync(original.dir, dir, { recursive: true });
  return place(dir);
}

/** Tampers with the tables and gives what verification says. */
async function after(work: (db: DatabaseSync) => void): Promise<VerifyReport> {
  const at = copy();
  tamper(at, work);
  return verified(at);
}

async function shown(at: Place, session: string): Promise<number> {
  const reader = openAuditReader(at.file);
  try {
    return (await reader.events(session)).length;
  } finally {
    reader.close();
  }
}

function finds(proof: VerifyReport, fault: string, where: RegExp): void {
  assert.ok(
    proof.findings.some(f => f.fault === fault && where.test(f.where)),
    `wanted ${fault} at ${where} in ${JSON.stringify(proof.findings, null, 1)}`,
  );
}

function event(db: DatabaseSync, idx: number): Record<string, unknown> & { body: Record<string, unknown> } {
  return JSON.parse(String(db.prepare('SELECT event FROM events WHERE idx = ?').get(idx)?.event));
}

function put(db: DatabaseSync, idx: number, value: unknown): void {
  const text = typeof value === 'string' ? value : canonical(value as Parameters<typeof canonical>[0]);
  db.prepare('UPDATE events SET event = ? WHERE idx = ?').run(text, idx);
}

test('an untouched copy is proven', async () => {
  const proof = await verified(copy());
  assert.deepEqual(proof.findings, []);
  assert.equal(proof.unsealed, 0);
});

test('an altered statement text is found at its event', async () => {
  const proof = await after(db => {
    const e = event(db, 4);
    put(db, 4, { ...e, body: { ...e.body, text: 'SELECT 1' } });
  });
  finds(proof, 'altered', /session one event 4/);
});

test('an altered text with its own hash computed anew breaks the link to the next event', async () => {
  const proof = await after(db => {
    const e = event(db, 4);
    const changed = { ...e, body: { ...e.body, text: 'SELECT 1' } };
    put(db, 4, { ...changed, hash: eventHash(changed) });
  });
  finds(proof, 'altered', /session one event 5/);
  finds(proof, 'altered', /checkpoint 13/);
});

test('the last event of a session, altered and hashed anew, does not fit the checkpoint', async () => {
  const proof = await after(db => {
    const e = event(db, 12);
    const changed = { ...e, body: { ...e.body, reason: 'nothing to see' } };
    put(db, 12, { ...changed, hash: eventHash(changed) });
  });
  finds(proof, 'altered', /checkpoint 13/);
  assert.match(proof.findings.map(f => f.what).join(), /log entries 0 to 12/);
});

test('a whole chain forged anew from an altered event on does not fit the checkpoint', async () => {
  const proof = await after(db => {
    let prev: unknown = event(db, 16).prev;
    for (let idx = 16; idx < 26; idx += 1) {
      const e = { ...event(db, idx), prev, at: '2020-01-01T00:00:00.000Z' };
      const hash = eventHash(e);
      put(db, idx, { ...e, hash });
      prev = hash;
    }
  });
  finds(proof, 'altered', /checkpoint 26/);
  assert.match(proof.findings.map(f => f.what).join(), /log entries 13 to 25/);
});

test('a text with white space added is found although it means the same', async () => {
  const proof = await after(db => put(db, 3, JSON.stringify(event(db, 3), null, 1)));
  finds(proof, 'altered', /session one event 3/);
});

test('a member added to a body or to an event is found', async () => {
  const proof = await after(db => {
    const e = event(db, 3);
    put(db, 3, { ...e, body: { ...e.body, approvedBy: 'me' } });
    put(db, 5, { ...event(db, 5), note: 'x' });
  });
  finds(proof, 'unreadable', /session one event 3/);
  finds(proof, 'unreadable', /session one event 5/);
});

test('a text that is no JSON, and one that is no event, are found', async () => {
  const proof = await after(db => {
    put(db, 3, '{"at":');
    put(db, 7, '[]');
    put(db, 20, '');
  });
  finds(proof, 'unreadable', /log entry 3/);
  finds(proof, 'unreadable', /log entry 7/);
  finds(proof, 'unreadable', /log entry 20/);
});

test('an event that cannot be read keeps nothing after it from being checked', async () => {
  const proof = await after(db => {
    const e = event(db, 6);
    put(db, 6, { ...e, body: { n: 2 } });
    put(db, 8, `{"at":${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
    const deep = canonical({ ...event(db, 9), body: { n: 'HERE' } } as Parameters<typeof canonical>[0]);
    put(db, 9, deep.replace('"HERE"', `${'{"n":'.repeat(3000)}2${'}'.repeat(3000)}`));
    db.exec('DELETE FROM events WHERE idx = 37');
  });
  for (const idx of [6, 8, 9]) finds(proof, 'unreadable', new RegExp(`log entry ${idx}\\)`));
  finds(proof, 'missing', /log entry 38/);
});

test('a row deleted in the middle is found, in the log and in its session', async () => {
  const proof = await after(db => db.exec('DELETE FROM events WHERE idx = 17'));
  finds(proof, 'missing', /log entry 18/);
  finds(proof, 'missing', /session two event 4/);
});

test('a row deleted in the middle is found also when the others close ranks', async () => {
  const proof = await after(db => {
    db.exec('DELETE FROM events WHERE idx = 17');
    for (let idx = 18; idx < 39; idx += 1) db.exec(`UPDATE events SET idx = ${idx - 1} WHERE idx = ${idx}`);
  });
  finds(proof, 'missing', /session two event 4/);
  finds(proof, 'truncated', /checkpoint 39/);
});

test('rows deleted at the end are found', async () => {
  finds(await after(db => db.exec('DELETE FROM events WHERE idx = 38')), 'truncated', /checkpoint 39/);
  finds(await after(db => db.exec('DELETE FROM events WHERE idx >= 30')), 'truncated', /checkpoint 39/);
});

test('a whole session deleted is found, with and without a gap', async () => {
  const gap = await after(db => db.exec(`DELETE FROM events WHERE session = 'two'`));
  finds(gap, 'missing', /log entry 26/);
  const closed = await after(db => {
    db.exec(`DELETE FROM events WHERE session = 'two'`);
    for (let idx = 26; idx < 39; idx += 1) db.exec(`UPDATE events SET idx = ${idx - 13} WHERE idx = ${idx}`);
  });
  finds(closed, 'altered', /checkpoint 26/);
  finds(closed, 'truncated', /checkpoint 39/);
});

function swap(db: DatabaseSync, a: number, b: number): void {
  db.exec(`UPDATE events SET idx = -1 WHERE idx = ${a}`);
  db.exec(`UPDATE events SET idx = ${a} WHERE idx = ${b}`);
  db.exec(`UPDATE events SET idx = ${b} WHERE idx = -1`);
}

test('two events of a session that change places are found', async () => {
  finds(await after(db => swap(db, 5, 6)), 'reordered', /session one event 5/);
});

test('events of different sessions that change places are found', async () => {
  const proof = await after(db => {
    for (let i = 0; i < 13; i += 1) swap(db, i, 13 + i);
  });
  finds(proof, 'altered', /checkpoint 13/);
});

test('a duplicated event is found', async () => {
  const proof = await after(db => {
    db.exec('INSERT INTO events SELECT 39, session, seq, before, event FROM events WHERE idx = 4');
  });
  finds(proof, 'duplicated', /session one event 4 \(log entry 39\)/);
});

test('a fork of a chain is found', async () => {
  const proof = await after(db => {
    db.exec('INSERT INTO events SELECT 39, session, seq, before, event FROM events WHERE idx = 4');
    const e = event(db, 39);
    const other = { ...e, body: { ...e.body, text: 'SELECT 2' } };
    put(db, 39, { ...other, hash: eventHash(other) });
  });
  finds(proof, 'forked', /session one event 4 \(log entry 39\)/);
});

test('an event added after the session was closed is found', async () => {
  const proof = await after(db => {
    const last = event(db, 38);
    const e = { ...last, seq: 13, prev: last.hash };
    const text = canonical({ ...e, hash: eventHash(e) } as Parameters<typeof canonical>[0]);
    db.prepare('INSERT INTO events VALUES (39, ?, 13, 38, ?)').run('three', text);
  });
  finds(proof, 'reordered', /session three event 13/);
});

test('entries that nobody has signed are not proven', { timeout: 20_000 }, async () => {
  const at = copy();
  tamper(at, db =>
    db.exec(`DELETE FROM checkpoints WHERE size = 39; DELETE FROM sessions WHERE session = 'three'`),
  );
  rmSync(at.checkpointFile);
  cpSync(original.checkpointFile, at.checkpointFile);
  finds(await verified(at), 'missing', /checkpoint file/);
  writeFileSync(at.checkpointFile, note(26));
  const proof = await verified(at);
  assert.deepEqual(proof.findings, []);
  assert.equal(proof.unsealed, 13);
});

function note(size: number): string {
  const found: string[] = [];
  tamper(copy(), db => {
    found.push(String(db.prepare('SELECT note FROM checkpoints WHERE size = ?').get(size)?.note));
  });
  return found[0] ?? '';
}

test('a log cut off together with its checkpoints is found by the checkpoint file', async () => {
  const proof = await after(db => {
    db.exec('DELETE FROM events WHERE idx >= 26');
    db.exec('DELETE FROM checkpoints WHERE size > 26');
  });
  finds(proof, 'truncated', /checkpoint file/);
});

test('a checkpoint without its signature is found', async () => {
  const proof = await after(db => {
    db.exec(`UPDATE checkpoints SET note = substr(note, 1, instr(note, '— ') - 1) WHERE size = 26`);
  });
  finds(proof, 'unreadable', /checkpoint 26/);
  const foreign = await after(db => {
    db.exec(
      `UPDATE checkpoints SET note = replace(note, '— holdpoint.dev/dev-', '— elsewhere.dev/dev-') WHERE size = 26`,
    );
  });
  finds(foreign, 'unsigned', /checkpoint 26/);
});

test('a checkpoint with an altered root or size is found', async () => {
  const root = await after(db => {
    const [origin, size, , ...rest] = note(26).split('\n');
    const forged = [origin, size, Buffer.alloc(32).toString('base64'), ...rest].join('\n');
    db.prepare('UPDATE checkpoints SET note = ? WHERE size = 26').run(forged);
  });
  finds(root, 'unsigned', /checkpoint 26/);
  const size = await after(db => {
    db.prepare('UPDATE checkpoints SET note = ? WHERE size = 26').run(note(13));
  });
  finds(size, 'altered', /checkpoint 26/);
});

test('a log signed throughout with another key is found by the pinned key', async () => {
  const forged = place();
  await written(forged, ['one', 'two', 'three']);
  const at = copy();
  for (const [to, from] of [
    [at.file, forged.file],
    [at.checkpointFile, forged.checkpointFile],
  ] as const)
    cpSync(from, to);
  const proof = await verified(at);
  finds(proof, 'unsigned', /checkpoint 13/);
  finds(proof, 'unsigned', /checkpoint file/);
  assert.equal(proof.unsealed, 39);
});

test('an edited, replaced or removed checkpoint file is found', async () => {
  const edited = copy();
  writeFileSync(
    edited.checkpointFile,
    readFileSync(edited.checkpointFile, 'utf8').replace('\n39\n', '\n38\n'),
  );
  finds(await verified(edited), 'unsigned', /checkpoint file/);
  const broken = copy();
  writeFileSync(broken.checkpointFile, 'hello');
  finds(await verified(broken), 'unreadable', /checkpoint file/);
  const removed = copy();
  rmSync(removed.checkpointFile);
  finds(await verified(removed), 'missing', /checkpoint file/);
});

test('without a public key nothing counts as proven', { timeout: 20_000 }, async () => {
  const at = copy();
  rmSync(at.publicFile);
  const proof = await verified(at);
  finds(proof, 'unsigned', /log/);
  assert.equal(proof.unsealed, 39);
});

test('an event filed under another session is found', async () => {
  const proof = await after(db => db.exec(`UPDATE events SET session = 'four' WHERE idx = 4`));
  finds(proof, 'altered', /session one event 4/);
});

test('an event filed as coming after another than it does is found, and not shown as if nothing were', async () => {
  const at = copy();
  tamper(at, db => db.exec('UPDATE events SET before = 3 WHERE idx = 12'));
  finds(await verified(at), 'altered', /session one event 12/);
  await assert.rejects(shown(at, 'one'), /verify the log/);
});

test('a session that the table of sessions leaves out, cuts short or lengthens is found', async () => {
  const gone = copy();
  tamper(gone, db => db.exec(`DELETE FROM sessions WHERE session = 'two'`));
  finds(await verified(gone), 'missing', /^session two$/);
  const short = copy();
  tamper(short, db => db.exec(`UPDATE sessions SET last = 20 WHERE session = 'two'`));
  finds(await verified(short), 'altered', /^session two$/);
  const invented = copy();
  tamper(invented, db => db.exec(`INSERT INTO sessions VALUES ('four', 20)`));
  finds(await verified(invented), 'altered', /^session four$/);
  await assert.rejects(shown(invented, 'four'), /verify the log/);
  const endless = copy();
  tamper(endless, db => db.exec('UPDATE events SET before = 12 WHERE idx = 5'));
  await assert.rejects(shown(endless, 'one'), /verify the log/);
});

test('a number out of all proportion neither hangs nor breaks the verifier', async () => {
  const proof = await after(db => {
    const e = { ...event(db, 12), seq: 9_007_199_254_740_990 };
    put(db, 12, { ...e, hash: eventHash(e) });
  });
  finds(proof, 'missing', /session one event 12/);
});

test('a database that is none, or has lost its tables, is reported and not thrown', async () => {
  finds(await after(db => db.exec('DROP TABLE checkpoints')), 'unreadable', /ledger\.db/);
  const at = copy();
  const bytes = readFileSync(at.file);
  bytes.fill(0xa5, 4096, bytes.length - 4096);
  writeFileSync(at.file, bytes);
  const proof = await verified(at).catch((error: Error) => error);
  if (proof instanceof Error) assert.match(proof.message, /malformed|not a database/);
  else assert.notEqual(proof.findings.length, 0);
});

test('what is wrong with one session is not reported for another, what is wrong with the log is', async () => {
  const at = copy();
  tamper(at, db => {
    const e = event(db, 4);
    put(db, 4, { ...e, body: { ...e.body, text: 'SELECT 1' } });
  });
  const other = await verified(at, 'three');
  assert.ok(other.findings.every(f => !f.where.startsWith('session one')));
  finds(other, 'altered', /checkpoint 13/);
});

test('of very many findings of one kind the first are told, and the number of the rest', async () => {
  const many = place();
  const ledger = await openLedger(many);
  for (let n = 1; n <= 150; n += 1) ledger.append('never-opened', 'forward', { n });
  await ledger.close();
  const { findings } = await verified(many);
  assert.equal(findings.length, 101);
  assert.equal(findings.at(-1)?.what, '50 more findings of this kind');
});
