import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openAuditReader } from '#functions/local/audit-reader.ts';
import type { VerifyReport } from '#functions/ports.ts';
import { openLedger } from '#proxy/local/ledger.ts';
import type { Recorder } from '#proxy/ports.ts';
import type { AuditBody } from '#schemas/audit.ts';
import type { Effects } from '#schemas/effects.ts';
import { tempDir } from '../support/temp.ts';

/** The paths of one ledger, laid out as dev does it. */
export interface Place {
  readonly dir: string;
  readonly file: string;
  readonly keyFile: string;
  readonly publicFile: string;
  readonly decisionKeyFile: string;
  readonly checkpointFile: string;
}

export function place(dir: string = tempDir('ledger')): Place {
  const file = join(dir, 'ledger.db');
  const keyFile = join(dir, 'keys', 'ledger.key');
  const decisionKeyFile = join(dir, 'keys', 'decision.pub');
  return {
    dir,
    file,
    keyFile,
    publicFile: `${keyFile}.pub`,
    decisionKeyFile,
    checkpointFile: `${file}.checkpoint`,
  };
}

export const DIGEST = '5f'.repeat(32);

export const effects: Effects = {
  commands: ['select'],
  reads: ['public.customers'],
  writes: [],
  functions: ['pg_catalog.lower'],
  withoutWhere: false,
  keyed: false,
  rows: null,
  outside: false,
  unknown: [],
  readOnly: true,
};

export const opened: AuditBody<'session.open'> = {
  issuer: 'https://issuer.example',
  subject: 'agent-1',
  email: 'agent-1@example.com',
  groups: ['agents'],
  target: 'shop',
  database: 'shop',
  role: 'app',
  application: 'psql',
  address: '127.0.0.1',
  access: 'agents may read',
  readOnly: false,
  credential: 'local/shop/1',
  policyVersion: 'abc',
};

export function statement(n: number, more: Partial<AuditBody<'statement'>> = {}): AuditBody<'statement'> {
  return {
    n,
    protocol: 'simple',
    text: `SELECT name FROM customers WHERE id = ${n}`,
    parameters: [],
    digest: DIGEST,
    verdict: 'allow',
    rule: 'reads',
    message: '',
    effects: [effects],
    ...more,
  };
}

export function outcome(n: number, more: Partial<AuditBody<'outcome'>> = {}): AuditBody<'outcome'> {
  return {
    n,
    status: 'ok',
    tag: 'SELECT 1',
    sqlstate: '',
    rows: 1,
    bytes: 20,
    micros: 900,
    result: DIGEST,
    masks: [],
    ...more,
  };
}

export const hold = (n: number, more: Partial<AuditBody<'hold'>> = {}): AuditBody<'hold'> => ({
  n,
  approval: 'ap-1',
  rules: ['deletes'],
  deadline: '2030-01-01T00:10:00.000Z',
  digest: DIGEST,
  ...more,
});

export const decided = (
  n: number,
  more: Partial<AuditBody<'decision'>['signed']['decision']> = {},
  verified = true,
): AuditBody<'decision'> => ({
  n,
  approval: 'ap-1',
  verified,
  signed: {
    keyId: 'k1',
    algorithm: 'Ed25519',
    signature: 'AAAA',
    decision: {
      approval: 'ap-1',
      digest: DIGEST,
      verdict: 'approve',
      by: 'approver-1@example.com',
      groups: ['approvers'],
      reason: 'looks right',
      at: '2030-01-01T00:01:00.000Z',
      ...more,
    },
  },
});

/** A session as the pipeline writes one: a read, an approved delete, a denied statement. */
export function story(ledger: Recorder, session: string): number {
  ledger.append(session, 'session.open', opened);
  ledger.append(session, 'statement', statement(1));
  ledger.append(session, 'forward', { n: 1 });
  ledger.append(
    session,
    'outcome',
    outcome(1, { masks: [{ column: 'public.customers.email', mask: 'email' }] }),
  );
  ledger.append(
    session,
    'statement',
    statement(2, { text: 'DELETE FROM customers', verdict: 'hold', rule: 'deletes' }),
  );
  ledger.append(session, 'hold', hold(2));
  ledger.append(session, 'decision', decided(2));
  ledger.append(session, 'hold.end', {
    n: 2,
    approval: 'ap-1',
    state: 'approved',
    why: 'approved by approver-1@example.com',
  });
  ledger.append(session, 'forward', { n: 2 });
  ledger.append(session, 'outcome', outcome(2, { tag: 'DELETE 3' }));
  ledger.append(
    session,
    'statement',
    statement(3, { text: 'DROP TABLE customers', verdict: 'deny', rule: 'no ddl' }),
  );
  ledger.append(
    session,
    'outcome',
    outcome(3, { status: 'refused', tag: '', sqlstate: '42501', rows: 0, bytes: 0, result: '' }),
  );
  return ledger.append(session, 'session.close', { reason: 'client left', statements: 3 });
}

export function durable(ledger: Recorder, ticket: number): Promise<void> {
  return new Promise((done, failed) =>
    ledger.whenDurable(ticket, fault => (fault === null ? done() : failed(fault))),
  );
}

/** A closed ledger with these sessions, each with its own checkpoint. */
export async function written(at: Place, sessions: readonly string[]): Promise<void> {
  for (const session of sessions) {
    const ledger = await openLedger(at);
    story(ledger, session);
    await ledger.close();
  }
}

export async function verified(at: Place, session?: string): Promise<VerifyReport> {
  const reader = openAuditReader(at.file);
  try {
    return await reader.verify(session);
  } finally {
    reader.close();
  }
}

/** Runs SQL on the database behind the ledger's back. */
export function tamper(at: Place, work: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(at.file);
  try {
    work(db);
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
}
