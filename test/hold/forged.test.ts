import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Approvals } from '#proxy/ports.ts';
import type { Approval } from '#schemas/approval.ts';
import { type Decision, decisionBytes, type SignedDecision } from '#schemas/decision.ts';
import { requestDigest } from '#schemas/request.ts';
import { statementDigest } from '#schemas/statement.ts';
import { effects, holdFixture, NOW, requester, requirement, settle, statement } from './fixture.ts';

/** A store whose owner says whatever they like, and grants every claim. */
function lyingStore() {
  let tell: (approval: Approval) => void = () => {};
  let opened: Approval | null = null;
  const claims: string[] = [];
  const approvals: Approvals = {
    open: async a => {
      opened = a;
    },
    watch: (_, changed) => {
      tell = changed;
      return () => {};
    },
    end: async () => {},
    find: async () => null,
    claim: async id => {
      claims.push(id);
      return true;
    },
    stands: async () => true,
  };
  return {
    approvals,
    claims,
    request: () => {
      assert(opened !== null);
      return requestDigest(opened);
    },
    say: (more: Partial<Approval>) => {
      assert(opened !== null);
      tell({ ...opened, ...more });
    },
  };
}

let store: ReturnType<typeof lyingStore>;
let f: ReturnType<typeof holdFixture>;
beforeEach(() => {
  store = lyingStore();
  f = holdFixture(() => ({ approvals: store.approvals }));
});
afterEach(() => f.close());

const decisionOn = (id: string, more: Partial<Decision> = {}): Decision => ({
  approval: id,
  digest: statementDigest(statement),
  request: store.request(),
  verdict: 'approve',
  by: 'ann@example.com',
  groups: ['approvers'],
  reason: '',
  at: new Date(NOW + 1000).toISOString(),
  ...more,
});

async function parkedWith(quorum = 1) {
  const parked = f.park({ requirements: [requirement({ quorum })] });
  await parked.opened();
  return parked;
}

async function unreleased(parked: Awaited<ReturnType<typeof parkedWith>>, code = 'decision_unverified') {
  const result = await parked.ended();
  assert(result.kind === 'refused', 'released');
  assert.equal(result.fault.code, code);
  assert.match(result.fault.hint ?? '', new RegExp(parked.id));
  assert.deepEqual(store.claims, [], 'claimed');
}

describe('whatever the store says, nothing is released', () => {
  test('by the state alone', async () => {
    const parked = await parkedWith();
    store.say({ state: 'approved', outcome: 'approved by ann@example.com' });
    await unreleased(parked);
  });

  test('by requirements that it has lowered', async () => {
    const parked = await parkedWith(2);
    const decisions = [f.signer(decisionOn(parked.id))];
    store.say({ state: 'approved', decisions, requirements: [requirement({ quorum: 1 })] });
    await unreleased(parked);
  });

  test('by a requester that it has renamed', async () => {
    const parked = await parkedWith();
    const decisions = [f.signer(decisionOn(parked.id, { by: 'dev@example.com' }))];
    const requester = { ...parked.hold.approval.requester, email: 'else@example.com', subject: 'else' };
    store.say({ state: 'approved', decisions, requester });
    await unreleased(parked);
  });

  test('by somebody who was shown another requester, other effects or another sentence of the rule', async () => {
    for (const shown of [
      { requester: { ...requester, subject: 'somebody-trusted' } },
      { effects: [{ ...effects, rows: 0 }] },
      { requirements: [requirement({ message: 'routine, approve at once' })] },
    ]) {
      const parked = await parkedWith();
      const request = requestDigest({ ...parked.hold.approval, ...shown });
      store.say({ state: 'approved', decisions: [f.signer(decisionOn(parked.id, { request }))] });
      await unreleased(parked);
    }
  });

  test('by a decision that does not say what was shown', async () => {
    const parked = await parkedWith();
    const { request: _, ...before } = decisionOn(parked.id);
    store.say({ state: 'approved', decisions: [f.signer(before)] });
    await unreleased(parked);
  });

  test('by a later deadline', async () => {
    const parked = await parkedWith();
    const late = decisionOn(parked.id, { at: new Date(NOW + 600_001).toISOString() });
    store.say({
      state: 'approved',
      decisions: [f.signer(late)],
      deadline: new Date(NOW + 9e6).toISOString(),
    });
    await unreleased(parked);
  });

  test('by a grant that somebody else has used', async () => {
    const parked = await parkedWith();
    store.say({ state: 'executed', decisions: [f.signer(decisionOn(parked.id))] });
    await unreleased(parked);
  });

  test('by a denial that nobody signed: that ends it too, as unverified', async () => {
    const parked = await parkedWith();
    store.say({ state: 'denied', outcome: 'denied by the store' });
    await unreleased(parked);
  });

  test('while it says held, even with every decision there', async () => {
    const parked = await parkedWith();
    store.say({ state: 'held', decisions: [f.signer(decisionOn(parked.id))] });
    await settle();
    assert.equal(parked.results.length, 0);
    assert.deepEqual(store.claims, []);
    parked.hold.withdraw('end of test', 'hold_withdrawn');
  });
});

