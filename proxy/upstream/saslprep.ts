import { LEFT_TO_RIGHT, RIGHT_TO_LEFT, UNASSIGNED, within } from './unicode32.ts';

/** RFC 3454 C.1.2, which becomes a space. */
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
/** RFC 3454 B.1, which becomes nothing. */
const NOTHING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200b-\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;
/** RFC 4013 2.3: RFC 3454 C.1.2, C.2.1, C.2.2 and C.3 to C.9. */
const PROHIBITED = new RegExp(
  '[\\0-\\x1f\\x7f-\\u{a0}\\u{340}\\u{341}\\u{6dd}\\u{70f}\\u{1680}\\u{180e}\\u{2000}-\\u{200f}\\u{2028}-\\u{202f}\\u{205f}-\\u{2063}' +
    '\\u{206a}-\\u{206f}\\u{2ff0}-\\u{2ffb}\\u{3000}\\u{d800}-\\u{f8ff}\\u{fdd0}-\\u{fdef}\\u{feff}\\u{fff9}-\\u{ffff}' +
    '\\u{1d173}-\\u{1d17a}\\u{1fffe}\\u{1ffff}\\u{2fffe}\\u{2ffff}\\u{3fffe}\\u{3ffff}\\u{4fffe}\\u{4ffff}\\u{5fffe}\\u{5ffff}' +
    '\\u{6fffe}\\u{6ffff}\\u{7fffe}\\u{7ffff}\\u{8fffe}\\u{8ffff}\\u{9fffe}\\u{9ffff}\\u{afffe}\\u{affff}\\u{bfffe}\\u{bffff}' +
    '\\u{cfffe}\\u{cffff}\\u{dfffe}\\u{dffff}\\u{e0001}\\u{e0020}-\\u{e007f}\\u{efffe}-\\u{10ffff}]',
  'u',
);

/**
 * SASLprep (RFC 4013) the way Postgres applies it to passwords (src/common/saslprep.c): a password that the profile prohibits is not
 * refused but used as it is. Anything else would not match the verifier that the server computed.
 */
export function saslprep(password: string): string {
  if (/^[\0-\x7f]*$/.test(password)) return password;
  const prepared = password.replace(SPACES, ' ').replace(NOTHING, '').normalize('NFKC');
  if (prepared === '' || PROHIBITED.test(prepared)) return password;
  const points = Array.from(prepared, c => c.codePointAt(0)!);
  if (points.some(point => within(UNASSIGNED, point))) return password;
  // RFC 3454 section 6: text with a right-to-left letter has no left-to-right one, and begins and ends with its own kind.
  if (points.some(point => within(RIGHT_TO_LEFT, point))) {
    if (points.some(point => within(LEFT_TO_RIGHT, point))) return password;
    if (!within(RIGHT_TO_LEFT, points[0]!) || !within(RIGHT_TO_LEFT, points.at(-1)!)) return password;
  }
  return prepared;
}
