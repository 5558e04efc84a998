import { decodeJwt, type JWTPayload } from 'jose';
import { lowerEmail } from '#schemas/email.ts';
import type { Agents } from '#schemas/policy.ts';
import type { Principal } from '#schemas/principal.ts';
import { invalid } from './claims.ts';

/**
 * Compares the token that a gateway has looked at with the principal that was proven here. It can only refuse: its signature has been removed,
 * and where no gateway is, it is whatever the agent wrote. Two tokens of one issuer have to be of one subject; with `same-email`, there
 * has to be one, and with the principal's e-mail. Throws HoldpointError `token_invalid`.
 */
export function assertGateway(gateway: string | null, principal: Principal, mode: Agents['gateway']): void {
  if (gateway === null) {
    if (mode === 'same-email') throw invalid('the policy wants another one in X-Serverless-Authorization');
    return;
  }
  const { iss, sub, email } = claimsOf(gateway);
  if (iss === principal.issuer && sub !== principal.subject)
    throw invalid('the one in X-Serverless-Authorization is of somebody else');
  if (mode !== 'same-email') return;
  if (principal.email === undefined || typeof email !== 'string' || lowerEmail(email) !== principal.email)
    throw invalid('the one in X-Serverless-Authorization does not have its e-mail');
}

function claimsOf(gateway: string): JWTPayload {
  try {
    return decodeJwt(gateway);
  } catch {
    throw invalid('what is in X-Serverless-Authorization is none');
  }
}
