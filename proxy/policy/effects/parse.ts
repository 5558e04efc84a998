import type { ServerSource } from '#schemas/errors.ts';
import { blankComments } from './blank-comments.ts';
import { keeping } from './kept-trees.ts';
import { loadModule, parsePlPgSQLSync, parseSync, SqlError } from './parser.ts';
import { holds, originalIndex, type Respelling, respell } from './respell.ts';
import { syntaxAdvice } from './syntax-advice.ts';
import { syntaxCode } from './syntax-codes.ts';
import { isLonger, LONGEST_BODY } from './text-size.ts';
import { list, type Tree, tree } from './tree.ts';

/** Postgres's own parser, compiled to WebAssembly, is ready after this. Idempotent. */
export async function loadParser(): Promise<void> {
  await loadModule();
}

export interface SyntaxFault {
  readonly message: string;
  /** In characters from 1; null when the parser gives none. */
  readonly position: number | null;
  readonly hint?: string;
  readonly detail?: string;
  readonly source?: ServerSource | undefined;
  /** Where it is another one than that of a syntax error. */
  readonly sqlstate?: string | undefined;
}

/**
 * The statements of a query string, or why it does not parse. Text that C cannot carry does not parse. Throws when the parser itself fails.
 * `escapes`: as with standard_conforming_strings off.
 */
export function parse(sql: string, escapes = false): readonly unknown[] | SyntaxFault {
  if (sql.includes('\0') || !sql.isWellFormed())
    return { message: 'the text has a NUL or is not well-formed Unicode', position: null };
  if (sql.trim() === '') return [];
  const respelled = escapes ? respell(sql) : null;
  const text = respelled?.text ?? sql;
  let read = text;
  if (respelled !== null && !holds(respelled)) {
    read = blankComments(text) ?? text;
    if (read === text || !holds({ ...respelled, text: read }))
      return { message: 'it cannot be told where the strings of this text end', position: null };
  }
  let parsed = parseOnce(read);
  if ('message' in parsed && read === text) {
    const blank = blankComments(text);
    const again = blank === null ? parsed : parseOnce(blank);
    const shorter =
      'message' in again &&
      again.position === parsed.position &&
      again.message.length <= parsed.message.length;
    // The server's words show the whole of the token, be it with a comment inside or with the sign that begins one.
    if (blank !== null && !shorter) {
      parsed = again;
      read = blank;
    }
  }
  if (!('message' in parsed) || parsed.position === null || read === sql) return parsed;
  // The parser counts characters.
  const at = indexOfCharacter(read, parsed.position - 1);
  return inOriginal(parsed, at, sql, respelled ?? { text: sql, added: [], unsafe: null });
}

function parseOnce(sql: string): readonly unknown[] | SyntaxFault {
  try {
    const result: unknown = parseSync(sql);
    return list(tree(result).stmts).map(s => tree(s).stmt);
  } catch (fault) {
    // Whatever is not the grammar's own word is no statement about the text: the server may well accept it.
    if (!(fault instanceof SqlError) || /stack depth|out of memory/i.test(fault.message)) throw fault;
    const cursor = fault.sqlDetails?.cursorPosition;
    const source = sourceOf(fault.sqlDetails);
    const advice = syntaxAdvice(fault.message, fault.sqlDetails?.fileName);
    // What is no text at all has no place in it.
    const position = cursor === undefined || source?.file === 'mbutils.c' ? null : cursor + 1;
    const sqlstate = syntaxCode(fault.message, source?.file);
    const code = sqlstate === undefined ? {} : { sqlstate };
    return { message: fault.message, position, ...advice, ...code, source };
  }
}

/** A fault at index `at` of the new spelling, as the server says it of the original. */
function inOriginal(fault: SyntaxFault, at: number, sql: string, respelled: Respelling): SyntaxFault {
  const from = originalIndex(respelled, at);
  const position = charactersBefore(sql, from) + 1;
  if (at === respelled.unsafe) return { ...UNSAFE, position };
  const shown = /^([^"]* at or near )"(.*)"$/s.exec(fault.message);
  if (shown === null) return { ...fault, position };
  const [, words = '', token = ''] = shown;
  const to = originalIndex(respelled, at + token.length);
  return { ...fault, position, message: `${words}"${sql.slice(from, to)}"` };
}

/** Where in the string so many characters end: those beyond the first plane take two places. */
function indexOfCharacter(sql: string, characters: number): number {
  let at = 0;
  for (let i = 0; i < characters && at < sql.length; i++) at += sql.codePointAt(at)! > 0xffff ? 2 : 1;
  return at;
}

function charactersBefore(sql: string, index: number): number {
  let characters = 0;
  for (let at = 0; at < index; characters++) at += sql.codePointAt(at)! > 0xffff ? 2 : 1;
  return characters;
}

const UNSAFE: Omit<SyntaxFault, 'position'> = {
  message: 'unsafe use of string constant with Unicode escapes',
  detail: 'String constants with Unicode escapes cannot be used when "standard_conforming_strings" is off.',
  sqlstate: '0A000',
  source: { file: 'scan.l', routine: 'core_yylex' },
};

/** The parser is the server's own, from files that were put into one folder under longer names. */
function sourceOf(details: SqlError['sqlDetails']): ServerSource | undefined {
  const file = details?.fileName?.replace(/^src_backend_(parser|utils_mb)_/, '');
  const routine = details?.functionName;
  if (file === undefined || routine === undefined || file.startsWith('src_')) return undefined;
  return { file, routine };
}

/** The same for text of the catalog: statements, or the message. */
export const parseStatements = keeping((sql: string): readonly unknown[] | string => {
  try {
    if (isLonger(LONGEST_BODY, sql, false)) return 'too long to be read';
    const parsed = parse(sql);
    return 'message' in parsed ? parsed.message : parsed;
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
});

/** The tree of a PL/pgSQL function, given its whole CREATE FUNCTION or DO; a string says why there is none. */
export const parseBody = keeping((sql: string): Tree | string => {
  try {
    const result: unknown = parsePlPgSQLSync(sql);
    const functions = list(tree(result).plpgsql_funcs);
    return functions.length === 1 ? tree(tree(functions[0]).PLpgSQL_function) : 'not one function';
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
});
