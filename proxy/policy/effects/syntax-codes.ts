/**
 * The SQLSTATE of what gram.y and scan.l refuse with another one than syntax_error: their parser as a library tells the message alone. By
 * the whole of it. A message that is not here is a syntax error (42601), as all others of theirs are.
 */
const CODES: readonly (readonly [RegExp, string])[] = [
  [/^\S.* constraints cannot be marked (DEFERRABLE|NOT VALID|NO INHERIT|NOT ENFORCED)$/, '0A000'],
  [/^CREATE ASSERTION is not yet implemented$/, '0A000'],
  [/^CREATE EXTENSION \.\.\. FROM is no longer supported$/, '0A000'],
  [/^CREATE OR REPLACE CONSTRAINT TRIGGER is not supported$/, '0A000'],
  [/^CREATE SCHEMA IF NOT EXISTS cannot include schema elements$/, '0A000'],
  [/^MATCH PARTIAL not yet implemented$/, '0A000'],
  [/^UNENCRYPTED PASSWORD is no longer supported$/, '0A000'],
  [/^UNIQUE predicate is not yet implemented$/, '0A000'],
  [/^WITH CHECK OPTION not supported on recursive views$/, '0A000'],
  [/^a column list with SET \w+ is only supported for ON DELETE actions$/, '0A000'],
  [/^aggregates cannot have output arguments$/, '0A000'],
  [/^an ordered-set aggregate with a VARIADIC direct argument must have one VARIADIC aggregated /, '0A000'],
  [/^current database cannot be changed$/, '0A000'],
  [/^dropping an enum value is not implemented$/, '0A000'],
  [/^only string constants are supported in JSON_TABLE path specification$/, '0A000'],
  [/^column number must be in range from 1 to \d+$/, '22023'],
  [/^precision for type float must be /, '22023'],
  [/^unrecognized JSON encoding: /, '22023'],
  [/^unrecognized partitioning strategy "/, '22023'],
  [/^(modulus|remainder) for hash partition provided more than once$/, '42710'],
  [/^(CURRENT_ROLE|CURRENT_USER|SESSION_USER) cannot be used as a role name here$/, '42939'],
  [/^role name "(public|none)" is reserved$/, '42939'],
  [/^frame (start|end) cannot be UNBOUNDED /, '42P20'],
  [/^frame starting from (current|following) row cannot /, '42P20'],
];

/** Undefined for a syntax error. `file`: the server's source that found the fault. */
export function syntaxCode(message: string, file: string | undefined): string | undefined {
  if (file === 'mbutils.c') return '22021';
  if (message === 'invalid Unicode escape') return file === 'scan.l' ? '22025' : undefined;
  return CODES.find(([whole]) => whole.test(message))?.[1];
}
