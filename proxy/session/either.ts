import type { StatementAnalysis } from '#schemas/analysis.ts';
import { aboutBoth, both } from '../policy/with-body.ts';

/** What may be the one or the other. */
export function either(a: StatementAnalysis, b: StatementAnalysis): StatementAnalysis {
  const all = <T>(one: readonly T[] = [], other: readonly T[] = []) => [...new Set([...one, ...other])];
  return {
    effects: {
      commands: all(a.effects.commands, b.effects.commands),
      reads: all(a.effects.reads, b.effects.reads).sort(),
      writes: all(a.effects.writes, b.effects.writes).sort(),
      functions: all(a.effects.functions, b.effects.functions).sort(),
      withoutWhere: a.effects.withoutWhere || b.effects.withoutWhere,
      keyed: false,
      rows: null,
      outside: a.effects.outside || b.effects.outside,
      unknown: all(a.effects.unknown, b.effects.unknown).sort(),
      readOnly: a.effects.readOnly && b.effects.readOnly,
    },
    ...(a.within === undefined && b.within === undefined
      ? {}
      : {
          within: {
            reads: all(a.within?.reads, b.within?.reads),
            writes: all(a.within?.writes, b.within?.writes),
            functions: all(a.within?.functions, b.within?.functions),
          },
        }),
    actions: [...a.actions, ...b.actions],
    executes: null,
    cursor: null,
    touchesProtected: a.touchesProtected || b.touchesProtected,
    cleanOutputs: null,
    met: all(a.met ?? [], b.met ?? []),
    refusal: a.refusal ?? b.refusal,
    ownTransaction: a.ownTransaction || b.ownTransaction,
    joins: all(a.joins ?? [], b.joins ?? []),
    rewires: a.rewires === true || b.rewires === true,
    ...aboutBoth(a, b),
    opaque: a.opaque === true || b.opaque === true,
    meaning: a.meaning === 'changes' || b.meaning === 'changes' ? 'changes' : (a.meaning ?? b.meaning),
    otherEncoding: a.otherEncoding === true || b.otherEncoding === true,
    otherStrings: a.otherStrings === true || b.otherStrings === true,
    parseRuns: a.parseRuns === true || b.parseRuns === true,
    ...both('calls', a, b),
    ...both('late', a, b),
  };
}
