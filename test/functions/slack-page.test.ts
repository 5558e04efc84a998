import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { type SlackEmulator, startSlack } from '#cli/emulators/slack.ts';

let slack: SlackEmulator;
before(async () => {
  slack = await startSlack({ users: [{ id: 'UANN', name: 'Ann', email: 'ann@example.com' }] });
});
after(() => slack.stop());

/** As a program asks that may choose all of its headers. */
function ask(
  method: string,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number; headers: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, slack.page), { method, headers, agent: false }, response => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
    });
    asked.on('error', reject);
    asked.end(method === 'POST' ? 'ts=1&action=approve' : undefined);
  });
}

test('the page of the fake Slack answers to names of this machine alone, whatever name a page elsewhere has for it', async () => {
  const { host } = new URL(slack.page);
  const port = host.split(':')[1];
  for (const name of [host, `localhost:${port}`])
    assert.equal((await ask('GET', '/', { host: name })).status, 200);
  for (const name of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1.evil.example:${port}`])
    assert.equal((await ask('GET', '/', { host: name })).status, 403, name);
  const { headers } = await ask('GET', '/', { host });
  assert.match(String(headers['content-security-policy']), /frame-ancestors 'none'/);
});

test('a form on another page presses no button there', async () => {
  const { host, origin } = new URL(slack.page);
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const refused: Record<string, string>[] = [
    { host },
    { host, origin: 'https://evil.example' },
    { host, origin: 'null' },
    { host, origin: 'http://evil.example', 'sec-fetch-site': 'same-origin' },
    { host, origin, 'sec-fetch-site': 'cross-site' },
    { host, origin: origin.replace(/\d+$/, '1'), 'sec-fetch-site': 'same-site' },
    { host: 'evil.example', origin: 'http://evil.example', 'sec-fetch-site': 'same-origin' },
  ];
  for (const headers of refused)
    for (const path of ['/press?as=UANN', '/submit?as=UANN'])
      assert.equal((await ask('POST', path, { ...form, ...headers })).status, 403, JSON.stringify(headers));
  // Its own passes, and fails at a button that is not there.
  const own = await ask('POST', '/press?as=UANN', { ...form, host, origin, 'sec-fetch-site': 'same-origin' });
  assert.notEqual(own.status, 403);
});
