import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SessionRules } from '#functions/local/audit-rules.ts';
import type { Requirement } from '#schemas/approval.ts';
import type { AuditBody, AuditEvent, AuditKind } from '#schemas/audit.ts';
import { type Statement, statementDigest } from '#schemas/statement.ts';
import { DIGEST, decided, hold, opened, outcome, statement } from './support.ts';

type Step = { [K in AuditKind]: [K, AuditBody<K>] }[AuditKind];

const OPEN: Step = ['session.open', opened];
const approved = (n: number): Step => ['hold.end', { n, approval: 'ap-1', state: 'approved', why: '' }];
const held = (n: number): Step => ['statement', statement(n, { verdict: 'hold' })];

/** The faults of a session with these events. */
function faults(steps: readonly Step[], session = 's'): string[] {
  const rules = new SessionRules();
  const found: string[] = [];
  for (const [seq, [kind, body]] of steps.entries()) {
    const event: AuditEvent = {
      v: 1,
      session,
      seq,
      at: '2030-01-01T00:00:00.000Z',
      kind,
      body: body as AuditEvent['body'],
      prev: '',
      hash: '',
    };
    const breach = rules.next(event);
    if (breach !== null) found.push(breach.fault);
  }
  return found;
}

test('the ordinary courses of a statement are sound', () => {
  const forward: Step = ['forward', { n: 1 }];
  assert.deepEqual(faults([OPEN, ['statement', statement(1)], forward, ['outcome', outcome(1)]]), []);
  assert.deepEqual(faults([OPEN, ['statement', statement(1)], forward]), [], 'an outcome that never came');
  assert.deepEqual(
    faults([OPEN, ['statement', statement(1)], ['outcome', outcome(1, { status: 'skipped' })]]),
    [],
  );
  assert.deepEqual(
    faults([
      OPEN,
      held(1),
      ['hold', hold(1)],
      ['decision', decided(1)],
      approved(1),
      forward,
      ['outcome', outcome(1)],
    ]),
    [],
  );
  assert.deepEqual(
    faults([
      OPEN,
      held(1),
      ['hold', hold(1)],
      ['hold.end', { n: 1, approval: 'ap-1', state: 'withdrawn', why: 'client left' }],
      ['outcome', outcome(1, { status: 'refused' })],
      ['session.close', { reason: '', statements: 1 }],
    ]),
    [],
  );
  assert.deepEqual(faults([['ledger.recovered', { entries: 3, unsealed: 1 }]], 'ledger'), []);
});

test('a pipeline of several statements may end in any order that the protocol gives', () => {
  assert.deepEqual(
    faults([
      OPEN,
      ['statement', statement(1)],
      ['statement', statement(2)],
      ['forward', { n: 1 }],
      ['forward', { n: 2 }],
      ['outcome', outcome(1)],
      ['outcome', outcome(2, { status: 'lost' })],
    ]),
    [],
  );
});

const wrong: { what: string; fault: string; steps: Step[] }[] = [
  { what: 'a session that nobody opened', fault: 'missing', steps: [['statement', statement(1)]] },
  { what: 'a session opened twice', fault: 'duplicated', steps: [OPEN, OPEN] },
  { what: 'a forward without its statement', fault: 'missing', steps: [OPEN, ['forward', { n: 1 }]] },
  {
    what: 'a forward before its statement',
    fault: 'missing',
    steps: [
      OPEN,
      ['forward', { n: 1 }],
      ['statement', statement(1)],
      ['outcome', outcome(1, { status: 'refused' })],
    ],
  },
  {
    what: 'two forwards of one statement',
    fault: 'duplicated',
    steps: [OPEN, ['statement', statement(1)], ['forward', { n: 1 }], ['forward', { n: 1 }]],
  },
  {
    what: 'a forward after the outcome',
    fault: 'reordered',
    steps: [
      OPEN,
      ['statement', statement(1)],
      ['forward', { n: 1 }],
      ['outcome', outcome(1)],
      ['forward', { n: 1 }],
    ],
  },
  {
    what: 'an outcome without forward',
    fault: 'missing',
    steps: [OPEN, ['statement', statement(1)], ['outcome', outcome(1)]],
  },
  { what: 'an outcome without statement', fault: 'missing', steps: [OPEN, ['outcome', outcome(1)]] },
  {
    what: 'two outcomes',
    fault: 'duplicated',
    steps: [
      OPEN,
      ['statement', statement(1)],
      ['forward', { n: 1 }],
      ['outcome', outcome(1)],
      ['outcome', outcome(1)],
    ],
  },
  {
    what: 'a statement number used twice',
    fault: 'duplicated',
    steps: [OPEN, ['statement', statement(1)], ['statement', statement(1)]],
  },
  {
    what: 'a denied statement that was forwarded',
    fault: 'forbidden',
    steps: [OPEN, ['statement', statement(1, { verdict: 'deny' })], ['forward', { n: 1 }]],
  },
  {
    what: 'a hold of a statement that was not held',
    fault: 'forbidden',
    steps: [OPEN, ['statement', statement(1)], ['hold', hold(1)]],
  },
  {
    what: 'a hold of another digest',
    fault: 'forbidden',
    steps: [OPEN, held(1), ['hold', hold(1, { digest: '00'.repeat(32) })]],
  },
  { what: 'a decision without hold', fault: 'missing', steps: [OPEN, held(1), ['decision', decided(1)]] },
  { what: 'the end of a hold that never began', fault: 'missing', steps: [OPEN, held(1), approved(1)] },
  {
    what: 'a hold that ends twice',
    fault: 'duplicated',
    steps: [OPEN, held(1), ['hold', hold(1)], ['decision', decided(1)], approved(1), approved(1)],
  },
  {
    what: 'a recovery in a session of an agent',
    fault: 'reordered',
    steps: [['ledger.recovered', { entries: 1, unsealed: 0 }]],
  },
];

