import type { StatementAnalysis } from '#schemas/analysis.ts';

/** Of a text that has no statement in it: comments and white space. */
export function emptyStatement(): StatementAnalysis {
  return {
    effects: {
      commands: ['empty'],
      reads: [],
      writes: [],
      functions: [],
      withoutWhere: false,
      keyed: true,
      rows: 0,
      outside: false,
      unknown: [],
      readOnly: true,
    },
    actions: [],
    executes: null,
    cursor: null,
    touchesProtected: false,
    cleanOutputs: null,
    refusal: null,
    ownTransaction: false,
  };
}
