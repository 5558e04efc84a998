import { z } from 'zod';
import { releases, requirement } from './approval.ts';
import { signedDecision } from './decision.ts';
import { effects } from './effects.ts';
import { parameter, statement } from './statement.ts';

const n = z.int().nonnegative();

/**
 * The bodies of the audit events, by kind. `n` numbers the statements of a session from 1.
 * For one statement the order is: statement (what was asked, and the verdict) → hold → decision… → forward → outcome.
 * A `statement` without `forward` never reached the server; a `forward` without `outcome` may have run, and the log shows it.
 */
export const auditBodies = {
  'session.open': z.strictObject({
    issuer: z.string(),
    subject: z.string(),
    email: z.string().nullable(),
    /** Addresses that nobody vouches for: whoever has one is not somebody else. Absent where there are none. */
    claimedEmails: z.array(z.string()).optional(),
    groups: z.array(z.string()),
    /** Whether a directory was asked for groups, and answered; absent where the policy names none. */
    directory: z.enum(['resolved', 'unavailable']).optional(),
    target: z.string(),
    database: z.string(),
    role: z.string(),
    application: z.string(),
    address: z.string(),
    /** How the agent came; absent in older records. */
    arrival: z
      .strictObject({
        /** A tunnel's `tls` is the business of whoever ends its https. */
        transport: z.enum(['tcp', 'tunnel']),
        /** `TLSv1.3`; null in the clear. */
        tls: z.string().nullable(),
        authentication: z.enum(['password', 'oauthbearer', 'tunnel']),
      })
      .optional(),
    /** What the agent set in its start-up packet, by the settings' names, and what was set for it; absent in older records. */
    settings: z.record(z.string(), z.string()).optional(),
    access: z.string(),
    /** The approval that the access entry asks for: statement 1 shows it. Absent where it asks for none. */
    approval: z.string().optional(),
    readOnly: z.boolean(),
    /** Version name of the secret, never its value. Empty where an approval is asked for: then the outcome of statement 1 has it. */
    credential: z.string(),
    policyVersion: z.string(),
  }),
  statement: z.strictObject({
    n,
    /** `session`: opening the session itself, which `text` says in a sentence. */
    protocol: z.enum(['simple', 'parse', 'bind', 'function', 'session']),
    text: z.string(),
    parameters: z.array(parameter),
    digest: z.string(),
    verdict: z.enum(['allow', 'hold', 'deny']),
    rule: z.string(),
    message: z.string(),
    effects: z.array(effects),
  }),
  hold: z.strictObject({
    n,
    approval: z.string(),
    rules: z.array(z.string()),
    deadline: z.string(),
    digest: z.string(),
    /** Absent in older records: `parked`. What outlives its connection may have been asked for, and decided, in another session. */
    releases: releases.optional(),
    /** What each rule asks for, so that a reader of the log can count the quorum. */
    requirements: z.array(requirement).optional(),
    /** What the digest covers, so that a reader of the log can compute it and compare it with what was asked. */
    statement: statement.optional(),
  }),
  decision: z.strictObject({ n, approval: z.string(), signed: signedDecision, verified: z.boolean() }),
  'hold.end': z.strictObject({
    n,
    approval: z.string(),
    /** `returned`: the agent was told to come back, and the approval stays open. */
    state: z.enum(['approved', 'denied', 'expired', 'withdrawn', 'returned']),
    why: z.string(),
  }),
  forward: z.strictObject({ n }),
  outcome: z.strictObject({
    n,
    /** `lost`: the connection ended before the server had answered; it may or may not have run. */
    status: z.enum(['ok', 'error', 'skipped', 'refused', 'lost']),
    tag: z.string(),
    sqlstate: z.string(),
    rows: n,
    /** Of the result rows as the agent got them. */
    bytes: n,
    micros: n,
    /** SHA-256 of those bytes; empty when there were none. */
    result: z.string(),
    /** Of statement 1 that has opened the session: the version of the secret that it logged in with. */
    credential: z.string().optional(),
    masks: z.array(z.strictObject({ column: z.string(), mask: z.string() })),
  }),
  'session.close': z.strictObject({ reason: z.string(), statements: n }),
  /** Written in the log's own session, `ledger`. */
  'ledger.recovered': z.strictObject({ entries: n, unsealed: n }),
} as const;

export type AuditKind = keyof typeof auditBodies;
export type AuditBody<K extends AuditKind> = z.infer<(typeof auditBodies)[K]>;

/** One entry of a session's chain. `hash` is SHA-256 over the canonical JSON of all other fields; `prev` is the hash before, or 64 zeros. */
export const auditEvent = z.strictObject({
  v: z.literal(1),
  session: z.string(),
  /** From 0 without gaps. */
  seq: n,
  /** RFC 3339 with milliseconds, UTC. */
  at: z.iso.datetime(),
  kind: z.enum(Object.keys(auditBodies) as [AuditKind, ...AuditKind[]]),
  body: z.record(z.string(), z.unknown()),
  prev: z.string().regex(/^[0-9a-f]{64}$/),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});
export type AuditEvent = z.infer<typeof auditEvent>;
