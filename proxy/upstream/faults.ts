import { HoldpointError } from '#schemas/errors.ts';

/**
 * The one error of this stage. `detail` reaches the agent: it names what failed, never an address, a user or a secret. `cause` is
 * for the operator's log.
 */
export function unavailable(detail: string, cause?: unknown): HoldpointError {
  return new HoldpointError('upstream_unavailable', undefined, { detail, cause });
}

/** Whatever was thrown while connecting, as `upstream_unavailable`. Texts of the system name addresses, so only its code is told. */
export function asUnavailable(error: unknown): HoldpointError {
  if (error instanceof HoldpointError) {
    if (error.code === 'upstream_unavailable' || error.code === 'startup_setting') return error;
    return unavailable(`the server broke the protocol: ${error.message}`, error);
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return unavailable(
    /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? `connecting failed: ${code}` : 'connecting failed',
    error,
  );
}

/** The server hung up during the start-up: `wasEnded` knows it by the code that the system has for it. */
export function hungUp(): HoldpointError {
  const cause = Object.assign(new Error('the server closed the connection'), { code: 'ECONNRESET' });
  return unavailable('the server closed the connection during the start-up', cause);
}

const ADMIN_SHUTDOWN = '57P01';

/**
 * Whether connecting failed since the server ended the very session: somebody has asked it to, and may have another. Before it lets a
 * session in, it ends it without a word.
 */
export function wasEnded(error: unknown): boolean {
  const cause = error instanceof HoldpointError ? error.cause : undefined;
  const { code, sqlstate } = (cause ?? {}) as { code?: unknown; sqlstate?: unknown };
  return sqlstate === ADMIN_SHUTDOWN || code === 'ECONNRESET' || code === 'EPIPE';
}

/** What must not show up in an error: the password, and whether the server has been told it in clear. */
export interface Secrecy {
  readonly password: string | null;
  readonly told: boolean;
}

/** Where the server says what is wrong with a setting, or with a library that one names: nothing else is in what it says there. */
const ABOUT_SETTINGS = new Set(['guc.c', 'variable.c', 'dfmgr.c', 'mbutils.c']);

/**
 * An error of the start-up about a setting that the agent has given, in the server's own words; null for any other error. What has a
 * CONTEXT was raised by a function, a trigger on login say, and may hold anything.
 */
export function settingRefused(
  fields: readonly (readonly [string, string])[],
  secrecy: Pick<Secrecy, 'password'>,
): HoldpointError | null {
  const value = (code: string) => fields.find(f => f[0] === code)?.[1];
  const [file = '', sqlstate = ''] = [value('F'), value('C')];
  if (!ABOUT_SETTINGS.has(file) || value('W') !== undefined || !/^[0-9A-Z]{5}$/.test(sqlstate)) return null;
  if (fields.some(([, said]) => holds(said, secrecy))) return null;
  return inItsWords('startup_setting', fields);
}

function holds(said: string, { password }: Pick<Secrecy, 'password'>): boolean {
  return password !== null && said.includes(password);
}

function inItsWords(
  code: 'startup_setting' | 'upstream_unavailable',
  fields: readonly (readonly [string, string])[],
  cause?: Error,
): HoldpointError {
  const value = (field: string) => fields.find(f => f[0] === field)?.[1];
  const line = value('L');
  return new HoldpointError(code, value('M'), {
    sqlstate: value('C'),
    detail: value('D'),
    hint: value('H'),
    source: { file: value('F') ?? '', routine: value('R') ?? '', ...(line === undefined ? {} : { line }) },
    cause,
  });
}

/** Class 28 is about the proxy's own credential: who may know of it is the operator, by SQLSTATE alone. */
const CREDENTIAL_CLASS = '28';
/** Starting up, shutting down or in recovery: clients that know of other servers try the next one by this code. */
const CANNOT_CONNECT_NOW = '57P03';
/** No such database, one that takes no connections, none for this role, too many of them: the agent's to hear as ever, where the server says it. */
const ABOUT_SESSION: ReadonlySet<string> = new Set(['3D000', '55000', '42501', '53300']);
const SESSION_FILES: ReadonlySet<string> = new Set(['postinit.c', 'miscinit.c', 'proc.c']);
const LONGEST_MESSAGE = 200;

/**
 * The server's ErrorResponse during start-up. Its own words are kept only where they can hold nothing of the credential: a hostile
 * server could repeat a password that it was given.
 */
export function refusedByServer(
  fields: readonly (readonly [string, string])[],
  secrecy: Secrecy,
): HoldpointError {
  const value = (code: string) => fields.find(f => f[0] === code)?.[1] ?? '';
  const sqlstate = /^[0-9A-Z]{5}$/.test(value('C')) ? value('C') : 'unknown';
  const cause = Object.assign(new Error(`the server refused the start-up with SQLSTATE ${sqlstate}`), {
    sqlstate,
  });
  if (sqlstate.startsWith(CREDENTIAL_CLASS))
    return unavailable(`the server did not accept the credential of the role (SQLSTATE ${sqlstate})`, cause);
  const said = value('M')
    .replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
    .trim();
  const tells = secrecy.told || holds(said, secrecy);
  const message = tells || said === '' ? '' : `: ${said.slice(0, LONGEST_MESSAGE)}`;
  const plain = message !== '' && said === value('M') && !fields.some(([, one]) => holds(one, secrecy));
  if (plain && ABOUT_SESSION.has(sqlstate) && SESSION_FILES.has(value('F')))
    return inItsWords('upstream_unavailable', fields, cause);
  if (sqlstate === CANNOT_CONNECT_NOW && message !== '')
    return new HoldpointError('upstream_unavailable', said.slice(0, LONGEST_MESSAGE), { sqlstate, cause });
  return unavailable(`the server refused the session (SQLSTATE ${sqlstate})${message}`, cause);
}
