import { carriersOf, outputs, References, type Refs, ROUNDS } from './carried.ts';
import type { Context } from './context.ts';
import { everything, list, names, node, present, type Tree, text, tree } from './tree.ts';

/** What conditions tell of protected values when they set them against something that is not written in the text. */
export interface Meetings {
  /** Names of what is set against them, of what is compared with that in turn, and of what these are called elsewhere. */
  readonly met: ReadonlySet<string>;
  /** How many rows there are may be a value. */
  readonly counted: boolean;
  /** And the rows are made by a function, so that there are as many as it takes. */
  readonly made: boolean;
  /** What a function makes is set against one, so that it may be found among all that there could be. */
  readonly searched: boolean;
}

export const NO_MEETINGS: Meetings = { met: new Set(), counted: false, made: false, searched: false };

/** `ON k.id = p.salary` shows the salary under the name of k.id: where a protected value and a column of anything else meet, both show it. */
export function meetings(context: Context): Meetings {
  const found = new Finder(context);
  for (const object of everything(context.root)) found.object(object);
  return found.result();
}

/** Where rows are chosen, put together or put in order. */
const CONDITIONS = [
  'whereClause',
  'havingClause',
  'quals',
  'joinCondition',
  'condition',
  'groupClause',
  'distinctClause',
  'sortClause',
  'orderClause',
  'partitionClause',
];

/** Their parts do not meet each other. */
const APART = new Set(['BoolExpr', 'RowExpr', 'List', 'SelectStmt', 'ResTarget', 'NullTest', 'BooleanTest']);

class Finder {
  private readonly context: Context;
  private references: References | null = null;
  private readonly met = new Set<string>();
  /** Names that stand for the same, or are compared. */
  private readonly together: ReadonlySet<string>[] = [];
  /** Names of what functions in FROM give. */
  private readonly generated = new Set<string>();
  /** Names that may stand for whatever is met. */
  private readonly anything = new Set<string>();
  private readonly unequal: ReadonlySet<string>[] = [];

  constructor(context: Context) {
    this.context = context;
  }

  result(): Meetings {
    const { met, together, unequal, generated, anything } = this;
    if (met.size > 0) for (const name of anything) met.add(name);
    let open: readonly ReadonlySet<string>[] = met.size > 0 ? together : [];
    for (let before = -1, round = 0; open.length !== before; round++) {
      before = open.length;
      open = open.toReversed().filter(group => {
        if (round < ROUNDS && ![...group].some(name => met.has(name))) return true;
        for (const name of group) met.add(name);
        return false;
      });
    }
    const made = unequal.some(group => [...group].some(name => generated.has(name)));
    const searched = [...met].some(name => generated.has(name));
    return { met, counted: unequal.length > 0, made, searched };
  }

  object(object: Tree): void {
    for (const clause of CONDITIONS) if (present(object[clause])) this.condition(object[clause], true);
    // Of a subquery alone: what the statement itself gives back is masked, and chooses nothing.
    for (const query of [object.subquery, object.ctequery])
      if (present(query)) this.condition(outputs(query), false);
    this.renames(object);
    if (object.jointype !== undefined) this.join(object);
    if (object.functions !== undefined) {
      const alias = tree(object.alias);
      for (const name of [text(alias.aliasname), ...names(alias.colnames)]) this.generated.add(name);
    }
  }

  private refs(value: unknown): Refs {
    this.references ??= new References(carriersOf(this.context));
    return this.references.of(value);
  }

  private renames(object: Tree): void {
    for (const target of [...list(object.targetList), ...list(tree(object.returningClause).exprs)]) {
      const { name, val } = tree(tree(target).ResTarget);
      if (typeof name === 'string') this.together.push(new Set([name, ...this.refs(val).names]));
    }
    const columns = [...names(tree(object.alias).colnames), ...names(object.aliascolnames)];
    const query = object.subquery ?? object.ctequery;
    if (columns.length === 0) return;
    if (query !== undefined) this.together.push(new Set([...columns, ...this.refs(outputs(query)).names]));
    else if (typeof object.relname === 'string') {
      const found = this.context.view.relationsNamed(object.relname).flatMap(r => [...r.columns.keys()]);
      this.together.push(new Set([...columns, ...found]));
    }
  }

  private join(join: Tree): void {
    const { carries, names: carried } = carriersOf(this.context);
    for (const name of names(join.usingClause)) if (carries([name])) this.met.add(name);
    // Which columns it compares is not written.
    if (join.isNatural === true) for (const name of carried) this.met.add(name);
    // What the columns of both sides are called from here on; which is which is not followed.
    for (const name of names(tree(join.alias).colnames)) this.anything.add(name);
  }

  /** `shows`: what meets a protected value here shows it under its own name; otherwise only how many rows there are may. */
  private condition(value: unknown, shows: boolean): void {
    if (Array.isArray(value)) {
      for (const item of value) this.condition(item, shows);
      return;
    }
    const found = node(value);
    if (found === null) {
      if (typeof value === 'object' && value !== null)
        for (const part of Object.values(value)) this.condition(part, shows);
      return;
    }
    const { tag, body } = found;
    if (tag === 'A_Const') return;
    if (!APART.has(tag)) this.meet(tag, body, shows);
    // Subqueries are looked at by themselves.
    for (const [field, part] of Object.entries(body)) if (field !== 'subselect') this.condition(part, shows);
  }

  private meet(tag: string, body: Tree, shows: boolean): void {
    const parts = partsOf(tag, body)
      .map(part => this.refs(part))
      .filter(refs => refs.names.size > 0);
    if (parts.length < 2) return;
    const all = new Set(parts.flatMap(refs => [...refs.names]));
    if (!parts.some(refs => refs.carried)) {
      this.together.push(all);
      return;
    }
    if (shows) for (const name of all) this.met.add(name);
    if (!equality(tag, body)) this.unequal.push(all);
  }
}

function partsOf(tag: string, body: Tree): unknown[] {
  if (tag === 'SubLink')
    return body.subLinkType === 'EXISTS_SUBLINK' ? [] : [body.testexpr, outputs(body.subselect)];
  return Object.values(body).flatMap(part => {
    const items = Array.isArray(part) ? part : [part];
    return items.flatMap(item =>
      list(tree(tree(item).List).items).length > 0 ? list(tree(tree(item).List).items) : [item],
    );
  });
}

function equality(tag: string, body: Tree): boolean {
  if (tag === 'SubLink')
    return body.subLinkType === 'ANY_SUBLINK' && (names(body.operName).at(-1) ?? '=') === '=';
  if (tag !== 'A_Expr' || names(body.name).at(-1) !== '=') return false;
  return ['AEXPR_OP', 'AEXPR_OP_ANY', 'AEXPR_IN', 'AEXPR_NOT_DISTINCT'].includes(text(body.kind));
}
