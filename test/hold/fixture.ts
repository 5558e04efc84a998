import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { LocalApprovals } from '#functions/local/approvals.ts';
import { openDecisionSigner } from '#functions/local/decision-signer.ts';
import { createHolds, type Hold, type ParkInput } from '#proxy/hold/hold.ts';
import { approvalId } from '#proxy/hold/id.ts';
import type { HoldResult } from '#proxy/hold/outcome.ts';
import { openDecisionVerifier } from '#proxy/local/decision-verifier.ts';
import type { Approvals, DecisionVerifier } from '#proxy/ports.ts';
import type { Approval, Requirement } from '#schemas/approval.ts';
import type { Effects } from '#schemas/effects.ts';
import type { Principal } from '#schemas/principal.ts';
import { type Statement, statementDigest } from '#schemas/statement.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';

export const NOW = Date.parse('2026-03-01T12:00:00Z');

export const requester: Principal = {
  issuer: 'https://issuer.example',
  subject: 'ci-7',
  email: 'dev@example.com',
  groups: ['agents'],
  expires: NOW / 1000 + 3600,
};

export const statement: Statement = {
  protocol: 'extended',
  text: 'delete from orders where id = $1',
  parameters: [{ format: 'text', type: 23, value: '7' }],
  resultFormats: [],
  target: 'shop',
  database: 'shop',
  role: 'app',
  settings: { search_path: 'public' },
  transaction: 'idle',
  policyVersion: 'p1',
};

export const effects: Effects = {
  commands: ['delete'],
  reads: [],
  writes: ['public.orders'],
  functions: [],
  withoutWhere: false,
  keyed: true,
  rows: 1,
  outside: false,
  unknown: [],
  readOnly: false,
};

export const requirement = (more: Partial<Requirement> = {}): Requirement => ({
  rule: 'deletes',
  approvers: ['approvers'],
  quorum: 1,
  deadlineSeconds: 600,
  mode: 'wait',
  waitSeconds: more.deadlineSeconds ?? 600,
  grantSeconds: 600,
  message: 'a human has to look',
  ...more,
});

/** An approval as the proxy would open it. */
export const heldApproval = (id: string, requirements = [requirement()]): Approval => ({
  id,
  state: 'held',
  outcome: '',
  session: 's1',
  requester,
  target: 'shop',
  releases: 'parked',
  statement,
  digest: statementDigest(statement),
  effects: [effects],
  requirements,
  createdAt: new Date(NOW).toISOString(),
  deadline: new Date(NOW + 600_000).toISOString(),
  decisions: [],
});

/** dev is in the group on purpose: a requester who is an approver still cannot approve their own statement. */
const GROUPS: Record<string, string[]> = {
  'ann@example.com': ['approvers', 'owners'],
  'bob@example.com': ['approvers'],
  'dev@example.com': ['approvers', 'owners'],
};

/** The real store, signer and verifier on files, and the hold stage over them (or over what `wrap` makes of them). */
export function holdFixture(
  wrap: (real: { approvals: Approvals; verifier: DecisionVerifier }) => {
    approvals?: Approvals;
    verifier?: DecisionVerifier;
  } = () => ({}),
) {
  const dir = tempDir('hold');
  const time = { now: NOW };
  const clock = () => time.now;
  const groupsOf = (email: string) => GROUPS[email] ?? [];
  const signer = openDecisionSigner(dir);
  const path = join(dir, 'approvals.db');
  const book = new LocalApprovals({ path, signer, groupsOf, clock });
  const verifier = openDecisionVerifier(join(dir, 'keys', 'decision.pub'));
  const troubles: unknown[] = [];
  const holds = createHolds({
    approvals: book,
    verifier,
    ...wrap({ approvals: book, verifier }),
    clock,
    newId: () => approvalId(randomBytes),
    groupsOf,
    trouble: error => troubles.push(error),
    room: { full: () => null, enter: () => () => {} },
    answerMs: 3_600_000,
  });
  return {
    dir,
    path,
    time,
    clock,
    groupsOf,
    signer,
    book,
    verifier,
    holds,
    troubles,
    park: (more: Partial<ParkInput> = {}) => park(holds, more),
    approve: (id: string, by = 'ann@example.com') => book.decide(id, { by, verdict: 'approve', reason: '' }),
    deny: (id: string, by = 'ann@example.com', reason = '') =>
      book.decide(id, { by, verdict: 'deny', reason }),
    stateOf: async (id: string) => (await book.get(id))?.state ?? null,
    close: () => book.close(),
  };
}

/** Parks one statement and keeps what the stage says of it. */
export function park(holds: ReturnType<typeof createHolds>, more: Partial<ParkInput> = {}) {
  const results: HoldResult[] = [];
  const decided: { by: string; verified: boolean }[] = [];
  let open = false;
  const hold: Hold = holds.park({
    session: 's1',
    requester,
    statement,
    effects: [effects],
    requirements: [requirement()],
    ...more,
    opened: approval => {
      open = true;
      more.opened?.(approval);
    },
    decided: (signed, verified) => {
      decided.push({ by: signed.decision.by, verified });
      more.decided?.(signed, verified);
    },
    ended: result => {
      results.push(result);
      more.ended?.(result);
    },
  });
  return {
    hold,
    id: hold.approval.id,
    results,
    decided,
    opened: () => waitFor(() => open, { what: 'the approval is open' }),
    ended: () => waitFor(() => results[0], { what: 'the hold has ended' }),
  };
}

/** Lets everything run that is ready to run, so that "nothing has happened" can be said. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve));
}
