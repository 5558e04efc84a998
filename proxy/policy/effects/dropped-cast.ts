import type { Context } from './context.ts';
import { findTypes } from './names.ts';
import { is, list, names, type Tree, tree } from './tree.ts';

/**
 * DROP CAST. What was made while it was there goes on calling its function, and no definition that the server prints says so: as long as the cast
 * is there, it counts wherever one stands.
 */
export function dropsCast({ view, path, facts }: Context, tag: string, body: Tree): void {
  if (tag !== 'DropStmt' || body.removeType !== 'OBJECT_CAST') return;
  for (const object of list(body.objects)) {
    const [, target] = list(tree(is(object, 'List') ?? {}).items);
    const words = names(tree(is(target, 'TypeName') ?? {}).names);
    const found = findTypes(view, words.length > 1 ? (words.at(-2) ?? '') : null, words.at(-1) ?? '', path);
    if (found.some(type => type.casts.length > 0))
      facts.cannotTell('what was made with the cast goes on calling its function');
  }
}
