import { HoldpointError } from '#schemas/errors.ts';
import type { Policy, TokenWay } from '#schemas/policy.ts';
import type { Handshake } from '../session/handshake.ts';
import { Reader } from '../wire/reader.ts';
import { assertDummyResponse, errorResult, OAUTHBEARER, readClientResponse } from './oauthbearer.ts';

/** Codes of the authentication messages. Source: manual 54.7. */
const AUTH = { cleartext: 3, sasl: 10, saslContinue: 11 } as const;
/** What agents say at start-up to choose the way: `options=-choldpoint.authentication=oauthbearer`. */
export const WAY_SETTING = 'holdpoint.authentication';

/**
 * How this agent is asked for its token. A server of this protocol asks first and cannot know what the client has: most drivers know
 * passwords only, and a libpq with `require_auth=oauth` knows nothing else. So the policy says what is asked, and the client may say
 * at start-up that it wants another of the policy's ways. Throws HoldpointError `unsupported`.
 */
export function wayOf(policy: Policy, wanted: string | undefined): TokenWay {
  const [first = 'password', ...others] = policy.agents.authentication;
  if (wanted === undefined) return first;
  const found = [first, ...others].find(way => way === wanted.toLowerCase());
  if (found !== undefined) return found;
  throw new HoldpointError('unsupported', `${WAY_SETTING} cannot be "${wanted.slice(0, 63)}" here`, {
    hint: `The policy has: ${[first, ...others].join(', ')}.`,
  });
}

/** Asks for the token and has it proven by `identify`, whose rejections it tells in the way's own manner before it rejects with them. */
export function proveHolder<Who>(
  handshake: Handshake,
  way: TokenWay,
  policy: Policy,
  identify: (token: string) => Promise<Who>,
): Promise<Who> {
  return way === 'password' ? byPassword(handshake, identify) : byBearer(handshake, policy, identify);
}

/** The one way that every driver knows. Source: manual 54.2.1, AuthenticationCleartextPassword. */
async function byPassword<Who>(
  handshake: Handshake,
  identify: (token: string) => Promise<Who>,
): Promise<Who> {
  handshake.ask(AUTH.cleartext);
  const body = await handshake.response('password');
  const reader = new Reader(body, 0, body.length);
  const token = reader.cstring('password');
  reader.finish('password message');
  body.fill(0);
  return identify(token);
}

/** SASL as the server does it (manual 54.3), with the one mechanism OAUTHBEARER. AuthenticationOk is the caller's to send. */
async function byBearer<Who>(
  handshake: Handshake,
  policy: Policy,
  identify: (token: string) => Promise<Who>,
): Promise<Who> {
  handshake.ask(AUTH.sasl, Buffer.from(`${OAUTHBEARER}\0\0`, 'latin1'));
  const data = initialResponse(await handshake.response('SASL'));
  if (data === null) handshake.ask(AUTH.saslContinue);
  const response = data ?? (await handshake.response('SASL'));
  const asked = readClientResponse(response);
  response.fill(0);
  let fault: HoldpointError;
  let status: 'invalid_token' | 'invalid_request' = 'invalid_token';
  if (asked.kind === 'token') {
    try {
      return await identify(asked.token);
    } catch (error) {
      // Only a token that proves nothing is a failed authentication. Of anything else a client that fetches another token gains nothing,
      // and libpq would show the status alone where an ErrorResponse has a sentence.
      if (!(error instanceof HoldpointError) || error.code !== 'token_invalid') throw error;
      fault = error;
    }
  } else if (asked.kind === 'discovery') {
    fault = new HoldpointError('token_invalid', 'a token is needed');
  } else {
    status = 'invalid_request';
    fault = new HoldpointError('token_invalid', `the token was not accepted: ${asked.why}`);
  }
  handshake.ask(AUTH.saslContinue, errorResult(status, discoveryOf(policy)));
  assertDummyResponse(await handshake.response('SASL'));
  throw fault;
}

/** SASLInitialResponse: the mechanism, and its data with a length before them; null where there are none yet (-1). */
function initialResponse(body: Buffer): Buffer | null {
  const reader = new Reader(body, 0, body.length);
  if (reader.cstring('SASL mechanism') !== OAUTHBEARER)
    throw new HoldpointError('protocol', 'client selected an invalid SASL authentication mechanism');
  const length = reader.int32('length of the SASL response');
  if (length === -1) {
    reader.finish('SASL response');
    return null;
  }
  const data = reader.bytes(length, 'SASL response');
  reader.finish('SASL response');
  return data;
}

/** Source: OpenID Connect Discovery 1.0, section 4. */
function discoveryOf({ agents, issuers }: Policy) {
  const issuer = issuers.find(({ name }) => name === agents.oauthIssuer) ?? issuers[0];
  const base = issuer?.issuer.replace(/\/$/, '');
  return {
    configuration: base === undefined ? null : `${base}/.well-known/openid-configuration`,
    scope: agents.oauthScope,
  };
}