for (const { what, fault, steps } of wrong)
  test(`${what} is found`, () => assert.deepEqual(faults(steps), [fault]));

const FORWARD: Step = ['forward', { n: 1 }];
const two: Requirement = {
  rule: 'deletes',
  approvers: ['approvers', 'email:boss@example.com'],
  quorum: 2,
  deadlineSeconds: 60,
  mode: 'wait',
  waitSeconds: 60,
  grantSeconds: 60,
  message: '',
};

const unapproved: { what: string; steps: Step[] }[] = [
  { what: 'without a hold', steps: [OPEN, held(1), FORWARD] },
  {
    what: 'before its hold has ended',
    steps: [OPEN, held(1), ['hold', hold(1)], ['decision', decided(1)], FORWARD],
  },
  {
    what: 'after its hold was withdrawn',
    steps: [
      OPEN,
      held(1),
      ['hold', hold(1)],
      ['decision', decided(1)],
      ['hold.end', { n: 1, approval: 'ap-1', state: 'withdrawn', why: '' }],
      FORWARD,
    ],
  },
  { what: 'without any decision', steps: [OPEN, held(1), ['hold', hold(1)], approved(1), FORWARD] },
  ...(
    [
      ['by a decision that did not verify', decided(1, {}, false)],
      ['by a decision about another statement', decided(1, { digest: '00'.repeat(32) })],
      ['by a decision of another approval', decided(1, { approval: 'ap-2' })],
      ['by a no', decided(1, { verdict: 'deny' })],
      ['by its own requester', decided(1, { by: 'agent-1@example.com' })],
      ['by its own requester under the subject', decided(1, { by: 'agent-1' })],
      ['by a decision after the deadline', decided(1, { at: '2030-01-01T00:10:01.000Z' })],
    ] as const
  ).map(([what, decision]): { what: string; steps: Step[] } => ({
    what,
    steps: [OPEN, held(1), ['hold', hold(1)], ['decision', decision], approved(1), FORWARD],
  })),
  {
    what: 'by fewer people than its rule asks for, one of them twice',
    steps: [
      OPEN,
      held(1),
      ['hold', hold(1, { requirements: [two] })],
      ['decision', decided(1)],
      ['decision', decided(1, { groups: ['approvers', 'others'] })],
      approved(1),
      FORWARD,
    ],
  },
];

for (const { what, steps } of unapproved)
  test(`a held statement forwarded ${what} is found`, () => assert.deepEqual(faults(steps), ['unapproved']));

test('what the pipeline does when the ledger is down for a moment is sound', () => {
  const withdrawn: Step = ['hold.end', { n: 1, approval: 'ap-1', state: 'withdrawn', why: 'not recorded' }];
  const refused: Step = ['outcome', outcome(1, { status: 'refused' })];
  assert.deepEqual(faults([OPEN, held(1), withdrawn, refused]), [], 'the hold was not taken');
  assert.deepEqual(faults([OPEN, refused, ['statement', statement(2)]]), [], 'the statement was not taken');
  assert.deepEqual(
    faults([OPEN, ['statement', statement(1)], FORWARD, refused]),
    [],
    'the forward came too late',
  );
});

test('a text that is only parsed needs no approval', () => {
  const parse: Step = ['statement', statement(1, { protocol: 'parse', verdict: 'hold', digest: '' })];
  assert.deepEqual(faults([OPEN, parse, FORWARD, ['outcome', outcome(1)]]), []);
});