describe('a decision that does not hold up ends the hold:', () => {
  const spoil: [string, (good: SignedDecision, id: string) => SignedDecision][] = [
    ['verdict altered', s => ({ ...s, decision: { ...s.decision, reason: 'really' } })],
    ['person altered', s => ({ ...s, decision: { ...s.decision, by: 'bob@example.com' } })],
    ['groups added', s => ({ ...s, decision: { ...s.decision, groups: ['approvers', 'owners'] } })],
    ['time altered', s => ({ ...s, decision: { ...s.decision, at: new Date(NOW).toISOString() } })],
    ['signature cut', s => ({ ...s, signature: s.signature.slice(0, 80) })],
    ['signature empty', s => ({ ...s, signature: '' })],
    [
      'signature respelled',
      s => ({ ...s, signature: `${s.signature.replaceAll('+', '-').replaceAll('/', '_')}\n` }),
    ],
    ['another algorithm', s => ({ ...s, algorithm: 'ES256' })],
    ['another key id', s => ({ ...s, keyId: '0000000000000000' })],
    ['an unknown field', s => ({ ...s, decision: { ...s.decision, also: true } as Decision })],
    ['a field missing', s => ({ ...s, decision: { ...s.decision, at: undefined } as unknown as Decision })],
    [
      'signed by another key',
      (s, id) => {
        const { privateKey } = generateKeyPairSync('ed25519');
        const decision = decisionOn(id);
        return {
          ...s,
          decision,
          signature: sign(null, decisionBytes(decision), privateKey).toString('base64'),
        };
      },
    ],
    [
      'signed without the domain line',
      (s, id) => {
        const decision = decisionOn(id);
        const bare = decisionBytes(decision).subarray('holdpoint decision v1\n'.length);
        const { privateKey } = generateKeyPairSync('ed25519');
        return { ...s, decision, signature: sign(null, bare, privateKey).toString('base64') };
      },
    ],
  ];
  for (const [name, change] of spoil)
    test(name, async () => {
      const parked = await parkedWith();
      const bad = change(f.signer(decisionOn(parked.id)), parked.id);
      store.say({ state: 'approved', decisions: [bad] });
      await unreleased(parked);
      assert.deepEqual(
        parked.decided.map(d => d.verified),
        [false],
        'the record has the attempt',
      );
    });

  const signedButWrong: [string, (id: string) => Partial<Decision>[]][] = [
    ['for another approval', () => [{ approval: 'ap_0000000000' }]],
    ['over another digest', () => [{ digest: 'a'.repeat(64) }]],
    ['after the deadline', () => [{ at: new Date(NOW + 600_001).toISOString() }]],
    ['by the requester', () => [{ by: 'dev@example.com' }]],
    ['by the requester’s subject', () => [{ by: 'ci-7' }]],
    ['by somebody who is no approver', () => [{ by: 'eve@example.com', groups: ['staff'] }]],
    ['by a person in another spelling', () => [{ by: 'Ann@example.com' }]],
    ['twice by one person', () => [{}, { reason: 'again' }]],
    ['twice the same', () => [{}, {}]],
    ['after it was enough', () => [{}, { by: 'bob@example.com' }]],
  ];
  for (const [name, changes] of signedButWrong)
    test(name, async () => {
      const many = name.startsWith('twice') ? 2 : 1;
      const parked = await parkedWith(many);
      const decisions = changes(parked.id).map(c => f.signer(decisionOn(parked.id, c)));
      store.say({ state: 'approved', decisions });
      await unreleased(parked);
    });

  test('replayed from an earlier hold of the very same statement', async () => {
    const first = await parkedWith();
    const decisions = [f.signer(decisionOn(first.id))];
    store.say({ state: 'approved', decisions });
    assert.equal((await first.ended()).kind, 'released');
    store.claims.length = 0;
    const second = await parkedWith();
    store.say({ state: 'approved', decisions });
    await unreleased(second);
  });
});

