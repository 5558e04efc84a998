/** What the proxy says to an agent when it refuses, and what an operator should know of it. */
export interface Fault {
  /** Five characters, as in the manual's appendix of error codes. */
  readonly sqlstate: string;
  /** The primary message of the ErrorResponse, where the caller has no better one. */
  readonly client: string;
  /** For logs and the runbook: what it means and what to look at. */
  readonly operator: string;
  /** Nothing was sent to the server, and trying again later may work. */
  readonly retrySafe: boolean;
}

/** The closed union of the proxy's own errors. */
export const FAULTS = {
  denied: {
    sqlstate: '42501',
    client: 'refused by policy',
    operator: 'a rule, or the default, denied the statement',
    retrySafe: false,
  },
  hold_denied: {
    sqlstate: '42501',
    client: 'not approved',
    operator: 'an approver said no',
    retrySafe: false,
  },
  hold_expired: {
    sqlstate: '42501',
    client: 'not approved in time',
    operator: 'the deadline passed without a decision',
    retrySafe: true,
  },
  hold_withdrawn: {
    sqlstate: '42501',
    client: 'the hold was withdrawn',
    operator: 'the hold ended before a decision',
    retrySafe: true,
  },
  hold_unavailable: {
    sqlstate: '58000',
    client: 'approvals cannot be asked for right now',
    operator: 'the approval store did not accept the hold',
    retrySafe: true,
  },
  decision_unverified: {
    sqlstate: '58000',
    client: 'the decision could not be verified',
    operator: 'signature, key, digest or quorum of the decision did not verify: investigate',
    retrySafe: false,
  },
  ledger_unavailable: {
    sqlstate: '58030',
    client: 'the audit ledger cannot be written',
    operator: 'no statement passes without its record: check the ledger and its disk',
    retrySafe: true,
  },
  catalog_unavailable: {
    sqlstate: '58000',
    client: 'the catalog of the target cannot be read',
    operator: 'statements cannot be judged without it: check the connection to the target',
    retrySafe: true,
  },
  upstream_unavailable: {
    sqlstate: '58000',
    client: 'the database cannot be reached',
    operator: 'connecting to the target failed',
    retrySafe: true,
  },
  secret_unavailable: {
    sqlstate: '58000',
    client: 'the credential of the database cannot be fetched',
    operator: 'the secret store did not answer',
    retrySafe: true,
  },
  identity_unavailable: {
    sqlstate: '58000',
    client: 'the token cannot be verified right now',
    operator: "the issuer's keys cannot be fetched",
    retrySafe: true,
  },
  token_invalid: {
    sqlstate: '28P01',
    client: 'the token was not accepted',
    operator: 'signature, issuer, audience, algorithm or expiry of the token is wrong',
    retrySafe: false,
  },
  tls_required: {
    sqlstate: '28000',
    client: 'this connection has to use TLS',
    operator: 'an agent came in the clear where the policy (agents.tls) demands TLS; nothing was asked of it',
    retrySafe: false,
  },
  access_denied: {
    sqlstate: '42501',
    client: 'no access rule opens this session',
    operator: 'no access entry matches principal, target and role',
    retrySafe: false,
  },
  unknown_target: {
    sqlstate: '3D000',
    client: 'no such target',
    operator: "the start-up packet's database names no target",
    retrySafe: false,
  },
  unknown_role: {
    sqlstate: '28000',
    client: 'no such role on this target',
    operator: "the start-up packet's user names no role of the target",
    retrySafe: false,
  },
  protocol: {
    sqlstate: '08P01',
    client: 'protocol violation',
    operator: 'bytes that the protocol does not allow here',
    retrySafe: false,
  },
  unsupported: {
    sqlstate: '0A000',
    client: 'not supported through Holdpoint',
    operator: 'a part of the protocol that would make the proxy blind',
    retrySafe: false,
  },
  limit: {
    sqlstate: '54000',
    client: 'a limit of the proxy was exceeded',
    operator: 'message size, buffered bytes or statements per session',
    retrySafe: false,
  },
  too_many: {
    sqlstate: '53300',
    client: 'too many connections',
    operator: 'connections of this principal or in all',
    retrySafe: true,
  },
  start_timeout: {
    sqlstate: '08006',
    client: 'the start-up took too long',
    operator: 'a client connected and did not finish its start-up',
    retrySafe: true,
  },
  session_over: {
    sqlstate: '57P05',
    client: 'the session has reached its end',
    operator: 'window or maximum length of a session',
    retrySafe: true,
  },
  shutdown: { sqlstate: '57P01', client: 'the proxy is shutting down', operator: 'SIGTERM', retrySafe: true },
  cancelled: {
    sqlstate: '57014',
    client: 'canceling statement due to user request',
    operator: 'a cancel request withdrew a held statement',
    retrySafe: true,
  },
  syntax: {
    sqlstate: '42601',
    client: 'syntax error',
    operator: "the text does not parse with Postgres's own grammar; what cannot be parsed is never forwarded",
    retrySafe: false,
  },
  encoding: {
    sqlstate: '22021',
    client: 'invalid byte sequence for encoding "UTF8"',
    operator: 'text that is not UTF-8: proxy and server could read it differently',
    retrySafe: false,
  },
  unknown_statement: {
    sqlstate: '26000',
    client: 'prepared statement does not exist',
    operator: 'a Bind or Describe names a statement that this session has not prepared through the proxy',
    retrySafe: false,
  },
  unknown_portal: {
    sqlstate: '34000',
    client: 'portal does not exist',
    operator: 'an Execute or Describe names a portal that this session has not bound through the proxy',
    retrySafe: false,
  },
  in_failed_transaction: {
    sqlstate: '25P02',
    client: 'current transaction is aborted, commands ignored until end of transaction block',
    operator: 'as the server says it',
    retrySafe: false,
  },
  internal: {
    sqlstate: 'XX000',
    client: 'internal error of the proxy',
    operator: 'a defect: the log has the stack',
    retrySafe: false,
  },
} as const satisfies Record<string, Fault>;

export type FaultCode = keyof typeof FAULTS;

/** One error class for the whole product: a code of the closed union, a sentence for the client, DETAIL and HINT where there are any. */
export class HoldpointError extends Error {
  override readonly name = 'HoldpointError';
  readonly code: FaultCode;
  readonly detail: string | undefined;
  readonly hint: string | undefined;

  constructor(
    code: FaultCode,
    message?: string,
    more: { detail?: string | undefined; hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(message ?? FAULTS[code].client, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.detail = more.detail;
    this.hint = more.hint;
  }

  get sqlstate(): string {
    return FAULTS[this.code].sqlstate;
  }
}