test('a hold that carries its statement is checked against it: digest, text and values', () => {
  const asked = statement(1, { verdict: 'hold', digest: '' });
  const full: Statement = {
    protocol: 'simple',
    text: asked.text,
    parameters: [],
    resultFormats: [],
    target: 'shop',
    database: 'shop',
    role: 'app',
    settings: { search_path: 'public' },
    transaction: 'idle',
    policyVersion: 'abc',
  };
  const holding = (shown: Statement, digest: string): string[] =>
    faults([OPEN, ['statement', asked], ['hold', hold(1, { statement: shown, digest })]]);
  assert.deepEqual(holding(full, statementDigest(full)), []);
  assert.deepEqual(holding(full, DIGEST), ['forbidden']);
  const other = { ...full, text: 'DELETE FROM customers' };
  assert.deepEqual(holding(other, statementDigest(other)), ['forbidden']);
  const valued: Statement = { ...full, parameters: [{ format: 'text', type: 0, value: '1' }] };
  assert.deepEqual(holding(valued, statementDigest(valued)), ['forbidden']);
});

test('a quorum is met by distinct people', () => {
  const steps: Step[] = [
    OPEN,
    held(1),
    ['hold', hold(1, { requirements: [two] })],
    ['decision', decided(1)],
    ['decision', decided(1, { by: 'boss@example.com', groups: [] })],
    approved(1),
    FORWARD,
  ];
  assert.deepEqual(faults(steps), []);
});

/** Steps of one session after another, in one log. */
function faultsTogether(sessions: readonly (readonly Step[])[], at = '2030-01-01T00:00:00.000Z'): string[] {
  const used = new Set<string>();
  return sessions.flatMap((steps, i) => {
    const rules = new SessionRules(null, used);
    return steps.flatMap(([kind, body], seq) => {
      const event = { v: 1 as const, session: `s${i}`, seq, at, kind, prev: '', hash: '' };
      const breach = rules.next({ ...event, body: body as AuditEvent['body'] });
      return breach === null ? [] : [breach.fault];
    });
  });
}

const grant = (releases: 'once' | 'session'): Step[] => [
  ['hold', hold(1, { releases, requirements: [{ ...two, quorum: 1 }] })],
  ['decision', decided(1)],
  approved(1),
];
const once: Step[] = [OPEN, held(1), ...grant('once'), FORWARD, ['outcome', outcome(1)]];

test('what was asked for in another session shows its approval where it runs, and one approval runs one statement', () => {
  const asked: Step[] = [
    OPEN,
    held(1),
    ['hold', hold(1, { releases: 'once' })],
    ['hold.end', { n: 1, approval: 'ap-1', state: 'returned', why: '' }],
  ];
  const told: Step = ['outcome', outcome(1, { status: 'refused' })];
  assert.deepEqual(faultsTogether([[...asked, told], once]), []);
  assert.deepEqual(faultsTogether([[...asked, FORWARD]]), ['unapproved'], 'returned is not approved');
  assert.deepEqual(faultsTogether([once, once]), ['unapproved'], 'used twice');
  assert.deepEqual(faultsTogether([once], '2030-01-01T01:00:00.000Z'), ['unapproved'], 'long after its time');
});

test('a session that needs approval shows it before anything else runs, and until its end', () => {
  const open: Step = ['session.open', { ...opened, approval: 'ap-1' }];
  const entry: Step = ['statement', statement(1, { verdict: 'hold', protocol: 'session' })];
  const let_in: Step[] = [open, entry, ...grant('session'), FORWARD, ['outcome', outcome(1)]];
  const runs: Step[] = [
    ['statement', statement(2)],
    ['forward', { n: 2 }],
    ['outcome', outcome(2)],
  ];
  const revoked: Step = ['decision', decided(1, { verdict: 'revoke' })];
  const closed: Step = ['session.close', { reason: '', statements: 2 }];
  assert.deepEqual(faultsTogether([[...let_in, ...runs, revoked, closed]]), []);
  assert.deepEqual(
    faultsTogether([
      [...let_in, ...runs],
      [...let_in, ...runs],
    ]),
    [],
    'several sessions by one approval',
  );
  assert.deepEqual(faultsTogether([[open, ...runs]]), ['unapproved'], 'no approval is shown');
  assert.deepEqual(faultsTogether([[...let_in.slice(0, -3), FORWARD, ...runs]]), [
    'unapproved',
    'unapproved',
  ]);
  const other: Step = ['session.open', { ...opened, approval: 'ap-2' }];
  assert.deepEqual(
    faultsTogether([[other, ...let_in.slice(1), ...runs]]),
    ['unapproved'],
    'another approval',
  );
  assert.deepEqual(faultsTogether([[open, ['statement', statement(1)], entry]]), ['duplicated']);
  const late: Step = ['statement', statement(2, { verdict: 'hold', protocol: 'session' })];
  assert.deepEqual(faultsTogether([[OPEN, ['statement', statement(1)], late]]), ['forbidden']);
  assert.deepEqual(faultsTogether([[OPEN, ['statement', statement(1)], revoked]]), ['missing']);
});
