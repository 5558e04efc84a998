import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { createConsole } from '#functions/console/server.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { type FakeBook, fakeAudit, fakeBook, heldApproval } from './fake-book.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
const ONE = 'approver-1@example.com';
const TWO = 'approver-2@example.com';
const HOSTILE = `<img src=x onerror="alert(1)"></script><script>alert(2)</script>`;

type Audit = ReturnType<typeof fakeAudit>;
interface Served {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

/** A console on its own port; `port` brings it back where it was. */
async function serve(book: FakeBook, audit: Audit, port = 0): Promise<Served> {
  const listener = createConsole({
    book,
    audit,
    approvers: () => [{ email: ONE }, { email: TWO }],
    apiToken: 'not used here',
    clock: Date.now,
    newToken: () => randomBytes(32).toString('hex'),
  });
  const server = createServer((request, response) => {
    if (listener(request, response)) return;
    response.writeHead(404);
    response.end();
  });
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  const actual = (server.address() as AddressInfo).port;
  return {
    port: actual,
    url: `http://127.0.0.1:${actual}/`,
    close: () => {
      listener.close();
      server.closeAllConnections();
      return new Promise(resolve => server.close(() => resolve()));
    },
  };
}

const skip =
  CHROMIUM === undefined && process.env.CI === undefined
    ? 'there is no chromium on this machine: the page was not tried in a browser'
    : false;

// A skipped suite is not counted as a skipped test: this line is, so that the run says what was not looked at.
if (skip !== false) test('the inbox page works in a real browser', { skip });

describe('the inbox page in a real browser', { skip, timeout: 300_000 }, () => {
  let browser: Browser;
  let book: FakeBook;
  let audit: Audit;
  let served: Served;
  let page: Page;
  /** What must never happen: script errors, refused content, dialogs that a payload opens. */
  let accidents: string[];

  before(async () => {
    assert.ok(CHROMIUM, 'in CI the page must be tried in a real browser: install chromium');
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  });
  after(() => browser?.close());

  beforeEach(async () => {
    book = fakeBook(Date.now);
    audit = fakeAudit([
      ['session.open', { subject: 'agent-7', email: null, target: 'shop', database: 'shop', role: 'app_rw' }],
      ['statement', { n: 1, text: HOSTILE, parameters: [], verdict: 'hold', rule: 'r', message: HOSTILE }],
      ['outcome', { n: 1, status: 'ok', tag: 'DELETE 3', sqlstate: '', rows: 0, micros: 1200, masks: [] }],
    ]);
    served = await serve(book, audit);
    accidents = [];
    page = await open();
  });
  afterEach(async () => {
    // Whatever was opened, also by a test that broke off in its beginning: an open stream would keep the process alive.
    for (const context of browser.contexts()) await context.close();
    await served.close();
    assert.deepEqual(accidents, []);
  });

  async function open(options: { width?: number; height?: number; hash?: string } = {}): Promise<Page> {
    const context = await browser.newContext({
      viewport: { width: options.width ?? 1100, height: options.height ?? 800 },
      reducedMotion: 'reduce',
    });
    const opened = await context.newPage();
    opened.setDefaultTimeout(60_000);
    opened.on('pageerror', fault => accidents.push(`script: ${fault.message}`));
    opened.on('dialog', dialog => {
      accidents.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    opened.on('console', message => {
      // A line that breaks, and a refusal with a status, are what some tests are about.
      const expected = /net::ERR_|the server responded with a status of|Failed to fetch/;
      if (message.type() === 'error' && !expected.test(message.text())) accidents.push(message.text());
    });
    await opened.goto(`${served.url}${options.hash ?? ''}`);
    await opened.locator('#live[data-state="live"]').waitFor();
    return opened;
  }
  const card = (id: string, on = page) => on.locator(`.card[data-approval="${id}"]`);
  const state = async (id: string) => (await book.get(id))?.state;
  const becomes = (id: string, what: string) =>
    waitFor(async () => (await state(id)) === what, { what: `${id} is ${what}` });
  const focused = () =>
    page.evaluate(() =>
      `${document.activeElement?.tagName} ${document.activeElement?.textContent ?? ''}`.trim(),
    );

  test('what the page shows is what is decided: a record that was changed behind it is refused, and nothing happens', async () => {
    book.open(heldApproval('changed'));
    const approve = card('changed').getByRole('button', { name: 'Approve' });
    await approve.waitFor();
    const honest = book.get;
    // Another rule's words, another requester: the statement and its digest are the same.
    book.get = async id => {
      const approval = await honest(id);
      return approval === null
        ? null
        : { ...approval, requester: { ...approval.requester, subject: 'ci-other' } };
    };
    await approve.click();
    await card('changed').getByText('what was shown is not what is held').waitFor();
    book.get = honest;
    assert.equal(await state('changed'), 'held');
    await approve.click();
    await becomes('changed', 'approved');
  });

  test('a hold appears without reload, is counted, and is announced', async () => {
    await page.getByText('Nothing is waiting.').waitFor();
    await page.evaluate(() => {
      document.body.dataset.loaded = 'once';
    });
    book.open(heldApproval('new-1'));
    await card('new-1').waitFor();
    assert.equal(await page.locator('body').getAttribute('data-loaded'), 'once');
    assert.equal(await page.title(), '(1) Holdpoint');
    assert.equal(await page.getByText('Nothing is waiting.').isVisible(), false);
    assert.match((await page.locator('#announce').textContent()) ?? '', /New hold: DELETE on public\.orders/);
  });

  test('the card tells who, where, why, what it touches, the binds with types, and the time left', async () => {
    book.open(
      heldApproval('facts', {
        requester: {
          issuer: 'https://ci.example',
          subject: 'repo:acme/shop',
          email: 'ci@acme.example',
          groups: ['agents', 'ci'],
          expires: 1,
          run: 'https://ci.example/run/7',
        },
        statement: {
          transaction: 'open',
          text: 'DELETE FROM orders WHERE a = $1 AND b = $2 AND c = $3',
          parameters: [
            { format: 'text', type: 25, value: 'NULL' },
            { format: 'text', type: 25, value: null },
            { format: 'binary', type: 23, value: Buffer.from([255, 255, 255, 214]).toString('base64') },
          ],
        },
        effects: [
          { withoutWhere: true, unknown: ['the body of f() cannot be read'], functions: ['public.f'] },
        ],
      }),
    );
    const text = await card('facts').innerText();
    for (const part of [
      'repo:acme/shop',
      'ci@acme.example',
      'https://ci.example',
      'agents, ci',
      'database shop',
      'as role app_rw',
      "Inside the agent's open transaction",
      'writes-are-held',
      'Writes need a second pair of eyes.',
      'No WHERE',
      'the body of f() cannot be read',
      'public.f',
      'no known bound',
      '0 of 1 approval',
    ])
      assert.ok(text.includes(part), `${part} in:\n${text}`);
    assert.match(text, /9:5\d left|10:00 left/);
    const values = await card('facts').locator('.bind-value').allInnerTexts();
    assert.deepEqual(values, ["'NULL'", 'NULL', '-42']);
    assert.equal(await card('facts').locator('.null').count(), 1);
    assert.equal(await card('facts').locator('a').getAttribute('href'), 'https://ci.example/run/7');
    const digest = (await book.get('facts'))!.digest;
    await card('facts').getByText('Settings, digest and policy version').click();
    assert.ok((await card('facts').innerText()).includes(digest));
    assert.ok((await card('facts').innerText()).includes('search_path'));
  });

  test('Approve with the mouse signs as the person acting, with the reason, and says so', async () => {
    book.open(heldApproval('click'));
    await page.locator('#actor').selectOption(TWO);
    await card('click').getByLabel('Reason').fill('ticket 4411');
    await card('click').getByRole('button', { name: 'Approve' }).click();
    await becomes('click', 'approved');
    const { decision } = (await book.get('click'))!.decisions[0]!;
    assert.deepEqual([decision.by, decision.reason, decision.verdict], [TWO, 'ticket 4411', 'approve']);
    await card('click').getByText(`Approved by ${TWO}.`).waitFor();
    book.move('click', { kind: 'execute' });
    await card('click')
      .getByText(/Executed: approved by .*, then released to the server/)
      .waitFor();
    await page.locator('#history .row[data-approval="click"][data-state="executed"]').waitFor();
  });

  test('the keyboard alone approves and denies: j, a, Enter; r, a reason, Escape, d, Enter', async () => {
    book.open(heldApproval('key-1', { createdAt: new Date(Date.now() - 2000).toISOString() }));
    book.open(heldApproval('key-2', { createdAt: new Date(Date.now() - 1000).toISOString() }));
    await card('key-2').waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('a');
    assert.equal(await focused(), 'BUTTON Approve');
    assert.equal(await state('key-1'), 'held', 'one key alone decides nothing');
    await page.keyboard.press('Enter');
    await becomes('key-1', 'approved');
    await card('key-1').locator('.result').getByText('Approved by').waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('r');
    await page.keyboard.type('jakd is typed, not obeyed');
    await page.keyboard.press('Escape');
    await page.keyboard.press('d');
    assert.equal(await focused(), 'BUTTON Deny');
    await page.keyboard.press('Enter');
    await becomes('key-2', 'denied');
    assert.equal((await book.get('key-2'))!.decisions[0]!.decision.reason, 'jakd is typed, not obeyed');
    await card('key-2').getByText(`Denied by ${ONE}: jakd is typed, not obeyed.`).waitFor();
  });

  test('hostile text in every field is shown as text and runs nothing', async () => {
    const bidi = `/*\u202e } \u2066if (admin)\u2069 \u2066 begin*/ DELETE FROM orders --\u200b\u0000`;
    book.open(
      heldApproval('hostile', {
        target: HOSTILE,
        session: HOSTILE,
        requester: {
          issuer: HOSTILE,
          subject: HOSTILE,
          groups: [HOSTILE],
          expires: 1,
          run: 'javascript:alert(3)',
        },
        statement: {
          text: `${HOSTILE} ${bidi}`,
          target: HOSTILE,
          database: HOSTILE,
          role: `${HOSTILE}\u202e`,
          settings: { [HOSTILE]: HOSTILE },
          parameters: [{ format: 'text', type: 25, value: `${HOSTILE}\u2066` }],
        },
        effects: [{ reads: [HOSTILE], writes: [HOSTILE], functions: [HOSTILE], unknown: [HOSTILE] }],
        requirements: [
          {
            rule: HOSTILE,
            approvers: ['dba'],
            quorum: 1,
            deadlineSeconds: 9,
            mode: 'return',
            waitSeconds: 0,
            grantSeconds: 9,
            message: HOSTILE,
          },
        ],
      }),
    );
    await card('hostile').waitFor();
    assert.equal(await page.locator('main img, main script, main iframe').count(), 0);
    assert.equal(await card('hostile').locator('a').count(), 0, 'a javascript: address is no link');
    const sql = (await card('hostile').locator('.sql').textContent()) ?? '';
    assert.ok(sql.startsWith(HOSTILE), sql);
    for (const shown of ['U+202E RLO', 'U+2066 LRI', 'U+2069 PDI', 'U+200B ZWSP', 'U+0000 NUL'])
      assert.ok(sql.includes(shown), shown);
    const all = (await page.locator('body').textContent()) ?? '';
    assert.doesNotMatch(
      all,
      /[\u202a-\u202e\u2066-\u2069\u200b]/u,
      'no such character reaches the screen as itself',
    );
    await card('hostile').getByText('7 hidden or misleading characters').waitFor();
    await card('hostile').getByLabel('Reason').fill(HOSTILE);
    await card('hostile').getByRole('button', { name: 'Deny' }).click();
    await becomes('hostile', 'denied');
    const row = page.locator('#history .row[data-approval="hostile"]');
    await row.locator('summary').first().click();
    await row.locator('.facts').waitFor();
    assert.equal(await page.locator('main img, main script').count(), 0);
    const sink = await page.evaluate(() => {
      try {
        document.body.innerHTML = '<b>markup</b>';
        return 'set';
      } catch (fault) {
        return (fault as Error).name;
      }
    });
    assert.equal(sink, 'TypeError', 'the browser itself refuses markup on this page');
    accidents = accidents.filter(one => !/TrustedHTML|Trusted Type/.test(one));
  });

  test('on a phone the page has no horizontal scroll, whatever is in it', async () => {
    const long = 'x'.repeat(400);
    book.open(
      heldApproval('wide', {
        requester: {
          issuer: `https://${long}`,
          subject: long,
          email: `${long}@x`,
          groups: [long],
          expires: 1,
        },
        statement: { text: `SELECT '${long}'`, parameters: [{ format: 'text', type: 25, value: long }] },
        effects: [{ reads: [long], writes: [`${long}.${long}`], unknown: [long] }],
      }),
    );
    book.open(heldApproval('wide-2'));
    book.move('wide-2', { kind: 'withdraw', why: long });
    const phone = await open({ width: 360 });
    try {
      await card('wide', phone).waitFor();
      await card('wide', phone).locator('.fineprint summary').click();
      await phone.locator('#history summary').first().click();
      await phone.locator('#session-rows button').click();
      await phone.locator('.event').first().waitFor();
      const width = await phone.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.deepEqual(width, [360, 360]);
      const button = await card('wide', phone).getByRole('button', { name: 'Approve' }).boundingBox();
      assert.ok(button !== null && button.height >= 40, 'a finger hits it');
    } finally {
      await phone.context().close();
    }
  });

  test('a withdrawn hold is marked at once, can no longer be decided, and then goes', async () => {
    book.open(heldApproval('gone'));
    await card('gone').getByRole('button', { name: 'Approve' }).waitFor();
    book.move('gone', { kind: 'withdraw', why: 'the agent disconnected' });
    await card('gone').getByText('Withdrawn: the agent disconnected').waitFor();
    assert.equal(await card('gone').getByRole('button', { name: 'Approve' }).isVisible(), false);
    await page.locator('#history .row[data-approval="gone"][data-state="withdrawn"]').waitFor();
    assert.equal(await page.title(), 'Holdpoint');
    await card('gone').getByRole('button', { name: 'Dismiss' }).click();
    assert.equal(await card('gone').count(), 0);
    await page.getByText('Nothing is waiting.').waitFor();
  });

  test('a grant says what it allows and until when, and is taken back with one button', async () => {
    book.open(heldApproval('grant', { releases: 'session' }));
    await card('grant').getByText('sessions of this principal').waitFor();
    await card('grant').getByText('for 600 s from the approval on').waitFor();
    await card('grant').getByRole('button', { name: 'Approve' }).click();
    await becomes('grant', 'approved');
    const row = page.locator('#history .row[data-approval="grant"]');
    await row.locator('summary').first().click();
    await row.getByRole('button', { name: 'Revoke' }).click();
    await becomes('grant', 'withdrawn');
    await row.getByText('Revoked', { exact: true }).waitFor();
    assert.equal(await row.getByRole('button', { name: 'Revoke' }).count(), 0);
    await card('grant').getByRole('button', { name: 'Dismiss' }).click();
  });

  test('while a reason is being typed nothing moves, and neither text nor focus is lost', async () => {
    const at = (n: number) => ({ createdAt: new Date(Date.now() - 60_000 + n * 1000).toISOString() });
    book.open(heldApproval('above', at(1)));
    book.open(heldApproval('mine', at(2)));
    const reason = card('mine').getByLabel('Reason');
    await reason.click();
    await page.keyboard.type('half a sen');
    const before = await reason.boundingBox();
    book.open(heldApproval('below', at(3)));
    book.open(heldApproval('late-but-older', at(0)));
    book.move('above', { kind: 'withdraw', why: 'the agent disconnected' });
    await card('late-but-older').waitFor();
    await card('above').getByText('Withdrawn: the agent').waitFor();
    const moved = (await reason.boundingBox())!.y - before!.y;
    assert.ok(Math.abs(moved) < 1, `it moved by ${moved} pixels`);
    await page.keyboard.type('tence');
    assert.equal(await reason.inputValue(), 'half a sentence');
    book.move('mine', { kind: 'withdraw', why: 'cancelled' });
    await card('mine').getByText('Withdrawn: cancelled').waitFor();
    await page.keyboard.type(', just a dead end ');
    await page.keyboard.press('Enter');
    assert.equal(
      await reason.inputValue(),
      'half a sentence, just a dead end \n',
      'what is typed is never a shortcut',
    );
    assert.equal(await state('below'), 'held');
    await page.keyboard.press('Escape');
    assert.equal(await reason.isVisible(), false);
    assert.equal(await card('mine').count(), 1, 'it says what happened before it goes');
  });

  test('what ends or grows above a reason that is being typed does not push it', async () => {
    await page.context().close();
    page = await open({ height: 1800 });
    const requirement = heldApproval('x').requirements[0]!;
    const at = (n: number) => ({ createdAt: new Date(Date.now() - 60_000 + n * 1000).toISOString() });
    for (const [n, id] of ['ends', 'grows', 'mine', 'after', 'last'].entries())
      book.open(heldApproval(id, { ...at(n), requirements: [{ ...requirement, quorum: 2 }] }));
    const reason = card('mine').getByLabel('Reason');
    await reason.click();
    const before = (await reason.boundingBox())!.y;
    const still = async (what: string) => {
      const moved = (await reason.boundingBox())!.y - before;
      assert.ok(Math.abs(moved) < 1, `${what}: it moved by ${moved} pixels`);
    };
    book.move('ends', { kind: 'withdraw', why: 'the agent disconnected' });
    await card('ends').getByText('Withdrawn: the agent').waitFor();
    await still('a hold above has ended');
    await book.decide('grows', { by: TWO, verdict: 'approve', reason: 'somebody else, elsewhere' });
    await card('grows').getByText('1 of 2 approvals').waitFor();
    await still('a decision above has come');
    assert.match(await focused(), /^TEXTAREA/);
  });

  test('a quorum counts people: one approves, may not twice, and the second releases it', async () => {
    const requirement = heldApproval('x').requirements[0]!;
    book.open(heldApproval('two', { requirements: [{ ...requirement, quorum: 2 }] }));
    await card('two').getByText('0 of 2 approvals').waitFor();
    await card('two').getByRole('button', { name: 'Approve' }).click();
    await card('two').getByText('1 of 2 approvals').waitFor();
    await card('two').getByText('More approvals are needed').waitFor();
    await card('two').getByText(`${ONE} has decided already`).waitFor();
    await card('two').getByRole('button', { name: 'Approve' }).click({ force: true });
    assert.equal((await book.get('two'))!.decisions.length, 1);
    await page.locator('#actor').selectOption(TWO);
    await card('two').getByRole('button', { name: 'Approve' }).click();
    await becomes('two', 'approved');
    await card('two').getByText(`Approved by ${ONE}, ${TWO}.`).waitFor();
  });

  test('what the server refuses is said in its words, and the card stays', async () => {
    const requester = { issuer: 'i', subject: ONE, groups: [], expires: 1 };
    book.open(heldApproval('own', { requester }));
    await card('own').getByLabel('Reason').fill('let me');
    await card('own').getByRole('button', { name: 'Approve' }).click();
    await card('own').getByText('the requester cannot decide on their own statement').waitFor();
    assert.equal(await card('own').getByLabel('Reason').inputValue(), 'let me');
    assert.equal(await state('own'), 'held');
  });

  test('a lost connection is shown; the page comes back by itself and misses nothing', async () => {
    book.open(heldApproval('before'));
    await card('before').waitFor();
    await served.close();
    await page.getByText('Connection lost.').waitFor();
    book.open(heldApproval('meanwhile'));
    book.move('before', { kind: 'expire' });
    served = await serve(book, audit, served.port);
    await card('meanwhile').waitFor();
    await card('before').getByText('Expired: nobody decided').waitFor();
    assert.equal(await page.getByText('Connection lost.').isVisible(), false);
    await card('meanwhile').getByRole('button', { name: 'Approve' }).click();
    await becomes('meanwhile', 'approved');
  });

  test('a very long statement is complete, inside a box that scrolls', async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => `-- line ${i}`);
    book.open(heldApproval('long', { statement: { text: `${lines.join('\n')}\nDROP TABLE orders` } }));
    const box = card('long').locator('.sql');
    await box.waitFor();
    assert.match((await box.textContent()) ?? '', /-- line 2999\nDROP TABLE orders$/);
    const [inner, outer] = await box.evaluate(one => [one.scrollHeight, one.clientHeight]);
    assert.ok(outer! < 500 && inner! > 10_000);
    assert.equal(await box.getAttribute('tabindex'), '0', 'and the keyboard can scroll it');
    await card('long').getByText('3,001 lines, ').waitFor();
    await card('long').getByText('You have not seen all of it yet.').waitFor();
    await box.evaluate(one => {
      one.scrollTop = one.scrollHeight;
    });
    await card('long').getByText('read to the end').waitFor();
    await card('long').getByText('You have not seen all of it yet.').waitFor({ state: 'detached' });
  });

  test('sessions are listed, one is replayed in order, and its chain is proven or not', async () => {
    await page.locator('#session-rows button').click();
    await page.getByText('Chain proven.').waitFor();
    const kinds = await page
      .locator('.event')
      .evaluateAll(all => all.map(one => (one as HTMLElement).dataset.kind));
    assert.deepEqual(kinds, ['session.open', 'statement', 'outcome']);
    assert.ok((await page.locator('.event .sql').textContent())!.includes(HOSTILE));
    audit.events_[1] = { ...audit.events_[1]!, body: { n: 1, text: 'SELECT 1' } };
    await page.getByRole('button', { name: 'Read again' }).click();
    await page.getByText('Not proven: 1 finding.').waitFor();
    await page.getByText('altered at s-1 1').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    assert.equal(await page.locator('#replay').isVisible(), false);
  });

  test('an address with an approval’s id leads to it, whether it waits or has ended', async () => {
    book.open(heldApproval('linked'));
    book.open(heldApproval('ended'));
    book.move('ended', { kind: 'expire' });
    await page.context().close();
    page = await open({ hash: '#linked' });
    assert.match(await focused(), /^ARTICLE/);
    await page.evaluate(() => {
      location.hash = '#ended';
    });
    await page.locator('#history .row[data-approval="ended"][open] .facts').waitFor();
  });

  test('more pages than a browser has connections: all load, and the one that is looked at is live', async () => {
    const context = page.context();
    await page.reload(); // the first load had no cookie yet, and is not counted
    for (let i = 0; i < 7; i++) {
      const other = await context.newPage();
      await other.goto(served.url);
      await other.locator('#live[data-state="live"]').waitFor();
    }
    book.open(heldApproval('many'));
    await card('many', context.pages().at(-1)!).waitFor();
    await page.locator('#live[data-state="lost"]').waitFor(); // the oldest rests
    await page.bringToFront();
    await page.evaluate(() => dispatchEvent(new Event('focus')));
    await card('many').waitFor();
  });

  test('nothing is loaded from, or sent to, anywhere else', async () => {
    const hosts = new Set<string>();
    page.on('request', request => hosts.add(new URL(request.url()).host));
    book.open(heldApproval('local'));
    await page.reload();
    await card('local').getByRole('button', { name: 'Approve' }).click();
    await becomes('local', 'approved');
    assert.deepEqual([...hosts], [`127.0.0.1:${served.port}`]);
  });
});
