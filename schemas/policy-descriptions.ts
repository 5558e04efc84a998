/**
 * What each key of the policy file means, for editors: generated into the JSON Schema. A key's path leaves out list positions and
 * the names that people choose (`groups.*`). A test holds that every key has its sentence here and its place in docs/policy.md.
 */
const principals = (whose: string): Record<string, string> => ({
  issuers: `Names of issuers (of this file). ${whose} principal of any of them. * is a wildcard.`,
  subjects: `Subjects (the sub claim). ${whose} principal with any of them. * is a wildcard.`,
  emails: `Verified e-mails in lower case. ${whose} principal with any of them. * is a wildcard: *@example.com.`,
  groups: `Groups, of this file or from claims. ${whose} principal in any of them. * is a wildcard.`,
});

const nested = (path: string, keys: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(keys).map(([key, text]) => [`${path}.${key}`, text]));

export const POLICY_DESCRIPTIONS: Readonly<Record<string, string>> = {
  version: 'The format of this file: 1.',
  issuers: 'Who may issue tokens. `holdpoint dev` adds its own issuer, named dev.',
  ...nested('issuers', {
    name: 'What rules and access entries call this issuer.',
    issuer: 'The exact iss claim of its tokens.',
    audience: 'The aud claim that tokens for Holdpoint carry.',
    claims:
      'What claims of its tokens have to be, beside the audience: claim → value, or a list of which one will do. Required for issuers that everybody can have tokens of.',
    'claims.*':
      'A text in quotes, true or false, or a list. No wildcards. The key is the name of a claim, or /outer/inner for one within another.',
    algorithms: 'Signature algorithms that are accepted; asymmetric ones only.',
    jwks: 'Where its public keys are. Default: what its discovery document names.',
    groupsClaim:
      'The claim that carries groups, or /outer/inner for one within another. Default: groups come from this file only.',
    groupsPrefix:
      'Put before every group from the claim, so that an issuer cannot name a group of this file by chance.',
    directory:
      'Where groups are looked up, beside those of claims: by the verified e-mail, for every session.',
    'directory.source': 'cloud-identity: the groups of Google Workspace or Cloud Identity.',
    'directory.prefix': 'Put before every group from there, which is an e-mail address. Default: google:',
    'directory.optional':
      'true: when the groups cannot be looked up, sessions open without them. Only where no rule that holds or denies asks for them.',
    trustEmail:
      'Accept the email claim without email_verified: true. Only for issuers that hand out addresses.',
    maxTokenAge: 'The longest that a token is accepted, counted from its iat: 30s, 10m, 24h.',
    accessTokens:
      'Accept access tokens (typ at+jwt, RFC 9068) beside ID tokens, which OAuth flows of Postgres clients may bring.',
  }),
  agents: 'How agents come to the proxy.',
  ...nested('agents', {
    tls: 'required: no token without TLS, nor through a tunnel without https. beyond-loopback: only connections on this machine may do without. optional: the agent chooses, and may send its token in the clear.',
    authentication:
      'How agents give their token. The first is asked for; another one by a client that says options=-choldpoint.authentication=oauthbearer at start-up.',
    gateway:
      'consistent: where a tunnel brings a token for Cloud Run (X-Serverless-Authorization) of the same issuer as its own, both have to be of one subject. same-email: it has to bring one, and with the same e-mail.',
    oauthIssuer:
      'Where OAUTHBEARER clients without a token are sent to: the name of an issuer of this file. Default: the first one.',
    oauthScope: 'The scope that those clients ask for. Default: openid.',
  }),
  groups: 'Group name → its members.',
  'groups.*': 'E-mails (with @), compared in lower case, or subjects.',
  targets:
    'The databases behind the proxy, by the name that clients give as their database. `holdpoint dev` adds shop.',
  'targets.*': 'One database.',
  ...nested('targets.*', {
    host: 'Host name or address of the Postgres server.',
    port: 'Its port.',
    database: 'The database on that server.',
    tls: 'verify-full checks certificate and host name; verify-ca the certificate only; require only encrypts; disable is for loopback and tests.',
    tlsNegotiation:
      'postgres: TLS is asked for in the protocol (the default). direct: it begins at once, as Postgres 17 and later can.',
    ca: 'PEM file of the authority that signed the server certificate.',
    weakAuth: 'Ways of authentication beside SCRAM that the server may ask for.',
    roles: 'What clients give as their user → the database user behind it.',
    'roles.*': 'One database user.',
    'roles.*.user': 'The database user, where it is not called like the role.',
    'roles.*.secret':
      'Where its password is: env:NAME, file:/path or projects/…/secrets/…; absent where the server asks for none.',
    'roles.*.certificate':
      'A client certificate that the proxy shows to the server (PEM, intermediates behind it): a reference like secret.',
    'roles.*.key': 'Its key (PEM): a reference like secret.',
  }),
  protected: 'Columns whose values never leave as they are.',
  ...nested('protected', {
    column: 'schema.table.column, as the catalog spells it.',
    mask: 'redact: a fixed word · partial: the last characters · email: first letter and domain · hash: keyed, the same for equal values · null: NULL.',
    targets: 'The targets that it holds for. Default: all.',
  }),
  access: 'Who may open a session on what. The first entry that matches counts; none means no session.',
  ...nested('access', {
    name: 'Its name, in the record and in messages.',
    principals: 'Who it speaks of. Keys are combined with "and"; without any, everybody with a valid token.',
    ...nested('principals', principals('A')),
    targets: 'Target names; * is a wildcard.',
    roles: 'Role names; * is a wildcard.',
    readOnly: 'The server refuses every write, for the whole session.',
    maxSession: 'The longest session: 10m, 8h.',
    window: 'When sessions may be opened; open ones end with it.',
    approval: 'People have to approve before a session is opened. Its time ends the sessions too.',
    'approval.approvers': 'Groups of this file, or email:someone@example.com; never the requester.',
    'approval.quorum': 'How many different people must approve.',
    'approval.deadline': 'After this nobody can approve any more: 10m.',
    'approval.grant':
      'From the approval on, how long the principal can open sessions, and how long they live: 1h.',
    'approval.mode':
      'wait: the agent waits while it connects. return: it gets an error with the approval id, and connects again once it is approved.',
    'approval.wait':
      'The longest wait while connecting: 50s. Then as with mode: return. Default: until the deadline.',
    'approval.message': 'The sentence that the agent and the approvers get to read.',
    'window.days': 'Days on which it begins. Default: every day.',
    'window.from': 'First minute, like "08:00", in quotes.',
    'window.to':
      'The minute at which it closes, like "18:00" or "24:00". Before `from` means on the next day.',
    'window.timeZone': 'The zone of these times, like Europe/Berlin. Default: UTC.',
  }),
  rules: 'Asked in order for every statement; the first that matches gives the verdict. None: denied.',
  ...nested('rules', {
    name: 'Its name, in refusals, approvals and the record.',
    verdict: 'allow, hold (a human decides) or deny.',
    message: 'The sentence that the agent, or the approver, gets to read.',
    approvers:
      'Groups of this file, or email:someone@example.com. Any of them may decide, never the requester.',
    quorum: 'How many different people must approve.',
    deadline: 'After this the hold ends without approval: 10m.',
    mode: 'wait: the statement waits on its connection. return: an error with the approval id comes at once; after approval the same statement of the same principal runs, once.',
    wait: 'The longest wait on the connection: 50s. Then the statement returns as with mode: return, and can still be approved until the deadline. Default: it waits until the deadline.',
    grant:
      'From the approval on, how long the statement can be run when its agent no longer waits for it: 15m.',
    match: 'What the rule speaks of. Keys are combined with "and"; an empty match speaks of everything.',
    'match.principals': 'Who asks.',
    ...nested('match.principals', principals('A')),
    'match.targets': 'On any of these targets; * is a wildcard.',
    'match.roles': 'In any of these roles; * is a wildcard.',
    'match.effects': 'What the statement would do.',
    ...nested('match.effects', {
      readOnly: 'true: provably changes nothing, anywhere. false: everything else.',
      commands: 'ALL command classes of the statement are in this list. For rules that allow.',
      anyCommand: 'ANY command class of the statement is in this list. For rules that hold or deny.',
      reads: 'ANY relation read matches: public.customers, hr.*.',
      writes: 'ANY relation written matches: public.payments, hr.*.',
      onlyRelations: 'ALL relations read and written match. For rules that allow.',
      functions: 'ANY function called matches: pg_catalog.pg_sleep*.',
      onlyFunctions: 'ALL functions called match. For rules that allow.',
      withoutWhere: 'An UPDATE or DELETE without WHERE, anywhere in the statement.',
      keyed: 'Every row is picked by equality on a whole unique key.',
      maxRows: 'At most so many rows; does not match where no bound is known.',
      moreRowsThan: 'More rows than this, or no known bound.',
      outside: 'Reaches outside the database: COPY … PROGRAM, files of the server, other servers.',
      unknown:
        'Something about it cannot be told. A rule that allows matches such statements only if it says true here.',
      inTransaction: 'Inside a transaction block that the agent has opened.',
    }),
  }),
  limits:
    'What one agent, one principal and all of them may take of the proxy. Each limit has its own error.',
  ...nested('limits', {
    startup: 'The longest from connecting to a session that is open: 30s.',
    unproven: 'Connections that have not yet proven who they are; beyond it the oldest is cut.',
    connections: 'Sessions in all.',
    connectionsPerPrincipal: 'Sessions of one principal.',
    message: 'The longest message of an agent: 512kB, 64MB; 256MB is the most.',
    text: 'Words, numbers, signs and literals (however long) of one text; the end of a statement counts for five. Default 1000000.',
    ahead: 'What an agent may send behind a statement that is held: 16MB.',
    memory:
      'What the proxy keeps for agents: messages that are not whole yet or wait, and texts of prepared statements. Default 512MB.',
    memoryPerPrincipal: 'The same, of one principal. Default 256MB.',
    parked: 'Held statements in all.',
    parkedPerPrincipal: 'Held statements of one principal.',
    statements: 'Prepared statements of one session.',
    portals: 'Open portals and cursors of one session.',
  }),
};
