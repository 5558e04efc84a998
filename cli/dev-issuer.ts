import { createPublicKey, type KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, type JSONWebKeySet, SignJWT } from 'jose';
import { openKeyFile } from '#functions/local/key-file.ts';
import { type Issuer, seconds } from '#schemas/policy.ts';

/** The audience of dev's tokens. */
export const DEV_AUDIENCE = 'holdpoint';
const MAX_AGE = '720h';

/** The issuer of one data folder. It is its key: it stays the same on every port, and works while nothing runs. */
export interface DevIssuer {
  /** The `iss` of its tokens: an identifier made from the key, not an address to fetch from. */
  readonly issuer: string;
  /** Its entry for the policy. */
  readonly entry: Issuer;
  /** Its public keys, for the verifier's `fixed`. */
  readonly jwks: JSONWebKeySet;
  /** Serves the discovery document and the keys; false when the request is for something else. */
  issuerRoutes(request: IncomingMessage, response: ServerResponse): boolean;
  mint(claims: TokenRequest): Promise<string>;
}

export interface TokenRequest {
  readonly subject: string;
  readonly email?: string | undefined;
  readonly groups?: readonly string[];
  /** A duration as in the policy, `1h`; at most 720h. */
  readonly ttl?: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Opens the issuer of `dir`, whose key is `keys/issuer.key` (made when there is none). Throws an Error when that file is no key. */
export async function openDevIssuer(dir: string): Promise<DevIssuer> {
  const key = openKeyFile(join(dir, 'keys', 'issuer.key'), 'p-256');
  const jwk = await exportJWK(createPublicKey(key));
  const kid = await calculateJwkThumbprint(jwk);
  const issuer = `http://holdpoint-dev.localhost/${kid.slice(0, 16)}`;
  const jwks = { keys: [{ ...jwk, kid, alg: 'ES256', use: 'sig' }] };
  return {
    issuer,
    jwks,
    entry: {
      name: 'dev',
      issuer,
      audience: DEV_AUDIENCE,
      algorithms: ['ES256'],
      groupsClaim: 'groups',
      groupsPrefix: '',
      trustEmail: false,
      maxTokenAge: MAX_AGE,
    },
    issuerRoutes: (request, response) => route(request, response, issuer, jwks),
    mint: claims => mint(key, kid, issuer, claims),
  };
}

/** One ID token of the issuer of `dir`. Rejects with an Error, fit for people, when the claims make no sense. */
export async function mintToken(request: TokenRequest & { readonly dir: string }): Promise<string> {
  return (await openDevIssuer(request.dir)).mint(request);
}

async function mint(key: KeyObject, kid: string, issuer: string, request: TokenRequest): Promise<string> {
  const { subject, email, groups = [], ttl = '1h', now } = request;
  if (subject.trim() === '' || subject.length > 255) throw new Error('the subject has 1 to 255 characters');
  if (email !== undefined && !/^[^\s@]+@[^\s@]+$/.test(email)) throw new Error(`${email} is not an e-mail`);
  if (!/^[1-9][0-9]*[smh]$/.test(ttl)) throw new Error(`${ttl} is not a duration: write 30s, 10m or 2h`);
  if (seconds(ttl) > seconds(MAX_AGE)) throw new Error(`a token lives at most ${MAX_AGE}`);
  const iat = Math.floor(now / 1000);
  const claims = {
    ...(email === undefined ? {} : { email: email.toLowerCase(), email_verified: true }),
    ...(groups.length === 0 ? {} : { groups: [...groups] }),
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid })
    .setIssuer(issuer)
    .setAudience(DEV_AUDIENCE)
    .setSubject(subject)
    .setIssuedAt(iat)
    .setExpirationTime(iat + seconds(ttl))
    .sign(key);
}

function route(
  request: IncomingMessage,
  response: ServerResponse,
  issuer: string,
  jwks: JSONWebKeySet,
): boolean {
  const path = request.url?.split('?')[0];
  if (path !== '/.well-known/openid-configuration' && path !== '/jwks.json') return false;
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return true;
  }
  // From the socket, not from the Host header, which is whatever the client writes.
  const { localAddress = '127.0.0.1', localPort } = request.socket;
  const host = localAddress.includes(':') ? `[${localAddress}]` : localAddress;
  const body =
    path === '/jwks.json'
      ? jwks
      : {
          issuer,
          jwks_uri: `http://${host}:${localPort}/jwks.json`,
          id_token_signing_alg_values_supported: ['ES256'],
          subject_types_supported: ['public'],
          response_types_supported: ['id_token'],
        };
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : JSON.stringify(body));
  return true;
}
