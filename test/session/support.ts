import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Approval } from '#schemas/approval.ts';
import { type Dev, startDev } from '#test/support/dev.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { type Frame, fields, outline, RawClient } from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';
import { waitFor } from '#test/support/wait-for.ts';

/** What every policy here begins with. */
export const HEAD = `version: 1
groups:
  approvers: [approver-1@example.com, approver-2@example.com]
  owners: [owner@example.com]
access:
  - name: agents
    principals: { issuers: [dev] }
    targets: ["*"]
    roles: ["*"]
`;

const SCHEMA = `
create table items (id integer primary key, name text not null, price integer not null default 0);
insert into items select g, 'item ' || g, g * 10 from generate_series(1, 20) g;
create table notes (id integer primary key, body text);
insert into notes values (1, 'one'), (2, 'two'), (3, 'three');
create schema other;
create table other.items (id integer primary key, name text not null, price integer not null default 0);
insert into other.items select g, 'other ' || g, 0 from generate_series(1, 20) g;
`;

export interface Gate {
  readonly dev: Dev;
  /** The database behind it: for looking at what really is there. */
  readonly db: TestPostgres;
  /** A token of the agent, whose subject and e-mail are agent-1. */
  readonly token: string;
  /** Rows of one SQL text in the database itself, past the proxy. */
  look(sql: string): Promise<Record<string, unknown>[]>;
  /** One value of it. */
  value(sql: string): Promise<unknown>;
  /** A raw client that is logged in through the proxy. */
  agent(options?: { token?: string; parameters?: Record<string, string> }): Promise<RawClient>;
  /** A raw client of the database itself, to compare with. */
  direct(): Promise<RawClient>;
  /** The ids of what is held now. */
  heldIds(): Promise<string[]>;
  /** Waits until an approval has this state, and gives it whole. */
  becomes(id: string, state: string): Promise<Approval>;
  /** The approval as it is now, as approvers see it. */
  approval(id: string): Promise<Approval>;
  /** Decisions over HTTP, as the command line sends them. Gives the refusal's text where there is one, and '' where it was taken. */
  approve(id: string, as?: string): Promise<string>;
  deny(id: string, reason: string, as?: string): Promise<string>;
  decide(id: string, verdict: 'approve' | 'deny' | 'revoke', as: string, reason?: string): Promise<string>;
  /** For `afterEach`: a test that has failed leaves no client and no hold to the next one. */
  clear(): Promise<void>;
}

/**
 * A Postgres of its own with two small tables, and `holdpoint dev` in front of it with these rules (YAML, the list below `rules:`).
 * Call it in `before`: node:test takes top-level waiting for a hang.
 */
export async function startGate(
  rules: string,
  more: {
    head?: string;
    schema?: string;
    data?: string;
    args?: readonly string[];
    /** Of the server. */
    settings?: Readonly<Record<string, string>>;
  } = {},
): Promise<Gate> {
  const db = await startPostgres({ trust: true, settings: more.settings ?? {} });
  await db.query(`create role agent login password 'agent-secret'`);
  await db.createDatabase('shop');
  await db.query('alter database shop owner to agent');
  await db.query(`set role agent; ${SCHEMA} ${more.schema ?? ''}`, { database: 'shop' });
  const policy = join(tempDir('policy'), 'policy.yaml');
  writeFileSync(policy, `${more.head ?? HEAD}rules:\n${rules}`);
  const target = db.url({ database: 'shop', user: 'agent', password: 'agent-secret' });
  const dev = await startDev({
    args: ['--policy', policy, '--target', target, ...(more.args ?? [])],
    ...(more.data === undefined ? {} : { data: more.data }),
  });
  const token = await dev.token('agent-1', { email: 'agent-1@example.com' });
  const look: Gate['look'] = sql => db.query(sql, { database: 'shop' });
  const clients = new Set<RawClient>();
  const decide = async (id: string, verdict: string, as: string, reason = '') => {
    const file = readFileSync(join(dev.data, 'dev.json'), 'utf8');
    const { http, token: bearer } = JSON.parse(file) as { http: string; token: string };
    const response = await fetch(`${http}/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: JSON.stringify({ verdict, as, reason }),
    });
    return response.ok ? '' : `${response.status} ${await response.text()}`;
  };
  const gate: Gate = {
    dev,
    db,
    token,
    look,
    async value(sql) {
      const [row] = await look(sql);
      return row === undefined ? undefined : Object.values(row)[0];
    },
    async agent({ token: other, parameters } = {}) {
      const client = await RawClient.connect({ port: dev.pgPort });
      await client.login({
        user: 'agent',
        database: 'shop',
        password: other ?? token,
        ...(parameters === undefined ? {} : { parameters }),
      });
      clients.add(client);
      return client;
    },
    async direct() {
      const client = await RawClient.connect({ port: db.port });
      await client.login({ user: 'agent', database: 'shop' });
      clients.add(client);
      return client;
    },
    heldIds: async () => (await approvals(dev, false)).map(one => one.id),
    becomes: (id, state) =>
      waitFor(
        async () => {
          const found = await gate.approval(id);
          if (found.state !== state) throw new Error(`it is ${found.state}`);
          return found;
        },
        { what: `approval ${id} is ${state}`, everyMs: 30 },
      ),
    approval: async id => {
      const response = await fetch(`${dev.ready.http}/api/approvals/${id}`);
      if (!response.ok) throw new Error(`approval ${id}: ${response.status} ${await response.text()}`);
      return (await response.json()) as Approval;
    },
    approve: (id, as = 'approver-1@example.com') => decide(id, 'approve', as),
    decide,
    deny: (id, reason, as = 'approver-1@example.com') => decide(id, 'deny', as, reason),
    async clear() {
      for (const client of clients) client.destroy();
      clients.clear();
      await waitFor(async () => (await gate.heldIds()).length === 0, {
        what: 'nothing is held',
        everyMs: 20,
      });
    },
  };
  return gate;
}

/** Over HTTP, as the inbox page reads them: much quicker than a process for each look. */
async function approvals(dev: Dev, all: boolean): Promise<Approval[]> {
  const answer = await fetch(`${dev.ready.http}/api/approvals${all ? '?all=1' : ''}`);
  if (!answer.ok) throw new Error(`approvals: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Approval[];
}

/** Waits for the notice that tells of a hold, and gives the approval's id. */
export async function heldNotice(client: RawClient): Promise<string> {
  for (;;) {
    const frame = await client.next();
    if (frame.type !== 'N') continue;
    const id = /held for approval (\S+):/.exec(fields(frame).M ?? '')?.[1];
    if (id !== undefined) return id;
  }
}

/** The fields of the only ErrorResponse among these frames. */
export function onlyError(frames: readonly Frame[]): Record<string, string> {
  const errors = frames.filter(frame => frame.type === 'E');
  assert.equal(errors.length, 1, `one error is expected: ${outline(frames)}`);
  return fields(errors[0]!);
}

/** The frames in short, without what may come at any time. */
export function answer(frames: readonly Frame[]): string {
  return outline(frames.filter(frame => frame.type !== 'S' && frame.type !== 'N'));
}
