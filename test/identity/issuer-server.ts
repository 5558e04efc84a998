import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose';
import type { Issuer } from '#schemas/policy.ts';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export async function signingKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** A real issuer over http, whose answers a test can change while it runs. */
export async function startIssuer(options: { path?: string } = {}) {
  const requests: string[] = [];
  const state = {
    keys: [] as JWK[],
    /** What happens to a request: answered, refused with a status, left hanging, or answered with other text. */
    mode: 'up' as 'up' | 'down' | 'silent' | 'redirect' | { readonly body: string },
    discovery: {} as Record<string, unknown>,
  };
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    if (state.mode === 'silent') return;
    if (state.mode === 'down') return void response.writeHead(503).end();
    if (state.mode === 'redirect') return void response.writeHead(302, { location: '/elsewhere' }).end();
    if (typeof state.mode === 'object') return void response.end(state.mode.body);
    const base = options.path ?? '';
    if (request.url === `${base}/.well-known/openid-configuration`)
      return void response.end(
        JSON.stringify({ issuer: url, jwks_uri: `${url}/jwks.json`, ...state.discovery }),
      );
    if (request.url === `${base}/jwks.json`) return void response.end(JSON.stringify({ keys: state.keys }));
    response.writeHead(404).end();
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${options.path ?? ''}`;
  return {
    url,
    requests,
    state,
    /** How often the key set was asked for. */
    keyFetches: () => requests.filter(r => r.endsWith('/jwks.json')).length,
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function issuerEntry(url: string, more: Partial<Issuer> = {}): Issuer {
  return {
    name: 'test',
    issuer: url,
    audience: 'holdpoint',
    algorithms: ['ES256', 'RS256', 'EdDSA'],
    groupsPrefix: '',
    trustEmail: false,
    maxTokenAge: '24h',
    ...more,
  };
}

/** A token that is right in everything, except for what `claims` and `header` change; `undefined` leaves a claim out. */
export function token(
  key: SigningKey,
  issuer: string,
  now: number,
  claims: Record<string, unknown> = {},
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  const iat = Math.floor(now / 1000);
  return new SignJWT({ iss: issuer, aud: 'holdpoint', sub: 'ci', iat, exp: iat + 600, ...claims })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT', ...header })
    .sign(key.privateKey);
}
