import type { Context } from './context.ts';
import { findRelations } from './names.ts';
import { everything, type Tree, text } from './tree.ts';

const REBUILDS = new Set(['VacuumStmt', 'ClusterStmt', 'ReindexStmt']);

/** ANALYZE, VACUUM, CLUSTER and REINDEX compute what a table's indexes and statistics are made of, for its rows and those of its children. */
export function maintained({ view, judge, path, callPath, facts }: Context, tag: string, body: Tree): void {
  if (!REBUILDS.has(tag)) return;
  for (const object of everything(body)) {
    if (typeof object.relname !== 'string') continue;
    for (const one of findRelations(view, text(object.schemaname) || null, object.relname, path))
      for (const r of [one, ...one.children.flatMap(oid => view.relation(oid) ?? [])]) {
        const found = judge.besideRows(r, callPath);
        if (!found.readOnly) facts.absorb(found.beside());
      }
  }
}
