import assert from 'node:assert/strict';
import { after, describe, mock, test } from 'node:test';
import fc from 'fast-check';
import type { Approvals, DecisionVerifier } from '#proxy/ports.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { holdFixture, NOW, requirement, settle } from './fixture.ts';

/** Every call of store and verifier waits twice at this gate: on its way there, and with its answer on the way back. */
let gate: (label: string) => Promise<void> = async () => {};

function gated({ approvals, verifier }: { approvals: Approvals; verifier: DecisionVerifier }) {
  const twice = async <T>(label: string, work: () => Promise<T>): Promise<T> => {
    await gate(`${label} sent`);
    const answer = await work().then(
      value => ({ value }),
      (error: unknown) => ({ error }),
    );
    await gate(`${label} answered`);
    if ('error' in answer) throw answer.error;
    return answer.value;
  };
  return {
    approvals: {
      open: a => twice('open', () => approvals.open(a)),
      end: (id, event) => twice('end', () => approvals.end(id, event)),
      claim: (id, digest) => twice('claim', () => approvals.claim(id, digest)),
      stands: (id, digest) => approvals.stands(id, digest),
      find: key => approvals.find(key),
      watch: (id, changed) => {
        let live = true;
        const stop = approvals.watch(id, a => void gate('news').then(() => live && changed(a)));
        return () => {
          live = false;
          stop();
        };
      },
    } satisfies Approvals,
    verifier: { verify: s => twice('verify', () => verifier.verify(s)) } satisfies DecisionVerifier,
  };
}

const f = holdFixture(gated);
after(() => f.close());

test('approval, withdrawal and deadline in any order and at any moment: released means executed, withdrawn first means never', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const ends = new Map<string, number>();
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.subarray(['approve', 'deny', 'withdraw', 'deadline'] as const),
        async (s, actions) => {
          f.time.now = NOW;
          gate = label => s.schedule(Promise.resolve(), label).then(() => {});
          const parked = f.park();
          let overBy = '';
          const act = {
            approve: () =>
              f.approve(parked.id).then(
                () => {},
                () => {},
              ),
            deny: () =>
              f.deny(parked.id, 'bob@example.com').then(
                () => {},
                () => {},
              ),
            withdraw: async () => {
              if (parked.hold.withdraw('the agent is gone', 'hold_withdrawn')) overBy = 'withdraw';
              assert.equal(parked.results.length, 1, 'a withdrawal ends the hold there and then');
            },
            deadline: async () => {
              const open = parked.results.length === 0;
              f.time.now = NOW + 600_000;
              mock.timers.tick(600_000);
              if (open) overBy = 'deadline';
              assert.equal(parked.results.length, 1, 'the deadline ends the hold there and then');
            },
          };
          const acting = actions.map(a => s.schedule(Promise.resolve(), a).then(act[a]));
          await s.waitIdle();
          await Promise.all(acting);
          await s.waitIdle();
          // Nothing is left to happen but an end, where nothing has ended it.
          if (parked.results.length === 0) {
            parked.hold.withdraw('end of run', 'hold_withdrawn');
            await s.waitIdle();
          }
          const [result, ...more] = parked.results;
          assert.equal(more.length, 0);
          assert(result !== undefined);
          const state = await f.stateOf(parked.id);
          ends.set(
            `${result.kind} ${result.state} ${state}`,
            (ends.get(`${result.kind} ${result.state} ${state}`) ?? 0) + 1,
          );
          if (overBy !== '') assert.equal(result.kind, 'refused');
          if (result.kind === 'released') assert.equal(state, 'executed');
          else
            assert.notEqual(state, 'executed', 'nothing ran, and the store must not say that something did');
          if (overBy === 'withdraw') {
            assert.equal(result.state, 'withdrawn');
            assert(state === 'withdrawn' || state === 'denied', `${state}`);
          }
          if (overBy === 'deadline')
            assert(['expired', 'withdrawn', 'denied'].includes(state ?? ''), `${state}`);
          assert.equal(f.holds.size, 0);
        },
      ),
      { numRuns: 600, seed: 11 },
    );
  } finally {
    gate = async () => {};
    f.time.now = NOW;
    mock.timers.reset();
  }
  assert.deepEqual(f.troubles, []);
  for (const end of [
    'released approved executed',
    'refused withdrawn withdrawn',
    'refused expired expired',
    'refused denied denied',
  ])
    assert((ends.get(end) ?? 0) > 5, `${end} came ${ends.get(end) ?? 0} times: ${JSON.stringify([...ends])}`);
});

describe('the deadline is the proxy’s own', () => {
  test('without a decision the hold expires, and later decisions are refused', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const parked = f.park();
    await settle();
    f.time.now += 599_999;
    t.mock.timers.tick(599_999);
    assert.equal(parked.results.length, 0);
    f.time.now += 1;
    t.mock.timers.tick(1);
    const [result] = parked.results;
    assert(result?.kind === 'refused');
    assert.equal(result.fault.code, 'hold_expired');
    assert.match(result.fault.detail ?? '', /nobody decided before 2026-03-01T12:10:00/);
    await settle();
    assert.equal(await f.stateOf(parked.id), 'expired');
    await assert.rejects(f.approve(parked.id), /expired and can no longer be decided/);
    f.time.now = NOW;
  });

  test('a deadline of months does not overflow the timer', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const days = 86_400;
    const parked = f.park({
      requirements: [requirement({ deadlineSeconds: 60 * days })],
    });
    for (let day = 1; day < 60; day++) t.mock.timers.tick(days * 1000);
    assert.equal(parked.results.length, 0);
    // A mocked timer is armed again from the end of the tick in which it fired: up to a day late each time.
    for (let day = 60; day < 64; day++) t.mock.timers.tick(days * 1000);
    assert.equal(parked.results[0]?.state, 'expired');
  });

  test('setting the clock back prolongs nothing', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const parked = f.park();
    f.time.now -= 86_400_000;
    t.mock.timers.tick(600_000);
    assert.equal(parked.results[0]?.state, 'expired');
    f.time.now = NOW;
  });
});

