import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toPrincipal } from '#proxy/identity/principal.ts';
import { resolveGroups } from '#schemas/groups.ts';
import { principal } from '#schemas/principal.ts';

const groups = {
  approvers: ['Ann@example.com', 'bob@example.com'],
  ci: ['repo:acme/shop'],
  both: ['ci-7', 'x@example.com'],
};
const verified = {
  issuer: 'https://i.example',
  issuerName: 'i',
  subject: 'ci-7',
  claimGroups: ['idp:dev'],
  expires: 9,
};

test('a principal has the groups of its claims and of the policy, sorted, each once', () => {
  const made = toPrincipal(
    { ...verified, email: 'ann@example.com', claimGroups: ['idp:dev', 'both'] },
    groups,
  );
  assert.deepEqual(made, {
    issuer: 'https://i.example',
    subject: 'ci-7',
    email: 'ann@example.com',
    groups: ['approvers', 'both', 'idp:dev'],
    expires: 9,
  });
  assert.deepEqual(principal.parse(made), made);
});

test('an e-mail that nobody vouches for gives nobody’s groups', () => {
  const made = toPrincipal({ ...verified, claimedEmails: ['ann@example.com', 'x@example.com'] }, groups);
  assert.deepEqual(made.groups, ['both', 'idp:dev']);
  assert.equal(made.email, undefined);
  assert.deepEqual(made.claimedEmails, ['ann@example.com', 'x@example.com']);
  assert.deepEqual(principal.parse(made), made);
});

test('a subject that looks like somebody’s e-mail joins none of their groups', () => {
  assert.deepEqual(toPrincipal({ ...verified, subject: 'ann@example.com' }, groups).groups, ['idp:dev']);
  assert.deepEqual(resolveGroups(groups, { email: 'ci-7' }), []);
  assert.deepEqual(resolveGroups(groups, { subject: 'repo:acme/shop' }), ['ci']);
  assert.deepEqual(resolveGroups(groups, {}), []);
});
