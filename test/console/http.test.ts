import assert from 'node:assert/strict';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { type Console, createConsole } from '#functions/console/server.ts';
import type { Approval } from '#schemas/approval.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { fakeAudit, fakeBook, heldApproval } from './fake-book.ts';

const API_TOKEN = 'command-line-token';
const HOSTILE = `<img src=x onerror="alert(1)"></script>\u202e\u200b'";--`;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  json<T>(): T;
}
interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

describe('the console over HTTP', () => {
  const book = fakeBook(Date.now);
  const audit = fakeAudit([
    ['session.open', { subject: HOSTILE }],
    ['session.close', { reason: HOSTILE, statements: 0 }],
  ]);
  const faults: unknown[] = [];
  let secrets = 0;
  let broken: Error | null = null;
  const page: Console = createConsole({
    book: {
      ...book,
      list: async options => {
        if (broken !== null) throw broken;
        return book.list(options);
      },
    },
    audit,
    approvers: () => [{ email: 'approver-1@example.com' }, { email: 'approver-2@example.com' }],
    apiToken: API_TOKEN,
    clock: Date.now,
    newToken: () => `secret-${++secrets}`,
    report: fault => faults.push(fault),
    heartbeatMs: 30,
  });
  const server = createServer((request, response) => {
    if (page(request, response)) return;
    response.writeHead(418);
    response.end('not the console');
  });
  let port = 0;

  before(async () => {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  after(async () => {
    page.close();
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });

  function ask(path: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const call = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, response => {
        const chunks: Buffer[] = [];
        response.on('data', chunk => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: () => JSON.parse(text),
          });
        });
      });
      call.on('error', reject);
      call.end(body);
    });
  }

  /** The headers of a browser that has opened the page. */
  async function browser(): Promise<Record<string, string>> {
    const me = await ask('/api/me', { headers: { 'sec-fetch-site': 'same-origin' } });
    return {
      host: `127.0.0.1:${port}`,
      origin: `http://127.0.0.1:${port}`,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/json',
      cookie: me.headers['set-cookie']![0]!.split(';')[0]!,
      'x-holdpoint-token': me.json<{ token: string }>().token,
    };
  }
  const bearer = { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' };
  const approve = JSON.stringify({ verdict: 'approve', reason: '', as: 'approver-1@example.com' });
  const decide = (id: string, headers: Record<string, string>, body: string = approve) =>
    ask(`/api/approvals/${id}/decisions`, { method: 'POST', headers, body });
  const stateOf = async (id: string) => (await book.get(id))?.state;

  test('paths that are not the console’s are left to others, untouched', async () => {
    for (const path of ['/.well-known/jwks.json', '/other', '//app.js', '/app.js/', '/api']) {
      assert.equal((await ask(path)).status, 418, path);
    }
  });

  test('the page and every module that it imports are served with a strict policy and no store', async () => {
    const seen = new Set<string>();
    const queue = ['/', '/app.css', '/app.js', '/favicon.svg'];
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      if (seen.has(path)) continue;
      seen.add(path);
      const answer = await ask(path);
      assert.equal(answer.status, 200, path);
      const policy = String(answer.headers['content-security-policy']);
      for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"])
        assert.ok(policy.includes(part), `${path}: ${part}`);
      assert.doesNotMatch(policy, /unsafe/);
      assert.equal(answer.headers['x-content-type-options'], 'nosniff');
      assert.equal(answer.headers['referrer-policy'], 'no-referrer');
      assert.equal(answer.headers['cache-control'], 'no-store');
      if (path.endsWith('.js')) {
        assert.match(answer.headers['content-type'] ?? '', /^text\/javascript/);
        assert.doesNotMatch(answer.text, /innerHTML|insertAdjacentHTML|document\.write|\beval\(/);
        for (const [, name] of answer.text.matchAll(/from\s*'\.(\/[^']+)'/g)) queue.push(name!);
      }
    }
    assert.ok(seen.has('/quorum.js'), 'the page shares the rules of schemas/quorum.ts');
    const html = (await ask('/')).text;
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style/i, 'nothing inline');
  });

  test('a list has what is held, or everything, and one approval is found by its id', async () => {
    book.open(heldApproval('list-1'));
    book.open(heldApproval('list-2'));
    book.move('list-2', { kind: 'expire' });
    const ids = async (path: string) => (await ask(path)).json<Approval[]>().map(one => one.id);
    const held = await ids('/api/approvals');
    assert.ok(held.includes('list-1') && !held.includes('list-2'));
    assert.ok((await ids('/api/approvals?all=1')).includes('list-2'));
    assert.equal((await ask('/api/approvals/list-2')).json<Approval>().state, 'expired');
    const none = await ask('/api/approvals/nobody');
    assert.equal(none.status, 404);
    assert.deepEqual(none.json(), { error: 'there is no approval nobody' });
  });

  test('the command line decides with its bearer token, without cookie or origin', async () => {
    book.open(heldApproval('cli-1'));
    const answer = await decide('cli-1', bearer);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json<Approval>().state, 'approved');
    assert.equal(answer.json<Approval>().decisions[0]?.decision.by, 'approver-1@example.com');
  });

  test('the page decides with its cookie, its token and its origin', async () => {
    book.open(heldApproval('page-1'));
    const body = JSON.stringify({ verdict: 'deny', reason: HOSTILE, as: 'Approver-2@Example.com' });
    const answer = await decide('page-1', await browser(), body);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json<Approval>().state, 'denied');
    assert.equal(answer.json<Approval>().decisions[0]?.decision.reason, HOSTILE);
    assert.equal(answer.json<Approval>().decisions[0]?.decision.by, 'approver-2@example.com');
  });

  test('a decision that lacks any one of the page’s proofs is refused and changes nothing', async () => {
    book.open(heldApproval('forged'));
    const good = await browser();
    const without = (...names: string[]) =>
      Object.fromEntries(Object.entries(good).filter(([name]) => !names.includes(name)));
    const other = await browser();
    const forged: Record<string, Record<string, string>> = {
      'no origin': without('origin'),
      'the origin of another site': { ...good, origin: 'https://evil.test' },
      'the origin null of a sandbox': { ...good, origin: 'null' },
      'another port of this machine': { ...good, origin: 'http://127.0.0.1:1' },
      'https where it is http': { ...good, origin: `https://127.0.0.1:${port}` },
      'another loopback name than the Host': { ...good, origin: `http://localhost:${port}` },
      'sent by another site': { ...good, 'sec-fetch-site': 'cross-site' },
      'sent by another port': { ...good, 'sec-fetch-site': 'same-site' },
      'no cookie': without('cookie'),
      'no token': without('x-holdpoint-token'),
      'an empty token': { ...good, 'x-holdpoint-token': '' },
      'a made-up token': { ...good, 'x-holdpoint-token': 'x'.repeat(43) },
      'the token of another browser': { ...good, 'x-holdpoint-token': other['x-holdpoint-token']! },
      'a made-up cookie': { ...good, cookie: `holdpoint_${port}=${'0'.repeat(64)}` },
      'nothing at all': { 'content-type': 'application/json' },
      'a wrong bearer': { ...good, authorization: 'Bearer wrong' },
      'an empty bearer': { ...good, authorization: 'Bearer ' },
      'another scheme': { ...good, authorization: `Basic ${API_TOKEN}` },
    };
    for (const [what, headers] of Object.entries(forged)) {
      const answer = await decide('forged', headers);
      assert.equal(answer.status, 403, `${what}: ${answer.text}`);
      assert.notEqual(answer.json<{ error: string }>().error, '', what);
    }
    assert.equal(await stateOf('forged'), 'held');
    assert.equal((await decide('forged', good)).status, 200, 'and with all of them it is taken');
  });

  test('a name that merely resolves to this machine is refused everywhere (DNS rebinding)', async () => {
    book.open(heldApproval('rebound'));
    const good = await browser();
    const paths = ['/', '/app.js', '/api/me', '/api/approvals?all=1', '/api/approvals/rebound'];
    paths.push('/api/stream', '/api/sessions', '/api/sessions/s-1');
    const hosts = [
      'evil.test',
      `evil.test:${port}`,
      `127.0.0.1.evil.test:${port}`,
      `localhost.evil.test:${port}`,
      '127.0.0.1:1',
      '127.0.0.1',
      `0.0.0.0:${port}`,
      `localhost:${port}@evil.test`,
    ];
    for (const host of hosts) {
      for (const path of paths) {
        const answer = await ask(path, { headers: { host } });
        assert.equal(answer.status, 403, `${host} ${path}`);
        assert.ok(!answer.text.includes('DELETE'), path);
        assert.equal(answer.headers['set-cookie'], undefined);
      }
      const answer = await decide('rebound', { ...good, host, origin: `http://${host}` });
      assert.equal(answer.status, 403, host);
      assert.equal((await decide('rebound', { ...bearer, host })).status, 403, `bearer at ${host}`);
    }
    for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`, `127.0.0.1:${port}`])
      assert.equal((await ask('/api/approvals', { headers: { host } })).status, 200, host);
    assert.equal(await stateOf('rebound'), 'held');
  });

  test('data is not read by other sites, and the page can still be opened from a link', async () => {
    for (const path of ['/api/me', '/api/approvals', '/api/stream', '/api/sessions']) {
      for (const site of ['cross-site', 'same-site'])
        assert.equal(
          (await ask(path, { headers: { 'sec-fetch-site': site } })).status,
          403,
          `${path} ${site}`,
        );
      assert.equal((await ask(path, { headers: { origin: 'https://evil.test' } })).status, 403, path);
    }
    const linked = await ask('/', {
      headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
    });
    assert.equal(linked.status, 200);
    assert.equal(linked.headers['access-control-allow-origin'], undefined);
  });

  test('the cookie cannot be read by scripts or sent by other sites, and stays the same for one browser', async () => {
    const first = await ask('/api/me');
    const cookie = first.headers['set-cookie']?.[0] ?? '';
    assert.match(cookie, new RegExp(`^holdpoint_${port}=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict$`));
    const again = await ask('/api/me', { headers: { cookie: `a=b; ${cookie.split(';')[0]}` } });
    assert.equal(again.headers['set-cookie']?.[0], cookie);
    assert.equal(again.json<{ token: string }>().token, first.json<{ token: string }>().token);
    assert.ok(!first.text.includes(API_TOKEN));
  });

  test('a body that is too large, broken or not a decision is refused with its reason', async () => {
    book.open(heldApproval('body'));
    const big = JSON.stringify({
      verdict: 'approve',
      reason: 'x'.repeat(200_000),
      as: 'approver-1@example.com',
    });
    assert.equal((await decide('body', bearer, big)).status, 413);
    const chunked = await decide('body', { ...bearer, 'transfer-encoding': 'chunked' }, big).catch(
      (fault: NodeJS.ErrnoException) => fault,
    );
    if (chunked instanceof Error) assert.match(chunked.code ?? '', /EPIPE|ECONNRESET/);
    else assert.equal(chunked.status, 413);
    const wrong: [number, string][] = [
      [400, ''],
      [400, '{'],
      [400, 'null'],
      [400, '[]'],
      [400, '{}'],
      [400, JSON.stringify({ verdict: 'maybe', as: 'approver-1@example.com' })],
      [400, JSON.stringify({ verdict: 'approve' })],
      [400, JSON.stringify({ verdict: 'approve', as: '' })],
      [400, JSON.stringify({ verdict: 'approve', as: 'approver-1@example.com', quorum: 0 })],
      [400, JSON.stringify({ verdict: 'approve', as: 'approver-1@example.com', reason: 'x'.repeat(2001) })],
      [400, JSON.stringify({ verdict: true, as: 'approver-1@example.com' })],
      [409, JSON.stringify({ verdict: 'approve', as: 'approver-1@example.com', digest: 'f'.repeat(64) })],
      [409, JSON.stringify({ verdict: 'approve', as: 'approver-1@example.com', request: 'f'.repeat(64) })],
    ];
    for (const [status, body] of wrong) {
      const answer = await decide('body', bearer, body);
      assert.equal(answer.status, status, `${body}: ${answer.text}`);
      assert.equal(typeof answer.json<{ error: string }>().error, 'string');
    }
    const form = { ...bearer, 'content-type': 'application/x-www-form-urlencoded' };
    assert.equal((await decide('body', form, 'verdict=approve')).status, 415);
    assert.equal(await stateOf('body'), 'held');
  });

  test('who may not decide is told why: not an approver 403, too late or the requester 409, unknown 404', async () => {
    const mine = { issuer: 'i', subject: 's', email: 'approver-1@example.com', groups: [], expires: 1 };
    book.open(heldApproval('mine', { requester: mine }));
    const own = await decide('mine', await browser());
    assert.equal(own.status, 409);
    assert.match(own.json<{ error: string }>().error, /requester cannot decide/);
    const stranger = JSON.stringify({ verdict: 'approve', reason: '', as: 'mallory@example.com' });
    assert.equal((await decide('mine', await browser(), stranger)).status, 403);
    book.open(heldApproval('late'));
    book.move('late', { kind: 'withdraw', why: 'the agent disconnected' });
    const late = await decide('late', bearer);
    assert.equal(late.status, 409);
    assert.match(late.json<{ error: string }>().error, /withdrawn and can no longer be decided/);
    assert.equal((await decide('nobody', bearer)).status, 404);
    assert.equal(
      (await ask('/api/approvals/%E0%A4%A/decisions', { method: 'POST', headers: bearer })).status,
      400,
    );
  });

  test('a statement that is not what its digest covers cannot be approved', async () => {
    const honest = heldApproval('swapped');
    book.open({ ...honest, statement: { ...honest.statement, text: 'DROP TABLE orders' } });
    assert.equal((await decide('swapped', bearer)).status, 409);
    assert.equal(await stateOf('swapped'), 'held');
  });

  test('wrong methods get 405 with what is allowed, unknown API paths 404', async () => {
    const cases: [string, string, string][] = [
      ['POST', '/', 'GET, HEAD'],
      ['DELETE', '/app.js', 'GET, HEAD'],
      ['POST', '/api/approvals', 'GET'],
      ['GET', '/api/approvals/x/decisions', 'POST'],
      ['PUT', '/api/approvals/x/decisions', 'POST'],
      ['OPTIONS', '/api/approvals/x/decisions', 'POST'],
      ['POST', '/api/stream', 'GET'],
      ['POST', '/api/me', 'GET'],
    ];
    for (const [method, path, allow] of cases) {
      const answer = await ask(path, { method });
      assert.equal(answer.status, 405, `${method} ${path}`);
      assert.equal(answer.headers.allow, allow);
    }
    assert.equal((await ask('/api/nothing')).status, 404);
    assert.equal((await ask('/', { method: 'HEAD' })).text, '');
  });

  test('hostile text in every string field comes back as JSON data, byte for byte', async () => {
    const text = HOSTILE;
    const hostile: Approval = heldApproval('hostile', {
      outcome: text,
      session: text,
      target: text,
      requester: { issuer: text, subject: text, email: text, groups: [text], expires: 1, run: text },
      statement: {
        text,
        target: text,
        database: text,
        role: text,
        settings: { [text]: text },
        parameters: [{ format: 'text', type: 25, value: text }],
      },
      effects: [{ reads: [text], writes: [text], functions: [text], unknown: [text] }],
    });
    book.open(hostile);
    const answer = await ask('/api/approvals/hostile');
    assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.deepEqual(answer.json(), hostile);
    const missing = await ask(`/api/approvals/${encodeURIComponent(HOSTILE)}`);
    assert.equal(missing.status, 404);
    assert.match(missing.headers['content-type'] ?? '', /^application\/json/);
  });

  test('sessions and the replay of one come with what verifying the chain has found', async () => {
    assert.equal((await ask('/api/sessions')).json<unknown[]>().length, 1);
    type Replay = {
      total: number;
      events: { seq: number; hash: string }[];
      report: { findings: object[] } | null;
    };
    const replay = (await ask('/api/sessions/s-1')).json<Replay>();
    assert.deepEqual(
      replay.events.map(event => event.seq),
      [0, 1],
    );
    assert.deepEqual(replay.report?.findings, []);
    const later = (await ask('/api/sessions/s-1?from=1')).json<Replay>();
    assert.deepEqual([later.events.length, later.total, later.report], [1, 2, null]);
    assert.equal((await ask('/api/sessions/s-1?from=-1')).status, 400);
    assert.equal((await ask('/api/sessions/none')).status, 404);
  });

  test('the stream says when it listens, tells every change, beats, and ends with the console', async () => {
    let text = '';
    let ended = false;
    const call = httpRequest({ host: '127.0.0.1', port, path: '/api/stream', agent: false }, response => {
      assert.match(response.headers['content-type'] ?? '', /^text\/event-stream/);
      response.setEncoding('utf8');
      response.on('data', chunk => {
        text += chunk;
      });
      response.on('end', () => {
        ended = true;
      });
    });
    call.on('error', () => {
      ended = true;
    });
    call.end();
    await waitFor(() => text.includes('event: ready\n'), { what: 'ready' });
    const approval = heldApproval('stream-1', {
      statement: { text: 'a\n\ndata: forged\r\nevent: approval' },
    });
    book.open(approval);
    await waitFor(() => text.includes('stream-1'), { what: 'the change' });
    const line = text.split('\n').find(one => one.includes('stream-1'));
    assert.deepEqual(
      JSON.parse(line!.replace(/^data: /, '')),
      approval,
      'a line end in a statement ends no event',
    );
    await waitFor(() => text.includes('event: beat\n'), { what: 'a beat' });
    page.close();
    await waitFor(() => ended, { what: 'the end of the stream' });
  });

  test('a browser that opens more pages than it has connections for keeps the newest streams', async () => {
    const { cookie } = await browser();
    const texts: string[] = [];
    const open = async (headers: Record<string, string>): Promise<number> => {
      const n = texts.push('') - 1;
      const call = httpRequest({ host: '127.0.0.1', port, path: '/api/stream', agent: false, headers });
      call.on('error', () => {}); // the end of the test closes it
      call.on('response', response =>
        response.on('data', chunk => {
          texts[n] += String(chunk);
        }),
      );
      call.end();
      await waitFor(() => texts[n]!.includes('event: ready\n'), { what: 'ready' });
      return n;
    };
    const program = await open({});
    const first = await open({ cookie: cookie! });
    for (let i = 0; i < 4; i++) await open({ cookie: cookie! });
    await waitFor(() => texts[first]!.includes('event: parked\n'), { what: 'the oldest is parked' });
    book.open(heldApproval('parked-1'));
    await waitFor(() => texts.at(-1)!.includes('parked-1'), { what: 'the newest hears' });
    await waitFor(() => texts[program]!.includes('parked-1'), { what: 'programs are not counted' });
    assert.ok(!texts[first]!.includes('parked-1'));
    page.close();
  });

  test('a fault of ours is 500 without its details and is reported; a dependency that is down is 503 in words', async () => {
    broken = new Error('password=hunter2 at /secret/path');
    const ours = await ask('/api/approvals');
    assert.equal(ours.status, 500);
    assert.doesNotMatch(ours.text, /hunter2|secret/);
    assert.equal(faults.at(-1), broken);
    broken = new HoldpointError('hold_unavailable');
    const down = await ask('/api/approvals');
    assert.equal(down.status, 503);
    assert.deepEqual(down.json(), { error: 'approvals cannot be asked for right now' });
    broken = null;
  });
});
