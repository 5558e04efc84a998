import type { CatalogRelation, CatalogView } from '../catalog-view.ts';
import { outputs } from './carried.ts';
import { newContext } from './context.ts';
import type { Judge } from './judge.ts';
import { meetingsOfView } from './meetings.ts';
import { parseStatements } from './parse.ts';
import { node, tree } from './tree.ts';

export interface Shown {
  readonly columns: ReadonlySet<string>;
  /** How many rows there are may be a value. */
  readonly counted: boolean;
}

const FOUND = new WeakMap<CatalogView, Map<number, Shown>>();

const NOTHING: Shown = { columns: new Set(), counted: false };

/**
 * Columns of a view, or of a table with row-level security, that show protected values because its definition, or a policy, sets them against
 * one, as a statement with those conditions would. What such a view has computed is masked by itself.
 */
export function shownBy(view: CatalogView, judge: Judge, relation: CatalogRelation): Shown {
  if (relation.system || !view.hasProtected) return NOTHING;
  const defined = relation.view !== null && relation.reachesProtected;
  if (!defined && relation.policies.length === 0) return NOTHING;
  const known = FOUND.get(view) ?? new Map<number, Shown>();
  FOUND.set(view, known);
  const before = known.get(relation.oid);
  if (before !== undefined) return before;
  // A policy may read its own table.
  known.set(relation.oid, NOTHING);
  const texts = defined ? [relation.view ?? ''] : relation.policies.map(policy => asQuery(relation, policy));
  const each = texts.flatMap(text => {
    const parsed = parseStatements(text);
    return typeof parsed === 'string' ? [] : parsed.map(statement => shown(view, judge, statement));
  });
  const found = {
    columns: new Set(each.flatMap(one => [...one.columns]).filter(name => relation.columns.has(name))),
    counted: each.some(one => one.counted),
  };
  known.set(relation.oid, found);
  return found;
}

function shown(view: CatalogView, judge: Judge, statement: unknown): Shown {
  const context = newContext(view, judge, []);
  context.root = statement;
  const { met, counted } = meetingsOfView(context);
  const targets = outputs(statement).map(target => tree(tree(target).ResTarget));
  const computed = targets.filter(({ val }) => counted && node(val)?.tag !== 'ColumnRef');
  return { columns: new Set([...met, ...computed.map(({ name }) => String(name))]), counted };
}

function asQuery(relation: CatalogRelation, policy: string): string {
  const [schema, name] = [relation.schema, relation.name].map(part => `"${part.replaceAll('"', '""')}"`);
  return `SELECT 1 FROM ${schema}.${name} WHERE ${policy}`;
}
