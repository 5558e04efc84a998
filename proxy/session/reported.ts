import { HoldpointError } from '#schemas/errors.ts';
import { refuseOtherReading } from './parameters.ts';
import { DEFAULT_READ_ONLY, type ServerLine } from './server-line.ts';
import type { Settings } from './settings.ts';

/**
 * The server reports a setting; `own` while it answers the proxy. True where the agent should see it. Throws HoldpointError where the
 * session cannot go on under it.
 */
export function reported(
  settings: Settings,
  line: ServerLine,
  readOnly: boolean,
  name: string,
  value: string,
  own: boolean,
): boolean {
  // What the proxy itself sets is gone again when it has its answers; the encoding is never of its making.
  if (own && name !== DEFAULT_READ_ONLY && name !== 'client_encoding') return false;
  settings.report(name, value);
  refuseOtherReading(name, value);
  if (name !== DEFAULT_READ_ONLY) return true;
  if (readOnly && value !== 'on')
    throw new HoldpointError('internal', 'a read-only session was made writable');
  return line.reported(value === 'on', own);
}
