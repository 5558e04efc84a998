import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type Dev, startDev } from '#test/support/dev.ts';
import { type OldMajor, startPostgres, type TestPostgres } from '#test/support/postgres.ts';
import { RawClient } from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';

/** Everything, also what cannot be told. What is refused all the same is the proxy's own doing. */
const ALLOW_ALL = `version: 1
access:
  - { name: everybody, targets: ["*"], roles: ["*"] }
rules:
  - { name: everything, verdict: allow }
  - { name: also what cannot be told, verdict: allow, match: { effects: { unknown: true } } }
`;

/** What both servers begin with. */
const SCHEMA = `
create table items (id integer primary key, name text not null, price numeric(10, 2) check (price >= 0), tags text[]);
insert into items select g, 'item ' || g, g * 1.5, array['a', 'b' || g] from generate_series(1, 50) g;
create table notes (id integer primary key, body text, item integer references items);
create domain percent as integer check (value between 0 and 100);
create function fails(why text) returns integer language plpgsql as $$ begin raise exception '%', why; end $$;
`;

const SECRET = 'agent-secret';

/** One of the two ways to the same database. */
export interface Way {
  readonly name: 'direct' | 'through the proxy';
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password: string;
  /** The server at its end. */
  readonly server: TestPostgres;
  /** Logged in; closed by `clear`. */
  client(parameters?: Readonly<Record<string, string>>): Promise<RawClient>;
  /** Not logged in. */
  socket(): Promise<RawClient>;
}

export interface Pair {
  readonly direct: Way;
  readonly proxied: Way;
  readonly dev: Dev;
  clear(): void;
}

/**
 * Two servers made alike, each with its own cluster so that even their OIDs are given out alike, and the proxy in front of one of them. The
 * one reached directly asks for the password in clear text, as the proxy does: a log-in can be compared too.
 */
export async function startPair(options: { schema?: string; major?: OldMajor } = {}): Promise<Pair> {
  const start = async (authentication: object) => {
    const server = await startPostgres({
      settings: { autovacuum: 'off', max_prepared_transactions: '4', jit: 'off' },
      ...authentication,
      ...(options.major === undefined ? {} : { major: options.major }),
    });
    await server.query(`create role agent superuser login password '${SECRET}'`);
    await server.createDatabase('shop');
    await server.query(`set role agent; ${SCHEMA}${options.schema ?? ''}`, { database: 'shop' });
    await makeTempSchemas(server);
    return server;
  };
  const [plain, behind] = await Promise.all([start({ cleartextFor: 'agent' }), start({})]);
  const policy = join(tempDir('policy'), 'policy.yaml');
  writeFileSync(policy, ALLOW_ALL);
  const target = `${behind.url({ database: 'shop', user: 'agent', password: SECRET })}`;
  const dev = await startDev({ args: ['--policy', policy, '--target', target] });
  const clients = new Set<RawClient>();
  const way = (name: Way['name'], server: TestPostgres, port: number, password: string): Way => {
    const socket = async () => {
      const client = await RawClient.connect({ port });
      clients.add(client);
      return client;
    };
    const login = { user: 'agent', database: 'shop', password };
    return {
      ...{ name, port, server, socket, ...login },
      client: async parameters => {
        const client = await socket();
        await client.login({ ...login, ...(parameters === undefined ? {} : { parameters }) });
        return client;
      },
    };
  };
  return {
    dev,
    direct: way('direct', plain, plain.port, SECRET),
    proxied: way('through the proxy', behind, dev.pgPort, await dev.token('agent-1')),
    clear() {
      for (const client of clients) client.destroy();
      clients.clear();
    },
  };
}

/** The first temporary table of a server process makes two schemas, and takes two OIDs: done before, they are given out alike. */
async function makeTempSchemas(server: TestPostgres): Promise<void> {
  const clients = Array.from({ length: 12 }, () => new pg.Client(server.url({ database: 'shop' })));
  await Promise.all(clients.map(client => client.connect()));
  for (const client of clients) await client.query('create temp table made (a int)');
  await Promise.all(clients.map(client => client.end()));
}
