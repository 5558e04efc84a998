import { dollarAt, endOfComment, endOfLine, endOfLiteral, endOfQuoted } from './pieces.ts';

/** Words, numbers, signs and literals of one body or definition that is read. The default of `limits.text`: more is nothing that anybody writes. */
export const LONGEST_BODY = 1_000_000;

/** What the end of a statement counts for: its own analysis takes about as much. */
const STATEMENT = 5;

/** What is not among them is a sign. */
const SPACE = 1;
const LETTER = 2;
const DIGIT = 3;
const QUOTE = 4;
const DOUBLE_QUOTE = 5;
const DOLLAR = 6;
const MINUS = 7;
const SLASH = 8;
const SEMICOLON = 9;

/** Of each ASCII character. */
const CLASS = new Uint8Array(128);
for (const c of ' \t\n\r\f\v') CLASS[c.charCodeAt(0)] = SPACE;
for (const c of 'abcdefghijklmnopqrstuvwxyz_') {
  CLASS[c.charCodeAt(0)] = LETTER;
  CLASS[c.toUpperCase().charCodeAt(0)] = LETTER;
}
for (const c of '0123456789') CLASS[c.charCodeAt(0)] = DIGIT;
for (const [c, kind] of [
  ["'", QUOTE],
  ['"', DOUBLE_QUOTE],
  ['$', DOLLAR],
  ['-', MINUS],
  ['/', SLASH],
  [';', SEMICOLON],
] as const)
  CLASS[c.charCodeAt(0)] = kind;

/** Letters that belong to the literal, or the quoted name, behind them. */
const PREFIX = /[eEbBxX]'|[uU]&['"]/y;
const WORD = /[A-Za-z0-9_$\u0080-\uffff]+/y;
const PARAMETER = /\$[0-9]*/y;
/** An exponent is a word of its own. */
const NUMBER = /[0-9_]+(?:\.[0-9_]*)?/y;

/**
 * Whether a text has more than `most` words, numbers, signs and literals in it, each of which is one, however long, but for the end of a
 * statement (`STATEMENT`): about what reading it takes. Comments and white space are nothing. The body of DO, a literal to the server, is
 * counted as what it is, since it is read as such. Stops as soon as it knows. `escapes`: standard_conforming_strings is off.
 */
export function isLonger(most: number, sql: string, escapes: boolean): boolean {
  // Even if all of it were ends of statements.
  return sql.length * STATEMENT > most && sizeOf(sql, escapes, most) > most;
}

/** As far as it matters: beyond `most` nothing is counted any more. */
export function sizeOf(sql: string, escapes: boolean, most = Infinity): number {
  let size = 0;
  /** The next word is the first one of its statement, which begins with DO. */
  let first = true;
  let isDo = false;
  for (let i = 0; i < sql.length && size <= most; ) {
    const from = i;
    const code = sql.charCodeAt(i);
    let kind = code < 128 ? CLASS[code]! : LETTER;
    let prefix = '';
    if (kind === LETTER && matches(PREFIX, sql, i) > 0) {
      prefix = sql.charAt(i).toLowerCase();
      i = PREFIX.lastIndex - 1;
      kind = sql.charAt(i) === "'" ? QUOTE : DOUBLE_QUOTE;
    }
    switch (kind) {
      case SPACE:
        i++;
        continue;
      case LETTER:
        i = matches(WORD, sql, i);
        if (first) isDo = i - from === 2 && sql.slice(from, i).toLowerCase() === 'do';
        break;
      case DIGIT:
        i = matches(NUMBER, sql, i);
        break;
      case QUOTE:
        i = endOfLiteral(sql, i + 1, prefix, escapes, []);
        // What stands in it is not what it says where quotes are doubled, or characters escaped: at most so much.
        if (isDo) size += i - from;
        break;
      case DOUBLE_QUOTE:
        i = endOfQuoted(sql, i + 1, '"', false, true);
        break;
      case DOLLAR: {
        const opened = dollarAt(sql, i);
        if (opened < 0) {
          i = matches(PARAMETER, sql, i);
          break;
        }
        const close = sql.indexOf(sql.slice(i, opened), opened);
        const end = close < 0 ? sql.length : close;
        if (isDo) size += sizeOf(sql.slice(opened, end), escapes, most - size);
        i = close < 0 ? end : close + (opened - from);
        break;
      }
      case MINUS:
        i = sql.charAt(i + 1) === '-' ? endOfLine(sql, i) : i + 1;
        if (i > from + 1) continue;
        break;
      case SLASH:
        if (sql.charAt(i + 1) === '*') {
          i = endOfComment(sql, i);
          if (i < 0) return size;
          continue;
        }
        i++;
        break;
      case SEMICOLON:
        i++;
        size += STATEMENT - 1;
        isDo = false;
        break;
      default:
        i++;
    }
    first = kind === SEMICOLON;
    size++;
  }
  return size;
}

function matches(pattern: RegExp, sql: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : -1;
}
