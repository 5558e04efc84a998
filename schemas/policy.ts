import { z } from 'zod';
import { commandClass } from './effects.ts';

const name = z.string().min(1).max(200);
/** `schema.relation`, `schema.function` or a pattern with `*` for any run of characters. */
const pattern = z.string().min(1);
/** `30s`, `10m`, `2h`. */
const duration = z.string().regex(/^[1-9][0-9]*[smh]$/, 'write a duration like 30s, 10m or 2h');

export const maskKind = z.enum(['redact', 'partial', 'email', 'hash', 'null']);
export type MaskKind = z.infer<typeof maskKind>;

/** Who a rule speaks of. Each list is an "any of"; lists are combined with "and"; an absent list matches everybody. `*` is a wildcard. */
export const principalMatch = z.strictObject({
  issuers: z.array(name).optional(),
  subjects: z.array(name).optional(),
  emails: z.array(name).optional(),
  groups: z.array(name).optional(),
});

/** What a rule asks of the effects. Lists as in `principals`. For `commands`, `reads`, `writes`, `functions` see `every`. */
export const effectsMatch = z.strictObject({
  /** The first witness found a provable read. */
  readOnly: z.boolean().optional(),
  /** ALL command classes of the statement are among these. */
  commands: z.array(commandClass).min(1).optional(),
  /** ANY of the statement's command classes is among these: for rules that hold or deny. */
  anyCommand: z.array(commandClass).min(1).optional(),
  /** ANY relation read matches. */
  reads: z.array(pattern).min(1).optional(),
  /** ANY relation written matches. */
  writes: z.array(pattern).min(1).optional(),
  /** ALL relations read or written match: for rules that allow. */
  onlyRelations: z.array(pattern).min(1).optional(),
  /** ANY function called matches. */
  functions: z.array(pattern).min(1).optional(),
  /** ALL functions called match: for rules that allow. */
  onlyFunctions: z.array(pattern).min(1).optional(),
  withoutWhere: z.boolean().optional(),
  keyed: z.boolean().optional(),
  /** At most so many rows; a statement without a known bound does not match. */
  maxRows: z.int().nonnegative().optional(),
  /** More rows than this, or no known bound. */
  moreRowsThan: z.int().nonnegative().optional(),
  /** Reaches outside the database: COPY … PROGRAM, server files, other servers. */
  outside: z.boolean().optional(),
  /** Something about it cannot be told. */
  unknown: z.boolean().optional(),
  inTransaction: z.boolean().optional(),
});

export const ruleMatch = z.strictObject({
  principals: principalMatch.optional(),
  targets: z.array(name).optional(),
  roles: z.array(name).optional(),
  effects: effectsMatch.optional(),
});

const ruleBase = { name, match: ruleMatch.default({}) };
export const rule = z.discriminatedUnion('verdict', [
  z.strictObject({ ...ruleBase, verdict: z.literal('allow') }),
  z.strictObject({
    ...ruleBase,
    verdict: z.literal('deny'),
    message: z.string().max(1000).default('refused by policy'),
  }),
  z.strictObject({
    ...ruleBase,
    verdict: z.literal('hold'),
    /** Groups of the policy, or `email:someone@example.com`. */
    approvers: z.array(name).min(1),
    quorum: z.int().min(1).max(20).default(1),
    deadline: duration.default('10m'),
    mode: z.enum(['wait', 'return']).default('wait'),
    /** Longest wait on the open connection; default: until the deadline. */
    wait: duration.optional(),
    /** How long the statement may be run once it is approved, where its agent no longer waits for it. */
    grant: duration.default('15m'),
    message: z.string().max(1000).default('a human has to approve this statement'),
  }),
]);
export type Rule = z.infer<typeof rule>;

const claimError =
  'write a text in quotes, true or false, or a list of these; numbers lose digits, so they go in quotes too';
const claimValue = z.union([z.string().min(1).max(1000), z.boolean()], { error: claimError });

