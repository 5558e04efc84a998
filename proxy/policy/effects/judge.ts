import type { CatalogFunction, CatalogRelation, CatalogTrigger, CatalogView } from '../catalog-view.ts';
import { functionBody } from './body.ts';
import { builtin, systemRelation } from './builtin-facts.ts';
import { COMPUTING_EXTENSIONS, COMPUTING_VOLATILE } from './builtins.ts';
import { type Context, castTo, type Grammar, involveRow, newContext, settle } from './context.ts';

import { intoTable, readNamed, type WriteKind, walkDml } from './dml.ts';
import { walk } from './expression.ts';
import { Facts } from './facts.ts';
import { Findings } from './findings.ts';
import { AT_THE_END } from './names.ts';
import { parseStatements } from './parse.ts';
import { walkQuery } from './query.ts';
import { Scope } from './scope.ts';
import { type Shown, shownBy } from './shown-by.ts';
import { walkStatement } from './statement.ts';
import { is, list, type Tree, tree } from './tree.ts';

/** What CREATE TYPE … AS RANGE makes by itself. */
const CONSTRUCTORS = /^(range_constructor[23]|multirange_constructor[012])$/;

const COPIES =
  'a trigger or a rule would copy a protected column into another place, where it is not protected';

const EVENTS = 'an event trigger reads a protected relation, and can carry its values elsewhere';

const NOTHING = new Facts();

/**
 * What the things of one catalog do when they are used, found out on demand and remembered.
 */
export class Judge {
  readonly grammar: Grammar = { query: walkQuery, dml: walkDml, into: intoTable, statement: walkStatement };
  readonly #view: CatalogView;
  readonly #found = new Findings();

  constructor(view: CatalogView) {
    this.#view = view;
  }

