import { z } from 'zod';
import { canonical, sha256 } from './canonical.ts';

/** One bind value. `value` is base64 for binary, text as sent for text, null for SQL NULL. */
export const parameter = z.strictObject({
  format: z.enum(['text', 'binary']),
  /** Type OID as named in Parse; 0 where the server infers it. */
  type: z.int().nonnegative(),
  value: z.string().nullable(),
});
export type Parameter = z.infer<typeof parameter>;

/** A statement with everything that gives it its meaning. Two statements with the same digest do the same thing. */
export const statement = z.strictObject({
  /**
   * `function`: a fast-path call; `text` is the SELECT that says the same.
   * `session`: opening a session, which `text` says in a sentence; nothing of it goes to the server.
   */
  protocol: z.enum(['simple', 'extended', 'function', 'session']),
  text: z.string(),
  parameters: z.array(parameter),
  /** Result format codes of Bind, or of a fast-path call; empty in the simple protocol. */
  resultFormats: z.array(z.enum(['text', 'binary'])),
  target: z.string(),
  database: z.string(),
  role: z.string(),
  /** Settings that change meaning (search_path, DateStyle, TimeZone, …) as the server last reported or was told them. */
  settings: z.record(z.string(), z.string()),
  /** `idle`: a transaction of its own; `open`: inside the agent's transaction block; `implicit`: later in a pipeline. */
  transaction: z.enum(['idle', 'open', 'implicit']),
  policyVersion: z.string(),
  /**
   * SHA-256 over the definitions in the target's catalog that the statement reaches: bodies of functions, views, triggers, rules, policies,
   * … as they were when it was held. Absent in older records, and where a session is opened.
   */
  definitions: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
});
export type Statement = z.infer<typeof statement>;

/** SHA-256 (hex) over the canonical JSON of the whole statement: what a decision covers. */
export function statementDigest(value: Statement): string {
  return sha256(canonical({ holdpoint: 'statement/v1', ...value }));
}

/**
 * The same without the definitions that it reaches: what somebody asks for, whatever that means by now. What was approved for it is found by
 * this, and then compared with what it means.
 */
export function askedDigest({ definitions: _, ...asked }: Statement): string {
  return statementDigest(asked);
}