export const issuer = z.strictObject({
  name,
  /** The exact `iss` claim. */
  issuer: z.string().min(1),
  audience: z.string().min(1),
  /** What claims have to be: a value, or a list of which one will do. All of them are asked for. `/outer/inner` is a claim within another. */
  claims: z.record(name, z.union([claimValue, z.array(claimValue).min(1)], { error: claimError })).optional(),
  /** Signature algorithms accepted; asymmetric ones only. */
  algorithms: z
    .array(
      z.enum([
        'RS256',
        'RS384',
        'RS512',
        'PS256',
        'PS384',
        'PS512',
        'ES256',
        'ES384',
        'ES512',
        'EdDSA',
        'Ed25519',
      ]),
    )
    .min(1),
  /** Where the keys are; default is the issuer's discovery document. */
  jwks: z.url().optional(),
  /** Claim that carries the groups, if any; `/outer/inner` for one within another. */
  groupsClaim: name.optional(),
  /** Prefix for groups from claims, so that an issuer cannot name a policy group by chance. */
  groupsPrefix: z.string().default(''),
  /** Where groups are looked up beside those of claims, by the verified e-mail. */
  directory: z
    .strictObject({
      source: z.enum(['cloud-identity']),
      prefix: name.default('google:'),
      /** Sessions open without these groups when they cannot be had. */
      optional: z.boolean().default(false),
    })
    .optional(),
  /** Trust the `email` claim even without `email_verified: true`. */
  trustEmail: z.boolean().default(false),
  /** Longest lifetime of a token from its `iat`. */
  maxTokenAge: duration.default('24h'),
  /** Take JSON Web Tokens with `typ: at+jwt` (RFC 9068) beside ID tokens. */
  accessTokens: z.boolean().optional(),
});
export type Issuer = z.infer<typeof issuer>;

export const role = z.strictObject({
  /** The database user, where it differs from the role's name. */
  user: name.optional(),
  /** `env:NAME`, `file:/path` or a Secret Manager resource name; absent where the server asks for no password. */
  secret: z.string().min(1).optional(),
  /** PEM of the certificate that the proxy shows to the server as this user, and of its key: references like `secret`. */
  certificate: z.string().min(1).optional(),
  key: z.string().min(1).optional(),
});
export type Role = z.infer<typeof role>;
export const target = z.strictObject({
  host: z.string().min(1),
  port: z.int().min(1).max(65535).default(5432),
  database: name,
  tls: z.enum(['verify-full', 'verify-ca', 'require', 'disable']).default('verify-full'),
  /** How TLS begins: asked for in the protocol, or at once (Postgres 17 and later, and proxies that look at ALPN). */
  tlsNegotiation: z.enum(['postgres', 'direct']).optional(),
  /** PEM file of the authority that signed the server's certificate. */
  ca: z.string().optional(),
  /** Ways of authentication beside SCRAM that the server may ask for. */
  weakAuth: z.array(z.enum(['md5', 'cleartext', 'trust'])).default([]),
  roles: z.record(name, role),
});
export type Target = z.infer<typeof target>;

export const protectedColumn = z.strictObject({
  /** `schema.table.column`. */
  column: z.string().regex(/^[^.]+\.[^.]+\.[^.]+$/, 'write schema.table.column'),
  mask: maskKind,
  /** Targets it holds for; default all. */
  targets: z.array(name).optional(),
});
export type ProtectedColumn = z.infer<typeof protectedColumn>;

export const access = z.strictObject({
  name,
  principals: principalMatch.default({}),
  targets: z.array(name).min(1),
  roles: z.array(name).min(1),
  /** Enforced by the server for the whole session. */
  readOnly: z.boolean().default(false),
  /** Longest session. */
  maxSession: duration.default('55m'),
  /** Whoever opens a session needs people's approval first; it is for a time, and ends the sessions with it. */
  approval: z
    .strictObject({
      approvers: z.array(name).min(1),
      quorum: z.int().min(1).max(20).default(1),
      deadline: duration.default('10m'),
      grant: duration.default('1h'),
      mode: z.enum(['wait', 'return']).default('wait'),
      wait: duration.optional(),
      message: z.string().max(1000).default('a human has to approve this access'),
    })
    .optional(),
  /** When sessions may be opened, and when they end. */
  window: z
    .strictObject({
      days: z
        .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))
        .min(1)
        .default(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']),
      from: z
        .string()
        .regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/)
        .default('00:00'),
      to: z
        .string()
        .regex(/^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/)
        .default('24:00'),
      timeZone: z.string().default('UTC'),
    })
    .optional(),
});
export type Access = z.infer<typeof access>;