  /** Calling a function with so many arguments, from a session whose search path is `path`. */
  callFacts(f: CatalogFunction, count: number, path: readonly string[]): Facts {
    return this.#found.once(`f${f.oid} ${count} ${path.join('\0')}`, () => {
      const facts = new Facts();
      facts.functions.add(`${f.schema}.${f.name}`);
      if (f.system) builtin(this.#view, f, count, facts);
      else {
        facts.called.add(f.oid);
        this.#userFunction(f, path, facts);
      }
      return facts;
    });
  }

  #userFunction(f: CatalogFunction, path: readonly string[], facts: Facts): void {
    const name = `${f.schema}.${f.name}`;
    const computes =
      COMPUTING_EXTENSIONS.has(f.extension) && (f.volatility !== 'v' || COMPUTING_VOLATILE.has(f.name));
    if (f.kind === 'a') {
      for (const part of f.parts) {
        const called = this.#view.functionOf(part);
        if (called === undefined) facts.cannotTell(`a part of the aggregate ${name} is not in the catalog`);
        else {
          facts.absorb(this.callFacts(called, called.inputs.length, path));
          facts.absorb(this.#made(called, path));
        }
      }
    } else if (f.language === 'internal' && CONSTRUCTORS.test(f.source)) {
      return;
    } else if ((f.language === 'c' || f.language === 'internal') && computes) {
      if (f.extension === 'pg_stat_statements') facts.suspect = this.#view.hasProtected;
    } else {
      facts.absorb(
        this.#found.once(`b${f.oid} ${path.join('\0')}`, () => functionBody(this.#view, this, f, path)),
      );
    }
    if (f.defaultText !== '') facts.absorb(this.#expressions([f.defaultText], path, null));
    if (facts.protected)
      facts.givesUnmasked(`${name} reads a protected relation, and what it gives back cannot be masked`);
    if (!facts.readOnly) facts.carriers.add(name);
  }

  /** An aggregate's state is made from text: of a type that a transition function gives. */
  #made(f: CatalogFunction, path: readonly string[]): Facts {
    const context = newContext(this.#view, this, [], path);
    castTo(context, f.result);
    context.computes = true;
    return settle(context);
  }

  /** What a type brings with it: whenever a value occurs, when values meet, or when one is cast to it. */
  typeFacts(oid: number, when: 'io' | 'meets' | 'checks', path: readonly string[]): Facts {
    const type = this.#view.type(oid);
    if (type === undefined || type[when].length === 0) return NOTHING;
    return this.#found.once(`t${oid} ${when} ${path.join('\0')}`, () => {
      if (when === 'checks') return this.#expressions(type.checks, path, null);
      const facts = new Facts();
      for (const hook of type[when]) {
        const found = this.hookFacts(hook, path, `type ${type.schema}.${type.name}`);
        // Nobody called it: it is told only when it does more than compute.
        if (!found.readOnly || found.protected || found.suspect) facts.absorb(found);
        else facts.mayCome(found);
      }
      return facts;
    });
  }

  /** A function that Postgres calls by itself, found by its OID. */
  hookFacts(oid: number, path: readonly string[], whose: string): Facts {
    const called = this.#view.functionOf(oid);
    if (called !== undefined) return this.callFacts(called, called.inputs.length, path);
    const facts = new Facts();
    facts.cannotTell(`a function of ${whose} is not in the catalog`);
    return facts;
  }

  /** What may run in any expression of this database, whatever it names. */
  everywhere(path: readonly string[]): Facts {
    return this.#found.once(`e ${path.join('\0')}`, () => {
      const facts = new Facts();
      for (const oid of this.#view.everywhere) facts.absorb(this.hookFacts(oid, path, 'a cast'));
      return facts;
    });
  }

  /** What reading a relation runs besides the statement itself. Its outputs are masked by origin, so nothing here refuses. */
  relationFacts(r: CatalogRelation, path: readonly string[]): Facts {
    if (r.system) return systemRelation(r);
    return this.#found.once(`r${r.oid} ${path.join('\0')}`, () => {
      const facts = new Facts();
      if (r.view !== null && r.kind === 'v') facts.absorb(this.#viewBody(r.view, path).beside());
      facts.absorb(this.#expressions(r.policies, path, r).beside());
      facts.absorb(this.#expressions(r.generated, path, r));
      facts.absorb(this.#hidden(r, r.hidden, path));
      facts.functions.delete('');
      if (r.reachesProtected) facts.protected = true;
      return facts;
    });
  }

  /** Planning may call these with constants: what they compute matters only when it is more than computing. */
  #hidden(r: CatalogRelation, functions: readonly number[], path: readonly string[]): Facts {
    const facts = new Facts();
    for (const hidden of functions) {
      const found = this.hookFacts(hidden, path, `an index or constraint of ${r.schema}.${r.name}`);
      if (found.readOnly) facts.mayCome(found);
      else facts.absorb(found.beside());
    }
    return facts;
  }

  /** What sees each row of a relation while it, an index or its statistics are made anew. */
  besideRows(r: CatalogRelation, path: readonly string[]): Facts {
    return this.#found.once(`s${r.oid} ${path.join('\0')}`, () => {
      const facts = new Facts();
      for (const hidden of r.eachRow)
        facts.absorb(this.hookFacts(hidden, path, `an index or constraint of ${r.schema}.${r.name}`));
      facts.absorb(this.#expressions([...r.seesRows, ...r.generated], path, r));
      return facts;
    });
  }

  /** Columns that show protected values which the relation's definition or policies set them against. */
  shownBy(r: CatalogRelation): Shown {
    return shownBy(this.#view, this, r);
  }

  /** What REFRESH of a materialized view runs. */
  refreshFacts(r: CatalogRelation, path: readonly string[]): Facts {
    return this.#found.once(`m${r.oid} ${path.join('\0')}`, () => this.#viewBody(r.view ?? '', path));
  }

  #viewBody(definition: string, path: readonly string[]): Facts {
    const context = newContext(this.#view, this, [], path);
    const parsed = parseStatements(definition);
    const statements = typeof parsed === 'string' ? [] : parsed;
    if (statements.length !== 1) context.facts.cannotTell('a view has a definition that does not parse');
    for (const s of statements) walk(context, s);
    return settle(context);
  }

  /** What changing a relation runs besides the statement itself: defaults, checks, policies, rules and triggers. */
  writeFacts(r: CatalogRelation, kind: WriteKind, path: readonly string[]): Facts {
    return this.#found.once(`w${r.oid} ${kind} ${path.join('\0')}`, () => {
      const facts = new Facts();
      const shadows = new Set<string>();
      if (r.system) return facts;
      const writes = kind === 'insert' || kind === 'update';
      if (writes) facts.absorb(this.#expressions(r.onWrite, path, r));
      for (const rule of r.rules) facts.absorb(this.#rule(rule, r, kind, path));
      for (const trigger of r.triggers)
        if (trigger[kind]) {
          for (const oid of trigger.calls)
            facts.absorb(this.hookFacts(oid, path, `a trigger of ${r.schema}.${r.name}`));
          for (const oid of trigger.types)
            for (const what of ['io', 'checks'] as const) facts.absorb(this.typeFacts(oid, what, path));
          const called = this.#view.functionOf(trigger.function);
          if (called === undefined)
            facts.cannotTell(
              `a trigger of ${r.schema}.${r.name} calls a function that is not in the catalog`,
            );
          else if (!called.system) {
            if (trigger.deferrable) facts.late.add(called.oid);
            facts.absorb(this.callFacts(called, 0, pathOf(trigger, path)));
            for (const carrier of this.#shadowing(called, path, pathOf(trigger, path))) shadows.add(carrier);
          } else if (trigger.deferrable && r.eachRow.length > 0) {
            for (const oid of r.eachRow) facts.late.add(oid);
            facts.absorb(this.#hidden(r, r.eachRow, pathOf(trigger, path)));
          }
        }
      const implied = facts.withoutRefusal();
      for (const carrier of shadows) implied.carriers.add(carrier);
      if (writes) implied.absorb(this.#expressions(r.seesRows, path, r).beside());
      if (writes) implied.absorb(this.#hidden(r, r.eachRow, path));
      return implied;
    });
  }

  /** What a function does that a transaction has left to its end; `path` is where the statement was judged that left it. */
  lateFacts(f: CatalogFunction, path: readonly string[]): Facts {
    const facts = this.callFacts(f, f.inputs.length, AT_THE_END);
    if (f.result !== TRIGGER) return facts;
    const implied = facts.withoutRefusal();
    for (const carrier of this.#shadowing(f, path, AT_THE_END)) implied.carriers.add(carrier);
    const copies = this.#copies(f.oid, AT_THE_END);
    if (copies !== null) implied.refuse(copies);
    return implied;
  }

  /** What runs beside DDL. Nothing of the statement comes to it but names: what it carries away is what it has read itself. */
  eventFacts(path: readonly string[]): Facts {
    return this.#found.once(`d ${path.join('\0')}`, () => {
      const facts = new Facts();
      for (const { event, function: oid } of this.#view.eventTriggers)
        if (event !== 'login') facts.absorb(this.hookFacts(oid, path, 'an event trigger'));
      const implied = facts.withoutRefusal();
      if (facts.protected) implied.refuse(EVENTS);
      return implied;
    });
  }

  /** What it calls that could carry values away only because the session's path puts a schema before Postgres's own. */
  #shadowing(f: CatalogFunction, path: readonly string[], then: readonly string[]): string[] {
    if (path === then && path.indexOf('pg_catalog') < 1) return [];
    const plain = this.callFacts(f, 0, ['pg_catalog', ...path.filter(schema => schema !== 'pg_catalog')]);
    return [...this.callFacts(f, 0, then).carriers].filter(carrier => !plain.carriers.has(carrier));
  }

  /**
   * A sentence when what a write starts and the statement did not choose, a default, a rule or a trigger, may put protected values down
   * elsewhere, or does what nobody may do.
   */
  bringsIn(r: CatalogRelation, kind: WriteKind, path: readonly string[]): string | null {
    if (r.system || !this.#view.hasProtected) return null;
    const given =
      kind === 'insert' || kind === 'update' ? this.#expressions(r.onWrite, path, r).refusal : null;
    if (given !== null) return given;
    const started = [
      ...r.rules.map(rule => handsOn(this.#rule(rule, r, kind, path))),
      ...r.triggers.filter(t => t[kind]).map(t => this.#copies(t.function, pathOf(t, path))),
    ];
    return started.find(found => found !== null) ?? null;
  }

  /** Of a trigger function, which may also name a protected column of what it reads. */
  #copies(oid: number, path: readonly string[]): string | null {
    const called = this.#view.functionOf(oid);
    if (called === undefined || called.system) return null;
    const facts = this.callFacts(called, 0, path);
    const words = new Set(called.source.toLowerCase().match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? []);
    const named = this.#view.guarded.some(
      g =>
        facts.reads.has(`${g.schema}.${g.name}`) &&
        [...g.masked].some(column => words.has(column.toLowerCase())),
    );
    return handsOn(facts) ?? (facts.protected && (facts.fetches || named) ? COPIES : null);
  }

  #rule(definition: string, r: CatalogRelation, kind: WriteKind, path: readonly string[]): Facts {
    const context = newContext(this.#view, this, [], path);
    // NEW and OLD.
    involveRow(context, r);
    const parsed = parseStatements(definition);
    const rule = typeof parsed === 'string' ? null : is(parsed[0], 'RuleStmt');
    if (rule === null) {
      context.facts.cannotTell('a rule has a definition that does not parse');
      return context.facts;
    }
    if (rule.event !== `CMD_${kind.toUpperCase()}`) return context.facts;
    walk(context, rule.whereClause);
    for (const action of list(rule.actions)) walkStatement(context, action);
    return settle(context);
  }

  /** Expressions of the catalog, printed with all user names qualified; those of a relation may name its columns. */
  #expressions(texts: readonly string[], path: readonly string[], relation: CatalogRelation | null): Facts {
    const facts = new Facts();
    for (const text of texts) {
      const context = newContext(this.#view, this, [], path);
      if (relation !== null) {
        const scope = new Scope();
        scope.set(relation.name, relation.columns);
        context.scopes.push(scope);
        context.rows.push({ relation, alias: relation.name });
      }
      const parsed = parseStatements(`SELECT ${text}`);
      if (typeof parsed === 'string' || parsed.length !== 1)
        facts.cannotTell('an expression of the catalog does not parse');
      else walk(context, tree(is(parsed[0], 'SelectStmt') ?? {}).targetList);
      facts.absorb(settle(context));
    }
    return facts;
  }

  /** The TypeName that a text names, as `pg_input_is_valid` reads it; null when it is none. */
  parseType(text: string): Tree | null {
    const parsed = parseStatements(`SELECT NULL::${text}`);
    if (typeof parsed === 'string' || parsed.length !== 1) return null;
    const target = list(tree(is(parsed[0], 'SelectStmt') ?? {}).targetList)[0];
    const cast = is(tree(is(target, 'ResTarget') ?? {}).val, 'TypeCast');
    return cast === null ? null : tree(cast.typeName);
  }

  /** Reads a table whole inside a context: a convenience for statements that name one outside FROM. */
  readWhole(context: Context, rel: Tree): readonly CatalogRelation[] {
    return readNamed(context, rel);
  }
}

/** Its OID in pg_type.dat. */
const TRIGGER = 2279;

function handsOn({ breach, hands }: Facts): string | null {
  return breach ?? (hands ? COPIES : null);
}

/** Where a trigger's function looks names up. */
function pathOf({ deferrable }: CatalogTrigger, path: readonly string[]): readonly string[] {
  return deferrable ? AT_THE_END : path;
}

const JUDGES = new WeakMap<CatalogView, Judge>();

/** The judge of this catalog: one per loaded catalog, so that what it has found out ends with it. */
export function judgeOf(view: CatalogView): Judge {
  let judge = JUDGES.get(view);
  if (judge === undefined) {
    judge = new Judge(view);
    JUDGES.set(view, judge);
  }
  return judge;
}
