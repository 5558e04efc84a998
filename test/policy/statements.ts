import type { JudgeRequest } from '#proxy/policy/judge.ts';
import type { StatementAnalysis } from '#schemas/analysis.ts';
import type { Effects } from '#schemas/effects.ts';
import type { Principal } from '#schemas/principal.ts';

/** A statement's analysis by hand: a one-row read of one table, unless told otherwise. */
export function statement(
  effects: Partial<Effects> = {},
  more: Partial<Omit<StatementAnalysis, 'effects'>> = {},
): StatementAnalysis {
  return {
    effects: {
      commands: ['select'],
      reads: ['public.orders'],
      writes: [],
      functions: [],
      withoutWhere: false,
      keyed: false,
      rows: 1,
      outside: false,
      unknown: [],
      readOnly: true,
      ...effects,
    },
    actions: [],
    executes: null,
    cursor: null,
    touchesProtected: false,
    cleanOutputs: null,
    refusal: null,
    ownTransaction: false,
    ...more,
  };
}

/** A write of one table, by key, one row. */
export function write(effects: Partial<Effects> = {}): StatementAnalysis {
  return statement({
    commands: ['update'],
    reads: ['public.orders'],
    writes: ['public.orders'],
    keyed: true,
    readOnly: false,
    ...effects,
  });
}

export const EMPTY = statement({ commands: ['empty'], reads: [], rows: 0 });
export const BEGIN = statement(
  { commands: ['transaction'], reads: [], rows: 0 },
  { actions: [{ kind: 'begin', readOnly: null }] },
);
export const COMMIT = statement(
  { commands: ['transaction'], reads: [], rows: 0 },
  { actions: [{ kind: 'commit' }] },
);

export const AGENT: Principal = {
  issuer: 'https://issuer.test',
  subject: 'ci-job-7',
  email: 'ann@example.com',
  groups: ['ci', 'team-red'],
  expires: 2_000_000_000,
};
export const REQUEST: JudgeRequest = {
  principal: AGENT,
  target: 'shop',
  role: 'agent',
  inTransaction: false,
};
