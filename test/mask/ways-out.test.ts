import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { type Dev, startDev } from '#test/support/dev.ts';
import { chosenMajor, startPostgres } from '#test/support/postgres.ts';
import { type Frame, fields, outline, query, RawClient, rows } from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';
import { ORDINARY, ORDINARY_WORK } from './ordinary.corpus.ts';
import { type Mode, messages, say } from './saying.ts';
import { Secrets } from './secrets.ts';
import { WAYS_OUT } from './ways-out.corpus.ts';
import { WAYS_OUT_IN_STEPS } from './ways-out-in-steps.corpus.ts';

/** Everything is allowed, also what cannot be told: masks and refusals alone stand before the values. */
const POLICY = `version: 1
protected:
  - { column: public.customers.email, mask: email }
  - { column: public.customers.card_number, mask: partial }
  - { column: public.customers.ssn, mask: redact }
  - { column: public.customers.phone, mask: partial }
  - { column: public.employees.ssn, mask: redact }
  - { column: public.employees.salary, mask: "null" }
access:
  - { name: agents, principals: { issuers: [dev] }, targets: ["*"], roles: ["*"] }
rules:
  - { name: unknown-too, match: { effects: { unknown: true } }, verdict: allow }
  - { name: all, match: {}, verdict: allow }
`;

const SHOP = join(import.meta.dirname, '..', '..', 'cli', 'sample', 'shop.sql');

/** Postgres 13 knows no bodies of functions in SQL's own grammar. */
function shopFor(major: string | undefined): string {
  const sql = readFileSync(SHOP, 'utf8');
  return major === '13' ? sql.replace(/^ {2}return (.+);$/m, '  as $$$$ select $1 $$$$;') : sql;
}

/** The proxy asks every two seconds whether somebody else has changed the catalog. */
const POLL_MS = 2_500;

const MODES: readonly Mode[] = ['simple', 'binary'];
/** Steps change the catalog, which takes its time: without this, each goes one of the two ways. */
const LONG = process.env.HOLDPOINT_LONG === '1';

let dev: Dev;
let owner: pg.Client;
let token: string;
let secrets: Secrets;

before(async () => {
  const db = await startPostgres();
  const url = await db.createDatabase('shop');
  await db.query(shopFor(chosenMajor()), { database: 'shop' });
  await db.query(`alter role agent password 'shop'`);
  const policy = join(tempDir('ways-out'), 'policy.yaml');
  writeFileSync(policy, POLICY);
  const target = db.url({ database: 'shop', user: 'agent', password: 'shop' });
  dev = await startDev({ args: ['--policy', policy, '--target', target] });
  token = await dev.token('agent-1');
  owner = new pg.Client({ connectionString: url });
  await owner.connect();
  const values = async (sql: string) => (await owner.query<{ v: string }>(sql)).rows.map(row => row.v);
  secrets = new Secrets(
    await values(`select email v from customers union all select phone from customers union all select card_number from customers
      union all select ssn from customers union all select ssn from employees`),
    await values('select salary::text v from employees'),
  );
});
after(() => owner?.end());

async function agent(): Promise<RawClient> {
  const client = await RawClient.connect({ port: dev.pgPort });
  await client.login({ user: 'agent', database: 'shop', password: token });
  return client;
}

test('no protected value leaves with one statement, in both protocols and formats', async () => {
  const out: string[] = [];
  let answered = 0;
  await Promise.all(
    MODES.map(async mode => {
      const client = await agent();
      for (const sql of WAYS_OUT) {
        const frames = await say(client, [query('begin')]);
        frames.push(...(await say(client, messages(sql, mode))), ...(await say(client, [query('rollback')])));
        if (frames.some(frame => frame.type === 'T' || frame.type === 'n')) answered++;
        const told = secrets.in(frames, sql);
        if (told !== null) out.push(`[${mode}] ${sql}\n  ${told}`);
      }
      client.destroy();
    }),
  );
  assert.deepEqual(out, []);
  // Most are masked rather than refused: a proxy that refuses everything would tell nothing either.
  assert.ok(answered > WAYS_OUT.length, `${answered} answered`);
});

