import './baseline-compiler.ts';
import { loadModule, parsePlPgSQLSync, parseSync, SqlError } from 'libpg-query';
import type { ServerSource } from '#schemas/errors.ts';
import { syntaxAdvice } from './syntax-advice.ts';
import { syntaxCode } from './syntax-codes.ts';
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

/** The statements of a query string, or why it does not parse. Text that C cannot carry does not parse. Throws when the parser itself fails. */
export function parse(sql: string): readonly unknown[] | SyntaxFault {
  if (sql.includes('\0') || !sql.isWellFormed())
    return { message: 'the text has a NUL or is not well-formed Unicode', position: null };
  if (sql.trim() === '') return [];
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

/** The parser is the server's own, from files that were put into one folder under longer names. */
function sourceOf(details: SqlError['sqlDetails']): ServerSource | undefined {
  const file = details?.fileName?.replace(/^src_backend_(parser|utils_mb)_/, '');
  const routine = details?.functionName;
  if (file === undefined || routine === undefined || file.startsWith('src_')) return undefined;
  return { file, routine };
}

/** The same for text of the catalog: statements, or the message. */
export function parseStatements(sql: string): readonly unknown[] | string {
  try {
    const parsed = parse(sql);
    return 'message' in parsed ? parsed.message : parsed;
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
}

/** The tree of a PL/pgSQL function, given its whole CREATE FUNCTION or DO; a string says why there is none. */
export function parseBody(sql: string): Tree | string {
  try {
    const result: unknown = parsePlPgSQLSync(sql);
    const functions = list(tree(result).plpgsql_funcs);
    return functions.length === 1 ? tree(tree(functions[0]).PLpgSQL_function) : 'not one function';
  } catch (fault) {
    return fault instanceof Error ? fault.message : String(fault);
  }
}
