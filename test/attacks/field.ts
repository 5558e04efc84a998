import { type Gate, startGate } from '#test/session/support.ts';
import { fields, outline, query, type RawClient } from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';

/** Where attacks take place: what an attacker may do here is a lot, and what must never happen is easy to see. */

/** Every value of the protected column begins so; no byte of it may reach an attacker, as text, hex or base64. */
const SECRET = /SECRET-|5345435245542d|U0VDUkVUL/i;
/** Functions of one name: harmless in `other`, and a write in `public`. One attack each, so that none stands on another's ground. */
const PAIRS = 57;

export const SCHEMA = `
create table canary (id integer primary key, v text);
insert into canary values (1, 'alive'), (2, 'alive');
create table marks (what text);
create sequence counted;
create function mark(what text) returns integer language plpgsql as
  $$ begin insert into public.marks values (what); perform nextval('public.counted'); return 1; end $$;
create table people (id integer primary key, name text, ssn text);
insert into people select g, 'name ' || g, 'SECRET-' || g from generate_series(1, 50) g;
create table other.people (id integer primary key, name text, ssn text);
insert into other.people select g, 'other ' || g, 'open-' || g from generate_series(1, 50) g;
create view people_view as select id, ssn from people;
create schema lab;
create table lab.t (id integer primary key, v text);
insert into lab.t values (1, 'one'), (2, 'two');
create table lab.loaded (v text);
create function lab.checked(v integer) returns boolean language plpgsql as
  $$ begin perform public.mark('domain'); return true; end $$;
create domain lab.trap as integer check (lab.checked(value));
create type lab.trapped as (x lab.trap);
create procedure lab.tool_move() language plpgsql as
  $$ begin set search_path = public; commit; raise exception 'done'; end $$;
create procedure lab.tool_read_write() language plpgsql as
  $$ begin commit; set transaction read write; insert into public.marks values ('procedure'); end $$;
create function lab.settle() returns text language sql as $$ select set_config('search_path', 'public', false) $$;
create function lab.unstandard() returns text language sql as
  $$ select set_config('standard_conforming_strings', 'off', false) $$;
create function lab.folded() returns text immutable language plpgsql as
  $$ begin return set_config('standard_conforming_strings', 'off', false); end $$;
do $$ begin
  for i in 1..${PAIRS} loop
    execute format('create function other.f%s() returns integer language sql as ''select 1''', i);
    execute format('create function public.f%s() returns integer language sql as ''select public.mark(''''f%s'''')''', i, i);
    execute format('create function lab.p%s() returns integer language sql as ''select 1''', i);
    execute format('create table other.w%s (id integer primary key, v text)', i);
    execute format('create table public.w%s (id integer primary key, v text)', i);
    execute format('insert into public.w%s values (1, ''kept'')', i);
  end loop;
end $$;
create schema front;
grant usage on schema front to public;
create function lab.equals(integer, integer) returns boolean immutable language plpgsql as
  $$ begin return true; end $$;
create operator front.= (leftarg = integer, rightarg = integer, function = lab.equals);
create schema closed;
create table closed.people (id integer primary key, name text, ssn text);
create table closed.w36 (id integer primary key, v text);
create function closed.f36() returns integer language sql as 'select 1';
revoke all on schema closed from agent;
-- Another role, which finds other things where a path says $user.
reset role;
create role steward;
create schema steward authorization steward;
grant usage on schema steward, lab to public;
grant all on people, marks, counted to steward;
create view steward.people as select * from people;
create function steward.f37() returns integer language sql as 'select public.mark(''f37'')';
create function steward.acts() returns integer language sql security definer as 'select f37()';
create function steward.reads() returns setof text language sql security definer as 'select ssn from people';
create function steward.on_row() returns trigger language plpgsql as 'begin perform f37(); return old; end';
create table steward.parents (id integer primary key);
insert into steward.parents values (1);
grant all on steward.parents to agent;
create table steward.children (id integer references steward.parents on delete cascade);
insert into steward.children values (1);
create trigger t before delete on steward.children for each row execute function steward.on_row();
alter view steward.people owner to steward;
alter function steward.acts owner to steward;
alter function steward.reads owner to steward;
alter table steward.children owner to steward;
set role agent;
create schema "ä"; create schema "Ä";
create function "ä".folded() returns integer language sql as 'select 1';
create function "Ä".folded() returns integer language sql as 'select public.mark(''folded'')';
`;

