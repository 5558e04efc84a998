import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exportAudit } from '#functions/local/audit-export.ts';
import { verifyExport } from '#functions/local/audit-import.ts';
import { readKey } from '#functions/local/audit-reader.ts';
import { openDecisionSigner } from '#functions/local/decision-signer.ts';
import { openLedger } from '#proxy/local/ledger.ts';
import type { AuditBody } from '#schemas/audit.ts';
import { decided, hold, opened, outcome, type Place, place, statement, verified } from './support.ts';

/** A ledger with one held and forwarded statement, decided by `decision`, in a folder with the approvers' public key. */
async function recorded(
  decision: (sign: ReturnType<typeof openDecisionSigner>) => AuditBody<'decision'>,
): Promise<Place> {
  const at = place();
  mkdirSync(join(at.dir, 'keys'), { recursive: true });
  const sign = openDecisionSigner(at.dir);
  const ledger = await openLedger(at);
  ledger.append('s', 'session.open', opened);
  ledger.append('s', 'statement', statement(1, { verdict: 'hold' }));
  ledger.append('s', 'hold', hold(1));
  ledger.append('s', 'decision', decision(sign));
  ledger.append('s', 'hold.end', { n: 1, approval: 'ap-1', state: 'approved', why: '' });
  ledger.append('s', 'forward', { n: 1 });
  ledger.append('s', 'outcome', outcome(1));
  await ledger.close();
  return at;
}

test('a decision that the approvers’ key has signed is proven, in the ledger and in an export', async () => {
  const at = await recorded(sign => ({ ...decided(1), signed: sign(decided(1).signed.decision) }));
  assert.deepEqual((await verified(at)).findings, []);
  const dir = join(at.dir, 'export');
  await exportAudit(at.file, dir, at);
  assert.ok(existsSync(join(dir, 'decisions.pub')));
  assert.deepEqual((await verifyExport(dir, readKey(at.publicFile))).findings, []);
});

test('a decision that the proxy calls verified and nobody has signed is found, and does not count', async () => {
  const at = await recorded(() => decided(1));
  const { findings } = await verified(at);
  assert.deepEqual(
    findings.map(f => f.fault),
    ['unsigned', 'unapproved'],
  );
  const dir = join(at.dir, 'export');
  await exportAudit(at.file, dir, at);
  assert.equal((await verifyExport(dir, readKey(at.publicFile))).findings.length, 2);
});

test('a decision changed after it was signed is found', async () => {
  const at = await recorded(sign => {
    const signed = sign({ ...decided(1).signed.decision, verdict: 'deny' });
    return { ...decided(1), signed: { ...signed, decision: { ...signed.decision, verdict: 'approve' } } };
  });
  assert.deepEqual(
    (await verified(at)).findings.map(f => f.fault),
    ['unsigned', 'unapproved'],
  );
});

test('a private key given by mistake does not get into an export', async () => {
  const at = await recorded(sign => ({ ...decided(1), signed: sign(decided(1).signed.decision) }));
  const dir = join(at.dir, 'export');
  await assert.rejects(
    exportAudit(at.file, dir, { ...at, publicFile: at.keyFile }),
    /not an Ed25519 verifier key/,
  );
  const other = join(at.dir, 'other');
  const pair = join(at.dir, 'pair.pem');
  writeFileSync(
    pair,
    readFileSync(join(at.dir, 'keys', 'decision.key'), 'utf8') + readFileSync(at.decisionKeyFile, 'utf8'),
  );
  await exportAudit(at.file, other, { ...at, decisionKeyFile: pair });
  assert.doesNotMatch(readFileSync(join(other, 'decisions.pub'), 'utf8'), /PRIVATE/);
});
