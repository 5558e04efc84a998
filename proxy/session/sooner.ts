import { HoldpointError } from '#schemas/errors.ts';
import { headOfBind, headOfFunctionCall } from '../wire/frontend.ts';
import type { Core } from './core.ts';
import type { Prepared } from './picture.ts';
import { parametersIn } from './sql-names.ts';

/** What `read` gives; where the message is malformed, the error that the server comes upon before that, if there is one. */
export function sooner<T>(read: () => T, before: () => HoldpointError | null): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof HoldpointError) || error.code !== 'malformed') throw error;
    throw before() ?? error;
  }
}

/** Of a Bind the server has looked at statement, counts, transaction and portal before it reads the values. Source: exec_bind_message. */
export function soonerInBind(
  core: Pick<Core, 'encoding' | 'picture' | 'status'>,
  prepared: Prepared | undefined,
  buffer: Buffer,
  start: number,
  end: number,
): HoldpointError | null {
  if (prepared === undefined) return null;
  const { portal, statement, count } = headOfBind(buffer, start, end, core.encoding.text);
  const wanted = parametersOf(prepared);
  if (wanted !== null && wanted !== count)
    return new HoldpointError(
      'malformed',
      `bind message supplies ${count} parameters, but prepared statement "${statement}" requires ${wanted}`,
      { source: BIND },
    );
  const exits = prepared.analysis.actions.some(({ kind }) => EXITS.has(kind));
  if (core.status === 'E' && !(exits && count === 0)) return aborted();
  if (portal === '' || core.picture.portals.get(portal) === undefined) return null;
  return new HoldpointError('malformed', `cursor "${portal}" already exists`, {
    sqlstate: '42P03',
    source: { file: 'portalmem.c', routine: 'CreatePortal' },
  });
}

/** What a failed transaction ends with. */
const EXITS: ReadonlySet<string> = new Set(['commit', 'rollback', 'rollback-to']);
const BIND = { file: 'postgres.c', routine: 'exec_bind_message' };

/** As many as its text or its Parse names; null where SQL prepared it. */
function parametersOf({ text, types, escapes }: Prepared): number | null {
  return text === null ? null : Math.max(types.length, parametersIn(text, escapes));
}

/** Of a FunctionCall it has looked at transaction, function and count before the arguments. Source: HandleFunctionRequest. */
export function soonerInCall(
  core: Pick<Core, 'judge' | 'status'>,
  buffer: Buffer,
  start: number,
  end: number,
): HoldpointError | null {
  if (core.status === 'E') return aborted();
  const { oid, count } = headOfFunctionCall(buffer, start, end);
  if (oid === null) return null;
  const { takes } = core.judge.call(oid);
  if (takes === 'nowhere')
    return new HoldpointError('malformed', `function with OID ${oid} does not exist`, {
      sqlstate: '42883',
      source: { file: 'fastpath.c', routine: 'fetch_fp_info' },
    });
  if (takes === 'unclear' || count === null || count === takes) return null;
  return new HoldpointError(
    'malformed',
    `function call message contains ${count} arguments but function requires ${takes}`,
    { source: { file: 'fastpath.c', routine: 'parse_fcall_arguments' } },
  );
}

function aborted(): HoldpointError {
  return new HoldpointError('in_failed_transaction');
}
