import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import { PolicyError, type PolicyFault } from './policy-error.ts';

/** Far above any policy that people can read, far below what a parser has trouble with. */
const MAX_BYTES = 1_048_576;
const MAX_ALIASES = 100;

export type Path = readonly PropertyKey[];

/** A YAML text as plain data, and where each piece of it stands. */
export interface YamlSource {
  readonly data: unknown;
  /** Line and column of the value at `path`; where there is none, of the nearest thing around it. With `key`, of that key in it. */
  position(path: Path, key?: string): { line: number; column: number };
}

/**
 * Reads one YAML 1.2 document. Throws a PolicyError for anything that two readers could understand differently: syntax errors,
 * duplicate keys, several documents, foreign tags, other YAML versions, keys that are not strings; and for what would exhaust the reader.
 */
export function readYaml(text: string, file: string): YamlSource {
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw new PolicyError(file, [
      { line: 1, column: 1, path: '', message: 'the file is larger than 1 MiB; a policy is not' },
    ]);
  const lines = new LineCounter();
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const faults: PolicyFault[] = [...document.errors, ...document.warnings].map(error => ({
    ...at(error.pos[0]),
    path: '',
    message: sentence(error.code, error.message),
  }));
  // A nesting bomb makes one fault per bracket: the first says it all.
  const exhausted = faults.find(fault => fault.message === NESTED);
  if (exhausted !== undefined) throw new PolicyError(file, [exhausted]);
  if (document.directives.yaml.version !== '1.2')
    faults.push({ line: 1, column: 1, path: '', message: 'the file must be YAML 1.2: leave %YAML out' });
  if (faults.length === 0) faults.push(...settleKeys(document, at));
  if (faults.length > 0) throw new PolicyError(file, faults);
  return {
    data: toData(document, file),
    position: (path, key) => at(offsetOf(document, path, key)),
  };
}

const NESTED = 'the file is nested too deeply';

function sentence(code: string, message: string): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'this key is here twice; each may be given once';
    case 'MULTIPLE_DOCS':
      return 'a second document begins here; a policy is one document';
    case 'TAG_RESOLVE_FAILED':
      return `${message.toLowerCase()}; a policy needs no tags`;
    case 'RESOURCE_EXHAUSTION':
      return NESTED;
    default:
      return `not valid YAML: ${message}`;
  }
}

/** Keys that are no strings would be turned into strings silently, and `__proto__` is no key that anything should be named by. */
function settleKeys(
  document: Document,
  at: (offset: number) => { line: number; column: number },
): PolicyFault[] {
  const faults: PolicyFault[] = [];
  visit(document, {
    Pair(_, { key, value }) {
      // `mask: null` means the mask of that name; an empty `mask:` means that something was forgotten.
      if (isScalar(key) && key.value === 'mask' && isScalar(value) && value.source === 'null')
        value.value = 'null';
      if (isScalar(key) && typeof key.value === 'string' && key.value !== '__proto__') return;
      const range = isScalar(key) || isMap(key) || isSeq(key) || isAlias(key) ? key.range : null;
      faults.push({
        ...at(range?.[0] ?? 0),
        path: '',
        message: 'this key is not a name; put numbers, yes and no in quotes',
      });
    },
  });
  return faults;
}

function toData(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    if (!(error instanceof ReferenceError || error instanceof RangeError)) throw error;
    const message = `not valid YAML: ${error.message}`;
    throw new PolicyError(file, [{ line: 1, column: 1, path: '', message }]);
  }
}

function offsetOf(document: Document, path: Path, key: string | undefined): number {
  let node: unknown = document.contents;
  let offset = 0;
  const enter = (next: unknown): void => {
    const range = (next as { range?: [number, number, number] | null } | null)?.range;
    if (range) offset = range[0];
    node = isAlias(next) ? next.resolve(document) : next;
  };
  enter(node);
  for (const segment of path) {
    if (isSeq(node) && typeof segment === 'number' && node.items[segment] !== undefined) {
      enter(node.items[segment]);
      continue;
    }
    const pair = pairOf(node, segment);
    if (pair === undefined) return offset;
    enter(pair.key);
    enter(pair.value);
  }
  if (key === undefined) return offset;
  enter(pairOf(node, key)?.key);
  return offset;
}

function pairOf(node: unknown, key: PropertyKey): { key: unknown; value: unknown } | undefined {
  if (!isMap(node)) return undefined;
  return node.items.find(item => isScalar(item.key) && item.key.value === key);
}
