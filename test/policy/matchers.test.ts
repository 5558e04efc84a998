import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judge } from '#proxy/policy/judge.ts';
import type { StatementAnalysis } from '#schemas/analysis.ts';
import { allowing, holding } from './policies.ts';
import { AGENT, REQUEST, statement, write } from './statements.ts';

/** Each matcher of `match.effects`: statements that meet it and statements that do not, judged by a rule that only holds. */
const EFFECTS: readonly [match: string, meets: StatementAnalysis[], misses: StatementAnalysis[]][] = [
  [
    '{ readOnly: true }',
    [statement(), statement({ commands: ['explain', 'select'] })],
    [
      write(),
      statement({ readOnly: false }),
      // Four ways in which the word "read" is contradicted by the rest of the effects.
      statement({ unknown: ['calls f() of unknown body'] }),
      statement({ commands: ['select', 'unknown'] }),
      statement({ writes: ['public.orders'] }),
      statement({ outside: true }),
    ],
  ],
  ['{ readOnly: false }', [write(), statement({ unknown: ['?'] })], [statement()]],
  [
    '{ commands: [select, update] }',
    [statement(), write(), statement({ commands: ['select', 'update'] })],
    [statement({ commands: ['select', 'delete'] }), statement({ commands: ['unknown'] })],
  ],
  [
    '{ anyCommand: [delete, ddl] }',
    [statement({ commands: ['select', 'delete'] }), statement({ commands: ['ddl'] })],
    [statement(), write()],
  ],
  [
    '{ reads: [public.payments, hr.*] }',
    [statement({ reads: ['public.orders', 'public.payments'] }), statement({ reads: ['hr.people'] })],
    [
      statement(),
      statement({ reads: ['public.payments_old', 'xhr.people', 'public.Payments'] }),
      write({ writes: ['public.payments'] }),
    ],
  ],
  [
    '{ writes: [public.payments] }',
    [write({ writes: ['public.orders', 'public.payments'] })],
    [write(), statement({ reads: ['public.payments'] })],
  ],
  [
    '{ onlyRelations: [public.*, hr.people] }',
    [statement({ reads: [] }), write({ reads: ['hr.people'] })],
    [
      statement({ reads: ['public.orders', 'hr.salaries'] }),
      write({ writes: ['hr.salaries'] }),
      statement({ unknown: ['reads something'] }),
    ],
  ],
  [
    '{ onlyFunctions: [pg_catalog.pg_advisory_unlock*] }',
    [statement({ functions: [] }), statement({ functions: ['pg_catalog.pg_advisory_unlock_all'] })],
    [
      statement({ functions: ['pg_catalog.pg_advisory_unlock', 'app.danger'] }),
      statement({ functions: ['pg_catalog.pg_advisory_unlock'], unknown: ['calls something'] }),
    ],
  ],
  [
    '{ functions: [pg_catalog.pg_sleep*, "*.danger"] }',
    [
      statement({ functions: ['pg_catalog.lower', 'pg_catalog.pg_sleep_for'] }),
      statement({ functions: ['app.danger'] }),
    ],
    [statement(), statement({ functions: ['pg_catalog.lower', 'app.dangerous'] })],
  ],
  ['{ withoutWhere: true }', [write({ withoutWhere: true })], [write()]],
  ['{ withoutWhere: false }', [write()], [write({ withoutWhere: true })]],
  ['{ keyed: true }', [write()], [write({ keyed: false })]],
  ['{ keyed: false }', [write({ keyed: false })], [write()]],
  ['{ maxRows: 10 }', [write({ rows: 10 })], [write({ rows: 11 }), write({ rows: null })]],
  ['{ moreRowsThan: 10 }', [write({ rows: 11 }), write({ rows: null })], [write({ rows: 10 })]],
  ['{ outside: true }', [statement({ outside: true })], [statement()]],
  ['{ outside: false }', [statement()], [statement({ outside: true })]],
  ['{ unknown: true }', [statement({ unknown: ['?'] }), statement({ commands: ['unknown'] })], [statement()]],
  [
    '{ unknown: false }',
    [statement()],
    [statement({ unknown: ['?'] }), statement({ commands: ['unknown'] })],
  ],
  // Keys of one match are combined with "and".
  ['{ keyed: true, maxRows: 5 }', [write()], [write({ rows: 6 }), write({ keyed: false })]],
];

describe('matchers of effects', () => {
  for (const [match, meets, misses] of EFFECTS)
    it(`${match} matches what it says and nothing else`, () => {
      const policy = holding(`{ effects: ${match} }`);
      for (const each of meets)
        assert.equal(judge(policy, REQUEST, [each]).kind, 'hold', JSON.stringify(each.effects));
      for (const each of misses)
        assert.equal(judge(policy, REQUEST, [each]).kind, 'deny', JSON.stringify(each.effects));
    });

  it('inTransaction follows the session, and the BEGIN and COMMIT of the same message', () => {
    const policy = holding('{ effects: { inTransaction: true } }');
    const verdict = (inTransaction: boolean) =>
      judge(policy, { ...REQUEST, inTransaction }, [statement()]).kind;
    assert.equal(verdict(true), 'hold');
    assert.equal(verdict(false), 'deny');
  });
});

describe('matchers of who and where', () => {
  const meets = (match: string, request = REQUEST) =>
    judge(allowing(match), request, [statement()]).kind === 'allow';

  it('issuers are the names of the policy, never the text of the claim', () => {
    assert.equal(meets('{ principals: { issuers: [ci] } }'), true);
    assert.equal(meets('{ principals: { issuers: [other] } }'), false);
    assert.equal(meets("{ principals: { issuers: ['*'] } }"), true);
    const foreign = { ...REQUEST, principal: { ...AGENT, issuer: 'ci' } };
    assert.equal(meets('{ principals: { issuers: [ci] } }', foreign), false);
    assert.equal(meets("{ principals: { issuers: ['*'] } }", foreign), false);
  });

  it('subjects, e-mails and groups: any of a list, all of the lists', () => {
    assert.equal(meets('{ principals: { subjects: [x, ci-job-*] } }'), true);
    assert.equal(meets('{ principals: { subjects: [ci-job] } }'), false);
    assert.equal(meets("{ principals: { emails: ['*@example.com'] } }"), true);
    assert.equal(meets("{ principals: { emails: ['*@example.com.evil.test'] } }"), false);
    assert.equal(meets('{ principals: { groups: [nobody, team-red] } }'), true);
    assert.equal(meets('{ principals: { groups: [team-blue] } }'), false);
    assert.equal(meets('{ principals: { groups: [ci], subjects: [someone-else] } }'), false);
  });

  it('a principal without e-mail meets no match on e-mails, not even *', () => {
    const { email: _, ...principal } = AGENT;
    assert.equal(meets("{ principals: { emails: ['*'] } }", { ...REQUEST, principal }), false);
  });

  it('a principal without groups meets no match on groups, not even *', () => {
    const principal = { ...AGENT, groups: [] };
    assert.equal(meets("{ principals: { groups: ['*'] } }", { ...REQUEST, principal }), false);
  });

  it('targets and roles', () => {
    assert.equal(meets('{ targets: [ledger, shop] }'), true);
    assert.equal(meets('{ targets: [ledger] }'), false);
    assert.equal(meets('{ roles: [agent] }'), true);
    assert.equal(meets('{ roles: [reader] }'), false);
  });
});
