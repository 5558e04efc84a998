import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { type Approval, type ApprovalState, approval } from '#schemas/approval.ts';
import { faultsOf } from '#schemas/approval-document.ts';
import type { SignedDecision } from '#schemas/decision.ts';
import { grantKey } from '#schemas/grant.ts';
import { type Revocation, readRevocation } from '#schemas/revocation.ts';

/**
 * `body` is the approval as it was opened and never changes; state and outcome are columns, decisions are rows of their own, so
 * that what people look at with the sqlite3 shell is what counts.
 */
const SCHEMA = `
  create table if not exists approvals (
    id text primary key,
    state text not null,
    outcome text not null,
    created_at text not null,
    body text not null,
    grant_key text not null default ''
  ) strict;
  create index if not exists approvals_open on approvals (state) where state in ('held', 'approved');
  create table if not exists decisions (
    approval text not null references approvals (id),
    n integer not null,
    signed text not null,
    primary key (approval, n)
  ) strict;
  create table if not exists revocations (
    approval text primary key,
    signed text not null
  ) strict, without rowid;
  create trigger if not exists revocations_stay before delete on revocations
    begin select raise(abort, 'a revocation is never taken away'); end;
  create trigger if not exists revocations_are_final before update on revocations
    begin select raise(abort, 'a revocation is never changed'); end;
`;

/** Tables made before grants outlived their connections know no keys of them; what is in those outlives nothing. */
export function prepareTables(db: DatabaseSync): void {
  db.exec(SCHEMA);
  const known = db.prepare(`select 1 from pragma_table_info('approvals') where name = 'grant_key'`).get();
  if (known === undefined) db.exec(`alter table approvals add column grant_key text not null default ''`);
  db.exec(`create index if not exists approvals_grants on approvals (grant_key) where grant_key <> ''`);
}

/** Newest first: the approvals with this grant key. */
export function readGrants(db: DatabaseSync, key: string): Approval[] {
  const rows = db
    .prepare(
      `select * from approvals where grant_key = ? and grant_key <> '' and state in ('held', 'approved', 'denied')
       order by created_at desc, rowid desc`,
    )
    .all(key);
  return rows.map(row => fromRow(db, row));
}

/** The ids of what outlives its connection and has not ended. */
export function openGrants(db: DatabaseSync): string[] {
  const rows = db
    .prepare(`select id from approvals where grant_key <> '' and state in ('held', 'approved')`)
    .all();
  return rows.map(row => String(row.id));
}

/** Null when there is none; throws an Error naming the approval when its row is not what this program has written. */
export function readApproval(db: DatabaseSync, id: string): Approval | null {
  const row = db.prepare('select * from approvals where id = ?').get(id);
  return row === undefined ? null : fromRow(db, row);
}

/** Newest first; all, or those in one of these states. */
export function readApprovals(
  db: DatabaseSync,
  { states }: { readonly states?: readonly ApprovalState[] },
): Approval[] {
  const which = states === undefined ? '' : `where state in (${states.map(s => `'${s}'`).join(', ')})`;
  const rows = db.prepare(`select * from approvals ${which} order by created_at desc, rowid desc`).all();
  return rows.map(row => fromRow(db, row));
}

/** The denial or revocation that has ended this approval, whatever its own rows say. */
export function revocationOf(db: DatabaseSync, id: string): Revocation | null {
  const row = db.prepare('select signed from revocations where approval = ?').get(id);
  return row === undefined ? null : readRevocation({ signed: row.signed, at: '' });
}

/** Once for each approval: a second one throws. */
export function insertRevocation(db: DatabaseSync, signed: SignedDecision): void {
  const text = JSON.stringify(signed);
  db.prepare('insert into revocations (approval, signed) values (?, ?)').run(signed.decision.approval, text);
}

/** Approvals that stand as open though they were denied or revoked. */
export function revokedAndOpen(db: DatabaseSync): string[] {
  const rows = db
    .prepare(`select id from approvals join revocations on approval = id where state in ('held', 'approved')`)
    .all();
  return rows.map(row => String(row.id));
}

/** A new row for an approval without decisions. */
export function insertApproval(db: DatabaseSync, value: Approval): void {
  const { state, outcome, decisions: _, ...body } = value;
  const key = value.releases === 'parked' ? '' : grantKey(value.statement, value.requester);
  db.prepare(
    'insert into approvals (id, state, outcome, created_at, body, grant_key) values (?, ?, ?, ?, ?, ?)',
  ).run(value.id, state, outcome, value.createdAt, JSON.stringify(body), key);
}

/** Writes what `transition` made of `before`. */
export function updateApproval(db: DatabaseSync, before: Approval, after: Approval): void {
  db.prepare('update approvals set state = ?, outcome = ? where id = ?').run(
    after.state,
    after.outcome,
    after.id,
  );
  const add = db.prepare('insert into decisions (approval, n, signed) values (?, ?, ?)');
  after.decisions.forEach((signed, n) => {
    if (n >= before.decisions.length) add.run(after.id, n, JSON.stringify(signed));
  });
}

function fromRow(db: DatabaseSync, row: Record<string, SQLOutputValue>): Approval {
  const signed = db.prepare('select signed from decisions where approval = ? order by n').all(row.id ?? null);
  let text: unknown;
  try {
    const decisions = signed.map(d => JSON.parse(String(d.signed)));
    const { id, state, outcome } = row;
    text = { ...JSON.parse(String(row.body)), id, state, outcome, decisions };
  } catch {
    text = undefined; // no JSON; its error would quote the SQL
  }
  const read = approval.safeParse(text);
  if (read.success) return read.data;
  throw new Error(
    `approval ${row.id} cannot be read: its row was changed by hand (${faultsOf(read.error.issues)})`,
  );
}
