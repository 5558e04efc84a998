export type TokenKind =
  | 'plain'
  | 'keyword'
  | 'string'
  | 'comment'
  | 'quoted'
  | 'number'
  | 'parameter'
  /** An unquoted or quoted name with letters outside ASCII: it can look like another name. */
  | 'foreign';
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const KEYWORDS = new Set(
  (
    'abort add all alter analyze and any array as asc begin between by call cascade case cast check close cluster column ' +
    'comment commit conflict constraint copy create cross current cursor database deallocate declare default delete desc discard ' +
    'distinct do drop else end except execute exists explain extension false fetch filter first for foreign from full function ' +
    'grant group having if ilike in index inner insert intersect into is join key lateral left like limit listen local lock ' +
    'materialized merge move natural not nothing notify null of offset on only or order outer over owner partition policy prepare ' +
    'primary privileges procedure program public reassign recursive references refresh reindex release rename replace reset ' +
    'restart return returning returns revoke right role rollback row rows savepoint schema select sequence session set show some ' +
    'start stdin stdout table temp temporary then to transaction trigger true truncate type union unique unlisten unlogged ' +
    'update user using vacuum values view when where window with without'
  ).split(' '),
);

/** How the lexer reads on. Sticky: each starts exactly where it is asked. */
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
const NUMBER = /(?:0[xX][0-9a-fA-F_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)/y;
const PARAMETER = /\$\d+/y;
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;
const LINE_COMMENT = /--[^\n\r]*/y;
const STRING_START = /(?:[eEbBxXnN]|[uU]&)?'/y;
const QUOTED_START = /(?:[uU]&)?"/y;
/** A string goes on after white space with a line end in it (and comments between), in the mode in which it began. */
const CONTINUED = /[ \t\f\v]*(?:--[^\n\r]*)?[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*'/y;

/**
 * Cuts SQL into coloured runs by the rules of Postgres's lexer (the manual, "Lexical Structure"; scan.l): nested comments, dollar
 * quotes, escape strings, continued strings, line comments that end at CR too. It colours and never decides, yet it must not show as a
 * comment what the server would run. The texts of all tokens, joined, are the text. `backslashes`: standard_conforming_strings is off.
 */
export function tokens(text: string, backslashes = false): Token[] {
  const out: Token[] = [];
  let at = 0;
  let plainFrom = 0;
  const push = (kind: TokenKind, end: number) => {
    if (at > plainFrom) out.push({ kind: 'plain', text: text.slice(plainFrom, at) });
    out.push({ kind, text: text.slice(at, end) });
    at = plainFrom = end;
  };
  const ends = (pattern: RegExp, from = at): number => {
    pattern.lastIndex = from;
    return pattern.test(text) ? pattern.lastIndex : -1;
  };
  while (at < text.length) {
    let end = ends(LINE_COMMENT);
    if (end < 0 && text.startsWith('/*', at)) end = blockComment(text, at);
    if (end >= 0) {
      push('comment', end);
      continue;
    }
    end = ends(STRING_START);
    if (end >= 0) {
      const escapes = /^[eE]/.test(text[at]!) || (backslashes && /^['nN]/.test(text[at]!));
      const doubles = !/^[bBxX]/.test(text[at]!); // in a bit string '' is its end and a new beginning
      end = quoted(text, end, "'", escapes, doubles);
      for (let next = ends(CONTINUED, end); next >= 0; next = ends(CONTINUED, end))
        end = quoted(text, next, "'", escapes, doubles);
      push('string', end);
      continue;
    }
    end = ends(QUOTED_START);
    if (end >= 0) {
      end = quoted(text, end, '"', false);
      push(isForeign(text.slice(at, end)) ? 'foreign' : 'quoted', end);
      continue;
    }
    end = ends(WORD);
    if (end >= 0) {
      const word = text.slice(at, end);
      if (isForeign(word)) push('foreign', end);
      else if (KEYWORDS.has(word.toLowerCase())) push('keyword', end);
      else at = end;
      continue;
    }
    end = ends(DOLLAR);
    if (end >= 0) {
      const close = text.indexOf(text.slice(at, end), end);
      push('string', close < 0 ? text.length : close + (end - at));
      continue;
    }
    end = ends(PARAMETER);
    if (end >= 0) {
      push('parameter', end);
      continue;
    }
    end = ends(NUMBER);
    if (end >= 0) {
      push('number', end);
      continue;
    }
    at++;
  }
  if (at > plainFrom) out.push({ kind: 'plain', text: text.slice(plainFrom) });
  return out;
}

function isForeign(word: string): boolean {
  return /[^\x00-\x7f]/.test(word);
}

/** The end of a quoted run that was opened before `at`; the text's end where it is never closed. Doubled quotes stay inside. */
function quoted(text: string, at: number, quote: string, escapes: boolean, doubles = true): number {
  for (let i = at; i < text.length; i++) {
    if (escapes && text[i] === '\\') i++;
    else if (text[i] === quote) {
      if (!doubles || text[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return text.length;
}

function blockComment(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if (text[i] === '/' && text[i + 1] === '*') {
      depth++;
      i++;
    } else if (text[i] === '*' && text[i + 1] === '/') {
      depth--;
      i++;
      if (depth === 0) return i + 1;
    }
  }
  return text.length;
}