test('the policy’s own groups make a person eligible where the signature names none', async () => {
  const parked = await parkedWith();
  store.say({ state: 'approved', decisions: [f.signer(decisionOn(parked.id, { groups: [] }))] });
  assert.equal((await parked.ended()).kind, 'released');
  assert.deepEqual(store.claims, [parked.id]);
});

test('news that come again and again lead to one claim and one release', async () => {
  const parked = await parkedWith();
  const decisions = [f.signer(decisionOn(parked.id))];
  for (let i = 0; i < 10; i++) store.say({ state: 'approved', decisions });
  await parked.ended();
  for (let i = 0; i < 10; i++) store.say({ state: 'approved', decisions });
  await settle();
  assert.deepEqual(store.claims, [parked.id]);
  assert.equal(parked.results.length, 1);
  assert.deepEqual(parked.decided, [{ by: 'ann@example.com', verified: true }]);
});

describe('approvals.db changed by hand', () => {
  const edit = (path: string, sql: string) => {
    const db = new DatabaseSync(path);
    try {
      db.exec(sql);
    } finally {
      db.close();
    }
  };

  test('to approved without decisions: nothing is released, not even when news come', async () => {
    const g = holdFixture();
    try {
      const parked = g.park();
      await parked.opened();
      edit(g.path, `update approvals set state = 'approved', outcome = 'approved by hand'`);
      await assert.rejects(g.approve(parked.id), /is approved and can no longer be decided/);
      await settle();
      assert.notEqual(parked.results[0]?.kind, 'released');
      // Another watcher’s arrival, a restart of the subscription: the proxy sees the state, and refuses it.
      const again = g.park({ requirements: [requirement({ quorum: 2 })] });
      await again.opened();
      await g.approve(again.id);
      edit(g.path, `update approvals set state = 'approved' where id = '${again.id}'; `);
      const own = await g.book.get(again.id);
      assert.equal(own?.state, 'approved');
      await settle();
      assert.equal(again.results.length, 0);
      g.holds.withdrawAll('end of test');
    } finally {
      g.close();
    }
  });

  test('before the proxy begins to watch: the flipped state is seen, and refused', async () => {
    const g = holdFixture(({ approvals }) => ({
      approvals: {
        open: async a => {
          await approvals.open(a);
          edit(g.path, `update approvals set state = 'approved' where id = '${a.id}'`);
        },
        watch: (id, changed) => approvals.watch(id, changed),
        end: (id, event) => approvals.end(id, event),
        claim: (id, digest) => approvals.claim(id, digest),
        stands: (id, digest) => approvals.stands(id, digest),
        find: key => approvals.find(key),
      },
    }));
    try {
      const parked = g.park();
      const result = await parked.ended();
      assert(result.kind === 'refused');
      assert.equal(result.fault.code, 'decision_unverified');
      assert.match(result.fault.detail ?? '', /the store says approved, its decisions do not/);
      await settle();
      assert.equal(await g.stateOf(parked.id), 'withdrawn');
    } finally {
      g.close();
    }
  });

  test('to another statement below the same digest: nobody can sign it', async () => {
    const g = holdFixture();
    try {
      const parked = g.park();
      await parked.opened();
      edit(g.path, `update approvals set body = json_set(body, '$.statement.text', 'select 1')`);
      await assert.rejects(g.approve(parked.id), /is not the one that is held/);
      assert.equal(parked.results.length, 0);
      g.holds.withdrawAll('end of test');
    } finally {
      g.close();
    }
  });

  test('to something that is no approval: errors name it, and nothing is released', async () => {
    const g = holdFixture();
    try {
      const parked = g.park();
      await parked.opened();
      edit(g.path, `update approvals set state = 'sure'`);
      await assert.rejects(g.book.get(parked.id), new RegExp(`${parked.id} cannot be read`));
      await assert.rejects(g.approve(parked.id), /cannot be read/);
      await assert.rejects(g.book.claim(parked.id, parked.hold.approval.digest), {
        code: 'hold_unavailable',
      });
      assert.equal(parked.results.length, 0);
      parked.hold.withdraw('end of test', 'hold_withdrawn');
      await settle();
      assert.equal(g.troubles.length, 1);
    } finally {
      g.close();
    }
  });
});
