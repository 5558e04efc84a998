import { HoldpointError } from '#schemas/errors.ts';
import type { Policy } from '#schemas/policy.ts';
import type { Admitted } from './admission.ts';
import { SharedCatalog } from './catalogs.ts';
import { type Credentials, fetchCredentials } from './credentials.ts';
import type { Secrets } from './ports.ts';
import { cancelUpstream } from './upstream/cancel.ts';
import { connectUpstream, type UpstreamConnection } from './upstream/connect.ts';

const UPSTREAM_MS = 10_000;

/** What the catalog's own connection runs under: names come out qualified, and nothing that it does can write. */
const CATALOG_SETTINGS: ReadonlyMap<string, string> = new Map([
  ['application_name', 'holdpoint catalog'],
  ['client_encoding', 'UTF8'],
  ['search_path', 'pg_catalog'],
  ['standard_conforming_strings', 'on'],
  ['default_transaction_read_only', 'on'],
]);

type Seat = Pick<Admitted, 'name' | 'target' | 'user' | 'references'>;

/** The databases behind the proxy: connects to them, and keeps one catalog for each target and user. */
export class Targets {
  private readonly policy: Policy;
  private readonly secrets: Secrets;
  private readonly authorities: ReadonlyMap<string, string>;
  private readonly warn: (message: string) => void;
  private readonly catalogs = new Map<string, SharedCatalog>();

  /** `authorities`: PEM of the authority of each target that has one, by target. */
  constructor(
    policy: Policy,
    secrets: Secrets,
    authorities: ReadonlyMap<string, string>,
    warn: (message: string) => void,
  ) {
    this.policy = policy;
    this.secrets = secrets;
    this.authorities = authorities;
    this.warn = warn;
  }

  /** `sent`: the agent's settings as it has spelled and ordered them. The credential lives for the length of the handshake; what comes back is its version's name. */
  async connect(
    seat: Seat,
    settings: ReadonlyMap<string, string>,
    signal?: AbortSignal,
    sent?: readonly (readonly [string, string])[],
  ): Promise<{ connection: UpstreamConnection; credential: string }> {
    const first = await fetchCredentials(this.secrets, seat.references);
    const logIn = (used: Credentials) => this.logIn(seat, settings, sent, used, signal);
    const { connection, version } = await logIn(first).catch(async (error: unknown) => {
      if (!credentialRefused(error) || signal?.aborted) throw error;
      // Rotated between the fetch and the login. Once, and only with another credential: a server counts failures, and may lock the role.
      const again = await fetchCredentials(this.secrets, seat.references);
      if (sameCredentials(first, again)) throw error;
      return logIn(again);
    });
    const { parameters } = connection;
    // A server that reads text otherwise than the proxy does is no server for it.
    const encoding = settings.get('client_encoding') ?? 'UTF8';
    const strings = settings.get('standard_conforming_strings') ?? 'on';
    const reads = parameters.get('standard_conforming_strings');
    if (
      parameters.get('client_encoding') !== encoding ||
      (reads !== 'on' && (reads !== 'off' || strings === 'on'))
    ) {
      connection.socket.destroy();
      throw new HoldpointError(
        'upstream_unavailable',
        'the server does not read statements as the proxy does',
        {
          detail: `client_encoding has to be ${encoding} and standard_conforming_strings ${strings}.`,
        },
      );
    }
    return { connection, credential: version };
  }

  private async logIn(
    seat: Seat,
    settings: ReadonlyMap<string, string>,
    sent: readonly (readonly [string, string])[] | undefined,
    { password, client, version }: Credentials,
    signal: AbortSignal | undefined,
  ): Promise<{ connection: UpstreamConnection; version: string }> {
    const connection = await connectUpstream({
      ...this.endpoint(seat),
      user: seat.user,
      password,
      client,
      weakAuth: seat.target.weakAuth,
      database: seat.target.database,
      parameters: sent ?? settings,
      asked: sent !== undefined,
      deadlineMs: UPSTREAM_MS,
      signal,
    });
    return { connection, version };
  }

  cancel(seat: Seat, { processId, secretKey }: UpstreamConnection): Promise<void> {
    return cancelUpstream({ ...this.endpoint(seat), processId, secretKey, deadlineMs: UPSTREAM_MS });
  }

  /** For a session that has this connection to the target. */
  catalog(seat: Seat, { socket }: UpstreamConnection): SharedCatalog {
    const key = `${seat.name}\0${seat.user}`;
    let catalog = this.catalogs.get(key);
    if (catalog === undefined) {
      const columns = this.policy.protected
        .filter(p => p.targets === undefined || p.targets.includes(seat.name))
        .map(({ column: full, mask }) => {
          const [schema = '', table = '', column = ''] = full.split('.');
          return { schema, table, column, mask };
        });
      catalog = new SharedCatalog({
        connect: async () => (await this.connect(seat, CATALOG_SETTINGS)).connection,
        columns,
        warn: message => this.warn(`target ${seat.name}: ${message}`),
      });
      this.catalogs.set(key, catalog);
    }
    catalog.usedBy(socket);
    return catalog;
  }

  close(): void {
    for (const catalog of this.catalogs.values()) catalog.close();
  }

  private endpoint(seat: Seat) {
    const { host, port, tls, tlsNegotiation: negotiation } = seat.target;
    return { host, port, tls, negotiation, ca: this.authorities.get(seat.name) };
  }
}

/** `invalid_password` or `invalid_authorization_specification`, which a server gives for a certificate that it does not take. */
function credentialRefused(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const sqlstate = (cause as { sqlstate?: unknown } | undefined)?.sqlstate;
  return sqlstate === '28P01' || sqlstate === '28000';
}

function sameCredentials(a: Credentials, b: Credentials): boolean {
  return (
    a.version === b.version &&
    a.password === b.password &&
    a.client?.cert === b.client?.cert &&
    a.client?.key === b.client?.key
  );
}
