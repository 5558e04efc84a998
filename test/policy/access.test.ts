import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { accessEnds, openAccess } from '#proxy/policy/access.ts';
import { loadPolicy } from '#proxy/policy/load.ts';
import { resolveGroups } from '#schemas/groups.ts';
import type { Policy } from '#schemas/policy.ts';
import { AGENT } from './statements.ts';

const at = (text: string) => Date.parse(text);

function policy(...access: string[]): Policy {
  return loadPolicy(
    `
version: 1
issuers: [{ name: ci, issuer: https://issuer.test, audience: holdpoint, algorithms: [ES256], groupsClaim: g }]
targets:
  shop: { host: db, database: shop, roles: { agent: {}, reader: {} } }
  ledger: { host: db, database: ledger, roles: { agent: {} } }
access:
${access.map(entry => `  - ${entry}`).join('\n')}
`,
    'access.yaml',
  );
}
const open = (p: Policy, now: string, more: Partial<Parameters<typeof openAccess>[1]> = {}) =>
  openAccess(p, { principal: AGENT, target: 'shop', role: 'agent', now: at(now), ...more })?.name ?? null;
const NOW = '2026-03-04T12:00:00Z';

describe('who may open a session', () => {
  it('the first entry that matches counts, and without one there is no session', () => {
    const p = policy(
      '{ name: others, principals: { subjects: [someone-else] }, targets: [shop], roles: [agent] }',
      '{ name: reds, principals: { groups: [team-red] }, targets: [shop], roles: [agent], readOnly: true }',
      "{ name: all, targets: ['*'], roles: [agent] }",
    );
    assert.equal(open(p, NOW), 'reds');
    assert.equal(open(p, NOW, { principal: { ...AGENT, groups: [] } }), 'all');
    assert.equal(open(p, NOW, { target: 'ledger' }), 'all');
    assert.equal(open(p, NOW, { role: 'reader' }), null);
    assert.equal(open(p, NOW, { role: 'agent2' }), null);
  });

  it('without principals everybody with a token matches, with an issuer only its own', () => {
    const p = policy('{ name: ci, principals: { issuers: [ci] }, targets: [shop], roles: [agent] }');
    assert.equal(open(p, NOW), 'ci');
    assert.equal(open(p, NOW, { principal: { ...AGENT, issuer: 'https://evil.test' } }), null);
  });
});

