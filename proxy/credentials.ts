import type { Role } from '#schemas/policy.ts';
import type { Secrets } from './ports.ts';
import type { ClientCertificate } from './upstream/dial.ts';

/** What a role logs in with, for the length of one handshake. */
export interface Credentials {
  readonly password: string | null;
  readonly client: ClientCertificate | undefined;
  /** The versions' names: what is recorded. */
  readonly version: string;
}

/** Rejects with HoldpointError `secret_unavailable` when any of them cannot be had. */
export async function fetchCredentials(
  secrets: Secrets,
  { secret, certificate, key }: Pick<Role, 'secret' | 'certificate' | 'key'>,
): Promise<Credentials> {
  const found = await Promise.all(
    [secret, certificate, key].map(one => (one === undefined ? undefined : secrets.fetch(one))),
  );
  const [password, cert, own] = found;
  return {
    password: password?.password ?? null,
    client: cert === undefined || own === undefined ? undefined : { cert: cert.password, key: own.password },
    version: found.flatMap(one => (one === undefined ? [] : [one.version])).join(' ') || 'none',
  };
}
