import type { Strings, Values } from '#schemas/analysis.ts';
import { canonical, type Json, sha256 } from '#schemas/canonical.ts';
import type { Effects } from '#schemas/effects.ts';
import { analyse } from './analyse.ts';
import type {
  CatalogEventTrigger,
  CatalogFunction,
  CatalogOperator,
  CatalogRelation,
  CatalogType,
  CatalogView,
} from './catalog-view.ts';

export interface Defined {
  readonly text: string;
  readonly searchPath: readonly string[];
  /** Type OIDs of its parameters, as they were declared. */
  readonly types: readonly number[];
  /** How its strings were read. */
  readonly strings: Strings;
  /** What it does, bodies of prepared statements and cursors included, which its text only names. */
  readonly effects: readonly Effects[];
  /** Of its parameters, where its meaning hangs on them. */
  readonly values: Values | null;
}

/**
 * SHA-256 (hex) over the definitions of users' own that a text reaches: everything of the catalog that its analysis looks at, observed while
 * it is analysed once more, and everything that its effects name. Names stand for OIDs, so that what is dropped and made again in the same
 * words is the same; sizes and indexes change nothing that it means. Rather too much than too little is among it: another function
 * of the same name, a new partition.
 */
export function definitionsOf(
  view: CatalogView,
  { text, searchPath, types, strings, effects, values }: Defined,
): string {
  const reached = new Reached(view);
  const analysed = analyse(text, reached, searchPath, types, strings);
  if (values !== null && analysed.kind === 'statements')
    for (const { bound } of analysed.statements) bound?.by(values);
  for (const { reads, writes, functions } of effects)
    for (const name of [...reads, ...writes, ...functions]) reached.mention(name);
  return sha256(canonical(reached.definitions()));
}

/** A catalog that remembers what it was asked for. */
class Reached implements CatalogView {
  readonly #view: CatalogView;
  readonly #relations = new Set<CatalogRelation>();
  readonly #functions = new Set<CatalogFunction>();
  readonly #operators = new Set<CatalogOperator>();
  readonly #types = new Set<CatalogType>();
  readonly #eventTriggers = new Set<CatalogEventTrigger>();

  constructor(view: CatalogView) {
    this.#view = view;
  }

