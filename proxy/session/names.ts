import { HoldpointError } from '#schemas/errors.ts';
import type { Encoding } from './encoding.ts';

/** NAMEDATALEN - 1. */
export const MAX_NAME = 63;
/** No encoding of the server takes more for one character. */
export const MOST_BYTES = 4;

/**
 * What the server's tables of statements and portals hold for a name: 63 bytes of it, wherever that cuts it. Two names that agree in them
 * are one. Half a character is written behind a zero, which no name has: SQL cuts its names between characters. A key is its own key.
 */
export function keyOf(name: string): string {
  if (name.length * 3 <= MAX_NAME || name.includes('\0')) return name;
  const bytes = Buffer.from(name);
  if (bytes.length <= MAX_NAME) return name;
  let end = MAX_NAME;
  while ((bytes[end]! & 0xc0) === 0x80) end -= 1;
  const whole = bytes.toString('utf8', 0, end);
  return end === MAX_NAME ? whole : `${whole}\0${bytes.toString('hex', end, MAX_NAME)}`;
}

/** Whether SQL can give this name: not the empty one, nor one that ends with half a character. */
export function isNameOfSql(name: string): boolean {
  return name !== '' && !keyOf(name).includes('\0');
}

/** Whether it is not known how many bytes this name has at the server: then nor is where it is cut. */
export function cutElsewhere(name: string, { cutsAsHere }: Pick<Encoding, 'cutsAsHere'>): boolean {
  return !cutsAsHere && name.length * MOST_BYTES > MAX_NAME && !/^[\0-\x7f]*$/.test(name);
}

/** The name of a statement or portal in a message of the agent. */
export function checkName(name: string, encoding: Pick<Encoding, 'cutsAsHere'>): void {
  if (cutElsewhere(name, encoding)) throw longName();
}

/** Why such a name is refused. */
export function longName(): HoldpointError {
  return new HoldpointError(
    'unsupported',
    'a long name that is not ASCII, in a database that is not in UTF8',
    {
      detail: 'The server cuts long names, and two could become one.',
    },
  );
}
