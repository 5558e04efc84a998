import { sha256 } from '#schemas/canonical.ts';
import type { Rows } from './load.ts';
import type { ProtectedName } from './protect.ts';

/**
 * SHA-256 (hex) of answers, whatever order their rows came in, and of the protected columns. What is hashed is one line for each: as JSON
 * no row has a line break inside, and none begins as the name of a question does.
 */
export function hashOf(answers: Readonly<Record<string, Rows>>, names: readonly ProtectedName[]): string {
  const lines = [JSON.stringify(names.map(n => `${n.schema}.${n.table}.${n.column} ${n.mask}`))];
  for (const [name, rows] of Object.entries(answers))
    lines.push(
      name,
      rows
        .map(row => JSON.stringify(row))
        .sort()
        .join('\n'),
    );
  return sha256(lines.join('\n'));
}
