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
    if (error.code === 'upstream_unavailable') return error;
    return unavailable(`the server broke the protocol: ${error.message}`, error);
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return unavailable(
    /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? `connecting failed: ${code}` : 'connecting failed',
    error,
  );
}

/** What must not show up in an error: the password, and whether the server has been told it in clear. */
export interface Secrecy {
  readonly password: string | null;
  readonly told: boolean;
}

/** Class 28 is about the proxy's own credential: who may know of it is the operator, by SQLSTATE alone. */
const CREDENTIAL_CLASS = '28';
const CANNOT_CONNECT_NOW = '57P03';
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
  const tells = secrecy.told || (secrecy.password !== null && said.includes(secrecy.password));
  const message = tells || said === '' ? '' : `: ${said.slice(0, LONGEST_MESSAGE)}`;
  // Starting up, shutting down or in recovery: clients that know of other servers try the next one by this code.
  if (sqlstate === CANNOT_CONNECT_NOW && message !== '')
    return new HoldpointError('upstream_unavailable', said.slice(0, LONGEST_MESSAGE), { sqlstate, cause });
  return unavailable(`the server refused the session (SQLSTATE ${sqlstate})${message}`, cause);
}
