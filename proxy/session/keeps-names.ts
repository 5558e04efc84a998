import type { Effects } from '#schemas/effects.ts';

/** Work on large objects, but for lo_import and lo_export, which are about files. */
const LARGE_OBJECTS =
  'creat create from_bytea open close get put lseek lseek64 tell tell64 truncate truncate64 unlink'
    .split(' ')
    .map(name => `lo_${name}`)
    .concat('loread', 'lowrite');
/** What loads of data call behind themselves, and what asks for a number or for another session's end. */
const OTHERS = [
  'setval',
  'setseed',
  'txid_current',
  'pg_current_xact_id',
  'pg_cancel_backend',
  'pg_terminate_backend',
];
/** And what stands in the arguments of setval. */
const ARGUMENTS = ['max', 'min', 'pg_get_serial_sequence'];
const FUNCTIONS = new Set([...LARGE_OBJECTS, ...OTHERS, ...ARGUMENTS].map(name => `pg_catalog.${name}`));
const COMMANDS = new Set(['select', 'call']);

/**
 * Nothing but functions of Postgres that do something, and leave every name, setting and definition what it was, and their transaction open.
 * `call` may change anything, as a rule; but a driver makes one such call for each block of a large object.
 */
export function keepsNames({ commands, functions, unknown }: Effects): boolean {
  if (functions.length === 0 || unknown.length > 0) return false;
  return functions.every(name => FUNCTIONS.has(name)) && commands.every(c => COMMANDS.has(c));
}