  get version() {
    return this.#view.version;
  }
  get hasProtected() {
    return this.#view.hasProtected;
  }
  get guarded() {
    return this.#view.guarded;
  }
  get protectedSchemas() {
    return this.#view.protectedSchemas;
  }
  get schemas() {
    return this.#view.schemas;
  }
  get everywhere() {
    return this.#view.everywhere;
  }
  get eventTriggers() {
    for (const trigger of this.#view.eventTriggers) this.#eventTriggers.add(trigger);
    return this.#view.eventTriggers;
  }
  get lively() {
    return this.#view.lively;
  }
  relationsNamed(name: string) {
    return noted(this.#relations, this.#view.relationsNamed(name));
  }
  relation(oid: number) {
    return noted(this.#relations, [this.#view.relation(oid)])[0];
  }
  functionsNamed(name: string) {
    return noted(this.#functions, this.#view.functionsNamed(name));
  }
  functionOf(oid: number) {
    return noted(this.#functions, [this.#view.functionOf(oid)])[0];
  }
  operatorsNamed(name: string) {
    return noted(this.#operators, this.#view.operatorsNamed(name));
  }
  typesNamed(name: string) {
    return noted(this.#types, this.#view.typesNamed(name));
  }
  type(oid: number) {
    return noted(this.#types, [this.#view.type(oid)])[0];
  }

  /** `schema.name` of a relation or a function, either of which may have dots in it. */
  mention(name: string): void {
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const schema = name.slice(0, dot);
      const inSchema = (one: { readonly schema: string }) => one.schema === schema;
      noted(this.#relations, this.#view.relationsNamed(name.slice(dot + 1)).filter(inSchema));
      noted(this.#functions, this.#view.functionsNamed(name.slice(dot + 1)).filter(inSchema));
    }
  }

  definitions(): Json {
    return {
      eventTriggers: sorted(this.#eventTriggers, t => ({ ...t, function: this.#signature(t.function) })),
      functions: sorted(this.#functions, f => this.#function(f)),
      operators: sorted(this.#operators, o => ({
        ...o,
        left: this.#typeName(o.left),
        right: this.#typeName(o.right),
        result: this.#typeName(o.result),
        functions: this.#signatures(o.functions),
      })),
      relations: sorted(this.#relations, r => this.#relation(r)),
      types: sorted(this.#types, ({ oid: _, ...t }) => ({
        ...t,
        parts: t.parts.map(part => this.#typeName(part)),
        io: this.#signatures(t.io),
        meets: this.#signatures(t.meets),
        casts: t.casts.map(c => [this.#typeName(c.source), this.#signature(c.function)]),
      })),
    };
  }

  #function({ oid: _, ...f }: CatalogFunction): Json {
    return {
      ...f,
      inputs: f.inputs.map(oid => this.#typeName(oid)),
      result: this.#typeName(f.result),
      allTypes: f.allTypes.map(oid => this.#typeName(oid)),
      parts: this.#signatures(f.parts),
    };
  }

  #relation(relation: CatalogRelation): Json {
    const {
      oid: _,
      tuples: _tuples,
      uniqueKeys: _keys,
      masked: _masked,
      partly: _partly,
      reachesProtected: _reaches,
      named: _named,
      hidden: _hidden,
      ...r
    } = relation;
    return {
      ...r,
      columns: [...r.columns].map(([name, type]) => [name, this.#typeName(type)]),
      rules: [...r.rules].sort(),
      policies: [...r.policies].sort(),
      terms: [...r.terms].sort(),
      generated: [...r.generated].sort(),
      onWrite: [...r.onWrite].sort(),
      triggers: sorted(r.triggers, t => ({
        ...t,
        function: this.#signature(t.function),
        calls: this.#signatures(t.calls),
        types: t.types.map(oid => this.#typeName(oid)),
      })),
      parents: this.#relationNames(r.parents),
      children: this.#relationNames(r.children),
      referencing: this.#relationNames(r.referencing),
      onDelete: this.#relationNames(r.onDelete),
      onUpdate: this.#relationNames(r.onUpdate),
    };
  }

  #typeName(oid: number): string {
    const type = this.#view.type(oid);
    return type === undefined ? String(oid) : `${type.schema}.${type.name}`;
  }

  #signature(oid: number): string {
    const f = this.#view.functionOf(oid);
    return f === undefined
      ? String(oid)
      : `${f.schema}.${f.name}(${f.inputs.map(input => this.#typeName(input)).join()})`;
  }

  #signatures(oids: readonly number[]): string[] {
    return oids.map(oid => this.#signature(oid)).sort();
  }

  #relationNames(oids: readonly number[]): string[] {
    return oids.map(oid => this.#relationName(oid)).sort();
  }

  #relationName(oid: number): string {
    const relation = this.#view.relation(oid);
    return relation === undefined ? String(oid) : `${relation.schema}.${relation.name}`;
  }
}

/** What initdb made is the same for as long as the server runs, and is not noted. */
function noted<T extends { readonly system: boolean }, U extends T | undefined>(
  seen: Set<T>,
  found: readonly U[],
): readonly U[] {
  for (const one of found) if (one !== undefined && !one.system) seen.add(one);
  return found;
}

/** In an order that hangs on nothing but what they are. */
function sorted<T>(all: Iterable<T>, form: (one: T) => Json): Json[] {
  return [...all]
    .map(one => ({ value: form(one), text: '' }))
    .map(one => ({ ...one, text: canonical(one.value) }))
    .sort((a, b) => (a.text < b.text ? -1 : 1))
    .map(one => one.value);
}
