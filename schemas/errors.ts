/** What the proxy says to an agent when it refuses, and what an operator should know of it. */
export interface Fault {
  /** Five characters, as in the manual's appendix of error codes. */
  readonly sqlstate: string;
  /** The primary message of the ErrorResponse, where the caller has no better one. */
  readonly client: string;
  /** For logs and the runbook: what it means and what to look at. */
  readonly operator: string;
  /** What the agent can do about it, where the caller has nothing better. */
  readonly hint?: string;
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
  hold_returned: {
    sqlstate: '42501',
    client: 'needs approval',
    operator: 'approvers were asked; the agent comes back with the same when they have approved',
    retrySafe: true,
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
  groups_unavailable: {
    sqlstate: '58000',
    client: "the groups of the token's holder cannot be looked up right now",
    operator:
      'the directory of the issuer (`directory` in the policy) did not answer, or refuses: DETAIL says which',
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
  startup_setting: {
    sqlstate: '22023',
    client: 'the server does not take a setting of the start-up packet',
    operator: 'the agent gave a setting, or a value of one, that the server does not know or does not allow',
    retrySafe: false,
  },
  protocol: {
    sqlstate: '08P01',
    client: 'protocol violation',
    operator: 'bytes that the protocol does not allow here',
    retrySafe: false,
  },
  malformed: {
    sqlstate: '08P01',
    client: 'invalid message format',
    operator:
      'a message whose inside cannot be read: refused in the words of the server, and the session lives on',
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
    client: 'the statement is larger than can be recorded',
    operator: 'a record or an approval is larger than its store takes',
    hint: 'Send less at once: split the statement or its values.',
    retrySafe: false,
  },
  message_too_long: {
    sqlstate: '54000',
    client: 'the message is too long',
    operator:
      'a message of an agent was longer than `limits.message` of the policy: it was dropped as it came in',
    hint: 'Send less at once: split the statement or its values, or use COPY.',
    retrySafe: false,
  },
  text_too_long: {
    sqlstate: '54000',
    client: 'the text is too long to be judged',
    operator:
      'a text of an agent had more words and signs in it than `limits.text` of the policy: nobody read it',
    hint: 'Send less at once: split the text, give values as parameters, or use COPY.',
    retrySafe: false,
  },
  sent_ahead: {
    sqlstate: '53400',
    client: 'too much was sent behind a statement that is held',
    operator: 'an agent pipelines into a hold: more than `limits.ahead` of the policy',
    hint: 'Wait for the answer to a statement that may be held before sending more.',
    retrySafe: false,
  },
  memory: {
    sqlstate: '53200',
    client: 'out of memory for what agents send',
    operator:
      'long messages, what is sent behind held statements and prepared texts have reached `limits.memory` of the policy',
    hint: 'Try again when others have been answered.',
    retrySafe: true,
  },
  memory_of_principal: {
    sqlstate: '53200',
    client: 'out of memory for what one principal sends',
    operator: 'one principal keeps as much in the proxy as `limits.memoryPerPrincipal` of the policy allows',
    hint: 'Send less at once, over fewer connections, or have the driver keep fewer prepared statements.',
    retrySafe: true,
  },
  too_many_parked: {
    sqlstate: '53400',
    client: 'too many statements wait for approval',
    operator: 'holds in all have reached `limits.parked` of the policy: are approvers told?',
    hint: 'Try again when some of them have been decided.',
    retrySafe: true,
  },
  too_many_parked_of_principal: {
    sqlstate: '53400',
    client: 'too many of your statements wait for approval',
    operator: 'one principal has as many holds as `limits.parkedPerPrincipal` of the policy allows',
    hint: 'Have them decided, or close their connections, which withdraws them.',
    retrySafe: true,
  },
  too_many_statements: {
    sqlstate: '54000',
    client: 'too many prepared statements',
    operator: 'a session has as many prepared statements as `limits.statements` of the policy allows',
    hint: 'DEALLOCATE those that are no longer used, or have the driver keep fewer.',
    retrySafe: false,
  },
  too_many_portals: {
    sqlstate: '54000',
    client: 'too many portals and cursors',
    operator: 'a session has as many portals and cursors open as `limits.portals` of the policy allows',
    hint: 'Close those that are no longer used.',
    retrySafe: false,
  },
  too_many: {
    sqlstate: '53300',
    client: 'too many connections',
    operator: 'sessions in all have reached `limits.connections` of the policy',
    hint: 'Try again when others have ended theirs.',
    retrySafe: true,
  },
  too_many_of_principal: {
    sqlstate: '53300',
    client: 'too many connections of one principal',
    operator: 'one principal has as many sessions as `limits.connectionsPerPrincipal` of the policy allows',
    hint: 'Close connections that are no longer used, or share them in a pool.',
    retrySafe: true,
  },
  too_many_unproven: {
    sqlstate: '53300',
    client: 'too many connections that have not said who they are',
    operator:
      'strangers, or agents that never finish: `limits.unproven` of the policy. The oldest made room for a new one',
    hint: 'Send the start-up packet and the token without delay.',
    retrySafe: true,
  },
  start_timeout: {
    sqlstate: '08006',
    client: 'the start-up took too long',
    operator: 'a client connected and was not in its session within `limits.startup` of the policy',
    hint: 'Send the start-up packet and the token without delay.',
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
  lock_timeout: {
    sqlstate: '55P03',
    client: 'canceling statement due to lock timeout',
    operator: 'the agent waits no longer than its lock_timeout for what another session has under way',
    retrySafe: true,
  },
  deadlock: {
    sqlstate: '40P01',
    client: 'deadlock detected',
    operator:
      'sessions waited for each other, over locks of the server and changes of the catalog: one of them has to try again',
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
  other_encoding: {
    sqlstate: '0A000',
    client: 'text that is not ASCII cannot be read in this client_encoding',
    operator:
      'the server would convert the text by a table that is not known to be the same here: an encoding of several bytes, or a database that is not in UTF8',
    hint: 'Use client_encoding UTF8, or give the value as a parameter.',
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
  unknown_relation: {
    sqlstate: '42P01',
    client: 'relation does not exist',
    operator: 'a command that would be held names a relation that the target does not have',
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

/** A place in the server's source, without the line, which is another one in each version. */
export interface ServerSource {
  readonly file: string;
  readonly routine: string;
  /** Another one in each of its versions: only where the server has said it. */
  readonly line?: string;
}

/** One error class for the whole product: a code of the closed union, a sentence for the client, DETAIL and HINT where there are any. */
export class HoldpointError extends Error {
  override readonly name = 'HoldpointError';
  readonly code: FaultCode;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  /** Where the server raises the same error: drivers look at the routine. */
  readonly source: ServerSource | undefined;
  /** CONTEXT, where the server gives one. */
  readonly where: string | undefined;
  /** Of this code, unless the server has another one for just this error. */
  readonly sqlstate: string;

  constructor(
    code: FaultCode,
    message?: string,
    more: {
      detail?: string | undefined;
      hint?: string | undefined;
      source?: ServerSource | undefined;
      where?: string | undefined;
      sqlstate?: string | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message ?? FAULTS[code].client, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.detail = more.detail;
    this.source = more.source;
    this.where = more.where;
    this.sqlstate = more.sqlstate ?? FAULTS[code].sqlstate;
    this.hint = more.hint ?? (FAULTS[code] as Fault).hint;
  }
}
