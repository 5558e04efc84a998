import type { ApprovalBook, AuditReader } from '#functions/ports.ts';
import type { Approval } from '#schemas/approval.ts';
import { type AuditEvent, type AuditKind, auditEvent } from '#schemas/audit.ts';
import { canonical, type Json, sha256 } from '#schemas/canonical.ts';
import type { Effects } from '#schemas/effects.ts';
import { type HoldEvent, IllegalMove, transition } from '#schemas/hold.ts';
import { requestDigest } from '#schemas/request.ts';
import { type Statement, statementDigest } from '#schemas/statement.ts';

/** A book in memory that does the real work: every change goes through `transition`, and is told to all who listen. */
export interface FakeBook extends ApprovalBook {
  open(approval: Approval): void;
  move(id: string, event: HoldEvent): Approval;
}

export function fakeBook(clock: () => number): FakeBook {
  const approvals = new Map<string, Approval>();
  const listeners = new Set<(approval: Approval) => void>();
  const store = (approval: Approval): Approval => {
    approvals.set(approval.id, approval);
    for (const listener of listeners) listener(approval);
    return approval;
  };
  const known = (id: string): Approval => {
    const approval = approvals.get(id);
    if (approval === undefined) throw new IllegalMove(`there is no approval ${id}`);
    return approval;
  };
  return {
    open: store,
    move: (id, event) => store(transition(known(id), event)),
    list: async ({ all }) =>
      [...approvals.values()]
        .filter(approval => all || approval.state === 'held')
        .sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1)),
    get: async id => approvals.get(id) ?? null,
    decide: async (id, { by, verdict, reason }) => {
      const decision = {
        approval: id,
        digest: known(id).digest,
        request: requestDigest(known(id)),
        verdict,
        by,
        groups: ['dba'],
        reason,
        at: new Date(clock()).toISOString(),
      };
      const signed = { decision, keyId: 'test', algorithm: 'Ed25519' as const, signature: 'dGVzdA==' };
      return store(transition(known(id), { kind: 'decide', signed }));
    },
    subscribe: changed => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
  };
}

const noEffects: Effects = {
  commands: ['delete'],
  reads: ['public.orders'],
  writes: ['public.orders'],
  functions: [],
  withoutWhere: false,
  keyed: false,
  rows: null,
  outside: false,
  unknown: [],
  readOnly: false,
};

/** A held approval whose digest really covers its statement. */
export function heldApproval(
  id: string,
  more: Partial<Omit<Approval, 'statement' | 'effects'>> & {
    statement?: Partial<Statement>;
    effects?: Partial<Effects>[];
  } = {},
): Approval {
  const createdAt = more.createdAt ?? new Date().toISOString();
  const statement: Statement = {
    protocol: 'simple',
    text: 'DELETE FROM orders WHERE placed_at < now()',
    parameters: [],
    resultFormats: [],
    target: 'shop',
    database: 'shop',
    role: 'app_rw',
    settings: { search_path: '"$user", public', TimeZone: 'UTC', DateStyle: 'ISO, MDY' },
    transaction: 'idle',
    policyVersion: 'b'.repeat(64),
    ...more.statement,
  };
  return {
    id,
    state: 'held',
    outcome: '',
    session: 's-1',
    requester: {
      issuer: 'https://issuer.test',
      subject: 'agent-7',
      email: 'agent-7@example.com',
      groups: ['agents'],
      expires: 2_000_000_000,
    },
    target: 'shop',
    releases: 'parked',
    digest: statementDigest(statement),
    createdAt,
    deadline: new Date(Date.parse(createdAt) + 600_000).toISOString(),
    decisions: [],
    requirements: [
      {
        rule: 'writes-are-held',
        approvers: ['dba'],
        quorum: 1,
        deadlineSeconds: 600,
        mode: 'wait',
        waitSeconds: 600,
        grantSeconds: 600,
        message: 'Writes need a second pair of eyes.',
      },
    ],
    ...more,
    statement,
    effects: (more.effects ?? [{}]).map(one => ({ ...noEffects, ...one })),
  };
}

/** One session's chain with true hashes, and a reader that re-hashes it. */
export function fakeAudit(
  entries: readonly (readonly [AuditKind, AuditEvent['body']])[] = [],
): AuditReader & { events_: AuditEvent[] } {
  const events_: AuditEvent[] = [];
  for (const [seq, [kind, body]] of entries.entries()) {
    const open = {
      v: 1 as const,
      session: 's-1',
      seq,
      at: new Date(1_795_000_000_000 + seq * 40).toISOString(),
      kind,
      body,
      prev: events_.at(-1)?.hash ?? '0'.repeat(64),
    };
    events_.push(auditEvent.parse({ ...open, hash: hashOf(open) }));
  }
  return {
    events_,
    sessions: async () =>
      events_.length === 0
        ? []
        : [
            {
              session: 's-1',
              openedAt: events_[0]!.at,
              closedAt: null,
              subject: 'agent-7',
              email: 'agent-7@example.com',
              target: 'shop',
              role: 'app_rw',
              statements: 2,
              held: 1,
              refused: 0,
              events: events_.length,
            },
          ],
    events: async session => (session === 's-1' ? events_ : []),
    verify: async () => {
      const findings = events_
        .filter(({ hash, ...rest }) => hash !== hashOf(rest))
        .map(event => ({
          fault: 'altered',
          where: `s-1 ${event.seq}`,
          what: 'its hash is not that of its content',
        }));
      return { sessions: 1, events: events_.length, checkpoints: 1, unsealed: 0, findings };
    },
  };
}

function hashOf(event: Omit<AuditEvent, 'hash'>): string {
  return sha256(canonical(event as unknown as Json));
}
