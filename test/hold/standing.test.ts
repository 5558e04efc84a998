import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { grantEnd } from '#schemas/grant.ts';
import { effects, holdFixture, NOW, park, requester, requirement, settle, statement } from './fixture.ts';

const f = holdFixture();
after(() => f.close());

const requirements = [requirement({ mode: 'return', waitSeconds: 0, grantSeconds: 60 })];
/** Each test asks for another statement. */
function asking(text: string) {
  return {
    requester,
    statement: { ...statement, text },
    effects: [effects],
    requirements,
    releases: 'once' as const,
    gone: () => false,
  };
}
/** Asked for, returned, and approved at NOW. */
async function approved(text: string): Promise<string> {
  f.time.now = NOW;
  const { statement: asked } = asking(text);
  const parked = park(f.holds, { statement: asked, requirements });
  const result = await parked.ended();
  assert.equal(result.kind, 'returned');
  await f.approve(parked.id);
  return parked.id;
}

test('a grant is used to its last millisecond, counted from the decision, and not at its end', async () => {
  const id = await approved('delete 1');
  const end = grantEnd((await f.book.get(id))!);
  assert.equal(end, NOW + 60_000);
  f.time.now = NOW + 60_000;
  assert.equal((await f.holds.standing(asking('delete 1'))).kind, 'none');
  assert.equal(await f.stateOf(id), 'expired');
  const other = await approved('delete 2');
  f.time.now = NOW + 59_999;
  const there = await f.holds.standing(asking('delete 2'));
  assert(there.kind === 'granted');
  assert.deepEqual([there.approval.id, there.ends], [other, NOW + 60_000]);
  assert.deepEqual(
    there.decisions.map(d => [d.signed.decision.by, d.verified]),
    [['ann@example.com', true]],
  );
});

test('of many who find it at once, one has it', async () => {
  const id = await approved('delete 3');
  const all = await Promise.all(Array.from({ length: 8 }, () => f.holds.standing(asking('delete 3'))));
  assert.deepEqual(all.map(one => one.kind).sort(), ['granted', ...Array(7).fill('none')]);
  assert.equal(await f.stateOf(id), 'executed');
});

test('nothing is used up for an agent that has gone', async () => {
  const id = await approved('delete 4');
  await f.holds.standing({ ...asking('delete 4'), gone: () => true });
  assert.equal(await f.stateOf(id), 'approved');
});

test('other requirements, or other effects, than those of now: it is withdrawn and asked for anew', async () => {
  const stricter = await approved('delete 5');
  const two = { ...asking('delete 5'), requirements: [requirement({ ...requirements[0], quorum: 2 })] };
  assert.equal((await f.holds.standing(two)).kind, 'none');
  assert.equal(await f.stateOf(stricter), 'withdrawn');
  const wider = await approved('delete 6');
  const more = { ...asking('delete 6'), effects: [{ ...effects, writes: ['public.orders', 'public.log'] }] };
  assert.equal((await f.holds.standing(more)).kind, 'none');
  assert.equal(await f.stateOf(wider), 'withdrawn');
});

test('an approver who is the requester by another e-mail of now does not count', async () => {
  await approved('delete 7');
  const renamed = { ...asking('delete 7'), requester: { ...requester, email: 'ann@example.com' } };
  const there = await f.holds.standing(renamed);
  assert(there.kind === 'refused');
  assert.equal(there.code, 'decision_unverified');
  await settle();
});
