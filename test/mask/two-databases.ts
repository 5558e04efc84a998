import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dev, startDev } from '#test/support/dev.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { columns, type Frame, fields, RawClient, tag } from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';

/** Everything is allowed, also what cannot be told: masks and refusals alone stand before the values. */
const POLICY = `version: 1
protected:
  - { column: public.people.ssn, mask: redact }
  - { column: public.people.email, mask: email }
  - { column: public.people.salary, mask: "null" }
  - { column: public.people.born, mask: redact }
  - { column: public.people.doc, mask: redact }
  - { column: public.people.tags, mask: redact }
  - { column: public.people.small, mask: redact }
  - { column: public.people.raw, mask: redact }
  - { column: public.people.span, mask: redact }
access:
  - { name: agents, principals: { issuers: [dev] }, targets: ["*"], roles: ["*"] }
rules:
  - { name: unknown-too, match: { effects: { unknown: true } }, verdict: allow }
  - { name: all, match: {}, verdict: allow }
`;

/**
 * The protected values of row `g`: other letters, lengths, orders of size, bytes. The domain of an address and its first letter are what
 * its mask leaves, so they are the same; and so is what is NULL.
 */
const VALUES = {
  one: `'ax' || g || 'one@example.com', (100000000 + g * 1000 + 17)::text, 1000 * g + 11, date '1970-01-01' + g,
    jsonb_build_object('k', 'AAAA' || g, 'n', g + 3), array['ta', 'tb' || g], g % 3 + 2, '\\xaaaa', int4range(1, 5)`,
  two: `'ax' || g || 'two@example.com', (200000000 + g * 1000 + 901)::text || '77', 5000 * g + 77, date '1985-05-05' + g,
    jsonb_build_object('k', 'BBBB' || g, 'n', g + 5), array['ua', 'ub' || g], g % 3 + 3, '\\xbbbb', int4range(2, 9)`,
} as const;

const schema = (values: string) => `
create table people (id int primary key, name text not null, email text unique, ssn text, salary int, born date, doc jsonb, tags text[],
  small int, raw bytea, span int4range, note text, city text);
insert into people select g, 'name ' || g, ${values}, 'note ' || g, 'city ' || g % 4 from generate_series(1, 12) g;
create table kids (id int primary key, parent int references people (id), label text);
insert into kids select g, g, 'kid ' || g from generate_series(1, 12) g;
create table sink (v text, n bigint, j jsonb);
create table mypeople (id int primary key, ssn text);
create view v_people as select id, name, ssn as code from people;
create view v_inv with (security_invoker = true) as select * from people;
create materialized view m_people as select id, name, ssn as code from people;
create table child () inherits (people);
insert into child select 100 + id, name, null, ssn, salary, born, doc, tags, small, raw, span, note, city from people where id < 3;
create function f_ssn(int) returns text language sql stable as 'select ssn from people where id = $1';
create function f_row(int) returns people language sql stable as 'select * from people where id = $1';
create function f_set() returns setof people language sql stable as 'select * from people';
create function f_tab() returns table (a int, b text) language plpgsql stable as 'begin return query select id, ssn from people; end';
create function f_len(text) returns int language sql immutable as 'select length($1)';
create function f_code(people) returns text language sql stable as 'select $1.ssn';
create function f_small(people) returns int language plpgsql stable as 'begin return $1.small; end';
create function f_many(int) returns setof int language plpgsql immutable as 'begin return query select generate_series(1, $1); end';
create sequence counter;
create view v_met as select id as x, label from kids where id = (select small from people where people.id = 1);
create view v_hit as select id as x, id = (select small from people where people.id = 1) as hit from kids;
create view v_most as select max(kids.id) as x from kids, people where kids.id <= small and people.id = 1;
create view v_many as select id as x from kids where id <= (select small from people where people.id = 1);
create view v_of_met as select x as y from v_met;
create table rowwise (id int primary key);
insert into rowwise select generate_series(1, 9);
alter table rowwise enable row level security;
alter table rowwise force row level security;
create policy rowwise_own on rowwise using (id = (select small from people where people.id = 1));
create function opened(refcursor) returns refcursor language plpgsql as
  'begin open $1 for select ssn from people; return $1; end';
create function swapped(refcursor) returns void language plpgsql as
  'begin close $1; open $1 for select ssn from people; end';
create function run(text) returns void language plpgsql as 'begin execute $1; end';
create procedure turned() language plpgsql as
  $$ begin perform ssn from people; commit; perform set_config('search_path', 's2, public', false); end $$;
create type pair as (a text, b int);
create domain shortdom as text check (length(value) < 3);
create domain onecheck as text constraint one check (value = 'one');
create domain othercheck as text constraint other check (value = 'other');
create domain digits as text constraint c1 check (value !~ '^1') constraint c2 check (value !~ '^2');
create schema s2;
create view s2.kids as select id, 1 as parent, ssn as label from public.people;
`;

