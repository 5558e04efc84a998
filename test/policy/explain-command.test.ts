import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readSnapshot } from '#cli/policy-snapshot.ts';
import { recordCatalog } from '#cli/sample/record-catalog.ts';
import { startPostgres } from '#test/support/postgres.ts';
import { type Finished, runProgram } from '#test/support/psql.ts';
import { tempDir } from '#test/support/temp.ts';

const PROGRAM = fileURLToPath(new URL('./policy-program.ts', import.meta.url));
const CASES = fileURLToPath(new URL('../../cli/sample/policy.tests.yaml', import.meta.url));
const READS = fileURLToPath(new URL('./reads-only.cases.yaml', import.meta.url));
const SHOP = readFileSync(new URL('../../cli/sample/shop.sql', import.meta.url), 'utf8');
const run = (...args: string[]): Promise<Finished> =>
  runProgram(process.execPath, [PROGRAM, 'policy', ...args]);
const dir = tempDir('policy-explain');
function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}
async function explain(
  ...args: string[]
): Promise<Record<string, unknown> & { statements: { verdict: string }[] }> {
  const { code, stdout, stderr } = await run('explain', '--json', ...args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

describe('without a database', () => {
  it('explain tells verdict, rule, effects and masked columns of the sample shop', async () => {
    const answer = await explain('--sql', 'select name, email from customers where id = $1', '--param', '7');
    assert.deepEqual([answer.verdict, answer.rule], ['allow', 'reads']);
    assert.deepEqual(answer.masked, [
      { column: 'public.customers.email', mask: 'email' },
      { column: 'public.customers.card_number', mask: 'partial' },
      { column: 'public.customers.ssn', mask: 'redact' },
      { column: 'public.customers.phone', mask: 'partial' },
    ]);
    assert.deepEqual(answer.parameters, ['7']);
    assert.equal((answer.access as { name: string }).name, 'agents');
  });

  it('explain tells who has to let somebody in first, and for how long', async () => {
    const policy = file(
      'access.yaml',
      `version: 1
targets:
  shop: { host: 127.0.0.1, port: 5432, database: shop, tls: disable, roles: { agent: { secret: 'env:P' } } }
groups: { approvers: [ann@example.com, bob@example.com] }
access:
  - { name: night, targets: [shop], roles: [agent], approval: { approvers: [approvers], quorum: 2, grant: 30m, wait: 20s } }
rules: [{ name: reads, match: { effects: { readOnly: true } }, verdict: allow }]
`,
    );
    const asked = ['--policy', policy, '--target', 'shop', '--role', 'agent', '--sql', 'select 1'];
    const { stdout, stderr } = await run('explain', ...asked);
    assert.match(stdout, /^access {5}night, until /m, stderr);
    assert.match(stdout, /^opens {6}only once 2 of approvers have approved it, within 600 s \(wait\)/m);
    assert.match(stdout, /^then {7}its sessions can be opened for 1800 s, and end with that$/m);
    const { access } = (await explain(...asked)) as unknown as { access: { approval: { quorum: number } } };
    assert.equal(access.approval.quorum, 2);
    assert.doesNotMatch((await run('explain', '--sql', 'select 1')).stdout, /^opens/m);
  });

  it('explain tells who would have to approve, and by when', async () => {
    const { stdout } = await run('explain', '--sql', 'delete from payments');
    assert.match(stdout, /^verdict {4}hold, by rule whole-table-writes$/m);
    assert.match(stdout, /^asks {7}1 of approvers within 600 s \(wait\)/m);
    assert.match(stdout, /^writes {5}public\.payments$/m);
  });

  it('explain judges each statement of a text, and the text as a whole', async () => {
    const answer = await explain('--sql', 'begin; select 1; drop table payments; commit');
    assert.equal(answer.verdict, 'hold');
    assert.deepEqual(
      answer.statements.map(s => s.verdict),
      ['allow', 'allow', 'hold', 'allow'],
    );
  });

  it('a statement is explained in the transaction that it would run in', async () => {
    const policy = file(
      'tx.yaml',
      `version: 1
access: [{ name: a, targets: [shop], roles: [agent] }]
rules:
  - { name: inside, verdict: allow, match: { effects: { inTransaction: true } } }
  - { name: begins, verdict: allow, match: { effects: { commands: [transaction] } } }
  - { name: outside, verdict: deny }
`,
    );
    const verdicts = async (...args: string[]) =>
      (await explain('--policy', policy, ...args)).statements.map(s => s.verdict);
    assert.deepEqual(await verdicts('--sql', 'select 1; begin; select 1; commit; select 1'), [
      'deny',
      'allow',
      'allow',
      'allow',
      'deny',
    ]);
    assert.deepEqual(await verdicts('--in-transaction', '--sql', 'select 1'), ['allow']);
  });

  it('principals are made of --as, --email, --group and the groups of the policy', async () => {
    const policy = file(
      'who.yaml',
      `version: 1
groups: { reds: [ann@example.com], blues: [ci-1] }
access: [{ name: a, targets: [shop], roles: [agent], principals: { groups: [reds] } }]
rules:
  - { name: for-reds, verdict: allow, match: { principals: { groups: [reds] } } }
  - { name: for-blues, verdict: allow, match: { principals: { groups: [blues] } } }
  - { name: for-greens, verdict: allow, match: { principals: { groups: [greens] } } }
`,
    );
    const rule = async (...who: string[]) => {
      const answer = await explain('--policy', policy, '--sql', 'select 1', ...who);
      return [answer.rule, (answer.access as { name: string } | null)?.name ?? null];
    };
    assert.deepEqual(await rule('--as', 'x', '--email', 'Ann@Example.com'), ['for-reds', 'a']);
    assert.deepEqual(await rule('--as', 'ci-1'), ['for-blues', null]);
    assert.deepEqual(await rule('--as', 'x', '--group', 'greens'), ['for-greens', null]);
    assert.deepEqual(await rule('--as', 'ann@example.com'), ['default', null], 'a subject is no e-mail');
  });

  it("tables of somebody's own database are unknown, and it says so", async () => {
    const policy = file(
      'own.yaml',
      `version: 1
targets: { ledger: { host: db, database: ledger, roles: { agent: {} } } }
access: [{ name: a, targets: [ledger], roles: [agent] }]
rules: [{ name: reads, verdict: allow, match: { effects: { readOnly: true } } }]
`,
    );
    const own = await explain('--policy', policy, '--sql', 'select * from orders');
    assert.equal(own.verdict, 'deny', 'the tables of the sample shop are not theirs');
    assert.match(String(own.catalog), /tables and functions of ledger are unknown/);
    const plain = await explain(
      '--policy',
      policy,
      '--sql',
      'select upper($1), now(), count(*) from pg_class',
    );
    assert.equal(plain.verdict, 'allow');
  });

  it('what has no verdict is one line on stderr and exit code 1', async () => {
    const rows: [string[], RegExp][] = [
      [['--sql', 'selec 1'], /the SQL does not parse: syntax error at or near "selec"/],
      [
        ['--sql', 'select 1', '--target', 'nowhere', '--policy', file('t.yaml', OWN)],
        /has no target nowhere; it has ledger/,
      ],
      [['--sql', 'select 1', '--issuer', 'nobody'], /has no issuer nobody/],
      [['--sql', 'select 1', '--policy', join(dir, 'missing.yaml')], /there is no such file/],
      [['--sql', 'select 1', '--db', 'mysql://x'], /has to begin with postgres/],
      [[], /--sql/],
    ];
    for (const [args, expected] of rows) {
      const { code, stdout, stderr } = await run('explain', ...args);
      assert.deepEqual([code, stdout], [1, ''], args.join(' '));
      assert.match(stderr, expected);
      const lines = stderr.split('\n').filter(line => line !== '' && !line.startsWith('note: '));
      assert.equal(lines.length, 1, stderr);
    }
  });

  it('statement text with control characters does not reach the terminal as such', async () => {
    const { stdout } = await run(
      'explain',
      '--sql',
      'select * from "\u001b[2J"',
      '--param',
      '\u001b]0;x\u0007',
    );
    assert.ok(!stdout.includes('\u001b'), JSON.stringify(stdout));
  });
});

const OWN = `version: 1
targets: { ledger: { host: db, database: ledger, roles: { agent: {} } } }
access: [{ name: a, targets: [ledger], roles: [agent] }]
`;

describe('holdpoint policy test', () => {
  it('the sample policy passes its tests', async () => {
    const { code, stdout, stderr } = await run('test', CASES);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /\n\d+ passed, 0 failed\n$/);
  });

  it('a case that is not as expected says what it is, and where the case stands', async () => {
    file('p.yaml', OWN.replace('access', 'rules: [{ name: ones, verdict: allow }]\naccess'));
    const path = file(
      'cases.yaml',
      `policy: p.yaml
cases:
  - sql: select 1
    expect: allow
    rule: ones
  - sql: select 1
    expect: hold
  - name: nonsense
    sql: selec
    expect: deny
`,
    );
    const { code, stdout } = await run('test', path);
    assert.equal(code, 1);
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      'pass  select 1 → allow (ones)',
      'FAIL  select 1',
      `      ${path}:6: expected hold, but it is allow by rule ones`,
      'FAIL  nonsense',
      `      ${path}:8: the SQL does not parse: syntax error at or near "selec" (character 1)`,
      '1 passed, 2 failed',
    ]);
    const json = JSON.parse((await run('test', '--json', path)).stdout);
    assert.deepEqual([json.passed, json.failed, json.cases.length], [1, 2, 3]);
  });

  it('a faulty test file is refused with line and column', async () => {
    const path = file('faulty.yaml', 'policy: p.yaml\ncases:\n  - sql: select 1\n    expct: allow\n');
    const { code, stderr } = await run('test', path);
    assert.equal(code, 1);
    assert.match(stderr, /faulty\.yaml:3:5: cases\[0\]\.expect: is missing/);
    assert.match(stderr, /faulty\.yaml:4:5: cases\[0\]: unknown key "expct"; did you mean expect\?/);
  });
});

