import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { z } from 'zod';
import type { Clock } from '#proxy/ports.ts';
import { HoldpointError } from '#schemas/errors.ts';
import type { Issuer } from '#schemas/policy.ts';
import { fetchJson } from './fetch-json.ts';

/** One fetched set of public keys. Compared by identity: `renewed` wants to know which set the caller has seen. */
export type KeySet = ReturnType<typeof createLocalJWKSet>;

/** Where an issuer's keys come from. Both methods reject with HoldpointError `identity_unavailable`. */
export interface KeySource {
  /** Keys that may be relied on now. */
  current(): Promise<KeySet>;
  /** A newer set than `seen`, for a token that names a key which `seen` lacks; null when there is none to be had yet. */
  renewed(seen: KeySet): Promise<KeySet | null>;
}

/** Older keys are renewed in the background. */
const RENEW_MS = 10 * 60_000;
/** Through an outage, keys go on for so long after the last good fetch; then nobody gets in. */
const FRESH_MS = 60 * 60_000;
/** Unknown key ids cause at most one fetch in this time: anybody can send one. */
const COOLDOWN_MS = 30_000;
/** After a failure, the next try waits so long; until then the same answer is given without a fetch. */
const RETRY_MS = 2_000;
/** Discovery and keys together. */
const FETCH_MS = 5_000;

const discovery = z.object({ issuer: z.string(), jwks_uri: z.url() });
const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

/** Keys given in the configuration: never fetched, never renewed. */
export function fixedKeys(jwks: JSONWebKeySet): KeySource {
  const set = createLocalJWKSet(jwks);
  return { current: async () => set, renewed: async () => null };
}

/**
 * Keys at `issuer.jwks`, or where the issuer's discovery document (OpenID Connect Discovery 1.0, section 4) says. One fetch at a
 * time; a slow or silent issuer costs 5 seconds once, not per connection.
 */
export function remoteKeys(issuer: Issuer, fetch: typeof globalThis.fetch, clock: Clock): KeySource {
  let cached: { readonly set: KeySet; readonly at: number } | null = null;
  let attemptAt = Number.NEGATIVE_INFINITY;
  let failure: HoldpointError | null = null;
  let pending: Promise<KeySet> | null = null;

  /** A clock that was set back makes an age negative: not within anything, so keys are fetched anew. */
  const within = (since: number, limit: number) => {
    const age = clock() - since;
    return age >= 0 && age < limit;
  };

  function fetchOnce(): Promise<KeySet> {
    pending ??= load()
      .then(
        set => {
          cached = { set, at: clock() };
          failure = null;
          return set;
        },
        (cause: unknown) => {
          failure = new HoldpointError('identity_unavailable', undefined, {
            detail: `the keys of issuer ${issuer.name} cannot be fetched`,
            cause,
          });
          throw failure;
        },
      )
      .finally(() => {
        attemptAt = clock();
        pending = null;
      });
    return pending;
  }

  async function load(): Promise<KeySet> {
    const abort = new AbortController();
    const late = new Error(`issuer ${issuer.name} did not answer within ${FETCH_MS} ms`);
    const timer = setTimeout(() => abort.abort(late), FETCH_MS);
    // Raced, not only aborted: the deadline holds whatever the given fetch makes of its signal.
    const deadline = new Promise<never>((_, reject) =>
      abort.signal.addEventListener('abort', () => reject(late), { once: true }),
    );
    try {
      return await Promise.race([download(abort.signal), deadline]);
    } finally {
      clearTimeout(timer);
    }
  }

  async function download(signal: AbortSignal): Promise<KeySet> {
    const url = issuer.jwks ?? (await discover(signal));
    const body = keySet.safeParse(await fetchJson(url, fetch, signal));
    if (!body.success) throw new Error(`${url} is not a JSON Web Key Set with keys in it`);
    return createLocalJWKSet(body.data as JSONWebKeySet);
  }

  async function discover(signal: AbortSignal): Promise<string> {
    const url = `${issuer.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const document = discovery.safeParse(await fetchJson(url, fetch, signal));
    if (!document.success) throw new Error(`${url} is not a discovery document`);
    if (document.data.issuer !== issuer.issuer) throw new Error(`${url} speaks for another issuer`);
    assertSafeUrl(document.data.jwks_uri, 'jwks_uri');
    return document.data.jwks_uri;
  }

  return {
    async current() {
      if (cached !== null && within(cached.at, RENEW_MS)) return cached.set;
      if (cached !== null && within(cached.at, FRESH_MS)) {
        // In the background: the failure is kept in `failure`, and told as soon as the old keys are no longer good enough.
        if (pending === null && !within(attemptAt, COOLDOWN_MS)) fetchOnce().catch(() => {});
        return cached.set;
      }
      if (pending === null && failure !== null && within(attemptAt, RETRY_MS)) throw failure;
      return fetchOnce();
    },
    async renewed(seen) {
      if (cached !== null && cached.set !== seen) return cached.set;
      if (pending === null && within(attemptAt, COOLDOWN_MS)) {
        if (failure !== null) throw failure;
        return null;
      }
      return fetchOnce();
    },
  };
}

/** Keys fetched without TLS can be replaced on the way; only this machine's own loopback is exempt. Throws an Error. */
export function assertSafeUrl(url: string, what: string): void {
  const { protocol, hostname } = new URL(url);
  const loopback = /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  if (protocol !== 'https:' && !(protocol === 'http:' && loopback))
    throw new Error(`${what} ${url} must be https`);
}
