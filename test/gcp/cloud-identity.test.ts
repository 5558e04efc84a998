import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { createCloudIdentity } from '#proxy/gcp/cloud-identity.ts';
import { askDirectory, rememberGroups } from '#proxy/identity/directory.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { issuerEntry } from '../identity/issuer-server.ts';

/** The search as Google answers it over HTTP: `members` are their groups, a page has `pageSize` of them at most. */
const members = new Map<string, string[]>();
const seen: URL[] = [];
let special: ((request: IncomingMessage, response: ServerResponse) => void) | null = null;
let endpoint = '';
const server = createServer((request, response) => {
  const url = new URL(request.url ?? '', endpoint);
  seen.push(url);
  if (special !== null) return special(request, response);
  const say = (status: number, body: object) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  if (url.pathname !== '/v1/groups/-/memberships:searchTransitiveGroups') return say(404, {});
  if (request.headers.authorization !== 'Bearer access') return say(401, {});
  const asked = /^member_key_id == '((?:[^'\\]|\\.)*)' && '([^']+)' in labels$/.exec(
    url.searchParams.get('query') ?? '',
  );
  if (asked?.[2] !== 'cloudidentity.googleapis.com/groups.discussion_forum') return say(400, {});
  const groups = members.get((asked[1] ?? '').replace(/\\(.)/g, '$1')) ?? [];
  const from = Number(url.searchParams.get('pageToken') ?? 0);
  const size = 2;
  const page = groups.slice(from, from + size).map((id, i) => ({
    groupKey: { id },
    group: `groups/${from + i}`,
    displayName: id,
    labels: { 'cloudidentity.googleapis.com/groups.discussion_forum': '' },
    relationType: i === 0 ? 'DIRECT' : 'INDIRECT',
  }));
  say(200, {
    ...(page.length === 0 ? {} : { memberships: page }),
    ...(from + size < groups.length ? { nextPageToken: String(from + size) } : {}),
  });
});
before(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(() => {
  special = null;
  seen.length = 0;
  members.clear();
});

const authorise = async () => new Headers({ authorization: 'Bearer access' });
const directory = (deadlineMs = 5000) => createCloudIdentity({ endpoint, authorise, deadlineMs });
const fails = (asking: Promise<unknown>, detail: RegExp) =>
  assert.rejects(asking, (error: unknown) => {
    assert(error instanceof HoldpointError, String(error));
    assert.deepEqual([error.code, error.sqlstate], ['groups_unavailable', '58000']);
    assert.match(error.detail ?? '', detail);
    return true;
  });

test('all groups of somebody are found over all pages, in lower case, each once', async () => {
  members.set('ann@example.com', [
    'DBA@example.com',
    'ops@example.com',
    'dba@example.com',
    'all@example.com',
    'x@example.com',
  ]);
  assert.deepEqual(await directory().groupsOf('ann@example.com'), [
    'all@example.com',
    'dba@example.com',
    'ops@example.com',
    'x@example.com',
  ]);
  assert.equal(seen.length, 3);
  assert.deepEqual(await directory().groupsOf('nobody@example.com'), []);
});

test('an address cannot leave its quotes in the query', async () => {
  members.set("o'brien@example.com", ['a@example.com']);
  assert.deepEqual(await directory().groupsOf("o'brien@example.com"), ['a@example.com']);
  members.set('ann@example.com', ['dba@example.com']);
  for (const email of [
    "'||member_key_id=='ann@example.com",
    "x\\' || member_key_id == 'ann@example.com",
    'x\\@example.com',
  ])
    assert.deepEqual(await directory().groupsOf(email), []);
});

test('groups of another directory that is mapped in do not count', async () => {
  special = (_request, response) =>
    response.end(
      JSON.stringify({
        memberships: [
          { groupKey: { id: 'dba@example.com', namespace: 'identitysources/x' } },
          { groupKey: { id: 'ops@example.com' } },
        ],
      }),
    );
  assert.deepEqual(await directory().groupsOf('ann@example.com'), ['ops@example.com']);
});

test('an edition without the search is told plainly', async () => {
  special = (_request, response) =>
    response.writeHead(403).end(JSON.stringify({ error: { code: 403, status: 'PERMISSION_DENIED' } }));
  await fails(directory().groupsOf('ann@example.com'), /403.*Enterprise Standard.*Groups Reader/);
});

test('whatever else is not a whole list of groups is a failure, and never an empty list', async () => {
  const answers: [RegExp, (response: ServerResponse) => void][] = [
    [/answered 500/, response => response.writeHead(500).end('{}')],
    [/asked too often/, response => response.writeHead(429).end('{}')],
    [/credentials \(401\)/, response => response.writeHead(401).end('{}')],
    [/did not answer with a list/, response => response.end('<html>')],
    [/did not answer with a list/, response => response.end('[]')],
    [/did not answer with a list/, response => response.end('{"memberships":[{"groupKey":{}}]}')],
    [/did not answer with a list/, response => response.end('{"memberships":null}')],
    [/answered with too much/, response => response.end(Buffer.alloc(5 * 1024 * 1024, 32))],
    [/cannot be reached/, response => response.writeHead(302, { location: `${endpoint}/x` }).end()],
    [/cannot be reached/, response => response.destroy()],
    [/more than 20 pages/, response => response.end('{"nextPageToken":"again"}')],
  ];
  for (const [detail, answer] of answers) {
    special = (_request, response) => answer(response);
    await fails(directory().groupsOf('ann@example.com'), detail);
  }
  members.set('ann@example.com', ['a@x', 'b@x', 'c@x']);
  let asked = 0;
  special = (_request, response) => {
    asked += 1;
    if (asked === 1)
      response.end(JSON.stringify({ memberships: [{ groupKey: { id: 'a@x' } }], nextPageToken: '2' }));
    else response.writeHead(503).end();
  };
  await fails(directory().groupsOf('ann@example.com'), /answered 503/);
});

test('silence ends at the deadline, of Google and of whoever has the credentials', async () => {
  special = () => {};
  await fails(directory(50).groupsOf('ann@example.com'), /did not answer within 50 ms/);
  const silent = createCloudIdentity({ endpoint, authorise: () => new Promise(() => {}), deadlineMs: 50 });
  await fails(silent.groupsOf('ann@example.com'), /did not answer within 50 ms/);
  const none = createCloudIdentity({ endpoint, authorise: () => Promise.reject(new Error('no ADC')) });
  await fails(none.groupsOf('ann@example.com'), /has no credentials/);
});

test('many connections of one person ask once, for five minutes; a failure is asked again', async () => {
  let now = Date.parse('2026-03-01T12:00:00Z');
  const remembered = rememberGroups(directory(), () => now, 2);
  members.set('ann@example.com', ['dba@example.com']);
  const many = await Promise.all(Array.from({ length: 50 }, () => remembered.groupsOf('ann@example.com')));
  assert(many.every(groups => groups[0] === 'dba@example.com'));
  assert.equal(seen.length, 1);
  members.set('ann@example.com', []);
  now += 299_999;
  assert.deepEqual(await remembered.groupsOf('ann@example.com'), ['dba@example.com']);
  now += 1;
  assert.deepEqual(await remembered.groupsOf('ann@example.com'), [], 'taken out of the group');
  now -= 60_000;
  await remembered.groupsOf('ann@example.com');
  assert.equal(seen.length, 3, 'a clock that was set back keeps nothing alive');

  special = (_request, response) => response.writeHead(500).end();
  await Promise.all([1, 2, 3].map(() => fails(remembered.groupsOf('bob@example.com'), /500/)));
  assert.equal(seen.length, 4);
  special = null;
  for (const who of ['bob', 'cleo', 'dan']) await remembered.groupsOf(`${who}@example.com`);
  assert.equal(seen.length, 7);
  await remembered.groupsOf('dan@example.com');
  await remembered.groupsOf('ann@example.com');
  assert.equal(seen.length, 8, 'two people are kept, and the oldest made room');
});

test('without an answer there is no session, unless the policy calls the groups optional', async () => {
  const entry = (optional: boolean) =>
    issuerEntry('https://i.example', {
      directory: { source: 'cloud-identity', prefix: 'google:', optional },
    });
  const ann = { email: 'ann@example.com' };
  members.set(ann.email, ['dba@example.com']);
  assert.deepEqual(await askDirectory(entry(false), ann, directory()), {
    groups: ['google:dba@example.com'],
    directory: 'resolved',
  });
  assert.equal(await askDirectory(issuerEntry('https://i.example'), ann, directory()), null);
  assert.equal(seen.length, 1, 'an issuer without a directory asks none');

  const none = { groups: [], directory: 'unavailable' };
  await assert.rejects(askDirectory(entry(false), {}, directory()), { code: 'token_invalid' });
  assert.deepEqual(await askDirectory(entry(true), {}, directory()), none);
  await fails(askDirectory(entry(false), ann, undefined), /no directory is set up/);
  special = (_request, response) => response.writeHead(403).end();
  await fails(askDirectory(entry(false), ann, directory()), /403/);
  assert.deepEqual(await askDirectory(entry(true), ann, directory()), none);
  const broken = { groupsOf: () => Promise.reject(new TypeError('a defect')) };
  await assert.rejects(askDirectory(entry(true), ann, broken), TypeError);
});
