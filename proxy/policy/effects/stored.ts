import type { CatalogFunction, CatalogRelation, CatalogView } from '../catalog-view.ts';
import type { Context } from './context.ts';
import { wordsOf } from './helpers.ts';
import { everything, names, type Tree, tree } from './tree.ts';

const FOUND = new WeakMap<CatalogView, ReadonlySet<string>>();

/** Change or take away what a name stands for. */
const CHANGING = new Set([
  'ViewStmt',
  'CreateFunctionStmt',
  'DropStmt',
  'RenameStmt',
  'AlterObjectSchemaStmt',
]);

/**
 * A sentence when DDL would change what a materialized view is known by: what it holds stays as it was read, and it is masked by what its
 * definition reaches now.
 */
export function unmasksStored(context: Context, tag: string, body: Tree): string | null {
  if (!CHANGING.has(tag)) return null;
  const stored = namesStored(context.view);
  if (stored.size === 0) return null;
  return [...touched(body)].some(name => stored.has(name) && shows(context, name)) ? STORED : null;
}

const STORED = 'a materialized view holds protected values that it has read by this name: drop that first';

/** The last word of every name in it. */
function touched(body: Tree): Set<string> {
  const found = new Set([names(body.funcname).at(-1) ?? '']);
  for (const object of everything([body.view, body.relation, body.object, body.objects])) {
    if (typeof object.relname === 'string') found.add(object.relname);
    if ('objname' in object) found.add(names(object.objname).at(-1) ?? '');
    if ('List' in object) found.add(names(tree(object.List).items).at(-1) ?? '');
  }
  return found;
}

function shows({ view, judge, callPath }: Context, name: string): boolean {
  if (view.relationsNamed(name).some(r => r.kind === 'v' && r.reachesProtected)) return true;
  return view
    .functionsNamed(name)
    .some(f => !f.system && judge.callFacts(f, f.inputs.length, callPath).protected);
}

/** By the words of the definitions of materialized views with masked columns, and of what these lead to. */
function namesStored(view: CatalogView): ReadonlySet<string> {
  let found = FOUND.get(view);
  if (found === undefined) {
    const words = new Set<string>();
    const open: (CatalogRelation | CatalogFunction)[] = view.guarded.filter(r => r.kind === 'm');
    for (let next = open.pop(); next !== undefined; next = open.pop())
      for (const word of wordsOf('source' in next ? `${next.source} ${next.sqlBody}` : (next.view ?? ''))) {
        if (words.has(word)) continue;
        words.add(word);
        open.push(...view.relationsNamed(word).filter(r => r.kind === 'v' && !r.system));
        open.push(...view.functionsNamed(word).filter(f => !f.system));
      }
    found = words;
    FOUND.set(view, found);
  }
  return found;
}
