import type { Sought } from '#schemas/analysis.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { INVARIANT, type Verdict } from '#schemas/verdict.ts';
import type { Submission } from '../pipeline.ts';
import type { Core } from './core.ts';
import type { Judged } from './judgement.ts';

/** Names that need no more than quotes, however the session reads strings and in whatever encoding. */
const PLAIN = /^[\w $-]+$/;

/** What the server would look for first when it runs this, as long as it can be asked for; null where that is not known to lead nowhere. */
export function soughtBy({ statements }: Judged): Sought | null {
  const [statement, second] = statements;
  const sought = second === undefined ? statement?.sought : undefined;
  if (sought === undefined || sought.schema === 'pg_temp') return null;
  return PLAIN.test(sought.name) && PLAIN.test(sought.schema ?? '_') ? sought : null;
}

/**
 * Asks for it as the command would: by the session's own path, role and transaction. Never fails: of a schema that the role may not use,
 * nothing is asked. Gives `schema` or `relation`, whichever is not there.
 */
export function questionFor({ schema, name }: Sought): string {
  const relation = `pg_catalog.to_regclass('${schema === null ? '' : `"${schema}".`}"${name}"')`;
  const missing = `CASE WHEN ${relation} IS NULL THEN 'relation' END`;
  if (schema === null) return `SELECT ${missing}`;
  const space = `pg_catalog.to_regnamespace('"${schema}"')`;
  const usable = `pg_catalog.has_schema_privilege(${space}, 'USAGE')`;
  return `SELECT CASE WHEN ${space} IS NULL THEN 'schema' WHEN ${usable} THEN ${missing} END`;
}

/** What the command says of it. */
export function notThere({ schema, name, as }: Sought, missing: string): HoldpointError {
  const dropping = { file: 'tablecmds.c', routine: 'DropErrorMsgNonExistent' };
  if (missing === 'schema')
    return new HoldpointError('unknown_relation', `schema "${schema}" does not exist`, {
      sqlstate: '3F000',
      source: as === 'relation' ? { file: 'namespace.c', routine: 'get_namespace_oid' } : dropping,
    });
  if (as !== 'relation')
    return new HoldpointError('unknown_relation', `${as} "${name}" does not exist`, {
      source: dropping,
      sqlstate: as === 'index' || as === 'foreign table' ? '42704' : undefined,
    });
  const written = schema === null ? name : `${schema}.${name}`;
  const source = { file: 'namespace.c', routine: 'RangeVarGetRelidExtended' };
  return new HoldpointError('unknown_relation', `relation "${written}" does not exist`, { source });
}

/** Refuses it for that: nothing of it is sent, and nobody is asked. */
export function refuseSought(
  core: Core,
  judged: Judged,
  fault: HoldpointError,
  how: Pick<Submission, 'protocol' | 'parameters' | 'refuse'>,
): void {
  const deny: Verdict = { kind: 'deny', rule: INVARIANT, message: fault.message };
  core.submit({
    run: core.run(judged.statements),
    judged: { ...judged, verdict: { outside: deny, inTransaction: deny }, fault },
    ...how,
    forward: letThrough,
    again: letThrough,
  });
}

function letThrough(): never {
  throw new HoldpointError('internal', 'what leads nowhere was let through');
}