/** One of two databases that differ in protected values alone, and the proxy before it. */
export interface Side {
  readonly db: TestPostgres;
  readonly dev: Dev;
  /** A session of the agent, through the proxy. */
  agent(): Promise<RawClient>;
  /** The same role on the server itself. */
  direct(): Promise<RawClient>;
}

/** Both, each with a server and a proxy of its own: what they tell of themselves (numbers, names, sizes) is then the same too. */
export function startBoth(): Promise<[Side, Side]> {
  return Promise.all([start(VALUES.one), start(VALUES.two)]);
}

async function start(values: string): Promise<Side> {
  // Whatever the server does by itself, it would do at other times on the other side.
  const db = await startPostgres({ trust: true, settings: { autovacuum: 'off' } });
  await db.query(`create role agent login password 'agent'`);
  await db.createDatabase('shop');
  await db.query('alter database shop owner to agent');
  await db.query(`set role agent; ${schema(values)}`, { database: 'shop' });
  await db.query('analyze', { database: 'shop' });
  const policy = join(tempDir('two-databases'), 'policy.yaml');
  writeFileSync(policy, POLICY);
  const target = db.url({ database: 'shop', user: 'agent', password: 'agent' });
  const dev = await startDev({ args: ['--policy', policy, '--target', target] });
  const token = await dev.token('agent-1');
  const session = async (port: number, password: string) => {
    const client = await RawClient.connect({ port });
    await client.login({ user: 'agent', database: 'shop', password });
    return client;
  };
  return {
    db,
    dev,
    agent: () => session(dev.pgPort, token),
    direct: () => session(db.port, 'agent'),
  };
}

/** From here on the numbers of tables and types are the database's own. */
const FIRST_OWN_OID = 16_384;

/**
 * What an agent sees in these frames, one line each, without what may differ by nature: the process of a notification and numbers that
 * the server gave to objects of its own. Rows are sorted unless `ordered`: without ORDER BY no order is promised.
 */
export function seen(frames: readonly Frame[], ordered = true): string[] {
  const lines: string[] = [];
  let firstRow: number | null = null;
  for (const frame of frames) {
    if (frame.type === 'D' || frame.type === 'd') firstRow ??= lines.length;
    else if (firstRow !== null) {
      if (!ordered) lines.push(...lines.splice(firstRow).sort());
      firstRow = null;
    }
    lines.push(`${frame.type} ${said(frame)}`);
  }
  return lines;
}

function said(frame: Frame): string {
  switch (frame.type) {
    case 'D':
      return frame.body.toString('latin1');
    case 'T':
      return JSON.stringify(
        columns(frame).map(({ tableOid, typeOid, ...rest }) => ({
          ...rest,
          table: Math.min(tableOid, FIRST_OWN_OID),
          type: Math.min(typeOid, FIRST_OWN_OID),
        })),
      );
    case 'E':
    case 'N':
      return JSON.stringify(fields(frame));
    case 'C':
      return tag(frame);
    case 'A':
      return frame.body.toString('latin1', 4);
    default:
      return frame.body.toString('latin1');
  }
}

/** The first lines that are not the same, or null. */
export function difference(one: readonly string[], two: readonly string[]): string | null {
  for (let i = 0; i < Math.max(one.length, two.length); i++)
    if (one[i] !== two[i]) return `${JSON.stringify(one[i])} and ${JSON.stringify(two[i])}`.slice(0, 400);
  return null;
}
