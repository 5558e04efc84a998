import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { assertSafeUrl } from '#proxy/identity/keys.ts';

/** Where tokens come from. `audience` is whom they shall be for; files, commands and variables have it in them already. */
export type TokenSource =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'gcp-metadata'; readonly audience: string }
  | { readonly kind: 'gcp-default'; readonly audience: string }
  | { readonly kind: 'github-actions'; readonly audience: string };

/** Gives a token that is valid for a while. Rejects with an Error of one line, which has nothing of the token in it. */
export interface Tokens {
  get(): Promise<string>;
  /** The token was refused: the next one is fetched anew. */
  forget(): void;
}

type Env = Readonly<Record<string, string | undefined>>;

/** A token that ends sooner is fetched anew: the proxy still has to look at it. */
const MARGIN_MS = 60_000;
const FETCH_MS = 10_000;
const COMMAND_MS = 60_000;

/** One fetch at a time, kept until shortly before its `exp`. A file is read each time: another program may renew it. */
export function createTokens(source: TokenSource, env: Env, clock: () => number): Tokens {
  let kept: { readonly token: string; readonly until: number } | null = null;
  let pending: Promise<string> | null = null;
  const load = async () => {
    const token = checked((await fetchToken(source, env)).trim(), source);
    assertAudience(token, source);
    const expires = expiryOf(token);
    if (expires !== null && expires <= clock())
      throw new Error(`the token from ${nameOf(source)} has expired at ${new Date(expires).toISOString()}`);
    kept = source.kind === 'file' || expires === null ? null : { token, until: expires - MARGIN_MS };
    return token;
  };
  return {
    get() {
      if (kept !== null && clock() < kept.until) return Promise.resolve(kept.token);
      pending ??= load().finally(() => {
        pending = null;
      });
      return pending;
    },
    forget() {
      kept = null;
    },
  };
}

function fetchToken(source: TokenSource, env: Env): Promise<string> {
  switch (source.kind) {
    case 'file':
      return readFile(source.file, 'utf8').catch(cause => {
        throw new Error(`the token file ${source.file} cannot be read: ${cause.code ?? 'unknown fault'}`, {
          cause,
        });
      });
    case 'command':
      return run(source.command, env);
    case 'env':
      return Promise.resolve(env[source.name] ?? '');
    case 'gcp-metadata':
      return fromMetadata(source.audience, env);
    case 'gcp-default':
      return fromGoogle(source.audience);
    case 'github-actions':
      return fromGitHub(source.audience, env);
  }
}

function run(command: string, env: Env): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...env }, timeout: COMMAND_MS, maxBuffer: 1024 * 1024 };
    execFile('/bin/sh', ['-c', command], options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      // The error's own message repeats the command, which may have a secret in it.
      const why = error.killed
        ? `did not end within ${COMMAND_MS / 1000} s`
        : `ended with exit code ${error.code ?? '?'}`;
      const said = stderr.trim().split('\n').at(-1) ?? '';
      reject(new Error(`the token command ${why}${said === '' ? '' : `: ${said.slice(0, 200)}`}`));
    });
  });
}

/** Source: Google Cloud, "Verifying VM identity": the metadata server's `identity` entry. */
async function fromMetadata(audience: string, env: Env): Promise<string> {
  const host = env.GCE_METADATA_HOST ?? 'metadata.google.internal';
  const path = 'computeMetadata/v1/instance/service-accounts/default/identity';
  const url = `http://${host}/${path}?audience=${encodeURIComponent(audience)}&format=full`;
  const { status, headers, body } = await ask('the metadata server', url, { 'metadata-flavor': 'Google' });
  // Any other server of that name would be somebody else's (a captive portal, a search domain).
  if (headers.get('metadata-flavor') !== 'Google') throw new Error(`${host} is not Google's metadata server`);
  if (status === 404)
    throw new Error(
      'the metadata server gives no ID token (404): on Cloud Build the service account needs the role roles/iam.serviceAccountOpenIdTokenCreator on itself',
    );
  if (status !== 200) throw new Error(`the metadata server answered ${status}`);
  return body;
}

/** Google's library is a large one, and only this way needs it. It reads the environment of the process by itself. */
async function fromGoogle(audience: string): Promise<string> {
  const { fromDefaultCredentials } = await import('./gcp/default-credentials.ts');
  return fromDefaultCredentials(audience);
}

/** Source: GitHub, "OpenID Connect reference": the two variables of a job with the permission id-token. */
async function fromGitHub(audience: string, env: Env): Promise<string> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: base, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = env;
  if (!base || !bearer)
    throw new Error("GitHub Actions offers no OIDC token here: the job needs 'permissions: id-token: write'");
  assertSafeUrl(base, 'ACTIONS_ID_TOKEN_REQUEST_URL');
  const url = new URL(base);
  url.searchParams.set('audience', audience);
  const { status, body } = await ask("GitHub's OIDC endpoint", url.href, {
    authorization: `bearer ${bearer}`,
    accept: 'application/json; api-version=2.0',
  });
  if (status !== 200) throw new Error(`GitHub's OIDC endpoint answered ${status}`);
  try {
    const { value } = JSON.parse(body) as { value?: unknown };
    if (typeof value === 'string') return value;
  } catch {
    // Said below, without the body: a part of it may be a token.
  }
  throw new Error("GitHub's OIDC endpoint gave no token");
}

async function ask(who: string, url: string, headers: Record<string, string>) {
  try {
    const response = await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(FETCH_MS) });
    return { status: response.status, headers: response.headers, body: await response.text() };
  } catch (cause) {
    const late = cause instanceof Error && cause.name === 'TimeoutError';
    throw new Error(`${who} ${late ? 'does not answer' : 'cannot be reached'}`, { cause });
  }
}

function checked(token: string, source: TokenSource): string {
  if (token === '') throw new Error(`there is no token in ${nameOf(source)}`);
  if (!/^[\w.~+/-]+=*$/.test(token)) throw new Error(`what ${nameOf(source)} gives is not a token`);
  return token;
}

/** Credentials of a person get a token for the program that logged them in, whatever was asked for: nobody here would take it. */
function assertAudience(token: string, source: TokenSource): void {
  if (source.kind !== 'gcp-default' || [claimsOf(token)?.aud].flat().includes(source.audience)) return;
  throw new Error(
    `Google's default credentials gave a token for another audience than ${source.audience}: those of a person can do no other; use a service account, or gcloud auth application-default login --impersonate-service-account=…`,
  );
}

function nameOf(source: TokenSource): string {
  switch (source.kind) {
    case 'file':
      return `the file ${source.file}`;
    case 'command':
      return 'the token command';
    case 'env':
      return `the variable ${source.name}`;
    default:
      return source.kind;
  }
}

/** Milliseconds since 1970, read without any proof: it only decides when to ask again. Null where it is no JSON Web Token. */
function expiryOf(token: string): number | null {
  const exp = claimsOf(token)?.exp;
  return typeof exp === 'number' ? exp * 1000 : null;
}

/** The claims as they stand; for messages to the token's own holder. */
export function claimsOf(token: string): Record<string, unknown> | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
