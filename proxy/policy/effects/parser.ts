import './baseline-compiler.ts';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { ScanResult, SqlErrorDetails } from 'libpg-query';

/** One instance of Postgres's parser, as its library's own loader gives it. Pointers are numbers. */
interface Instance {
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _wasm_parse_query_raw(query: number): number;
  _wasm_free_parse_result(result: number): void;
  _wasm_parse_plpgsql(query: number): number;
  _wasm_scan(query: number): number;
  _wasm_free_string(result: number): void;
  lengthBytesUTF8(text: string): number;
  stringToUTF8(text: string, pointer: number, bytes: number): void;
  UTF8ToString(pointer: number): string;
  getValue(pointer: number, type: 'i32'): number;
}

type Instantiate = (imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void) => void;
type Factory = (how: { readonly instantiateWasm: Instantiate }) => Promise<Instance>;

/** The parser's own word on a text: it has a fault. Anything else that is thrown here is no statement about the text. */
export class SqlError extends Error {
  readonly sqlDetails: SqlErrorDetails;

  constructor(details: SqlErrorDetails) {
    super(details.message);
    this.name = 'SqlError';
    this.sqlDetails = details;
  }
}

const require = createRequire(import.meta.url);

let compiled: Promise<WebAssembly.Module> | null = null;
let current: Instance | null = null;
/** Takes the place of one that failed. */
let spare: Instance | null = null;
let starting: Promise<void> | null = null;

async function start(): Promise<Instance> {
  compiled ??= readFile(require.resolve('libpg-query/wasm/libpg-query.wasm')).then(code =>
    WebAssembly.compile(code),
  );
  const code = await compiled;
  const factory: Factory = require('libpg-query/wasm/libpg-query.js');
  return factory({ instantiateWasm: (imports, done) => done(new WebAssembly.Instance(code, imports)) });
}

async function fill(): Promise<void> {
  // Meanwhile one more may have failed.
  while (current === null || spare === null) {
    const one = await start();
    if (current === null) current = one;
    else spare = one;
  }
}

/** The parser is ready after this, and one more to take its place. Idempotent. */
export async function loadModule(): Promise<void> {
  starting ??= fill().finally(() => {
    starting = null;
  });
  await starting;
}

/**
 * What a run of the parser has left half done, as when a text nests so deeply that the stack ends, is never put right: its own stack stays
 * where it was, and a few dozen times later grows into its data. So no instance is used again that has failed.
 */
function renew(): void {
  current = spare;
  spare = null;
  // Where that fails, the next text says so, and tries again.
  loadModule().catch(() => {});
}

/** Runs `work` on the text in the parser's memory, and frees what it gives back. */
function run<T>(sql: string, work: (instance: Instance, query: number) => T): T {
  const instance = current;
  if (instance === null) {
    loadModule().catch(() => {});
    throw new Error('the parser is not loaded');
  }
  try {
    const bytes = instance.lengthBytesUTF8(sql) + 1;
    const query = allocated(instance._malloc(bytes));
    instance.stringToUTF8(sql, query, bytes);
    const result = work(instance, query);
    instance._free(query);
    return result;
  } catch (fault) {
    renew();
    throw fault;
  }
}

function allocated(pointer: number): number {
  if (pointer === 0) throw new Error('out of memory in the parser');
  return pointer;
}

/** The tree of a text, as the library spells it. Throws an SqlError where the grammar does not take it. */
export function parseSync(sql: string): unknown {
  const found = run(sql, (instance, query) => {
    const result = allocated(instance._wasm_parse_query_raw(query));
    const [tree, error] = [instance.getValue(result, 'i32'), instance.getValue(result + 8, 'i32')];
    const found = error === 0 ? instance.UTF8ToString(allocated(tree)) : detailsAt(instance, error);
    instance._wasm_free_parse_result(result);
    return found;
  });
  if (typeof found !== 'string') throw new SqlError(found);
  return JSON.parse(found);
}

/** PgQueryError of the library: message, function, file, line and position. */
function detailsAt(instance: Instance, error: number): SqlErrorDetails {
  const word = (at: number) => instance.getValue(error + at, 'i32');
  const text = (at: number) => (word(at) === 0 ? undefined : instance.UTF8ToString(word(at)));
  const message = text(0) ?? 'unknown error';
  const [functionName, fileName] = [text(4), text(8)];
  return {
    message,
    cursorPosition: Math.max(0, word(16) - 1),
    ...(fileName === undefined ? {} : { fileName }),
    ...(functionName === undefined ? {} : { functionName }),
  };
}

function stringOf(sql: string, call: '_wasm_scan' | '_wasm_parse_plpgsql'): string {
  return run(sql, (instance, query) => {
    const result = allocated(instance[call](query));
    const text = instance.UTF8ToString(result);
    instance._wasm_free_string(result);
    return text;
  });
}

/** The tree of a PL/pgSQL function, given its CREATE FUNCTION or DO. Throws where there is none. */
export function parsePlPgSQLSync(sql: string): unknown {
  const text = stringOf(sql, '_wasm_parse_plpgsql');
  if (!text.startsWith('{')) throw new Error(text);
  return JSON.parse(text);
}

/** The tokens of a text. Throws where it cannot be cut. */
export function scanSync(sql: string): ScanResult {
  const text = stringOf(sql, '_wasm_scan');
  if (!text.startsWith('{')) throw new Error(text);
  return JSON.parse(text) as ScanResult;
}
