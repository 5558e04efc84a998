import { CopiedRows } from './copied-rows.ts';
import { dollarAt, endOfComment, endOfLine, endOfLiteral, endOfQuoted } from './pieces.ts';
import { COMPARISONS, PlpgsqlSize } from './plpgsql-size.ts';

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
const DO = /\bdo\b/i;
const SET = /\bset\b/i;
/** An exponent is a word of its own. */
const NUMBER = /[0-9_]+(?:\.[0-9_]*)?/y;

/**
 * Whether a text has more than `most` words, numbers, signs and literals in it, each of which is one, however long, but for the end of a
 * statement (`STATEMENT`): about what reading it takes. Comments and white space are nothing. The body of DO, a literal to the server, is
 * counted as what it is, since it is read as such, with what its names take (`PlpgsqlSize`). Stops as soon as it knows. `escapes`: standard_conforming_strings is off.
 */
export function isLonger(most: number, sql: string, escapes: boolean): boolean {
  const { length } = sql;
  const body = length * STATEMENT + mostOfBody(length) > most && DO.test(sql);
  const rows = length * STATEMENT + mostOfRows(length) > most && sql.includes('=') && SET.test(sql);
  return (length * STATEMENT > most || body || rows) && sizeOf(sql, escapes, most) > most;
}

/** The same of a body in PL/pgSQL, of a function with so many parameters at most. */
export function isLongBody(source: string, parameters = 0): boolean {
  const { length } = source;
  const most = length * (STATEMENT + parameters / COMPARISONS) + mostOfBody(length) + mostOfRows(length);
  if (most <= LONGEST_BODY) return false;
  return sizeOf(source, false, LONGEST_BODY, new PlpgsqlSize(parameters)) > LONGEST_BODY;
}

/** What `PlpgsqlSize` comes to for so many characters, at most: names in one half of them, each of which every word of the other is compared with. */
function mostOfBody(length: number): number {
  return (length * length) / (8 * COMPARISONS);
}

/** The same of `CopiedRows`: columns in one half of them, each of which gets all that stands in the other. */
function mostOfRows(length: number): number {
  return (length * length) / 8;
}

/** As far as it matters: beyond `most` nothing is counted any more. `body`: it is one in PL/pgSQL. */
export function sizeOf(sql: string, escapes: boolean, most = Infinity, body?: PlpgsqlSize): number {
  let size = 0;
  const rows = new CopiedRows();
  /** The next word is the first one of its statement, which begins with DO. */
  let first = true;
  let isDo = false;
  for (let i = 0; i < sql.length && size + (body?.words ?? 0) <= most; ) {
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
        body?.word(sql.slice(from, i).toLowerCase());
        size += rows.word(sql, from, i, size);
        if (first) isDo = i - from === 2 && sql.slice(from, i).toLowerCase() === 'do';
        break;
      case DIGIT:
        i = matches(NUMBER, sql, i);
        break;
      case QUOTE:
        i = endOfLiteral(sql, i + 1, prefix, escapes, []);
        if (isDo) size += quotedBody(sql, from, i, escapes, most - size);
        break;
      case DOUBLE_QUOTE:
        i = endOfQuoted(sql, i + 1, '"', false, true);
        body?.word('');
        break;
      case DOLLAR: {
        const opened = dollarAt(sql, i);
        if (opened < 0) {
          i = matches(PARAMETER, sql, i);
          body?.word('');
          break;
        }
        const close = sql.indexOf(sql.slice(i, opened), opened);
        const end = close < 0 ? sql.length : close;
        if (isDo) size += sizeOf(sql.slice(opened, end), escapes, most - size, new PlpgsqlSize(0));
        i = close < 0 ? end : close + (opened - from);
        break;
      }
      case MINUS:
        i = sql.charAt(i + 1) === '-' ? endOfLine(sql, i) : i + 1;
        if (i > from + 1) continue;
        body?.sign('-');
        break;
      case SLASH:
        if (sql.charAt(i + 1) === '*') {
          i = endOfComment(sql, i);
          if (i < 0) return size;
          continue;
        }
        i++;
        body?.sign('/');
        break;
      case SEMICOLON:
        i++;
        body?.sign(';');
        size += rows.sign(';', size);
        size += STATEMENT - 1;
        isDo = false;
        break;
      default:
        i++;
        body?.sign(sql.charAt(from));
        size += rows.sign(sql.charAt(from), size);
    }
    first = kind === SEMICOLON;
    size++;
  }
  return size + rows.finish(size) + (body?.words ?? 0);
}

/**
 * What stands in a quoted body, between these indices with all that belongs to the literal, is not what it says where quotes are doubled or
 * characters escaped: then it counts for the most that it could be.
 */
function quotedBody(sql: string, from: number, to: number, escapes: boolean, most: number): number {
  const plain = sql.charAt(from) === "'" && endOfQuoted(sql, from + 1, "'", false, true) === to;
  const body = sql.slice(from + 1, to - 1);
  const length = to - from;
  if (!plain || (escapes && body.includes('\\'))) return length + mostOfBody(length);
  return length + sizeOf(body.replaceAll("''", "'"), false, most, new PlpgsqlSize(0));
}

function matches(pattern: RegExp, sql: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : -1;
}