describe('a store that fails refuses the statement:', () => {
  const dead = new HoldpointError('hold_unavailable');
  const failures: [string, (real: Approvals) => Partial<Approvals>][] = [
    ['open rejects', () => ({ open: () => Promise.reject(dead) })],
    [
      'open throws',
      () => ({
        open: () => {
          throw new Error('no socket');
        },
      }),
    ],
    [
      'watch throws',
      () => ({
        watch: () => {
          throw new Error('no socket');
        },
      }),
    ],
    ['claim rejects', () => ({ claim: () => Promise.reject(dead) })],
    ['claim gives no boolean', () => ({ claim: async () => 'yes' as unknown as boolean })],
    ['claim is somebody else’s', () => ({ claim: async () => false })],
    [
      'claim succeeds and then fails',
      real => ({
        claim: async (id, digest) => {
          await real.claim(id, digest);
          throw dead;
        },
      }),
    ],
  ];
  for (const [name, broken] of failures)
    test(name, async () => {
      const g = holdFixture(({ approvals }) => ({
        approvals: {
          open: a => approvals.open(a),
          watch: (id, changed) => approvals.watch(id, changed),
          end: (id, event) => approvals.end(id, event),
          claim: (id, digest) => approvals.claim(id, digest),
          stands: (id, digest) => approvals.stands(id, digest),
          find: key => approvals.find(key),
          ...broken(approvals),
        },
      }));
      try {
        let asked = false;
        const parked = g.park({
          opened: () => {
            asked = true;
          },
        });
        await settle();
        if (asked && parked.results.length === 0) await g.approve(parked.id);
        const result = await parked.ended();
        assert(result.kind === 'refused');
        assert(['hold_unavailable', 'hold_withdrawn'].includes(result.fault.code), result.fault.code);
        await settle();
        assert(['withdrawn', null].includes(await g.stateOf(parked.id)), `${await g.stateOf(parked.id)}`);
        assert.equal(g.holds.size, 0);
      } finally {
        g.close();
      }
    });

  test('one that never answers, within the time that an answer has', async t => {
    for (const silent of ['open', 'claim', 'verify'] as const) {
      const never = () => new Promise<never>(() => {});
      const g = holdFixture(({ approvals, verifier }) => ({
        approvals: {
          open: silent === 'open' ? never : a => approvals.open(a),
          watch: (id, changed) => approvals.watch(id, changed),
          end: (id, event) => approvals.end(id, event),
          claim: silent === 'claim' ? never : (id, digest) => approvals.claim(id, digest),
          stands: (id, digest) => approvals.stands(id, digest),
          find: key => approvals.find(key),
        },
        verifier: silent === 'verify' ? { verify: never } : verifier,
      }));
      t.mock.timers.enable({ apis: ['setTimeout'] });
      try {
        const parked = g.park({
          requirements: [requirement({ deadlineSeconds: 9000 })],
        });
        await settle();
        if (silent !== 'open') await g.approve(parked.id);
        await settle();
        assert.equal(parked.results.length, 0);
        t.mock.timers.tick(3_600_000);
        await settle();
        assert(parked.results[0]?.kind === 'refused');
        assert.equal(parked.results[0].fault.code, 'hold_unavailable');
      } finally {
        t.mock.timers.reset();
        g.close();
      }
    }
  });

  test('a store that cannot be told of the end is reported, once', async () => {
    const g = holdFixture(({ approvals }) => ({
      approvals: {
        open: a => approvals.open(a),
        watch: (id, changed) => approvals.watch(id, changed),
        claim: (id, digest) => approvals.claim(id, digest),
        stands: (id, digest) => approvals.stands(id, digest),
        find: key => approvals.find(key),
        end: () => Promise.reject(dead),
      },
    }));
    const parked = g.park();
    await parked.opened();
    parked.hold.withdraw('gone', 'cancelled');
    await settle();
    assert(parked.results[0]?.kind === 'refused');
    assert.equal(parked.results[0].fault.sqlstate, '57014');
    assert.deepEqual(g.troubles, [dead]);
    g.close();
  });

  test('a ledger that refuses the decision’s event refuses the statement with its own code', async () => {
    const parked = f.park({
      decided: () => {
        throw new HoldpointError('ledger_unavailable');
      },
    });
    await parked.opened();
    await f.approve(parked.id);
    const result = await parked.ended();
    assert(result.kind === 'refused');
    assert.equal(result.fault.code, 'ledger_unavailable');
    await settle();
    assert.equal(await f.stateOf(parked.id), 'withdrawn');
  });
});
