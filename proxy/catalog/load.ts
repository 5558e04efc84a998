import { assemble, NOTHING_BELOW } from './assemble.ts';
import type { Catalog } from './catalog.ts';
import { Held } from './held.ts';
import type { ProtectedName } from './protect.ts';
import { QUESTIONS, type Question, type Rows } from './questions.ts';
import { hashOf } from './version.ts';

export { Catalog } from './catalog.ts';

/**
 * Reads the target's catalog. `query` runs one statement on a connection of the proxy's own and gives the rows as text; the
 * connection's search_path is the same afterwards. One snapshot for all questions, so that the answers fit each other.
 * Rejects with whatever `query` rejects with.
 */
export async function loadCatalog(
  query: (text: string) => Promise<(string | null)[][]>,
  options: { readonly protectedColumns: readonly ProtectedName[] },
): Promise<Catalog> {
  await query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await query(`SET LOCAL search_path TO ''`);
    const answers: { [K in Question]?: Rows } = {};
    for (const name of Object.keys(QUESTIONS) as Question[]) answers[name] = await query(QUESTIONS[name]);
    const names = options.protectedColumns;
    const held = Held.from(answers);
    const { catalog } = await assemble(query, held, NOTHING_BELOW, names, hashOf(held, names), null);
    await query('COMMIT');
    return catalog;
  } catch (fault) {
    await query('ROLLBACK').catch(() => undefined);
    throw fault;
  }
}
