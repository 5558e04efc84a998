import { clientEncoding } from '#schemas/encodings.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { STRINGS } from './strings.ts';

/**
 * Settings that an agent may give in its start-up packet. Anything else is refused by name: a setting that changes how text is read or
 * who runs it, given before the first statement, would be a way past everything behind it.
 */
const ALLOWED = new Set([
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
  /** To be sent on; always with an encoding and a way to read strings. */
  readonly settings: Map<string, string>;
  /** Values given before those, to be sent before them: what DateStyle leaves open, the value before it says. */
  readonly earlier: readonly (readonly [string, string])[];
  /** `holdpoint.authentication`: the way in which the client wants to give its token. */
  readonly authentication: string | undefined;
  /** `_pq_.` options, none of which is known here. */
  readonly unknownOptions: readonly string[];
}

/** Sorts the parameters of a StartupMessage. Throws HoldpointError where one is not allowed. */
export function readStartupParameters(parameters: ReadonlyMap<string, string>): StartupParameters {
  const settings = new Map<string, string>();
  const unknownOptions: string[] = [];
  const earlier: [string, string][] = [];
  let authentication: string | undefined;
  const set = (name: string, value: string) => {
    const key = name.toLowerCase().replaceAll('-', '_');
    if (key === 'holdpoint.authentication') {
      authentication = value;
      return;
    }
    if (!ALLOWED.has(key) && !PLANNER.test(key))
      throw new HoldpointError('unsupported', `unsupported startup parameter: ${name.slice(0, 63)}`, {
        hint: 'Leave it out of the connection string, PGOPTIONS or the driver settings.',
      });
    // Given again, also in another spelling, it is one setting, and the last word counts.
    const before = settings.get(key);
    if (before !== undefined) earlier.push([key, before]);
    settings.delete(key);
    settings.set(key, key === 'client_encoding' ? encodingFor(value) : value);
  };
  // Wherever they stand in the packet, the server reads them before the settings beside them (process_startup_options).
  for (const [key, setting] of splitOptions(parameters.get('options') ?? '')) set(key, setting);
  for (const [name, value] of parameters) {
    if (name === 'user' || name === 'database' || name === 'options') continue;
    if (name === 'replication') refuseReplication(value);
    else if (name.startsWith('_pq_.')) unknownOptions.push(name);
    else set(name, value);
  }
  const user = parameters.get('user') ?? '';
  if (user === '') throw noUser();
  const database = parameters.get('database') ?? '';
  if (!settings.has('client_encoding')) settings.set('client_encoding', 'UTF8');
  // Given here it stays, whatever becomes of the server's configuration while the session lives: of that it is told too late.
  if (!settings.has(STRINGS)) settings.set(STRINGS, 'on');
  return {
    user,
    database: database === '' ? user : database,
    application: settings.get('application_name') ?? '',
    settings,
    earlier,
    authentication,
    unknownOptions,
  };
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

/** `-c name=value --name=value`, as the server splits it: a backslash takes the next character as it is. Source: pg_split_opts. */
function splitOptions(options: string): [string, string][] {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < options.length; i++) {
    const c = options[i]!;
    if (' \t\n\v\f\r'.includes(c)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (c === '\\') word = (word ?? '') + (options[++i] ?? '');
    else word = (word ?? '') + c;
  }
  if (word !== null) words.push(word);
  const settings: [string, string][] = [];
  for (let i = 0; i < words.length; i++) {
    let setting = words[i]!;
    if (setting === '-c') setting = words[++i] ?? '';
    else if (setting.startsWith('-c')) setting = setting.slice(2);
    else if (setting.startsWith('--')) setting = setting.slice(2);
    else throw new HoldpointError('unsupported', `start-up option ${setting.slice(0, 63)} is not supported`);
    const equals = setting.indexOf('=');
    if (equals < 1)
      throw new HoldpointError('unsupported', `start-up option ${setting.slice(0, 63)} has no value`);
    settings.push([setting.slice(0, equals), setting.slice(equals + 1)]);
  }
  return settings;
}