const HEAD = `version: 1
groups:
  approvers: [approver-1@example.com]
protected:
  - { column: public.people.ssn, mask: redact }
access:
  - name: readers
    principals: { subjects: [reader] }
    targets: ["*"]
    roles: ["*"]
    readOnly: true
  - name: agents
    principals: { issuers: [dev] }
    targets: ["*"]
    roles: ["*"]
`;

/** Reads, settings, DDL and writes of the lab pass; a reader may do anything that the server lets a read-only session do. */
const RULES = `
  - name: readers-anything
    match: { principals: { subjects: [reader] }, effects: { unknown: true } }
    verdict: allow
  - name: readers
    match: { principals: { subjects: [reader] } }
    verdict: allow
  - name: held-marks
    match: { principals: { subjects: [holder] }, effects: { writes: [public.marks] } }
    verdict: hold
    approvers: [approvers]
  - name: reads
    match: { effects: { readOnly: true } }
    verdict: allow
  - name: settings
    match: { effects: { commands: [set] } }
    verdict: allow
  - name: server-settings
    match: { effects: { commands: [update, ddl, set], onlyRelations: [pg_catalog.pg_settings] } }
    verdict: allow
  - name: setting-functions
    match: { effects: { commands: [select, set], functions: [lab.settle, lab.unstandard, lab.folded, pg_catalog.set_config], unknown: true } }
    verdict: allow
  - name: set-config
    match: { effects: { commands: [select, set], functions: [pg_catalog.set_config] } }
    verdict: allow
  - name: tools
    match: { effects: { anyCommand: [call], functions: [lab.tool_move], unknown: true } }
    verdict: allow
  - name: other-writes
    match: { effects: { commands: [insert, update, delete], onlyRelations: [other.*, lab.*, front.*, steward.*] } }
    verdict: allow
  - name: ddl
    match: { effects: { commands: [ddl], onlyRelations: [lab.*, other.*, front.*, "pg_temp*.*"] } }
    verdict: allow
  - name: copies
    match: { effects: { commands: [copy-in], onlyRelations: [lab.*] } }
    verdict: allow
  - name: nothing-else
    verdict: deny
`;

export type Said = string | Buffer;

/** One session of an attacker: raw bytes out, and every byte that comes back is kept. */
export class Attacker {
  readonly client: RawClient;
  private readonly received: Buffer[] = [];

  constructor(client: RawClient) {
    this.client = client;
    client.socket.on('data', bytes => this.received.push(Buffer.from(bytes)));
  }

  /**
   * Sends it all in one write, texts as a simple Query, and reads until every Query and Sync is answered, the statement is held, the
   * connection has ended, or nothing comes any more. Gives the answers in short.
   */
  async say(...parts: readonly Said[]): Promise<string> {
    return this.send(Buffer.concat(parts.map(part => (typeof part === 'string' ? query(part) : part))));
  }

  /** The same in pieces of `size` bytes. */
  async send(bytes: Buffer, size = bytes.length): Promise<string> {
    const { client } = this;
    if (client.closed) return 'closed';
    if (size >= bytes.length) client.send(bytes);
    else await client.sendInPieces(bytes, size);
    return this.listen(questions(bytes));
  }

