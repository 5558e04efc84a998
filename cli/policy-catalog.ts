import { readFileSync } from 'node:fs';
import { parseTarget } from '#cli/dev/target.ts';
import { loadCatalog } from '#proxy/catalog/load.ts';
import { inWordsOf } from '#proxy/catalog/older.ts';
import { fetchCredentials } from '#proxy/credentials.ts';
import { createLocalSecrets } from '#proxy/local/secrets.ts';
import { analyse, loadParser, withBody } from '#proxy/policy/analyse.ts';
import { connectUpstream } from '#proxy/upstream/connect.ts';
import { OwnConnection } from '#proxy/upstream/query.ts';
import type { Policy } from '#schemas/policy.ts';
import type { Analyse } from './policy-judging.ts';
import { type CatalogQuery, type CatalogSnapshot, readSnapshot, replay } from './policy-snapshot.ts';
import { recordFresh } from './sample/record-catalog.ts';

/** A catalog to judge by, and where it comes from, in words. */
export interface OpenedCatalog {
  readonly analyse: Analyse;
  readonly source: string;
}

/** The catalog of a running database: `address` is a postgres:// URL. */
export async function databaseCatalog(
  policy: Policy,
  target: string,
  address: string,
): Promise<OpenedCatalog> {
  const { target: server, role, secrets } = parseTarget(address, process.env);
  const store = createLocalSecrets({ ...process.env, ...secrets });
  const { password, client } = await fetchCredentials(store, server.roles[role] ?? {});
  const connection = new OwnConnection(
    await connectUpstream({
      host: server.host,
      port: server.port,
      tls: server.tls,
      negotiation: server.tlsNegotiation,
      ca: server.ca === undefined ? undefined : readFileSync(server.ca, 'utf8'),
      user: role,
      password,
      client,
      weakAuth: server.weakAuth,
      database: server.database,
      parameters: new Map([['client_encoding', 'UTF8']]),
      deadlineMs: 10_000,
    }),
  );
  try {
    const query = inWordsOf(connection.serverVersion, sql => connection.query(sql));
    const opened = await open(policy, target, query);
    return { analyse: opened, source: `the catalog of ${server.database} on ${server.host}` };
  } finally {
    connection.close();
  }
}

/**
 * Without a database: the sample shop's catalog where the target is the sample shop, otherwise that of an empty Postgres, in which
 * every table and function of somebody's own is unknown. A recording that the loader has outgrown is made anew, in memory, with an
 * embedded Postgres: `note` is told that it takes a moment.
 */
export async function recordedCatalog(
  policy: Policy,
  target: string,
  isShop: boolean,
  note: (sentence: string) => void,
): Promise<OpenedCatalog> {
  const stored = readSnapshot();
  try {
    return await openSnapshot(policy, target, isShop, stored);
  } catch (error) {
    if (!(error instanceof StaleSnapshot)) throw error;
    note('the recorded catalog is older than its loader: a Postgres is started to record it again');
    return openSnapshot(policy, target, isShop, await recordFresh());
  }
}

class StaleSnapshot extends Error {
  override readonly name = 'StaleSnapshot';
}

async function openSnapshot(
  policy: Policy,
  target: string,
  isShop: boolean,
  snapshot: CatalogSnapshot,
): Promise<OpenedCatalog> {
  const query: CatalogQuery = async sql => {
    const found = replay(snapshot, sql, isShop);
    if (found === null)
      throw new StaleSnapshot('the recorded catalog does not answer all that its loader asks');
    return found;
  };
  const source = isShop
    ? `the sample shop (recorded from Postgres ${snapshot.server})`
    : `an empty Postgres ${snapshot.server}: tables and functions of ${target} are unknown; --db reads its catalog`;
  return { analyse: await open(policy, target, query), source };
}

async function open(policy: Policy, target: string, query: CatalogQuery): Promise<Analyse> {
  await loadParser();
  const protectedColumns = policy.protected
    .filter(entry => entry.targets === undefined || entry.targets.includes(target))
    .map(({ column, mask }) => {
      const [schema = '', table = '', name = ''] = column.split('.');
      return { schema, table, column: name, mask };
    });
  const view = await loadCatalog(query, { protectedColumns });
  return { text: (sql, searchPath) => analyse(sql, view, searchPath), withBody };
}
