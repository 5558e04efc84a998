import type { Effects } from '#schemas/effects.ts';

/** Not lo_import and lo_export, which are about files. */
const FUNCTIONS = new Set(
  ['lo_creat', 'lo_create', 'lo_from_bytea', 'lo_open', 'lo_close', 'loread', 'lowrite', 'lo_get', 'lo_put']
    .concat(['lo_lseek', 'lo_lseek64', 'lo_tell', 'lo_tell64', 'lo_truncate', 'lo_truncate64', 'lo_unlink'])
    .map(name => `pg_catalog.${name}`),
);
const COMMANDS = new Set(['select', 'call']);

/**
 * Nothing but work on large objects. A driver makes one call for each block of them, and a call may change anything, as a rule; but
 * behind these every name, setting and definition is what it was, and no transaction has ended.
 */
export function onlyLargeObjects({ commands, functions, unknown }: Effects): boolean {
  if (functions.length === 0 || unknown.length > 0) return false;
  return functions.every(name => FUNCTIONS.has(name)) && commands.every(c => COMMANDS.has(c));
}
