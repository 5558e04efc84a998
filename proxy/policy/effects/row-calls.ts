import type { Context } from './context.ts';
import { findFunctions, findRelations, findTypes } from './names.ts';
import { everything, list, names, node, present, type Tree, text, tree } from './tree.ts';

/** Of the statement that is looked at; of what is in `otherwise` where that is not known. */
export function rowCalls(context: Context, otherwise: unknown): RowCalls {
  if (context.root === null) return new RowCalls(context, otherwise);
  context.rowCalls ??= new RowCalls(context, context.root);
  return context.rowCalls;
}

/** Every table has them, and they hold nothing of a row. */
export const SYSTEM_COLUMNS: readonly string[] = ['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid'];

/** The columns that something in FROM may have; null where that cannot be told. */
type Columns = ReadonlySet<string> | null;

/**
 * Whether `x.name` may call a function with the row x, as `name(x)` does: where name is no column of x, the server looks for one
 * (ParseFuncOrColumn in parse_func.c). A label that stands elsewhere in the text makes it no column of x.
 */
export class RowCalls {
  readonly #context: Context;
  readonly #root: unknown;
  /** Null before it is asked. */
  #aliases: Map<string, Columns> | null = null;
  /** Null before it is asked. */
  #given: ReadonlySet<string> | null = null;
  readonly #ctes = new Map<string, Tree[]>();
  readonly #known = new Map<unknown, Columns>();
  /** Of names, by themselves. */
  readonly #named = new Map<string, Columns>();
  /** Queries that are being looked at, and how often one of them was met. */
  readonly #open = new Set<unknown>();
  #circles = 0;

  constructor(context: Context, root: unknown) {
    this.#context = context;
    this.#root = root;
  }

