import type { IncomingMessage } from 'node:http';
import { HoldpointError } from '#schemas/errors.ts';

export interface BearerTokens {
  /** What the agent has to prove itself with. */
  readonly token: string;
  /** What Cloud Run's own check has looked at, without its signature by now; null where there is none. Never a proof of anything. */
  readonly gateway: string | null;
}

const GATEWAY = 'x-serverless-authorization';

/**
 * The tokens of a request: one in `Authorization`, and at most one for Cloud Run's check in its own header. Each header may be there once, with
 * one token (RFC 6750, section 2.1): of two, a gateway could have read the other one. Throws HoldpointError `token_invalid`.
 */
export function bearerTokens({ headersDistinct }: IncomingMessage): BearerTokens {
  const gateway = bearer('X-Serverless-Authorization', headersDistinct[GATEWAY]);
  const token = bearer('Authorization', headersDistinct.authorization);
  if (token !== null) return { token, gateway };
  throw new HoldpointError(
    'token_invalid',
    gateway === null
      ? 'a token is needed: send it as Authorization: Bearer'
      : 'the token in X-Serverless-Authorization is for Cloud Run alone and proves nothing here: send one as Authorization: Bearer too',
  );
}

function bearer(name: string, values: readonly string[] = []): string | null {
  const [value] = values;
  if (value === undefined) return null;
  if (values.length > 1) throw new HoldpointError('token_invalid', `${name} is there more than once`);
  const token = /^Bearer +([\w.~+/-]+=*)$/i.exec(value)?.[1];
  if (token === undefined)
    throw new HoldpointError('token_invalid', `${name} has to be Bearer and one token, nothing else`);
  return token;
}
