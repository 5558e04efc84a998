import type { Context } from './context.ts';
import { keyedRows } from './keyed.ts';
import { findFunctions, findRelations } from './names.ts';
import { constant, everything, is, list, names, node, present, type Tree, text, tree } from './tree.ts';

/** An upper estimate of the rows that a query gives or a DML statement touches; null when text and statistics do not tell. */
export function estimate(context: Context, tag: string, body: Tree): number | null {
  const rows = bounded(context, tag, body);
  return rows !== null && Number.isSafeInteger(Math.ceil(rows)) ? Math.ceil(rows) : null;
}

function bounded(context: Context, tag: string, body: Tree): number | null {
  switch (tag) {
    case 'SelectStmt':
      return select(context, body);
    case 'InsertStmt': {
      if (!present(body.selectStmt)) return 1;
      return select(context, tree(is(body.selectStmt, 'SelectStmt') ?? {}));
    }
    case 'UpdateStmt':
    case 'DeleteStmt': {
      const target = [{ RangeVar: body.relation }];
      const extra = list(body.fromClause).length + list(body.usingClause).length;
      return (
        (extra === 0 ? keyedRows(context, target, body.whereClause) : null) ?? fromRows(context, target[0])
      );
    }
    default:
      return null;
  }
}

function select(context: Context, body: Tree): number | null {
  const free = unlimited(context, body);
  const limit =
    body.limitOption === 'LIMIT_OPTION_COUNT' ? Number(constant(body.limitCount) ?? Number.NaN) : Number.NaN;
  if (!(limit >= 0)) return free;
  return free === null ? limit : Math.min(limit, free);
}

function unlimited(context: Context, body: Tree): number | null {
  const op = text(body.op);
  if (op !== 'SETOP_NONE' && op !== '') {
    const left = select(context, tree(body.larg));
    const right = select(context, tree(body.rarg));
    if (op === 'SETOP_UNION') return left === null || right === null ? null : left + right;
    return left;
  }
  const values = list(body.valuesLists);
  if (values.length > 0) return values.length;
  if (setReturning(context, body.targetList)) return null;
  if (!present(body.groupClause) && (present(body.havingClause) || aggregates(context, body.targetList)))
    return 1;
  const from = list(body.fromClause);
  if (from.length === 0) return 1;
  const keyed = keyedRows(context, from, body.whereClause);
  if (keyed !== null) return keyed;
  const each = from.map(item => fromRows(context, item));
  return from.length > 1 && equates(body.whereClause) ? larger(each) : product(each);
}

/**
 * A join of columns by equality nearly always follows a key, and then gives no more rows than its larger side: an estimate, as a
 * planner's would be. Whoever abuses it gets rows many times over, but no more of them than the larger relation has.
 */
function larger(all: readonly (number | null)[]): number | null {
  return all.reduce<number | null>((n, m) => (n === null || m === null ? null : Math.max(n, m)), 0);
}

/** Somewhere among its AND-ed conditions, two columns of different ranges are equal. */
function equates(quals: unknown): boolean {
  const found = node(quals);
  if (found?.tag === 'BoolExpr' && found.body.boolop === 'AND_EXPR')
    return list(found.body.args).some(equates);
  if (found?.tag !== 'A_Expr' || found.body.kind !== 'AEXPR_OP' || names(found.body.name).at(-1) !== '=')
    return false;
  const left = rangeOf(found.body.lexpr);
  const right = rangeOf(found.body.rexpr);
  return left !== null && right !== null && left !== right;
}

/** `c` of `c.id`; the column's own name where it stands alone, which is another than its partner's or the same column. */
function rangeOf(value: unknown): string | null {
  const column = is(value, 'ColumnRef');
  if (column === null) return null;
  const parts = names(column.fields);
  return parts.length === 0 ? null : (parts.length > 1 ? parts.slice(0, -1) : parts).join('.');
}

function product(all: readonly (number | null)[]): number | null {
  return all.reduce<number | null>((n, m) => (n === null || m === null ? null : n * Math.max(1, m)), 1);
}

function fromRows(context: Context, item: unknown): number | null {
  const found = node(item);
  if (found === null) return null;
  const { tag, body } = found;
  if (tag === 'RangeSubselect') return select(context, tree(is(body.subquery, 'SelectStmt') ?? {}));
  if (tag === 'RangeTableSample') return fromRows(context, body.relation);
  if (tag === 'JoinExpr') {
    const both = [fromRows(context, body.larg), fromRows(context, body.rarg)];
    return equates(body.quals) || list(body.usingClause).length > 0 || body.isNatural === true
      ? larger(both)
      : product(both);
  }
  if (tag === 'RangeFunction') return oneRow(context, body) ? 1 : null;
  if (tag !== 'RangeVar') return null;
  if (text(body.schemaname) === '' && context.ctes.some(s => s.has(text(body.relname)))) return null;
  const relations = findRelations(
    context.view,
    text(body.schemaname) || null,
    text(body.relname),
    context.path,
  );
  return relations.length === 1 ? (relations[0]?.tuples ?? null) : null;
}

/** `FROM current_schema()`: functions none of which gives a set, by any that has its name. */
function oneRow(context: Context, range: Tree): boolean {
  return list(range.functions).every(item => {
    const [called] = list(tree(is(item, 'List') ?? {}).items);
    const call = is(called, 'FuncCall');
    if (call === null) return is(called, 'SQLValueFunction') !== null;
    const named = context.view.functionsNamed(names(call.funcname).at(-1) ?? '');
    return named.length > 0 && !named.some(f => f.returnsSet);
  });
}

/**
 * Whether an aggregate stands anywhere in it, which makes one row of all where nothing is grouped: a name that leads to nothing but aggregates. What a
 * sub-select computes is its own.
 */
function aggregates(context: Context, value: unknown): boolean {
  if (Array.isArray(value)) return value.some(one => aggregates(context, one));
  const found = node(value);
  if (found === null)
    return Object.values(tree(value)).some(one => typeof one === 'object' && aggregates(context, one));
  const { tag, body } = found;
  if (tag === 'SubLink' || tag === 'A_Const') return false;
  if (tag === 'FuncCall' && !present(body.over)) {
    const name = names(body.funcname);
    const any = { count: null, named: true };
    const found = findFunctions(context.view, name.at(-2) ?? null, name.at(-1) ?? '', context.path, any);
    if (found.length > 0 && found.every(f => f.kind === 'a')) return true;
  }
  return Object.values(body).some(one => typeof one === 'object' && aggregates(context, one));
}

/** A call in the select list that may give more than one row. */
function setReturning(context: Context, targets: unknown): boolean {
  for (const part of everything(targets)) {
    const called = part.FuncCall;
    if (called === undefined) continue;
    const name = names(tree(called).funcname).at(-1) ?? '';
    if (context.view.functionsNamed(name).some(f => f.returnsSet)) return true;
  }
  return false;
}