  calls(qualifier: string, name: string): boolean {
    this.#aliases ??= this.#introduced();
    if (this.#aliases.get(qualifier)?.has(name)) return false;
    const { view, path, fields } = this.#context;
    if (fields && !this.#aliases.has(qualifier)) return false;
    if (findFunctions(view, null, name, path, { count: 1, named: false }).length > 0) return true;
    return findTypes(view, null, name, path).length > 0;
  }

  /** Whether the text gives this name to what is no column of the same name: by an alias, or by a call without one. */
  renames(name: string): boolean {
    this.#given ??= new Set([...everything(this.#root)].flatMap(given));
    return this.#given.has(name);
  }

  #introduced(): Map<string, Columns> {
    const objects = [...everything(this.#root)];
    for (const object of objects)
      if (typeof object.ctename === 'string') {
        const same = this.#ctes.get(object.ctename);
        if (same === undefined) this.#ctes.set(object.ctename, [object]);
        else same.push(object);
      }
    const aliases = new Map<string, Columns>();
    for (const object of objects) this.#introduce(object, (alias, columns) => add(aliases, alias, columns));
    return aliases;
  }

  #introduce(object: Tree, add: (alias: string, columns: Columns) => void): void {
    const relation = typeof object.relname === 'string';
    const alias = text(tree(object.alias).aliasname) || (relation ? text(object.relname) : '');
    if (relation) add(alias, this.#relation(object));
    else if (object.subquery !== undefined) add(alias, this.#item({ RangeSubselect: object }));
    else if (object.functions !== undefined) add(alias, this.#item({ RangeFunction: object }));
    else if (object.jointype !== undefined) {
      if (alias !== '') add(alias, this.#item({ JoinExpr: object }));
      add(text(tree(object.join_using_alias).aliasname), new Set(names(object.usingClause)));
    } else add(alias, null);
    // The row that could not be inserted.
    if (present(object.onConflictClause)) add('excluded', this.#relation(tree(object.relation)));
  }

  #relation(range: Tree): Columns {
    const name = text(range.relname);
    const schema = text(range.schemaname) || null;
    const key = `${name}\0${schema ?? ''}`;
    const columns = this.#once(this.#named, key, () => this.#columnsOf(name, schema));
    return renamed(columns, names(tree(range.alias).colnames));
  }

  /** Whatever the name may stand for. */
  #columnsOf(name: string, schema: string | null): Columns {
    const { view, path } = this.#context;
    const ctes = schema === null ? (this.#ctes.get(name) ?? []) : [];
    const each = [
      ...ctes.map(cte => renamed(this.#outputs(cte.ctequery), names(cte.aliascolnames))),
      ...findRelations(view, schema, name, path).map(r => new Set([...r.columns.keys(), ...SYSTEM_COLUMNS])),
    ];
    return common(each);
  }

  #item(item: unknown): Columns {
    const { tag, body } = node(item) ?? { tag: '', body: tree(null) };
    const alias = tree(body.alias);
    switch (tag) {
      case 'RangeVar':
        return this.#relation(body);
      case 'RangeSubselect':
        return renamed(this.#outputs(body.subquery), names(alias.colnames));
      case 'RangeFunction': {
        // Names of its own are not in the text.
        const defined = list(body.coldeflist).map(c => text(tree(tree(c).ColumnDef).colname));
        return new Set([text(alias.aliasname), ...names(alias.colnames), ...defined, 'ordinality']);
      }
      case 'JoinExpr':
        return renamed(
          this.#once(this.#known, body, () => union(this.#item(body.larg), this.#item(body.rarg))),
          names(alias.colnames),
        );
      default:
        return null;
    }
  }

  /** What is found while a query is looked at that leads back to itself is found without that, and not kept. */
  #once<K>(found: Map<K, Columns>, key: K, find: () => Columns): Columns {
    const known = found.get(key);
    if (known !== undefined) return known;
    const before = this.#circles;
    const columns = find();
    if (this.#circles === before) found.set(key, columns);
    return columns;
  }

  /** What a query calls its columns; one that reads itself is not followed. */
  #outputs(query: unknown): Columns {
    const { tag, body } = node(query) ?? { tag: 'SelectStmt', body: tree(query) };
    if (this.#open.has(body)) {
      this.#circles++;
      return null;
    }
    const known = this.#known.get(body);
    if (known !== undefined) return known;
    this.#open.add(body);
    const columns = this.#labels(body, tag === 'SelectStmt');
    this.#open.delete(body);
    this.#known.set(body, columns);
    return columns;
  }

  #labels(query: Tree, select: boolean): Columns {
    if (present(query.larg)) return this.#outputs(query.larg);
    const [row] = list(query.valuesLists);
    if (row !== undefined) return new Set(list(tree(tree(row).List).items).map((_, i) => `column${i + 1}`));
    const targets = list(select ? query.targetList : tree(query.returningClause).exprs);
    const found = new Set(targets.flatMap(target => label(tree(tree(target).ResTarget))));
    if (!found.has('*')) return found;
    // Of several, only one may be meant: the others' columns are then none of it.
    const from = list(select ? query.fromClause : [{ RangeVar: query.relation }]);
    const only = from.length === 1 && node(from[0])?.tag !== 'JoinExpr';
    return only ? union(found, this.#item(from[0])) : null;
  }
}

function given(object: Tree): string[] {
  const found = [...names(object.colnames), ...names(object.aliascolnames)];
  found.push(...names(tree(object.FuncCall).funcname).slice(-1));
  const { name, val } = object;
  if (
    typeof name === 'string' &&
    val !== undefined &&
    names(tree(tree(val).ColumnRef).fields).at(-1) !== name
  )
    found.push(name);
  return found;
}

/** One alias may stand for several things: what is a column of all of them, surely is one. */
function add(aliases: Map<string, Columns>, alias: string, columns: Columns): void {
  if (alias === '') return;
  const before = aliases.get(alias);
  aliases.set(alias, before === undefined ? columns : common([before, columns]));
}

/** As FigureColname in parse_target.c, as far as it goes by names. */
function label({ name, val }: Tree): string[] {
  if (typeof name === 'string') return [name];
  const { tag, body } = node(val) ?? { tag: '', body: tree(null) };
  if (tag === 'ColumnRef') return names(body.fields).slice(-1);
  if (tag === 'FuncCall') return names(body.funcname).slice(-1);
  if (tag !== 'TypeCast') return [];
  const inner = label({ val: body.arg });
  return inner.length > 0 ? inner : names(tree(body.typeName).names).slice(-1);
}

/** New names stand for the first columns; which ones then still have their own is not counted. */
function renamed(columns: Columns, given: readonly string[]): Columns {
  return given.length === 0 ? columns : new Set(given);
}

function union(one: Columns, two: Columns): Columns {
  return one === null || two === null ? null : new Set([...one, ...two]);
}

function common(each: readonly Columns[]): Columns {
  const [first, ...rest] = each;
  if (first === undefined || first === null || rest.includes(null)) return null;
  return new Set([...first].filter(column => rest.every(other => other?.has(column))));
}
