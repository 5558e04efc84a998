/** Where the names in bodies lead hangs on these; null stands for a setting that is computed. */
const PATHS: ReadonlySet<string | null> = new Set(['search_path', 'role', 'session_authorization', null]);

export const STRAYS = 'names in what it calls are looked up in a search_path that it changes while it runs';

/** It changes the search_path by a function, and what it calls besides may look names up in it: before, or behind. */
export function strays(functions: readonly string[], settings: readonly (string | null)[]): boolean {
  return (
    functions.includes('pg_catalog.set_config') &&
    settings.some(setting => PATHS.has(setting)) &&
    functions.some(name => !name.startsWith('pg_catalog.'))
  );
}