describe('windows', () => {
  const OFFICE =
    '{ name: office, targets: [shop], roles: [agent], maxSession: 12h, window: { days: [mon, tue, wed, thu, fri], from: "08:00", to: "18:00", timeZone: Europe/Berlin } }';
  const NIGHT =
    '{ name: night, targets: [shop], roles: [agent], maxSession: 12h, window: { days: [fri], from: "22:00", to: "04:00" } }';
  const ends = (entry: string, openedAt: string) =>
    new Date(accessEnds(policy(entry).access[0]!, at(openedAt))).toISOString();

  it('open from their first minute to before their last, by the clock of their zone', () => {
    const p = policy(OFFICE);
    assert.equal(open(p, '2026-03-04T06:59:59.999Z'), null, 'winter: one hour ahead');
    assert.equal(open(p, '2026-03-04T07:00:00Z'), 'office');
    assert.equal(open(p, '2026-03-04T16:59:59.999Z'), 'office');
    assert.equal(open(p, '2026-03-04T17:00:00Z'), null);
    assert.equal(open(p, '2026-07-01T06:00:00Z'), 'office', 'summer: two hours ahead');
    assert.equal(open(p, '2026-07-01T16:00:00Z'), null);
    assert.equal(open(p, '2026-03-07T12:00:00Z'), null, 'a Saturday');
  });

  it('over midnight they belong to the day on which they begin', () => {
    const p = policy(NIGHT);
    assert.equal(open(p, '2026-03-06T21:59:00Z'), null);
    assert.equal(open(p, '2026-03-06T22:00:00Z'), 'night', 'Friday night');
    assert.equal(open(p, '2026-03-07T03:59:00Z'), 'night', 'still Friday’s');
    assert.equal(open(p, '2026-03-07T04:00:00Z'), null);
    assert.equal(open(p, '2026-03-06T02:00:00Z'), null, 'Thursday’s, which has none');
    assert.equal(open(p, '2026-03-07T22:00:00Z'), null, 'Saturday’s, which has none');
  });

  it('a closed window leaves the next entry its turn', () => {
    const p = policy(OFFICE, '{ name: always, targets: [shop], roles: [agent], readOnly: true }');
    assert.equal(open(p, '2026-03-04T12:00:00Z'), 'office');
    assert.equal(open(p, '2026-03-04T20:00:00Z'), 'always');
  });

  it('a session ends after maxSession or with its window, whichever is first', () => {
    assert.equal(ends(OFFICE, '2026-03-04T07:00:00Z'), '2026-03-04T17:00:00.000Z');
    assert.equal(ends(OFFICE.replace('12h', '55m'), '2026-03-04T07:00:00Z'), '2026-03-04T07:55:00.000Z');
    assert.equal(ends(OFFICE, '2026-03-04T16:59:30.250Z'), '2026-03-04T17:00:00.000Z');
    assert.equal(ends(NIGHT, '2026-03-06T23:30:00Z'), '2026-03-07T04:00:00.000Z');
    assert.equal(ends('{ name: a, targets: [shop], roles: [agent] }', NOW), '2026-03-04T12:55:00.000Z');
  });

  it('a window that is open all day does not end at midnight', () => {
    const days =
      '{ name: d, targets: [shop], roles: [agent], maxSession: 12h, window: { days: [wed, thu] } }';
    assert.equal(ends(days, '2026-03-04T20:00:00Z'), '2026-03-05T08:00:00.000Z', 'Wednesday into Thursday');
    assert.equal(ends(days, '2026-03-05T20:00:00Z'), '2026-03-06T00:00:00.000Z', 'Thursday ends it');
  });

  it('clocks that are put forward or back move the end with them', () => {
    const sunday = (from: string, to: string) =>
      `{ name: s, targets: [shop], roles: [agent], maxSession: 12h, window: { days: [sun], from: "${from}", to: "${to}", timeZone: Europe/Berlin } }`;
    // 2026-03-29: 02:00 becomes 03:00 at 01:00Z. 2026-10-25: 03:00 becomes 02:00 at 01:00Z.
    assert.equal(ends(sunday('00:00', '06:00'), '2026-03-29T00:30:00Z'), '2026-03-29T04:00:00.000Z');
    assert.equal(ends(sunday('00:00', '06:00'), '2026-10-25T00:30:00Z'), '2026-10-25T05:00:00.000Z');
    assert.equal(
      ends(sunday('00:00', '02:30'), '2026-03-29T00:30:00Z'),
      '2026-03-29T01:00:00.000Z',
      'an end that the day skips',
    );
  });

  it('a session is never longer than maxSession, never ends before it began, and the window is open until it ends', () => {
    const hour = fc.integer({ min: 0, max: 23 }).map(h => `${String(h).padStart(2, '0')}:30`);
    const zone = fc.constantFrom(
      'UTC',
      'Europe/Berlin',
      'America/New_York',
      'Asia/Kathmandu',
      'Australia/Lord_Howe',
    );
    fc.assert(
      fc.property(
        hour,
        hour,
        zone,
        fc.integer({ min: at('2026-01-01'), max: at('2026-12-31') }),
        (from, to, timeZone, now) => {
          fc.pre(from !== to);
          const p = policy(
            `{ name: w, targets: [shop], roles: [agent], maxSession: 30h, window: { days: [mon, wed, sun], from: "${from}", to: "${to}", timeZone: ${timeZone} } }`,
          );
          const isOpen = (when: number) => open(p, new Date(when).toISOString()) !== null;
          const end = accessEnds(p.access[0]!, now);
          if (!isOpen(now)) return assert.equal(end, now);
          assert.ok(end > now && end <= now + 30 * 3_600_000);
          for (let part = 0; part < 20; part++)
            assert.ok(isOpen(now + Math.floor(((end - now) * part) / 20)));
          if (end < now + 30 * 3_600_000) assert.equal(isOpen(end), false);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('groups', () => {
  const map = {
    groups: {
      dbas: ['Ann@Example.com', 'ci-job-7'],
      reds: ['bob@example.com'],
      odd: ['sub@example.com'],
    },
  };

  it('come from the token and from the map, sorted, each once', () => {
    const found = resolveGroups(map.groups, {
      subject: 'x',
      email: 'ann@example.com',
      claimGroups: ['zeta', 'dbas', 'alpha'],
    });
    assert.deepEqual(found, ['alpha', 'dbas', 'zeta']);
  });

  it('members are subjects where they have no @', () => {
    assert.deepEqual(resolveGroups(map.groups, { subject: 'ci-job-7', claimGroups: [] }), ['dbas']);
    assert.deepEqual(resolveGroups(map.groups, { subject: 'CI-JOB-7', claimGroups: [] }), []);
  });

  it('a subject that looks like an e-mail is nobody’s e-mail', () => {
    assert.deepEqual(resolveGroups(map.groups, { subject: 'ann@example.com', claimGroups: [] }), []);
    assert.deepEqual(resolveGroups(map.groups, { subject: 'sub@example.com', claimGroups: [] }), []);
  });
});
