import { canonical, sha256 } from '#schemas/canonical.ts';
import type { Rows } from './load.ts';
import type { ProtectedName } from './protect.ts';

/** SHA-256 (hex) of answers, whatever order their rows came in, and of the protected columns. */
export function hashOf(answers: Readonly<Record<string, Rows>>, names: readonly ProtectedName[]): string {
  return sha256(
    canonical([
      Object.entries(answers).map(([name, rows]) => [name, rows.map(row => JSON.stringify(row)).sort()]),
      names.map(n => `${n.schema}.${n.table}.${n.column} ${n.mask}`),
    ]),
  );
}
