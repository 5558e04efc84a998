import { carriersOf, outputs, References, type Refs, ROUNDS } from './carried.ts';
import type { Context } from './context.ts';
import { findRelations } from './names.ts';
import { everything, list, names, node, present, type Tree, text, tree } from './tree.ts';

/** What conditions tell of protected values when they set them against something that is not written in the text. */
export interface Meetings {
  /** Names of what is set against them, of what is compared with that in turn, and of what these are called elsewhere. */
  readonly met: ReadonlySet<string>;
  /** How many rows there are may be a value. */
  readonly counted: boolean;
  /** And the rows are made by a function or by recursion, so that there are as many as it takes. */
  readonly made: boolean;
  /** What a function makes is set against one, so that it may be found among all that there could be. */
  readonly searched: boolean;
  /** Of `met`, those that nothing of another name is set against or stands for: `l.email = c.email`. */
  readonly alike: ReadonlySet<string>;
}

export const NO_MEETINGS: Meetings = {
  met: new Set(),
  counted: false,
  made: false,
  searched: false,
  alike: new Set(),
};

/** `ON k.id = p.salary` shows the salary under the name of k.id: where a protected value and a column of anything else meet, both show it. */
export function meetings(context: Context): Meetings {
  if (context.meetings === null) {
    const found = new Finder(context);
    for (const object of everything(context.root)) found.object(object);
    context.meetings = found.result();
  }
  return context.meetings;
}

/** The same of a view's definition: what it computes may be what a condition on it goes by. */
export function meetingsOfView(context: Context): Meetings {
  const found = new Finder(context);
  for (const object of everything(context.root)) found.object(object);
  found.condition(outputs(context.root), true);
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
  /** Names that are set against something of another name, or stand for it. */
  private readonly mixed = new Set<string>();
  /** Names in conditions: what a subquery computes counts where it has one of these. */
  private readonly chosenBy = new Set<string>();
  /** What subqueries give by these names; by an empty one where that is not written. */
  private readonly computed: { readonly name: string; readonly val: unknown }[] = [];
  /** A query runs again and again until a protected value says that it is enough. */
  private repeated = false;
  /** How many rows a view has may be a value. */
  private counted = false;

  constructor(context: Context) {
    this.context = context;
  }

  result(): Meetings {
    this.chosen();
    const { met, together, unequal, generated, anything } = this;
    for (const group of [...together, anything])
      if (group.size > 1 || group === anything) for (const name of group) this.mixed.add(name);
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
    const made = this.repeated || unequal.some(group => [...group].some(name => generated.has(name)));
    const searched = [...met].some(name => generated.has(name));
    const alike = new Set([...met].filter(name => !this.mixed.has(name)));
    return { met, counted: made || this.counted || unequal.length > 0, made, searched, alike };
  }

  /** `FROM (SELECT n, n = salary AS hit …) WHERE hit`: what a subquery computes is a condition where a condition goes by its name. */
  private chosen(): void {
    let open = this.computed;
    for (let before = -1, round = 0; open.length !== before; round++) {
      before = open.length;
      open = open.toReversed().filter(({ name, val }) => {
        if (round < ROUNDS && name !== '' && !this.chosenBy.has(name)) return true;
        if (name === '' && this.chosenBy.size === 0) return true;
        this.condition(val, true);
        return false;
      });
    }
  }

  object(object: Tree): void {
    for (const clause of CONDITIONS) if (present(object[clause])) this.condition(object[clause], true);
    // Of a subquery alone: what the statement itself gives back is masked, and chooses nothing.
    for (const query of [object.subquery, object.ctequery])
      if (present(query))
        this.gives(
          query,
          names(tree(object.alias).colnames).length > 0 || names(object.aliascolnames).length > 0,
        );
    this.renames(object);
    if (object.jointype !== undefined) this.join(object);
    if (typeof object.ctename === 'string') this.repeats(object);
    if (typeof object.relname === 'string') this.shown(object, object.relname);
    if (object.functions !== undefined) {
      const alias = tree(object.alias);
      for (const name of [text(alias.aliasname), ...names(alias.colnames)]) this.generated.add(name);
    }
  }

  /** What a view, or a table's policies, have set against protected values. */
  private shown({ schemaname }: Tree, relname: string): void {
    const { view, path, judge } = this.context;
    for (const relation of findRelations(view, text(schemaname) || null, relname, path)) {
      const { columns, counted } = judge.shownBy(relation);
      for (const name of columns) this.met.add(name);
      this.counted ||= counted;
    }
  }

  private gives(query: unknown, renamed: boolean): void {
    for (const target of outputs(query)) {
      this.condition(target, false);
      const { name, val } = tree(tree(target).ResTarget);
      const label = text(name) || (names(tree(tree(val).ColumnRef).fields).at(-1) ?? '');
      this.computed.push({ name: renamed ? '' : label, val: val ?? target });
    }
  }

  private refs(value: unknown): Refs {
    this.references ??= new References(carriersOf(this.context));
    return this.references.of(value);
  }

  /**
   * The right arm of a recursive UNION runs until it gives no more (new) rows: what sets one of the query's own columns against a protected
   * value, or computes with both, may decide when that is. Source: manual 7.8.2.
   */
  private repeats(cte: Tree): void {
    const query = tree(tree(cte.ctequery).SelectStmt);
    const arm = present(query.rarg) ? [...everything(query.rarg)] : [];
    if (!arm.some(object => object.relname === cte.ctename)) return;
    const given = names(cte.aliascolnames);
    const own = new Set([...given, ...labels(query.larg, given.length)]);
    const decides = (value: unknown) => {
      const refs = this.refs(value);
      return refs.carried && (own.has('') || [...refs.names].some(name => own.has(name)));
    };
    const clauses = arm.flatMap(object => CONDITIONS.flatMap(clause => conjuncts(object[clause])));
    const values = arm.flatMap(object => list(object.targetList).map(t => tree(tree(t).ResTarget).val));
    const computed = values.filter(value => node(value)?.tag !== 'ColumnRef');
    this.repeated ||= [...clauses, ...computed].some(decides);
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
  condition(value: unknown, shows: boolean): void {
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
    if (tag === 'ColumnRef' && shows) this.chosenBy.add(names(body.fields).at(-1) ?? '');
    if (!APART.has(tag)) this.meet(tag, body, shows);
    // Conditions of subqueries are looked at by themselves; what one gives is part of this one.
    for (const [field, part] of Object.entries(body))
      this.condition(field === 'subselect' ? outputs(part) : part, shows);
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
    if (all.size > 1) for (const name of all) this.mixed.add(name);
    if (shows) for (const name of all) this.met.add(name);
    if (!equality(tag, body)) this.unequal.push(all);
  }
}

/** What a query calls its columns from this one on; an empty name where that is not written. */
function labels(query: unknown, from: number): string[] {
  const targets = outputs(query);
  const stars = targets.filter(target => [...everything(target)].some(object => 'A_Star' in object));
  return [...targets.slice(from), ...stars].map(target => {
    const { name, val } = tree(tree(target).ResTarget);
    const label = typeof name === 'string' ? name : (names(tree(tree(val).ColumnRef).fields).at(-1) ?? '');
    return label === '*' ? '' : label;
  });
}

function conjuncts(condition: unknown): unknown[] {
  const { boolop, args } = tree(tree(condition).BoolExpr);
  if (boolop === 'AND_EXPR') return list(args).flatMap(conjuncts);
  return Array.isArray(condition) ? condition : present(condition) ? [condition] : [];
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
