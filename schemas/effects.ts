import { z } from 'zod';

/** The classes of command that a rule can name. `unknown` is a class like any other: no rule of reads matches it. */
export const commandClass = z.enum([
  'select',
  'insert',
  'update',
  'delete',
  'merge',
  'truncate',
  'copy-in',
  'copy-out',
  'ddl',
  'privilege',
  'transaction',
  'set',
  'show',
  'explain',
  'cursor',
  'prepare',
  'call',
  'do',
  'lock',
  'listen',
  'notify',
  'maintenance',
  'empty',
  'unknown',
]);
export type CommandClass = z.infer<typeof commandClass>;

/**
 * What one statement would do, as its syntax tree and the target's catalog tell. Everything reachable counts: CTEs, sub-selects,
 * the statement below EXPLAIN, view definitions, function bodies, operators, casts, rules, triggers.
 */
export const effects = z.strictObject({
  /** Outermost first, then each nested class that does something (a DELETE in a CTE, a body's INSERT). Never empty. */
  commands: z.array(commandClass).min(1),
  /** `schema.relation`, sorted, unique; a name that the catalog cannot resolve stands as written and makes an `unknown`. */
  reads: z.array(z.string()),
  writes: z.array(z.string()),
  /** `schema.function` of everything that would be called. */
  functions: z.array(z.string()),
  /** An UPDATE or DELETE without WHERE, anywhere in the statement. */
  withoutWhere: z.boolean(),
  /** Every row that the statement reads or writes is picked by equality on a whole unique key. */
  keyed: z.boolean(),
  /** The most rows that it could return or touch, as far as text and table statistics tell; null where they do not. */
  rows: z.int().nullable(),
  /** COPY … PROGRAM, server-side files, functions that reach the server's file system or another server. */
  outside: z.boolean(),
  /** Why the effects are not fully known, as short sentences; empty when they are. */
  unknown: z.array(z.string()),
  /** First witness: provably changes nothing, neither in the database nor outside nor in what later statements mean. */
  readOnly: z.boolean(),
});
export type Effects = z.infer<typeof effects>;