export const tokenWay = z.enum(['password', 'oauthbearer']);
/** How an agent gives its token: as the password, or by the SASL mechanism OAUTHBEARER. */
export type TokenWay = z.infer<typeof tokenWay>;

/** The proxy's own door: how agents come to it. */
export const agents = z.strictObject({
  /** A token in the clear is a token lost, so by default TLS may be missing only where no network is. */
  tls: z.enum(['required', 'beyond-loopback', 'optional']).default('beyond-loopback'),
  /** The first is asked for; the others by those who say so at start-up (`holdpoint.authentication`). */
  authentication: z.array(tokenWay).min(1).default(['password', 'oauthbearer']),
  /** What is asked of the token that Cloud Run's own check has looked at, beside the agent's own: see docs/identity.md. */
  gateway: z.enum(['consistent', 'same-email']).default('consistent'),
  /** The issuer that OAUTHBEARER clients without a token are sent to: its name in this file; default the first one. */
  oauthIssuer: name.optional(),
  /** The scope that they shall ask for. */
  oauthScope: z
    .string()
    .regex(/^[!#-[\]-~]+( [!#-[\]-~]+)*$/, 'write scopes as RFC 6749 does, separated by one space')
    .default('openid'),
});
export type Agents = z.infer<typeof agents>;
/** `512kB`, `16MB`. A text longer than 256 MB could not be read as one string. */
const size = z
  .string()
  .regex(
    /^([1-9][0-9]{0,5}kB|([1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-6])MB)$/,
    'write a size like 512kB or 16MB; 256MB is the most',
  );
/** As `size`, without its upper end. */
const room = z.string().regex(/^[1-9][0-9]{0,6}(kB|MB)$/, 'write a size like 512MB');
const count = z.int().min(1).max(1_000_000);

/** What one agent, one principal and all of them may take of the proxy. Each has its own error (docs/errors.md). */
export const limits = z.strictObject({
  /** From the connection to the session's first ReadyForQuery. */
  startup: duration.default('30s'),
  /** Connections that have not proven who they are. */
  unproven: count.default(500),
  /** Connections that have: sessions, and those that are being opened. */
  connections: count.default(2_000),
  connectionsPerPrincipal: count.default(1_000),
  /** The longest message of an agent. */
  message: size.default('64MB'),
  /** Words, numbers, signs and literals of one text; the end of a statement counts for five. */
  text: z.int().min(1).max(100_000_000).default(1_000_000),
  /** What an agent may send behind a statement that is held. */
  ahead: size.default('16MB'),
  /** What the proxy keeps for agents: messages that are not whole yet or wait, and texts of prepared statements. */
  memory: room.default('512MB'),
  memoryPerPrincipal: room.default('256MB'),
  /** Statements that are held. */
  parked: count.default(2_000),
  parkedPerPrincipal: count.default(1_000),
  /** Of one session, open at once. */
  statements: count.default(10_000),
  portals: count.default(10_000),
});
export type Limits = z.infer<typeof limits>;

/** One policy file. Unknown keys are refused: a typo must not switch off a control. */
export const policyFile = z.strictObject({
  version: z.literal(1),
  /** `holdpoint dev` adds its own issuer. */
  issuers: z.array(issuer).default([]),
  agents: agents.default(agents.parse({})),
  /** Group name → e-mails or subjects. */
  groups: z.record(name, z.array(name)).default({}),
  /** Target name → database. `holdpoint dev` adds the sample shop, or the database of `--target`. */
  targets: z.record(name, target).default({}),
  protected: z.array(protectedColumn).default([]),
  access: z.array(access).min(1),
  rules: z.array(rule).default([]),
  limits: limits.prefault({}),
});
export type PolicyFile = z.infer<typeof policyFile>;

/** A loaded policy and its version: SHA-256 (hex) of the canonical form of what was loaded. */
export interface Policy extends PolicyFile {
  readonly policyVersion: string;
}

/** `90s` → 90. */
export function seconds(text: string): number {
  const unit = { s: 1, m: 60, h: 3600 }[text.at(-1) as 's' | 'm' | 'h'];
  return Number(text.slice(0, -1)) * unit;
}

/** `64kB` → 65536. */
export function bytes(text: string): number {
  return Number(text.slice(0, -2)) * (text.endsWith('MB') ? 1024 * 1024 : 1024);
}
