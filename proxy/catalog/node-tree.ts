/** One output column of a stored view, as its rule's tree has it (outfuncs.c). */
export interface StoredColumn {
  readonly attnum: number;
  /** The table or view whose plain column this is, and which; 0 when it is an expression. */
  readonly table: number;
  readonly column: number;
  /** A constant, or count(*). */
  readonly clean: boolean;
}

/** OID of pg_catalog.count() in pg_proc.dat. */
const COUNT_STAR = 2803;

/** The target list of the one query in pg_rewrite.ev_action; null when the text is not what is expected. */
export function storedColumns(text: string): StoredColumn[] | null {
  if (!text.startsWith('({QUERY ')) return null;
  const list = field(text, 1, ':targetList');
  if (list === null) return null;
  const columns: StoredColumn[] = [];
  for (const [start, end] of items(list)) {
    const entry = list.slice(start, end);
    if (!entry.startsWith('{TARGETENTRY ')) return null;
    const expr = field(entry, 0, ':expr');
    const number = (name: string) => Number(field(entry, 0, name) ?? Number.NaN);
    const [attnum, table, column] = [number(':resno'), number(':resorigtbl'), number(':resorigcol')];
    if (expr === null || ![attnum, table, column].every(Number.isInteger)) return null;
    if (field(entry, 0, ':resjunk') === 'true') continue;
    const count = expr.startsWith('{AGGREF ') && field(expr, 0, ':aggfnoid') === String(COUNT_STAR);
    columns.push({ attnum, table, column, clean: expr.startsWith('{CONST ') || count });
  }
  return columns;
}

/** The value of a field of the node that begins at `start`, as text. */
function field(text: string, start: number, name: string): string | null {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const c = text[i];
    if (c === '\\') {
      i++;
      continue;
    }
    if (c === '{' || c === '(') depth++;
    else if (c === '}' || c === ')') {
      if (--depth === 0) return null;
    } else if (depth === 1 && c === ':' && text.startsWith(`${name} `, i)) {
      const from = i + name.length + 1;
      return text.slice(from, valueEnd(text, from));
    }
  }
  return null;
}

function valueEnd(text: string, from: number): number {
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (c === '\\') i++;
    else if (c === '{' || c === '(') depth++;
    else if (c === '}' || c === ')') {
      if (depth === 0) return i;
      if (--depth === 0) return i + 1;
    } else if (c === ' ' && depth === 0) return i;
  }
  return text.length;
}

/** Where the items of a list value begin and end. */
function* items(list: string): Generator<[number, number]> {
  let i = 1;
  while (i < list.length - 1) {
    if (list[i] === ' ') {
      i++;
      continue;
    }
    const end = valueEnd(list, i);
    yield [i, end];
    i = Math.max(end, i + 1);
  }
}
