import { resolve } from 'node:path';
import type { Target } from '#schemas/policy.ts';

/** A target as `--target` gives it: the name is the database's, and its one role is the user's. */
export interface DevTarget {
  readonly name: string;
  readonly role: string;
  readonly target: Target;
  /** Values of the `env:` references in it; never written anywhere. */
  readonly secrets: Readonly<Record<string, string>>;
}

const PASSWORD = 'HOLDPOINT_TARGET_PASSWORD';
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[?::1\]?)$/;

/**
 * Reads `postgres://user[:password]@host[:port]/database[?sslmode=…&sslrootcert=…&sslcert=…&sslkey=…&sslnegotiation=…]`. Without sslmode a server on this machine is
 * reached in the clear, any other with verify-full. Throws an Error, fit for people, when it is not such an address.
 */
export function parseTarget(address: string, env: Readonly<Record<string, string | undefined>>): DevTarget {
  let url: URL;
  try {
    url = new URL(address);
  } catch (cause) {
    throw new Error('--target is no address of the form postgres://user:password@host:port/database', {
      cause,
    });
  }
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:')
    throw new Error('--target has to begin with postgres://');
  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname);
  const user = decodeURIComponent(url.username);
  const database = decodeURIComponent(url.pathname.slice(1)) || user;
  if (host === '' || user === '' || database === '')
    throw new Error('--target needs a user, a host and a database');
  const password = url.password === '' ? env.PGPASSWORD : decodeURIComponent(url.password);
  const local = LOOPBACK.test(host) || host.startsWith('/');
  const ca = url.searchParams.get('sslrootcert');
  const tls = tlsOf(url.searchParams.get('sslmode'), local);
  const negotiation = url.searchParams.get('sslnegotiation') ?? 'postgres';
  if (negotiation !== 'postgres' && negotiation !== 'direct')
    throw new Error(`unknown sslnegotiation ${negotiation}`);
  const certificate = url.searchParams.get('sslcert');
  const key = url.searchParams.get('sslkey');
  if ((certificate === null) !== (key === null)) throw new Error('sslcert and sslkey belong together');
  // Taken for granted, they would be left out in silence.
  if ((tls === 'disable' || host.startsWith('/')) && (negotiation === 'direct' || certificate !== null))
    throw new Error(
      'sslnegotiation=direct and sslcert need TLS: give an sslmode, and a host that is no socket',
    );
  return {
    name: database,
    role: user,
    secrets: password === undefined ? {} : { [PASSWORD]: password },
    target: {
      host,
      port: url.port === '' ? 5432 : Number(url.port),
      database,
      tls,
      ...(ca === null ? {} : { ca }),
      weakAuth: local ? ['md5', 'trust'] : [],
      ...(negotiation === 'direct' ? { tlsNegotiation: 'direct' } : {}),
      roles: {
        [user]: {
          ...(password === undefined ? {} : { secret: `env:${PASSWORD}` }),
          ...(certificate === null ? {} : { certificate: `file:${resolve(certificate)}` }),
          ...(key === null ? {} : { key: `file:${resolve(key)}` }),
        },
      },
    },
  };
}

function tlsOf(mode: string | null, local: boolean): Target['tls'] {
  switch (mode) {
    case null:
    case 'prefer':
    case 'allow':
      return local ? 'disable' : 'verify-full';
    case 'disable':
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      return mode;
    default:
      throw new Error(`unknown sslmode ${mode}`);
  }
}
