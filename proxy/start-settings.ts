import { HoldpointError } from '#schemas/errors.ts';
import type { Policy } from '#schemas/policy.ts';
import { INVARIANT } from '#schemas/verdict.ts';
import type { Admitted } from './admission.ts';
import { analyse } from './policy/analyse.ts';
import { judge } from './policy/judge.ts';
import { NO_CATALOG } from './policy/no-catalog.ts';
import { refusedByRule } from './refused-by-rule.ts';
import type { StartupParameters } from './session/parameters.ts';
import { turnsWritesOn } from './session/writes-on.ts';

/** Given at the start, they load what they name; given later they do nothing more. */
const LIBRARIES = new Set(['local_preload_libraries', 'session_preload_libraries']);

/**
 * A setting of the start-up packet is the statement SET name TO 'value', and what would be refused then is refused now, before the server
 * hears of it. Nobody is asked: what has to be approved can be sent when the session is open. Throws HoldpointError.
 */
export function judgeSettings(
  policy: Policy,
  { principal, name: target, role, access }: Admitted,
  { judged }: Pick<StartupParameters, 'judged'>,
): void {
  for (const [name, value] of judged) {
    const what = `the setting ${name.slice(0, 63)} of the start-up packet`;
    const analysis = analyse(textOf(name, value), NO_CATALOG, ['pg_catalog']);
    if (analysis.kind !== 'statements')
      throw new HoldpointError('unsupported', `${what} cannot be read as a statement`);
    const { statements } = analysis;
    if (access.readOnly && statements.some(turnsWritesOn))
      throw refusedByRule({ kind: 'deny', rule: INVARIANT, message: READ_ONLY }, what);
    const verdict = judge(policy, { principal, target, role, inTransaction: false }, statements);
    if (verdict.kind === 'deny') throw refusedByRule(verdict, what);
    if (verdict.kind === 'hold')
      throw new HoldpointError('denied', `${what} needs approval: ${verdict.message}`, {
        detail: `rule "${verdict.rule}" of the policy holds it, and nobody is asked while a session begins`,
        hint: 'Leave it out, and send SET when the session is open.',
      });
  }
}

const READ_ONLY = 'this session is read-only: its access entry says so';

function textOf(name: string, value: string): string {
  // No name has an empty part, which the server will say: here it is a name like any other.
  const setting = name
    .split('.')
    .map(part => `"${part === '' ? '_' : part.replaceAll('"', '""')}"`)
    .join('.');
  const literal = `'${value.replaceAll("'", "''")}'`;
  const load = LIBRARIES.has(name.toLowerCase()) ? `; LOAD ${literal}` : '';
  return `SET ${setting} TO ${literal}${load}`;
}