test('what is not protected comes back as it is', async () => {
  const client = await agent();
  const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;
  const changed: string[] = [];
  for (const text of ORDINARY) {
    const told = rows(await say(client, [query(text)]));
    const real = await owner.query({ text, rowMode: 'array', types: asText });
    if (real.rows.length === 0) changed.push(`${text}: gives nothing to compare`);
    try {
      assert.deepEqual(told, real.rows);
    } catch {
      changed.push(`${text}: ${JSON.stringify(told[0])} for ${JSON.stringify(real.rows[0])}`);
    }
    const binary = rows(await say(client, messages(text, 'binary'))).length;
    if (binary !== told.length) changed.push(`${text}: ${binary} rows in the extended protocol`);
  }
  client.destroy();
  assert.deepEqual(changed, []);
});

test('work beside protected columns goes on', async () => {
  const client = await agent();
  const stopped: string[] = [];
  for (const text of ORDINARY_WORK) {
    const [title, ...lines] = text.split('\n');
    let last: Frame[] = [];
    for (const line of lines) {
      if (line.startsWith('= ')) {
        if (JSON.stringify(rows(last)[0]) !== line.slice(2))
          stopped.push(`${title}: ${JSON.stringify(rows(last)[0])} for ${line}`);
        continue;
      }
      last = await say(client, [query(line)]);
      const error = last.find(frame => frame.type === 'E');
      if (error !== undefined)
        stopped.push(`${title}: ${line}: ${fields(error).M} ${fields(error).D ?? ''} ${outline(last)}`);
    }
    await say(client, [query('rollback')]);
  }
  client.destroy();
  assert.deepEqual(stopped, []);
});

/** False where an older server knows no such grammar: what comes behind it is nothing there. */
async function owned(sql: string): Promise<boolean> {
  try {
    await owner.query(sql);
    return true;
  } catch (error) {
    if (chosenMajor() === undefined || (error as pg.DatabaseError).code !== '42601') throw error;
    return false;
  }
}

test('no protected value leaves in several steps, through DDL, over several sessions', async () => {
  const out: string[] = [];
  for (const [i, text] of WAYS_OUT_IN_STEPS.entries()) {
    for (const mode of LONG ? MODES : [MODES[i % 2]!]) {
      const [title, ...lines] = text.split('\n');
      const clients = [await agent(), await agent()] as const;
      const heard: { line: string; frames: Frame[] }[] = [];
      let behind: Promise<void> | null = null;
      const word = `${mode[0]}${i}`;
      for (const raw of lines) {
        const line = raw
          .replaceAll('%%', '\0')
          .replace(/%(?!I|L|'| %)/g, word)
          .replaceAll('\0', '');
        const [, prefix = '', sql = ''] = /^(2> |own> |\.\.\. )?(.*)$/s.exec(line) ?? [];
        // Several statements are one text only in the simple protocol.
        const how = sql.includes('; ') && !sql.includes('$$') ? 'simple' : mode;
        if (line === 'wait') await pause(POLL_MS);
        else if (prefix === 'own> ') {
          if (!(await owned(sql))) break;
        } else if (prefix === '... ') {
          behind = say(clients[0], messages(sql, how)).then(frames => void heard.push({ line, frames }));
          await pause(300);
        } else {
          if (prefix === '' && behind !== null) await behind;
          const frames = await say(clients[prefix === '2> ' ? 1 : 0], messages(sql, how));
          heard.push({ line, frames });
        }
      }
      await behind;
      for (const client of clients) client.destroy();
      for (const { line, frames } of heard) {
        const told = secrets.in(frames, line);
        if (told !== null) out.push(`[${mode}] ${title}: ${line}\n  ${told}`);
      }
      await owner.query(CLEAN);
    }
  }
  assert.deepEqual(out, []);
});

/** What steps may have hung on the shop's own tables. */
const CLEAN = `do $$ declare r record; begin
  for r in select tgname, tgrelid::regclass t from pg_trigger where not tgisinternal
    loop execute format('drop trigger %I on %s', r.tgname, r.t); end loop;
  for r in select rulename, ev_class::regclass t from pg_rewrite where ev_type <> '1' and oid > 16384
    loop execute format('drop rule %I on %s', r.rulename, r.t); end loop;
  for r in select polname, polrelid::regclass t from pg_policy
    loop execute format('drop policy %I on %s', r.polname, r.t); end loop;
  execute 'alter table customers disable row level security';
end $$`;