describe('with a database', async () => {
  const postgres = await startPostgres();
  await postgres.createDatabase('shop');
  await postgres.query(SHOP, { database: 'shop' });
  const url = postgres.url({ database: 'shop' });

  it('a running shop gives the same verdicts as the recorded one', async () => {
    const { code, stdout, stderr } = await run('test', '--db', url, CASES, READS);
    assert.equal(code, 0, stdout + stderr);
  });

  it('--db reads the catalog of a database of one’s own', async () => {
    await postgres.createDatabase('ledger');
    await postgres.query('create table accounts (id int primary key, open boolean)', { database: 'ledger' });
    const policy = file(
      'own2.yaml',
      OWN.replace(
        'access',
        'rules: [{ name: reads, verdict: allow, match: { effects: { readOnly: true } } }]\naccess',
      ),
    );
    const answer = await explain(
      '--policy',
      policy,
      '--db',
      postgres.url({ database: 'ledger' }),
      '--sql',
      'select * from accounts',
    );
    assert.deepEqual([answer.verdict, answer.rule], ['allow', 'reads']);
  });

  it('a database that cannot be reached is an error, not a verdict', async () => {
    const { code, stdout, stderr } = await run(
      'explain',
      '--sql',
      'select 1',
      '--db',
      'postgres://a@127.0.0.1:1/b',
    );
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /the database cannot be reached/);
  });

  it('the recorded catalog answers every question that the loader asks now', async () => {
    const fresh = await recordCatalog(postgres);
    const stored = readSnapshot();
    const stale = 'stale: run `npx node cli/sample/record-catalog.ts`';
    const count = (snapshot: typeof stored) => Object.keys(snapshot.shop).length;
    assert.deepEqual(Object.keys(stored.empty).sort(), Object.keys(fresh.empty).sort(), stale);
    assert.equal(count(stored), count(fresh), stale);
    assert.equal(stored.server, fresh.server, stale);
  });
});
