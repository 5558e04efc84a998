import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPeople, type SlackUser } from '#functions/slack/people.ts';

const person = (more: Partial<SlackUser>): SlackUser => ({
  id: 'U1',
  team: 'T1',
  email: 'ann@example.com',
  deleted: false,
  bot: false,
  guest: false,
  ...more,
});

/** What the policy says of this account; the group's members are known by e-mail. */
function decider(user: SlackUser) {
  return createPeople({
    directory: { user: async () => user, members: async () => [] },
    emails: {},
    userGroups: {},
    team: 'T1',
    groupsOf: email => (email === 'kate@example.com' ? ['approvers'] : []),
    clock: () => 0,
  })(user.id);
}

test('an address that only lower-cases to an approver’s is somebody else’s', async () => {
  const upper = await decider(person({ email: 'KATE@Example.com' }));
  assert.deepEqual(upper, {
    kind: 'person',
    account: 'slack:T1/U1',
    email: 'kate@example.com',
    groups: ['approvers'],
  });
  const kelvin = await decider(person({ email: '\u212aate@example.com' }));
  assert.deepEqual(kelvin, {
    kind: 'person',
    account: 'slack:T1/U1',
    email: '\u212aate@example.com',
    groups: [],
  });
});

test('whoever runs a connected workspace cannot make an approver there', async () => {
  for (const team of ['T2', undefined])
    assert.match(
      JSON.stringify(await decider(person({ team, email: 'kate@example.com' }))),
      /another workspace/,
    );
});
