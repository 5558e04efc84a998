import { isUtf8 } from 'node:buffer';
import { HoldpointError } from '#schemas/errors.ts';

/** As long as its first byte says, whatever follows. Source: the table in the manual, 23.3, and RFC 3629. */
function lengthOf(first: number): number {
  if (first >= 0xc0 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf8 ? 4 : 1;
}

/** The error that the server gives for bytes that are not UTF-8: it names those of the first character that is none. A zero is none to it. */
export function notUtf8(bytes: Buffer, where?: string): HoldpointError {
  let at = 0;
  while (at < bytes.length) {
    const end = at + lengthOf(bytes[at]!);
    if (bytes[at] === 0 || end > bytes.length || !isUtf8(bytes.subarray(at, end))) break;
    at = end;
  }
  const wrong = bytes.subarray(at, at + lengthOf(bytes[at] ?? 0));
  const named = [...wrong].map(byte => `0x${byte.toString(16).padStart(2, '0')}`).join(' ');
  return new HoldpointError('encoding', `invalid byte sequence for encoding "UTF8": ${named}`, {
    source: { file: 'mbutils.c', routine: 'report_invalid_encoding_int' },
    where,
  });
}