  async listen(ready: number): Promise<string> {
    const seen = [];
    for (let left = ready; left > 0; ) {
      // The only waiting without a sign is where an attack has made the server skip a message that asks for one.
      const frame = await this.client.next(1_000).catch(() => null);
      if (frame === null) break;
      if (frame.type === 'Z') left--;
      if (frame.type === 'G' && ready === 1) return 'G';
      if (frame.type === 'N') {
        if (/^held for approval/.test(fields(frame).M ?? '')) return 'held';
      } else if (frame.type !== 'S') seen.push(frame);
    }
    return outline(seen) + (this.client.closed ? ' closed' : '');
  }

  get bytes(): Buffer {
    return Buffer.concat(this.received);
  }
}

/** How many ReadyForQuery these bytes ask for, as far as they are messages. */
function questions(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at + 5 <= bytes.length; ) {
    if (bytes[at] === 0x51 || bytes[at] === 0x53 || bytes[at] === 0x46) count++;
    const length = bytes.readInt32BE(at + 1);
    if (length < 4) break;
    at += length + 1;
  }
  return count;
}

export class Field {
  readonly gate: Gate;
  private readonly tokens = new Map<string, Promise<string>>();
  private attackers: Attacker[] = [];
  private intact: unknown;

  private constructor(gate: Gate) {
    this.gate = gate;
  }

  static async open(): Promise<Field> {
    const field = new Field(await startGate(RULES, { head: HEAD, schema: SCHEMA }));
    field.intact = await field.state();
    return field;
  }

  /** A session: of `agent`, of `reader` (read-only access), or of `holder` (whose writes of marks are held). */
  async attacker(
    subject: 'agent' | 'reader' | 'holder' = 'agent',
    parameters?: Record<string, string>,
  ): Promise<Attacker> {
    let token = this.tokens.get(subject);
    if (token === undefined) {
      token = this.gate.dev.token(subject, { email: `${subject}@example.com` });
      this.tokens.set(subject, token);
    }
    const client = await this.gate.agent({
      token: await token,
      ...(parameters === undefined ? {} : { parameters }),
    });
    const attacker = new Attacker(client);
    this.attackers.push(attacker);
    return attacker;
  }

  /** What no attack may change. */
  private state(): Promise<unknown> {
    const kept = Array.from({ length: PAIRS }, (_, i) => `(select count(*) from public.w${i + 1})`);
    return this.gate.value(
      `select concat_ws(' ', (select string_agg(c::text, ',' order by id) from canary c), (select string_agg(what, ',') from marks),
         (select last_value from counted), (select count(*) from people), ${kept.join(', ')})`,
    );
  }

  /** After an attack: what it has changed in the database, and the protected values that have come out. Empty when it has failed. */
  async damage(): Promise<string[]> {
    const { attackers, gate } = this;
    this.attackers = [];
    await gate.clear();
    await waitFor(
      async () =>
        (await gate.value(
          "select count(*)::int from pg_stat_activity where usename = 'agent' and state <> 'idle'",
        )) === 0,
      { what: 'nothing runs any more', everyMs: 10 },
    );
    const damage: string[] = [];
    const state = await this.state();
    if (state !== this.intact) {
      damage.push(`the database was changed: ${state}`);
      await this.restore();
    }
    for (const { bytes } of attackers) {
      const found = SECRET.exec(bytes.toString('latin1'));
      if (found !== null) damage.push(`a protected value came out: ${excerpt(bytes, found.index)}`);
    }
    return damage;
  }

  /** So that one attack that has got through does not fail all that follow. */
  private async restore(): Promise<void> {
    await this.gate.look(`truncate marks; delete from canary; insert into canary values (1, 'alive'), (2, 'alive');
      alter sequence counted restart; ${Array.from({ length: PAIRS }, (_, i) => `insert into public.w${i + 1} values (1, 'kept') on conflict do nothing`).join(';')}`);
    this.intact = await this.state();
  }
}

function excerpt(bytes: Buffer, at: number): string {
  return JSON.stringify(bytes.toString('latin1', Math.max(0, at - 20), at + 40));
}
