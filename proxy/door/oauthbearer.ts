import { HoldpointError } from '#schemas/errors.ts';

/**
 * The messages of the SASL mechanism OAUTHBEARER, without I/O. Sources: RFC 7628, sections 3.1 and 3.2; RFC 5801 for the gs2 header;
 * RFC 6750 for the token; the server's auth-oauth.c for what Postgres makes of the parts that the RFC leaves open.
 */
export const OAUTHBEARER = 'OAUTHBEARER';
/** Between key/value pairs, and alone the answer that a client owes to an error. */
const KVSEP = '\u0001';

/** What a client asks for with its response. */
export type ClientResponse =
  | { readonly kind: 'token'; readonly token: string }
  /** No token yet: where does one get one? */
  | { readonly kind: 'discovery' }
  /** A well-formed message whose `auth` is no bearer token. */
  | { readonly kind: 'unusable'; readonly why: string };

/** Throws HoldpointError `protocol` for what the grammar does not allow, `unsupported` for an authorization identity. */
export function readClientResponse(data: Buffer): ClientResponse {
  const text = data.toString('latin1');
  if (text === '') throw malformed('The message is empty.');
  if (text.includes('\0')) throw malformed('Message length does not match input length.');
  const auth = authOf(pairsOf(text));
  if (auth === '') return { kind: 'discovery' };
  const [, scheme = '', token = ''] = /^(\S+) *(.*)$/s.exec(auth) ?? [];
  if (scheme.toLowerCase() !== 'bearer')
    return { kind: 'unusable', why: 'its authorization scheme is not Bearer' };
  // b64token of RFC 6750, 2.1.
  if (!/^[\w.~+/-]+=*$/.test(token)) return { kind: 'unusable', why: 'it is not a bearer token' };
  return { kind: 'token', token };
}

/** Why a token was not taken, by RFC 6750, 3.1, and where better ones come from. Null: this proxy knows no issuer to send them to. */
export function errorResult(
  status: 'invalid_request' | 'invalid_token',
  discovery: { readonly configuration: string | null; readonly scope: string },
): Buffer {
  const { configuration, scope } = discovery;
  const where = configuration === null ? {} : { 'openid-configuration': configuration };
  return Buffer.from(JSON.stringify({ status, ...where, scope }), 'utf8');
}

/** Throws unless this is the one message that may follow an error (RFC 7628, 3.2.3). */
export function assertDummyResponse(data: Buffer): void {
  if (data.toString('latin1') !== KVSEP) throw malformed('Client did not send a kvsep response.');
}

/** What stands behind the gs2 header: pairs, each ended by a separator, and one more at the end of all. */
function pairsOf(text: string): [string, string][] {
  const flag = text[0];
  // `p` binds to a channel, which this mechanism cannot; `y` is the honest "I could, you do not offer it".
  if (flag === 'p')
    throw malformed(
      'The server does not support channel binding for OAuth, but the client message includes channel binding data.',
    );
  if (flag !== 'n' && flag !== 'y') throw malformed('Unexpected channel-binding flag.');
  if (text[1] !== ',') throw malformed('Comma expected behind the channel-binding flag.');
  // Whoever acts for another has to be somebody who may: there is no such right here.
  if (text[2] === 'a')
    throw new HoldpointError('unsupported', 'client uses authorization identity, but it is not supported');
  if (text[2] !== ',') throw malformed('Unexpected attribute in the gs2 header.');
  if (text[3] !== KVSEP) throw malformed('Key-value separator expected behind the gs2 header.');
  if (!text.endsWith(KVSEP) || text.length < 5)
    throw malformed('Message did not contain a final terminator.');
  const body = text.slice(4, -1);
  if (body === '') return [];
  if (!body.endsWith(KVSEP)) throw malformed('Message did not contain a final terminator.');
  return body
    .slice(0, -1)
    .split(KVSEP)
    .map(pair => {
      if (pair === '') throw malformed('Message contains additional data after the final terminator.');
      const found = /^([A-Za-z]+)=([\t\r\n -~]*)$/.exec(pair);
      if (found === null) throw malformed('Message contains an invalid key or value.');
      return [found[1] ?? '', found[2] ?? ''];
    });
}

/** `host` and `port` may be there too, and any other key: they prove nothing and are not looked at. */
function authOf(pairs: readonly (readonly [string, string])[]): string {
  const [first, second] = pairs.filter(([key]) => key === 'auth');
  if (first === undefined) throw malformed('Message does not contain an auth value.');
  if (second !== undefined) throw malformed('Message contains multiple auth values.');
  return first[1];
}

function malformed(detail: string): HoldpointError {
  return new HoldpointError('protocol', 'malformed OAUTHBEARER message', { detail });
}
