/**
 * A text with its plain constants taken out. Two texts with the same `skeleton` are the same sequence of tokens, but for the values of
 * the constants in it, each of which has the same kind in both.
 */
export interface Template {
  readonly skeleton: string;
  /** As they are written in the text, quotes included, in order. */
  readonly constants: readonly string[];
}

const MAX_TEXT = 8_192;
const MAX_CONSTANTS = 200;
/** Surely an int4: what is longer may be another type, and stays in the skeleton. */
const MAX_DIGITS = 9;

const REFUSED = 0;
const SPACE = 1;
const LETTER = 2;
const DIGIT = 3;
const QUOTE = 4;
const DOUBLE_QUOTE = 5;
const DOLLAR = 6;
/** Operators and punctuation: always part of the skeleton, however they combine. */
const SIGN = 7;

/** Of each ASCII character. What is not named here is refused: other characters, controls, backslashes, braces. */
const CLASS = new Uint8Array(128);
for (const c of ' \t\n\r\f') CLASS[c.charCodeAt(0)] = SPACE;
for (const c of '0123456789') CLASS[c.charCodeAt(0)] = DIGIT;
for (const c of 'abcdefghijklmnopqrstuvwxyz_') {
  CLASS[c.charCodeAt(0)] = LETTER;
  CLASS[c.toUpperCase().charCodeAt(0)] = LETTER;
}
for (const c of '~!@#^&|`?+-*/%<>=()[],.;:') CLASS[c.charCodeAt(0)] = SIGN;
CLASS[0x27] = QUOTE;
CLASS[0x22] = DOUBLE_QUOTE;
CLASS[0x24] = DOLLAR;

const AMPERSAND = 0x26;
const MINUS = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const STAR = 0x2a;
const BACKSLASH = 0x5c;
const BRACES: ReadonlySet<number> = new Set([0x7b, 0x7d]);
const ZERO = 0x30;

/** In place of a constant, by its kind: no text that is taken holds such a character. */
const INTEGER_SLOT = '\u0001';
const DECIMAL_SLOT = '\u0002';
const STRING_SLOT = '\u0003';
/** In place of a comment, which stands for nothing but where it is. */
const COMMENT = '\u0004';
const LINE_COMMENT = '\u0005';
const EMPTY: Readonly<Record<string, string>> = { [COMMENT]: '/**/', [LINE_COMMENT]: '--' };
const LAST_SLOT = 5;

/**
 * The template of a text, or null where there is the least doubt how the server cuts it into tokens: comments in comments, escapes, prefixed
 * and dollar-quoted strings, exponents, names that are not ASCII, constants that touch a name or each other. Constants that are empty,
 * zero, or larger than an int4 for certain stay in the skeleton, since the grammar tells them from others.
 * Source: manual 4.1 "Lexical Structure", which reads a text without any backslash the same whatever `standard_conforming_strings` is;
 * `plain`: it is on for certain, and a backslash in quotes is a character as any other.
 */
