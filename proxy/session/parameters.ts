import { clientEncoding, isNoEncoding } from '#schemas/encodings.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { splitOptions } from './startup-options.ts';
import { STRINGS } from './strings.ts';

/** Settings that an agent may give in its start-up packet whatever policy says, as drivers do. Any other one is judged as the SET that it is. */
const PLAIN = new Set([
  'application_name',
  'bytea_output',
  'client_encoding',
  'client_min_messages',
  'datestyle',
  'default_transaction_deferrable',
  'default_transaction_isolation',
  'default_transaction_read_only',
  'effective_cache_size',
  'escape_string_warning',
  'extra_float_digits',
  'geqo',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'intervalstyle',
  'jit',
  'lock_timeout',
  'plan_cache_mode',
  'random_page_cost',
  'search_path',
  STRINGS,
  'statement_timeout',
  'synchronous_commit',
  'timezone',
  'transaction_timeout',
  'work_mem',
]);
const PLANNER = /^enable_[a-z_]+$/;

export interface StartupParameters {
  readonly user: string;
  /** Names the target; the user's name where it is absent, as the server does it. */
  readonly database: string;
  readonly application: string;
  /** What each setting is to be, by its name in lower case; always with an encoding and a way to read strings. */
  readonly settings: Map<string, string>;
  /** The same as it is to be sent on: as it was spelled, in order, each as often as it was given. What DateStyle leaves open, the value before it says. */
  readonly sent: [string, string][];
  /** Of these, the ones that policy has to allow. */
  readonly judged: readonly (readonly [string, string])[];
  /** `holdpoint.authentication`: the way in which the client wants to give its token. */
  readonly authentication: string | undefined;
  /** `_pq_.` options, none of which is known here. */
  readonly unknownOptions: readonly string[];
}

/** Sorts the parameters of a StartupMessage. Throws HoldpointError where one is not allowed. */
export function readStartupParameters(parameters: ReadonlyMap<string, string>): StartupParameters {
  const settings = new Map<string, string>();
  const sent: [string, string][] = [];
  const judged: [string, string][] = [];
  const unknownOptions: string[] = [];
  let authentication: string | undefined;
  const set = (name: string, given: string) => {
    const key = folded(name);
    if (key === 'holdpoint.authentication') {
      authentication = given;
      return;
    }
    const value = key === 'client_encoding' ? encodingFor(given) : given;
    settings.set(key, value);
    sent.push([name, value]);
    if (!PLAIN.has(key) && !PLANNER.test(key)) judged.push([name, value]);
  };
  // Wherever they stand in the packet, the server reads them before the settings beside them (process_startup_options).
  for (const [name, value] of splitOptions(parameters.get('options') ?? '')) set(name, value);
  for (const [name, value] of parameters) {
    if (name === 'user' || name === 'database' || name === 'options') continue;
    if (name === 'replication') refuseReplication(value);
    else if (name.startsWith('_pq_.')) unknownOptions.push(name);
    else set(name, value);
  }
  const user = parameters.get('user') ?? '';
  if (user === '') throw noUser();
  const database = parameters.get('database') ?? '';
  if (!settings.has('client_encoding')) set('client_encoding', 'UTF8');
  // Given here it stays, whatever becomes of the server's configuration while the session lives: of that it is told too late.
  if (!settings.has(STRINGS)) set(STRINGS, 'on');
  return {
    user,
    database: database === '' ? user : database,
    application: settings.get('application_name') ?? '',
    settings,
    sent,
    judged,
    authentication,
    unknownOptions,
  };
}

/** As the server compares names of settings: it folds ASCII alone. Source: guc_name_compare. */
function folded(name: string): string {
  return name.replaceAll(/[A-Z]+/g, letters => letters.toLowerCase());
}

/** In the server's words. */
function noUser(): HoldpointError {
  return new HoldpointError('unknown_role', 'no PostgreSQL user name specified in startup packet', {
    source: { file: 'backend_startup.c', routine: 'ProcessStartupPacket' },
  });
}

/** Throws HoldpointError `unsupported` when the server says that it reads text otherwise than the proxy from now on. */
export function refuseOtherReading(name: string, value: string): void {
  if (name === 'client_encoding' && clientEncoding(value) === null)
    throw new HoldpointError(
      'unsupported',
      `client_encoding ${value} is refused: statements could be read differently`,
    );
}

/** By the server's own name. */
function encodingFor(value: string): string {
  const encoding = clientEncoding(value);
  if (isNoEncoding(value))
    throw new HoldpointError('unsupported', `invalid value for parameter "client_encoding": "${value}"`, {
      sqlstate: '22023',
    });
  if (encoding === null)
    throw new HoldpointError('unsupported', `client_encoding ${value.slice(0, 63)} is not supported`, {
      hint: 'Use UTF8: the proxy must read the same text as the server.',
    });
  return encoding;
}

function refuseReplication(value: string): void {
  if (['false', 'off', 'no', '0'].includes(value.toLowerCase())) return;
  throw new HoldpointError('unsupported', 'replication connections are refused', {
    detail: 'Their commands and their stream carry nothing that could be judged or masked.',
  });
}
