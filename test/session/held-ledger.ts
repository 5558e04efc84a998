import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { loadParser } from '#proxy/policy/analyse.ts';
import { loadPolicy } from '#proxy/policy/load.ts';
import type { Recorder } from '#proxy/ports.ts';
import { ProxyServer } from '#proxy/proxy.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { HEAD } from '#test/session/support.ts';
import { NO_HOLDS } from '#test/support/lone-session.ts';
import { startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import * as raw from '#test/support/raw.ts';
import { RawClient } from '#test/support/raw.ts';

/** A ledger whose disk the test holds in its hand. */
export class HeldLedger implements Recorder {
  durable = 0;
  readonly backlog = 0;
  /** `now`: as quick as it gets; `later`: when the test says; `never`: append throws. */
  mode: 'now' | 'later' | 'never' = 'now';
  readonly kinds: string[] = [];
  /** Of each outcome: the statement's number and what became of it. */
  readonly outcomes: [number, string][] = [];
  #last = 0;
  #waiting: { ticket: number; done: (fault: Error | null) => void }[] = [];

  append: Recorder['append'] = (_session, kind, body) => {
    const always = kind === 'outcome' || kind === 'hold.end' || kind === 'session.close';
    if (this.mode === 'never' && !always) throw new HoldpointError('ledger_unavailable');
    this.kinds.push(kind);
    if ('status' in body && 'n' in body) this.outcomes.push([body.n, body.status]);
    this.#last += 1;
    if (this.mode === 'now') this.durable = this.#last;
    return this.#last;
  };
  whenDurable: Recorder['whenDurable'] = (ticket, done) => {
    if (ticket <= this.durable) done(null);
    else this.#waiting.push({ ticket, done });
  };
  /** The ticket given last. */
  get last(): number {
    return this.#last;
  }
  get waiting(): number {
    return this.#waiting.length;
  }
  /** The disk has got so far, and no further. */
  upTo(ticket: number): void {
    this.durable = ticket;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(one => one.ticket > ticket);
    for (const one of waiting) if (one.ticket <= ticket) one.done(null);
  }
  /** The disk is back: everything is durable, in order. */
  release(): void {
    this.mode = 'now';
    this.durable = this.#last;
    for (const { done } of this.#waiting.splice(0)) done(null);
  }
  /** The recorder's deadline has passed. */
  fail(): void {
    for (const { done } of this.#waiting.splice(0)) done(new HoldpointError('ledger_unavailable'));
  }
  async close(): Promise<void> {}
}

/** A proxy that records there, before a server with one table `t`. */
export interface HeldGate {
  readonly db: TestPostgres;
  readonly ledger: HeldLedger;
  /** Logged in, and asked its first question; closed by `clear`. */
  agent(): Promise<RawClient>;
  /** Rows of `t`. */
  count(): Promise<number>;
  /** The ledger takes everything, the agents go, the table is empty. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export async function startHeldGate(rules: string): Promise<HeldGate> {
  const db = await startPostgres({ trust: true });
  await db.query('create role agent login; create table t (id integer)');
  await db.query('grant all on t to agent');
  await loadParser();
  const ledger = new HeldLedger();
  const target = `targets:
  shop: { host: 127.0.0.1, port: ${db.port}, database: postgres, tls: disable, weakAuth: [trust], roles: { agent: {} } }
`;
  const proxy = new ProxyServer({
    policy: loadPolicy(
      `${HEAD.replace('principals: { issuers: [dev] }', 'principals: {}')}${target}rules:\n${rules}`,
      'test',
      { extraIssuers: ['dev'] },
    ),
    verifier: {
      verify: async () => ({
        issuer: 'x',
        issuerName: 'dev',
        subject: 'agent-1',
        claimGroups: [],
        expires: 2 ** 40,
      }),
    },
    recorder: ledger,
    holds: NO_HOLDS,
    secrets: { fetch: () => assert.fail('no secret is named') },
    authorities: new Map(),
    maskKey: randomBytes(32),
    approveAt: () => '',
    clock: Date.now,
    log: (message, error) => console.error(message, error),
  });
  const server = proxy.server();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const clients: RawClient[] = [];
  return {
    db,
    ledger,
    async agent() {
      const client = await RawClient.connect({ port });
      await client.login({ user: 'agent', database: 'shop', password: 'x' });
      // The first statement asks the server for settings: done with before anything is held back.
      client.send(raw.query('select 1'));
      await client.untilReady();
      clients.push(client);
      return client;
    },
    count: async () => (await db.query<{ n: number }>('select count(*)::int as n from t'))[0]!.n,
    async clear() {
      ledger.release();
      for (const client of clients.splice(0)) client.destroy();
      await db.query('truncate t');
    },
    async stop() {
      server.close();
      await proxy.close();
    },
  };
}