export function templateOf(text: string, plain = false): Template | null {
  const { length } = text;
  if (length > MAX_TEXT) return null;
  const constants: string[] = [];
  let skeleton = '';
  /** Up to here the text is in the skeleton. */
  let taken = 0;
  let before = SPACE;
  let i = 0;
  while (i < length) {
    const start = i;
    let kind = classAt(text, i);
    let slot = '';
    let comment = '';
    switch (kind) {
      case REFUSED:
        return null;
      case SPACE:
        i++;
        break;
      case SIGN: {
        const code = text.charCodeAt(i++);
        const next = text.charCodeAt(i);
        if (code === MINUS && next === MINUS) {
          comment = LINE_COMMENT;
          i = endOfLine(text, i + 1);
        } else if (code === SLASH && next === STAR) {
          comment = COMMENT;
          i = endOfComment(text, i + 1);
          if (i < 0) return null;
        }
        break;
      }
      case LETTER:
        i = endOfName(text, i);
        break;
      case DOLLAR:
        // A parameter. Anything else may open a string.
        i = endOfDigits(text, i + 1);
        if (i === start + 1) return null;
        break;
      case DIGIT:
        if (text.charCodeAt(i - 1) === DOT) return null;
        i = endOfDigits(text, i);
        if (text.charCodeAt(i) === DOT) {
          i = endOfDigits(text, i + 1);
          if (text.charCodeAt(i - 1) === DOT || text.charCodeAt(i) === DOT) return null;
          slot = DECIMAL_SLOT;
        } else if (i - start <= MAX_DIGITS && text.charCodeAt(start) !== ZERO) slot = INTEGER_SLOT;
        break;
      case QUOTE:
      case DOUBLE_QUOTE:
        if (text.charCodeAt(i - 1) === AMPERSAND) return null;
        i = endOfQuoted(text, i, plain);
        if (i < 0) return null;
        if (kind === QUOTE && i - start > 2) slot = STRING_SLOT;
        break;
    }
    if (comment !== '') {
      kind = SPACE;
      skeleton += text.slice(taken, start) + comment;
      taken = i;
    }
    // Two tokens of these kinds that touch may be one, or none.
    const wordlike = kind !== SPACE && kind !== SIGN;
    if (wordlike && before !== SPACE && before !== SIGN) return null;
    before = kind!;
    if (slot === '') continue;
    if (constants.length === MAX_CONSTANTS) return null;
    constants.push(text.slice(start, i));
    skeleton += text.slice(taken, start) + slot;
    taken = i;
  }
  return text.isWellFormed() && !text.includes('\0')
    ? { skeleton: skeleton + text.slice(taken), constants }
    : null;
}

/**
 * Another text of the same template, with a constant of its own in each place: `values` tells, by how the grammar gives them (a sign
 * apart), which constant of the text each stands for.
 */
export function markedText({ skeleton, constants }: Template): { text: string; values: Map<string, number> } {
  const values = new Map<string, number>();
  let text = '';
  let i = 0;
  for (const part of skeleton) {
    const empty = EMPTY[part];
    if (part.charCodeAt(0) > LAST_SLOT || empty !== undefined) {
      text += empty ?? part;
      continue;
    }
    const constant = constants[i]!;
    const number = `${918_273_000 + i}${constant.includes('.') ? '.5' : ''}`;
    const value = constant.startsWith("'") ? `holdpoint constant ${i}` : number;
    values.set(value, i);
    text += value === number ? number : `'${value}'`;
    i++;
  }
  return { text, values };
}

function classAt(text: string, i: number): number {
  const code = text.charCodeAt(i);
  return code < 128 ? CLASS[code]! : REFUSED;
}

function endOfName(text: string, from: number): number {
  let i = from + 1;
  for (; i < text.length; i++) {
    const kind = classAt(text, i);
    if (kind !== LETTER && kind !== DIGIT && kind !== DOLLAR) break;
  }
  return i;
}

function endOfDigits(text: string, from: number): number {
  let i = from;
  while (i < text.length && classAt(text, i) === DIGIT) i++;
  return i;
}

/** Where a comment ends that goes on to the end of the line. */
function endOfLine(text: string, from: number): number {
  let i = from;
  for (; i < text.length; i++) if (text[i] === '\n' || text[i] === '\r') break;
  return i;
}

/** Behind a comment; -1 where it does not end, or has another one in it. */
function endOfComment(text: string, from: number): number {
  const end = text.indexOf('*/', from);
  const inner = text.indexOf('/*', from);
  return end < 0 || (inner >= 0 && inner < end) ? -1 : end + 2;
}

/** Behind the closing quote; -1 where there is none, or where a character inside is refused. A doubled quote does not close. */
function endOfQuoted(text: string, from: number, plain: boolean): number {
  const quote = text.charCodeAt(from);
  for (let i = from + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === quote) {
      if (text.charCodeAt(i + 1) !== quote) return i + 1;
      i++;
    } else if (code < 128 && CLASS[code] === REFUSED && !BRACES.has(code) && !(plain && code === BACKSLASH))
      return -1;
  }
  return -1;
}
