import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { visible } from '#cli/visible.ts';
import { IllegalMove } from '#schemas/hold.ts';
import { requestDigest } from '#schemas/request.ts';
import { statementDigest } from '#schemas/statement.ts';
import { tempDir } from '#test/support/temp.ts';
import { heldApproval, holdFixture, requirement, statement } from './fixture.ts';

const f = holdFixture();
const escapes = { ...statement, text: 'delete from orders -- \u001b[2K\u202e safe' };
let server: Server;
const requests: { auth: string | undefined; body: unknown }[] = [];

/** What dev does with a decision, as far as the command can see. */
before(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    requests.push({ auth: request.headers.authorization, body });
    const id = /^\/api\/approvals\/([^/]+)\/decisions$/.exec(request.url ?? '')?.[1] ?? '';
    try {
      if (request.headers.authorization !== 'Bearer s3cret') throw new IllegalMove('no');
      const approval = await f.book.decide(id, { by: body.as, verdict: body.verdict, reason: body.reason });
      response.writeHead(200).end(JSON.stringify(approval));
    } catch (error) {
      response.writeHead(409).end(JSON.stringify({ error: (error as Error).message }));
    }
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const http = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const groups = { approvers: ['dev@example.com', 'ann@example.com', 'bob@example.com'] };
  writeFileSync(join(f.dir, 'dev.json'), JSON.stringify({ http, token: 's3cret', groups }), { mode: 0o600 });
  await f.book.open({ ...heldApproval('ap_1'), statement: escapes, digest: statementDigest(escapes) });
  await f.book.open(heldApproval('ap_two', [requirement({ quorum: 2 })]));
  await f.book.open(heldApproval('ap_mail', [requirement({ approvers: ['email:Bob@example.com'] })]));
  await f.book.open(heldApproval('ap_none', [requirement({ approvers: ['nobody-known'] })]));
});
after(async () => {
  f.close();
  await new Promise(resolve => server.close(resolve));
});

function holdpoint(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const script = `const { approvalsCommand } = await import('#cli/approvals.ts');
    await approvalsCommand().parseAsync(process.argv.slice(1), { from: 'user' });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, '--', ...args], {
    cwd: join(import.meta.dirname, '..', '..'),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err] = ['', ''].map(() => [] as string[]);
  child.stdout.setEncoding('utf8').on('data', text => out?.push(text));
  child.stderr.setEncoding('utf8').on('data', text => err?.push(text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', code => resolve({ code, out: out?.join('') ?? '', err: err?.join('') ?? '' }));
  });
}
const data = ['--data', f.dir];

test('list --json is an array of what is held, --all of everything', async () => {
  const held = JSON.parse((await holdpoint('list', '--json', ...data)).out);
  assert(Array.isArray(held));
  assert(held.some(a => a.id === 'ap_1' && a.state === 'held'));
  await f.book.open(heldApproval('ap_gone'));
  await f.book.end('ap_gone', { kind: 'expire' });
  assert(!(await holdpoint('list', '--json', ...data)).out.includes('ap_gone'));
  const all = JSON.parse((await holdpoint('list', '--all', '--json', ...data)).out);
  assert(all.some((a: { id: string; state: string }) => a.id === 'ap_gone' && a.state === 'expired'));
});

test('show tells everything that is decided on, and no control character reaches the terminal', async () => {
  const { out, code } = await holdpoint('show', 'ap_1', ...data);
  assert.equal(code, 0);
  for (const said of [
    'ap_1',
    'held',
    'ci-7 <dev@example.com>',
    'shop',
    'deletes',
    'delete from orders',
    '$1 = 7',
  ])
    assert(out.includes(said), said);
  assert(out.includes(statementDigest(escapes)));
  assert(out.includes('\\u{1b}[2K\\u{202e} safe'));
  assert(!/[\u001b\u202e]/.test(out));
});

test('approve goes to the running dev with its token, as the named person, with a digest of what was shown', async () => {
  const id = 'ap_named';
  const held = { ...heldApproval(id), deadline: new Date(Date.now() + 1e6).toISOString() };
  await f.book.open(held);
  const { out, code } = await holdpoint(
    'approve',
    id,
    '--as',
    'bob@example.com',
    '--reason',
    'fine',
    '--json',
    ...data,
  );
  assert.equal(code, 0);
  assert.equal(JSON.parse(out).state, 'approved');
  assert.deepEqual(requests.at(-1), {
    auth: 'Bearer s3cret',
    body: { verdict: 'approve', reason: 'fine', as: 'bob@example.com', request: requestDigest(held) },
  });
});

test('without --as it is the next person whom the rule names, never the requester, and nobody twice', async () => {
  await holdpoint('approve', 'ap_two', ...data);
  assert.equal((requests.at(-1)?.body as { as: string }).as, 'ann@example.com');
  const { out } = await holdpoint('approve', 'ap_two', ...data);
  assert.equal((requests.at(-1)?.body as { as: string }).as, 'bob@example.com');
  assert.match(out, /^ap_two {2}approved/);
  await holdpoint('deny', 'ap_mail', ...data);
  assert.equal((requests.at(-1)?.body as { as: string }).as, 'bob@example.com');
  const none = await holdpoint('approve', 'ap_none', ...data);
  assert.equal(none.code, 1);
  assert.match(none.err, /--as EMAIL/);
});

test('errors are one line on stderr, with exit code 1 and nothing on stdout', async () => {
  const empty = tempDir('empty');
  const stale = holdFixture();
  await stale.book.open(heldApproval('ap_1'));
  stale.close();
  const unreachable = holdFixture();
  await unreachable.book.open(heldApproval('ap_1'));
  unreachable.close();
  writeFileSync(join(unreachable.dir, 'dev.json'), '{"http":"http://127.0.0.1:1","token":"x"}');
  const cases: [string[], RegExp][] = [
    [['show', 'ap_nope', ...data], /there is no approval ap_nope/],
    [['approve', 'ap_1', '--as', 'dev@example.com', ...data], /the requester cannot decide/],
    [['approve', 'ap_1', '--as', 'eve@example.com', ...data], /not among the approvers/],
    [['list', '--data', empty], /has no approvals/],
    [['approve', 'ap_1', '--as', 'a@example.com', '--data', stale.dir], /no `holdpoint dev` runs/],
    [['approve', 'ap_1', '--as', 'a@example.com', '--data', unreachable.dir], /no `holdpoint dev` runs/],
  ];
  for (const [args, sentence] of cases) {
    const { code, out, err } = await holdpoint(...args);
    assert.equal(code, 1, args.join(' '));
    assert.match(err, sentence);
    assert.equal(err.trim().split('\n').length, 1, err);
    assert.equal(out, '');
  }
});

test('visible text keeps what can be read and spells out what cannot', () => {
  assert.equal(visible('aé日本😀 b'), 'aé日本😀 b');
  assert.equal(visible('a\tb\nc', { lines: true }), 'a\tb\nc');
  assert.equal(visible('a\r\n\u0000\u007f\u009b'), 'a\\u{d}\\u{a}\\u{0}\\u{7f}\\u{9b}');
  assert.equal(visible('\u200b\u2066\u00a0\u2028'), '\\u{200b}\\u{2066}\\u{a0}\\u{2028}');
});
