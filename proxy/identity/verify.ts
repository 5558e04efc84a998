import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
  type ProtectedHeaderParameters,
} from 'jose';
import type { Clock } from '#proxy/ports.ts';
import { type Issuer, seconds } from '#schemas/policy.ts';
import { invalid, readClaims, type VerifiedToken } from './claims.ts';
import { repeatsKey } from './json-keys.ts';
import { assertSafeUrl, fixedKeys, type KeySet, type KeySource, remoteKeys } from './keys.ts';

export interface TokenVerifier {
  /**
   * Proves an ID token. Rejects with HoldpointError `token_invalid` (its message says what is wrong and repeats nothing of the
   * token) or `identity_unavailable` (the issuer's keys cannot be had: nothing is said about the token).
   */
  verify(token: string): Promise<VerifiedToken>;
}

/** Bytes. A token comes from whoever can connect, before anything is known of them. */
const MAX_TOKEN = 16 * 1024;
/** Seconds that clocks may differ. */
const TOLERANCE = 10;

/**
 * Verifies ID tokens of the configured issuers. The token's own `iss` only selects an issuer's entry; issuer, audience, algorithm,
 * signature, `exp`, `iat` and `nbf` are then checked against that entry (RFC 8725, JWT best current practices).
 *
 * `fixed` gives the keys of some issuers by their `issuer` string, where nothing is to be fetched. Throws an Error when an entry
 * would have its keys fetched without TLS, or when two entries have the same issuer and audience.
 */
export function createVerifier(options: {
  readonly issuers: readonly Issuer[];
  readonly fixed?: ReadonlyMap<string, JSONWebKeySet>;
  readonly fetch?: typeof globalThis.fetch;
  readonly clock: Clock;
}): TokenVerifier {
  const { clock, fetch = globalThis.fetch } = options;
  const entries = options.issuers.map(issuer => ({ issuer, keys: keysOf(issuer) }));
  const seen = new Set<string>();
  for (const { issuer } of entries) {
    const key = JSON.stringify([issuer.issuer, issuer.audience]);
    if (seen.has(key)) throw new Error(`two issuer entries for ${issuer.issuer} with one audience`);
    seen.add(key);
  }

  function keysOf(issuer: Issuer): KeySource {
    const fixed = options.fixed?.get(issuer.issuer);
    if (fixed !== undefined) return fixedKeys(fixed);
    assertSafeUrl(
      issuer.jwks ?? issuer.issuer,
      `the ${issuer.jwks === undefined ? 'issuer' : 'jwks'} of ${issuer.name}`,
    );
    return remoteKeys(issuer, fetch, clock);
  }

  return {
    async verify(token) {
      const { header, claims } = peek(token);
      const named = entries.filter(e => e.issuer.issuer === claims.iss);
      const entry = named.find(e => [claims.aud].flat().includes(e.issuer.audience)) ?? named[0];
      if (entry === undefined) throw invalid('its issuer is not configured');
      const { issuer, keys } = entry;
      // Before any key is fetched: an algorithm outside the list costs nobody a request.
      if (!issuer.algorithms.some(a => a === header.alg))
        throw invalid(
          header.alg?.toLowerCase() === 'none'
            ? 'it is not signed'
            : 'its signature algorithm is not allowed',
        );
      const typ = header.typ?.toLowerCase().replace(/^application\//, '');
      const access = typ === 'at+jwt' && issuer.accessTokens === true;
      if (typ !== undefined && typ !== 'jwt' && !access) throw invalid('it is not an ID token');

      const set = await keys.current();
      const first = await check(token, set, issuer);
      if (first !== null) return readClaims(first, issuer);
      const newer = await keys.renewed(set);
      const second = newer === null ? null : await check(token, newer, issuer);
      if (second === null) throw invalid('it is signed with a key that its issuer does not publish');
      return readClaims(second, issuer);
    },
  };

  /** The verified claims; null when the set lacks the key that the token names. */
  async function check(token: string, set: KeySet, issuer: Issuer): Promise<JWTPayload | null> {
    try {
      const { payload } = await jwtVerify(token, set, {
        issuer: issuer.issuer,
        audience: issuer.audience,
        algorithms: [...issuer.algorithms],
        requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat'],
        maxTokenAge: seconds(issuer.maxTokenAge),
        clockTolerance: TOLERANCE,
        currentDate: new Date(clock()),
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return null;
      throw invalid(explain(error));
    }
  }
}

/** Header and claims as they stand, for choosing the issuer's entry: nothing here is proven yet. */
function peek(token: string): { header: ProtectedHeaderParameters; claims: JWTPayload } {
  if (token.length > MAX_TOKEN || Buffer.byteLength(token) > MAX_TOKEN)
    throw invalid('it is larger than 16 KB');
  if (token.endsWith('.SIGNATURE_REMOVED_BY_GOOGLE'))
    throw invalid(
      'Cloud Run has looked at it and removed its signature, so it proves nothing here; send it in X-Serverless-Authorization, and an intact token in Authorization',
    );
  if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) throw invalid('it is not a signed JSON Web Token');
  try {
    const header = decodeProtectedHeader(token);
    const { alg, typ } = header;
    if (typeof alg !== 'string' || (typ !== undefined && typeof typ !== 'string')) throw new Error('header');
    const claims = decodeJwt(token);
    // Whoever reads it after us might take the other one (RFC 7519, section 4).
    if (token.split('.', 2).some(part => repeatsKey(Buffer.from(part, 'base64url').toString())))
      throw new Error('key twice');
    return { header, claims };
  } catch {
    throw invalid('it is not a signed JSON Web Token');
  }
}

/** Own sentences by error class and claim: the library's errors carry the claims, so they are neither passed on nor kept as cause. */
function explain(error: unknown): string {
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong';
  if (error instanceof errors.JWTExpired)
    return error.claim === 'iat' ? 'it is older than its issuer may have it' : 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === 'missing') return `it has no ${known(error.claim)} claim`;
    if (error.claim === 'aud') return 'it is meant for another audience';
    if (error.claim === 'nbf' || error.claim === 'iat') return `it is not valid yet (${error.claim})`;
    return `its ${known(error.claim)} claim is wrong`;
  }
  if (error instanceof errors.JWKSMultipleMatchingKeys) return 'it names no key, and its issuer has several';
  return 'it cannot be verified with the keys of its issuer';
}

/** A claim's name from our own list only. */
function known(claim: string): string {
  return ['iss', 'sub', 'aud', 'exp', 'iat', 'nbf'].includes(claim) ? claim : 'required';
}
