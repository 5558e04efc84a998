/** A part of a text in which quotes and semicolons are no signs of their own. Indices as in the text; `to` is behind the last character. */
export type Piece =
  /** Whole, with the lines on which it goes on. `quote` is its first quote, behind the prefix. */
  | {
      readonly kind: 'literal';
      readonly from: number;
      readonly to: number;
      readonly prefix: '' | 'e' | 'b' | 'x' | 'n' | 'u';
      readonly quote: number;
    }
  /** `glues`: with spaces in its place, the literals before and behind it would be one. */
  | {
      readonly kind: 'comment';
      readonly from: number;
      readonly to: number;
      readonly block: boolean;
      glues: boolean;
    };

/** Sticky: each starts exactly where it is asked. */
const SPACE = /[ \t\n\r\f\v]+/y;
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
/** With the letters that touch it, which no grammar lets pass. */
const NUMBER = /[0-9][A-Za-z0-9_.\u0080-\uffff]*/y;
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;
const LINE_COMMENT = /--[^\n\r]*/y;
const COMMENT_SIGN = /\/\*|\*\//g;
const LITERAL = /(?:[eEbBxXnN]|[uU]&)?'/y;
const QUOTED_NAME = /(?:[uU]&)?"/y;

/**
 * The literals and comments of a text, in order; a comment inside a literal that goes on behind it comes first. `escapes`: as the text is read
 * with standard_conforming_strings off. Follows the states of the server's scan.l; what is left out here, operators and numbers, cannot
 * open any of these. Source: manual 4.1 "Lexical Structure".
 */
export function piecesOf(sql: string, escapes: boolean): Piece[] {
  const pieces: Piece[] = [];
  /** Between a literal and what comes next: where it begins in `pieces`, -1 elsewhere, and whether it has the end of a line. */
  let gap = -1;
  let lineEnds = false;
  for (let i = 0; i < sql.length; ) {
    const from = i;
    const space = match(SPACE, sql, i);
    const line = match(LINE_COMMENT, sql, i);
    const block = sql.startsWith('/*', i);
    if (space > 0) {
      lineEnds ||= /[\n\r]/.test(sql.slice(i, space));
      i = space;
    } else if (line > 0 || block) {
      const to = block ? endOfComment(sql, i) : line;
      // One that is never closed is a fault, and no comment.
      if (to > 0) pieces.push({ kind: 'comment', from, to, block, glues: false });
      i = to > 0 ? to : sql.length;
    } else {
      const quoted = match(LITERAL, sql, i);
      const name = match(QUOTED_NAME, sql, i);
      const dollar = match(DOLLAR, sql, i);
      if (gap >= 0 && lineEnds && sql[i] === "'")
        for (const piece of pieces.slice(gap)) if (piece.kind === 'comment') piece.glues = piece.block;
      gap = -1;
      if (quoted > 0) {
        const quote = quoted - 1;
        const prefix = sql.slice(from, quote).charAt(0).toLowerCase() as '';
        i = endOfLiteral(sql, quoted, prefix, escapes, pieces);
        pieces.push({ kind: 'literal', from, to: i, prefix, quote });
        gap = pieces.length;
        lineEnds = false;
      } else if (name > 0) i = endOfQuoted(sql, name, '"', false, true);
      else if (dollar > 0) {
        const close = sql.indexOf(sql.slice(i, dollar), dollar);
        i = close < 0 ? sql.length : close + (dollar - i);
      } else i = Math.max(i + 1, match(WORD, sql, i), match(NUMBER, sql, i));
    }
  }
  return pieces;
}

/** Behind the tag that opens a dollar-quoted literal here; -1 where none does. */
export function dollarAt(sql: string, at: number): number {
  return match(DOLLAR, sql, at);
}

/** Behind the comment that begins here and goes to the end of its line. */
export function endOfLine(sql: string, at: number): number {
  return match(LINE_COMMENT, sql, at);
}

function match(pattern: RegExp, sql: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : -1;
}

/** Behind the whole literal, whose first quote stands before `from`: it goes on behind white space that has a line end in it. */
export function endOfLiteral(
  sql: string,
  from: number,
  prefix: string,
  escapes: boolean,
  pieces: Piece[],
): number {
  const bits = prefix === 'b' || prefix === 'x';
  const escaped = prefix === 'e' || (escapes && !bits);
  const next = (at: number) => endOfQuoted(sql, at, "'", escaped, !bits);
  let end = next(from);
  for (;;) {
    const comments: Piece[] = [];
    let lineEnds = false;
    let i = end;
    for (;;) {
      const space = match(SPACE, sql, i);
      const line = match(LINE_COMMENT, sql, i);
      if (space > 0) lineEnds ||= /[\n\r]/.test(sql.slice(i, space));
      else if (line > 0) comments.push({ kind: 'comment', from: i, to: line, block: false, glues: false });
      else break;
      i = Math.max(space, line);
    }
    if (!lineEnds || sql[i] !== "'") return end;
    pieces.push(...comments);
    end = next(i + 1);
  }
}

/** Behind the closing quote; the text's end where there is none. In a bit string two quotes are an end and a new beginning. */
export function endOfQuoted(
  sql: string,
  from: number,
  quote: string,
  escapes: boolean,
  doubles: boolean,
): number {
  for (let i = from; i < sql.length; i++) {
    if (escapes && sql[i] === '\\') i++;
    else if (sql[i] === quote) {
      if (!doubles || sql[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return sql.length;
}

/** They may stand inside each other; -1 where one is left open. */
export function endOfComment(sql: string, from: number): number {
  let depth = 0;
  COMMENT_SIGN.lastIndex = from;
  for (let sign = COMMENT_SIGN.exec(sql); sign !== null; sign = COMMENT_SIGN.exec(sql)) {
    depth += sign[0] === '/*' ? 1 : -1;
    if (depth === 0) return COMMENT_SIGN.lastIndex;
  }
  return -1;
}
