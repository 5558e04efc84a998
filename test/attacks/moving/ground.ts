import pg from 'pg';
import { type Gate, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';

/** Every value of the protected column begins so; no byte of it may reach an attacker, as text, hex or base64. */
export const SECRET = /SECRET-|5345435245542d|U0VDUkVUL/i;

/** The names are the same in each: harmless in these schemas, and in `public` what nobody may do or see. */
const SCHEMAS = ['lab', 'alt', 'helper'];
const twin = (schema: string) => `
create table ${schema}.vault (id integer primary key, v text, ssn text);
insert into ${schema}.vault values (1, 'one', 'open-1'), (2, 'two', 'open-2');
create table ${schema}.people (id integer primary key, name text, ssn text);
insert into ${schema}.people values (1, 'name 1', 'open-1'), (2, 'name 2', 'open-2');
create view ${schema}.v as select * from ${schema}.people;
create function ${schema}.wipe() returns integer language plpgsql as 'begin delete from ${schema}.vault where id = 0; return 1; end';
create function ${schema}.tells() returns text language sql stable as 'select ssn from ${schema}.people where id = 1';
create function ${schema}.acts() returns integer language plpgsql as 'begin return wipe(); end';
create function ${schema}.moves() returns text language sql as $$ select pg_catalog.set_config('search_path', 'public', false) $$;
create procedure ${schema}.goes() language plpgsql as 'begin commit; set search_path = public; end';
create function ${schema}.late() returns trigger language plpgsql as 'begin perform wipe(); return null; end';
create table ${schema}.dt (id integer);
create constraint trigger late after insert on ${schema}.dt deferrable initially deferred for each row execute function ${schema}.late();
`;

/** A write of vault is counted where no rollback takes it back. */
const PUBLIC = `
drop schema public cascade; create schema public;
create sequence touched;
create table vault (id integer primary key, v text, ssn text);
insert into vault values (1, 'kept', 'kept'), (2, 'kept', 'kept');
create function seen() returns trigger language plpgsql as $$ begin perform pg_catalog.nextval('public.touched'); return null; end $$;
create trigger seen before insert or update or delete or truncate on vault for each statement execute function public.seen();
create table people (id integer primary key, name text, ssn text);
insert into people select g, 'name ' || g, 'SECRET-' || g from generate_series(1, 3) g;
create view v as select * from people;
create function wipe() returns integer language plpgsql as 'begin delete from public.vault where id = 0; return 1; end';
create function tells() returns text language sql stable as 'select ssn from public.people where id = 1';
create function acts() returns integer language plpgsql as 'begin return public.wipe(); end';
create function moves() returns text language sql as 'select null::text';
create procedure goes() language plpgsql as 'begin commit; end';
create table dt (id integer);
`;

/** What may be moved and renamed. */
const OWN = `
drop schema if exists lab cascade; drop schema if exists alt cascade; drop schema if exists helper cascade;
drop schema if exists lib cascade; drop schema if exists attic cascade;
create schema attic;
${SCHEMAS.map(schema => `create schema ${schema}; ${twin(schema)}`).join('')}
grant usage on schema lab, alt, helper, attic, public to helper;
grant all on all tables in schema lab, alt, helper, public to helper;
grant usage on all sequences in schema public to helper;
`;

/** Everything anew. */
export const GROUND = `set role agent; ${PUBLIC} ${OWN} reset role`;

const HEAD = `version: 1
protected:
  - { column: public.people.ssn, mask: redact }
access:
  - name: agents
    principals: { issuers: [dev] }
    targets: ["*"]
    roles: ["*"]
`;
const RULES = `
  - { name: vault, match: { effects: { writes: [public.vault] } }, verdict: deny }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
`;

/** How the catalog looks to whoever moves things, and whether vault was touched. */
const STATE = `
select md5(coalesce((select string_agg(concat_ws(' ', oid, relname, relnamespace, relkind), ',' order by oid) from pg_class where relnamespace::regnamespace::text in ('lab','alt','helper','lib','attic','public')), '')
  || coalesce((select string_agg(concat_ws(' ', oid, proname, pronamespace, prosrc, proconfig), ',' order by oid) from pg_proc where oid >= 16384), '')
  || coalesce((select string_agg(concat_ws(' ', attrelid, attname), ',' order by attrelid, attnum) from pg_attribute where attrelid >= 16384 and attnum > 0 and not attisdropped and attrelid in (select oid from pg_class where relkind in ('r', 'v') and relnamespace::regnamespace::text not like 'pg_temp%')), '')
  || coalesce((select string_agg(concat_ws(' ', oid, nspname), ',' order by oid) from pg_namespace where nspname !~ '^pg_(temp|toast_temp)'), '')) as catalog,
 coalesce(pg_sequence_last_value(to_regclass('public.touched')), 0)::int as touched,
 coalesce((select concat_ws(' ', oid, relname, relnamespace, relnatts) from pg_class where oid = to_regclass('public.vault')), '') as vault,
 array(select gid from pg_prepared_xacts where database = current_database()) as prepared`;

interface State {
  catalog: string;
  touched: number;
  vault: string;
  prepared: string[];
}

/** One database with the ground in it, looked at past the proxy. */
export class Ground {
  readonly client: pg.Client;
  private before: State | null = null;
  private readonly moved: () => Promise<void>;

  /** `moved` is called when things were put back. */
  constructor(url: string, moved: () => Promise<void>) {
    this.client = new pg.Client(url);
    this.moved = moved;
  }

  async begin(): Promise<void> {
    await this.client.connect();
    // A script's session may still be on its way out.
    await this.client.query('set lock_timeout = 0');
    this.before = await this.state();
  }

  private async state(): Promise<State> {
    const { rows } = await this.client.query<State>(STATE);
    return rows[0]!;
  }

  /** What a script has done to vault: '' where nothing. Puts back what it has moved. */
  async harm(): Promise<string> {
    let now = await this.state();
    for (const gid of now.prepared) await this.client.query(`rollback prepared '${gid}'`);
    const before = this.before;
    if (before === null) throw new Error('it has not begun');
    const harm =
      now.touched !== before.touched
        ? 'vault was written'
        : now.vault !== before.vault
          ? 'vault has changed'
          : '';
    if (now.catalog !== before.catalog) {
      await this.client.query(GROUND);
      await this.moved();
      now = await this.state();
    }
    this.before = now;
    return harm;
  }
}

export interface Field {
  readonly gate: Gate;
  readonly proxied: Ground;
  readonly direct: Ground;
  end(): Promise<void>;
}

export async function startField(): Promise<Field> {
  const gate = await startGate(RULES, {
    head: HEAD,
    settings: { max_prepared_transactions: '8', lock_timeout: '500ms' },
  });
  await gate.db.query('create role helper; grant helper to agent');
  await gate.db.createDatabase('plain');
  await gate.db.query('alter database plain owner to agent');
  for (const database of ['shop', 'plain'])
    await gate.db.query(`alter schema public owner to agent; ${GROUND}`, { database });
  const nudge = async () => {
    const agent = await gate.agent();
    for (const sql of ['create table attic.nudge (id integer)', 'drop table attic.nudge']) {
      agent.send(raw.query(sql));
      await agent.untilReady();
    }
    agent.destroy();
  };
  const proxied = new Ground(gate.db.url({ database: 'shop' }), nudge);
  const direct = new Ground(gate.db.url({ database: 'plain' }), async () => {});
  await proxied.begin();
  await direct.begin();
  await nudge();
  await proxied.harm();
  return {
    gate,
    proxied,
    direct,
    end: async () => {
      await proxied.client.end();
      await direct.client.end();
    },
  };
}
