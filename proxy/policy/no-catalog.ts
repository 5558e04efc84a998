import type { CatalogView } from './catalog-view.ts';

const none = () => [];
const unknown = () => undefined;

/** A target of which nothing is known, and which may protect anything: for statements that mean the same whatever names mean. */
export const NO_CATALOG: CatalogView = {
  version: '',
  hasProtected: true,
  guarded: [],
  protectedSchemas: new Set(),
  schemas: new Map(),
  relationsNamed: none,
  relation: unknown,
  functionsNamed: none,
  functionOf: unknown,
  operatorsNamed: none,
  typesNamed: none,
  type: unknown,
  everywhere: [],
  eventTriggers: [],
  lively: [],
};
