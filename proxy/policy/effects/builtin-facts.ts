import type { CatalogFunction, CatalogRelation, CatalogView } from '../catalog-view.ts';
import { builtinKind } from './builtins.ts';
import { Facts } from './facts.ts';

const OUTSIDE_VIEWS = new Set(['pg_file_settings', 'pg_hba_file_rules', 'pg_ident_file_mappings']);

/** Postgres's own views change nothing; three of them read the server's files. */
export function systemRelation(r: CatalogRelation): Facts {
  const facts = new Facts();
  if (r.reachesProtected) facts.protected = true;
  if (OUTSIDE_VIEWS.has(r.name)) {
    facts.outside = true;
    facts.readOnly = false;
  }
  return facts;
}

/** All that they take is the number of a process. */
const NO_CARRIERS = new Set(['pg_terminate_backend', 'pg_cancel_backend']);

/** Adds what a function of Postgres itself does when it is called with so many arguments. */
export function builtin(view: CatalogView, f: CatalogFunction, count: number, facts: Facts): void {
  const kind = builtinKind(f.name, f.volatility, count);
  const name = `${f.schema}.${f.name}`;
  if (kind === 'pure') return;
  if (kind === 'reveals' || kind === 'outside' || /^pg_logical_slot_/.test(f.name)) facts.revealing.add(name);
  if (kind === 'reveals') {
    facts.suspect = view.hasProtected;
    return;
  }
  facts.readOnly = false;
  if (kind === 'sequence' || kind === 'wait') return;
  if (!NO_CARRIERS.has(f.name)) facts.carriers.add(name);
  if (kind === 'lock') facts.does('lock');
  else if (kind === 'notify') facts.does('notify');
  else if (kind === 'set') {
    facts.does('set');
    facts.changesMeaning = true;
  } else if (kind === 'sql') facts.cannotRead(`${name} runs what a string says`);
  else {
    facts.does('call');
    facts.suspect = true;
    if (kind === 'outside') facts.outside = true;
  }
}
