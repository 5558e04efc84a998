import { sha256 } from '#schemas/canonical.ts';
import type { Held } from './held.ts';
import type { ProtectedName } from './protect.ts';
import { QUESTIONS, type Question } from './questions.ts';

const NAMES: readonly (Question | 'tuples')[] = [...(Object.keys(QUESTIONS) as Question[]), 'tuples'];

/** SHA-256 (hex) of answers, whatever order their rows came in, of the protected columns, and of the version of what is below. */
export function hashOf(held: Held, names: readonly ProtectedName[], below = ''): string {
  const lines = [below, JSON.stringify(names.map(n => `${n.schema}.${n.table}.${n.column} ${n.mask}`))];
  for (const name of NAMES) lines.push(`${name} ${held.digest(name)}`);
  return sha256(lines.join('\n'));
}
