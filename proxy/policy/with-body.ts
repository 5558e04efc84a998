import { cannotTell, type StatementAnalysis } from '#schemas/analysis.ts';
import type { CommandClass } from '#schemas/effects.ts';
import { STRAYS, strays } from './strays.ts';

const UNKNOWN_BODY = 'the prepared statement or cursor that it names is not known to the session';

/** What an analysis that waits for its body says by itself. */
const waiting = new WeakMap<StatementAnalysis, StatementAnalysis>();

/** EXECUTE, FETCH and their like before `withBody`: unknown, so that forgetting to add the body allows nothing. */
export function awaitingBody(outer: StatementAnalysis): StatementAnalysis {
  const guarded = unknownBody(outer);
  waiting.set(guarded, outer);
  return guarded;
}

function unknownBody(outer: StatementAnalysis): StatementAnalysis {
  const effects = { ...outer.effects, commands: union(outer.effects.commands, ['unknown']) };
  return cannotTell({ ...outer, effects }, UNKNOWN_BODY);
}

/** What such a statement is by itself, which is all that Parse meets of it: the name is looked up when it runs. */
export function withoutBody(given: StatementAnalysis): StatementAnalysis {
  return waiting.get(given) ?? given;
}

/**
 * EXECUTE, FETCH, MOVE, EXPLAIN EXECUTE and WHERE CURRENT OF together with the body that the session knows by that name. An
 * undefined body makes the whole unknown. Until this was called, the outer analysis says nothing about what it runs.
 */
export function withBody(given: StatementAnalysis, known: StatementAnalysis | undefined): StatementAnalysis {
  if (given.executes === null && given.cursor === null) return given;
  const outer = waiting.get(given);
  if (outer === undefined) return unknownBody(given);
  if (known === undefined) return given;
  // The server refuses an EXECUTE that gives too few values, and no cursor has parameters that are open.
  const body = outer.executes === null ? known : (known.bound?.by(outer.given ?? []) ?? known);
  const a = outer.effects;
  const b = body.effects;
  const explains = a.commands[0] === 'explain';
  const functions = union(a.functions, b.functions).sort();
  // What EXECUTE gives is computed before the body runs.
  const set = outer.actions.flatMap(action => (action.kind === 'set' ? [action.setting] : []));
  const lost = strays(functions, set) ? [STRAYS] : [];
  const runs = outer.executes !== null && a.commands[0] === 'prepare';
  const fills = outer.executes !== null && a.commands.includes('ddl');
  return {
    ...outer,
    effects: {
      commands: union(
        a.commands,
        b.commands.filter(c => c !== 'select' || !b.readOnly),
      ),
      reads: union(a.reads, b.reads).sort(),
      writes: union(a.writes, b.writes).sort(),
      functions,
      withoutWhere: a.withoutWhere || b.withoutWhere,
      keyed: a.keyed && b.keyed,
      rows: rows(outer, body),
      outside: a.outside || b.outside,
      unknown: union(union(a.unknown, b.unknown), lost).sort(),
      readOnly: a.readOnly && b.readOnly && lost.length === 0,
    },
    ...(outer.within === undefined && body.within === undefined
      ? {}
      : {
          within: {
            reads: union(outer.within?.reads ?? [], body.within?.reads ?? []),
            writes: union(outer.within?.writes ?? [], body.within?.writes ?? []),
            functions: union(outer.within?.functions ?? [], body.within?.functions ?? []),
          },
        }),
    // A command that the protocol has prepared runs as any other; EXPLAIN looks at it, and a cursor has none.
    actions: [...outer.actions, ...body.actions.filter(action => runs || action.kind === 'set')],
    touchesProtected: outer.touchesProtected || body.touchesProtected,
    cleanOutputs: explains || outer.effects.writes.length > 0 ? null : body.cleanOutputs,
    met: [...(outer.met ?? []), ...(body.met ?? [])],
    refusal:
      outer.refusal ??
      body.refusal ??
      (fills && body.touchesProtected
        ? 'a prepared statement over a protected relation would fill a table that is not protected'
        : null),
    ownTransaction: outer.ownTransaction || body.ownTransaction,
    rewires: outer.rewires === true || body.rewires === true,
    ...aboutBoth(outer, body),
    opaque: outer.opaque === true || body.opaque === true,
    meaning:
      outer.meaning === 'changes' || body.meaning === 'changes' ? 'changes' : (outer.meaning ?? body.meaning),
    otherEncoding: outer.otherEncoding === true || body.otherEncoding === true,
    otherStrings: outer.otherStrings === true || body.otherStrings === true,
    parseRuns: outer.parseRuns === true || body.parseRuns === true,
    ...opens(outer, body),
    ...both('calls', outer, body),
    ...both('late', outer, body),
  };
}

/** What the one and the other may come to. */
export function both(
  what: 'calls' | 'late',
  a: StatementAnalysis,
  b: StatementAnalysis,
): Pick<StatementAnalysis, 'calls' | 'late'> {
  const [one, other] = [a[what], b[what]];
  if (one === undefined && other === undefined) return {};
  return { [what]: [...new Set([...(one ?? []), ...(other ?? [])])].sort((x, y) => x - y) };
}

export function aboutBoth(
  a: StatementAnalysis,
  b: StatementAnalysis,
): Pick<StatementAnalysis, 'about' | 'callNames'> {
  const all = (one: readonly string[] = [], other: readonly string[] = []) =>
    [...new Set([...one, ...other])].sort();
  const [about, callNames] = [all(a.about, b.about), all(a.callNames, b.callNames)];
  return { ...(about.length > 0 ? { about } : {}), ...(callNames.length > 0 ? { callNames } : {}) };
}

function opens(a: StatementAnalysis, b: StatementAnalysis): Pick<StatementAnalysis, 'opens'> {
  const kept = a.opens === 'held' ? a.opens : (b.opens ?? a.opens);
  return kept === undefined ? {} : { opens: kept };
}

function rows(outer: StatementAnalysis, body: StatementAnalysis): number | null {
  const a = outer.effects.rows;
  const b = body.effects.rows;
  if (outer.cursor !== null && outer.effects.commands[0] === 'cursor' && a !== null && a > 0)
    return b === null ? a : Math.min(a, b);
  if (b === null || a === null) return null;
  return Math.max(a, b);
}

function union<T extends string | CommandClass>(a: readonly T[], b: readonly T[]): T[] {
  return [...new Set([...a, ...b])];
}
