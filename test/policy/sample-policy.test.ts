import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { judge } from '#proxy/policy/judge.ts';
import { loadPolicy } from '#proxy/policy/load.ts';
import type { StatementAnalysis } from '#schemas/analysis.ts';
import type { Policy } from '#schemas/policy.ts';
import { COMMIT, EMPTY, REQUEST, statement, write } from './statements.ts';

function sample(file: string): Policy {
  const text = readFileSync(new URL(`../../cli/sample/${file}`, import.meta.url), 'utf8');
  return loadPolicy(text, file, { extraTargets: ['shop'], extraIssuers: ['dev'] });
}
const other = (
  commands: StatementAnalysis['effects']['commands'],
  more: Partial<StatementAnalysis['effects']> = {},
) => statement({ commands, reads: [], readOnly: false, rows: null, ...more });

describe('the sample policy', () => {
  const policy = sample('policy.yaml');
  const table: [what: string, statement: StatementAnalysis, verdict: string, rule: string][] = [
    [
      'select * from customers limit 20',
      statement({ reads: ['public.customers'], rows: 20 }),
      'allow',
      'reads',
    ],
    ['select 41 + 1', statement({ reads: [] }), 'allow', 'reads'],
    ['select count(*) from orders', statement(), 'allow', 'reads'],
    ['explain select', statement({ commands: ['explain', 'select'] }), 'allow', 'reads'],
    ['select * from order_items', statement({ rows: 20_000 }), 'hold', 'bulk-reads'],
    ['a read without bound', statement({ rows: null }), 'hold', 'bulk-reads'],
    ['begin, commit', COMMIT, 'allow', 'reads'],
    ['set', other(['set']), 'allow', 'settings'],
    ['commit prepared', other(['transaction']), 'deny', 'default'],
    ['a comment', EMPTY, 'allow', 'empty'],
    [
      'prepare of a delete',
      other(['prepare', 'delete'], { writes: ['public.orders'] }),
      'hold',
      'other-writes',
    ],
    ['update … where id = 7', write(), 'allow', 'small-keyed-writes'],
    ['insert of one row', write({ commands: ['insert'] }), 'allow', 'small-keyed-writes'],
    ['a keyed write elsewhere', write({ writes: ['pg_catalog.pg_class'] }), 'hold', 'other-writes'],
    ['update of 101 rows by key', write({ rows: 101 }), 'hold', 'other-writes'],
    ['update … where city = $1', write({ keyed: false, rows: null }), 'hold', 'other-writes'],
    [
      'delete from payments',
      write({ commands: ['delete'], withoutWhere: true, keyed: false }),
      'hold',
      'whole-table-writes',
    ],
    ['truncate payments', other(['truncate']), 'hold', 'schema-changes'],
    ['drop table payments', other(['ddl']), 'hold', 'schema-changes'],
    ['grant', other(['privilege']), 'hold', 'schema-changes'],
    ['copy customers from stdin', other(['copy-in']), 'hold', 'other-writes'],
    [
      'select archive_order(1)',
      statement({ readOnly: false, writes: ['public.orders'] }),
      'hold',
      'other-writes',
    ],
    ['do $$ … $$', other(['do', 'unknown'], { unknown: ['dynamic SQL'] }), 'hold', 'cannot-tell'],
    ["copy customers to program 'cat'", other(['copy-out'], { outside: true }), 'deny', 'stay-inside'],
    [
      "select pg_read_file('/etc/passwd')",
      statement({ functions: ['pg_catalog.pg_read_file'], outside: true, readOnly: false }),
      'deny',
      'stay-inside',
    ],
    [
      'select pg_terminate_backend(1)',
      statement({ functions: ['pg_catalog.pg_terminate_backend'], readOnly: false, unknown: ['?'] }),
      'deny',
      'no-server-control',
    ],
    [
      "select current_setting('jit'), set_config('jit', 'off', false)",
      other(['select', 'set'], { functions: ['pg_catalog.current_setting', 'pg_catalog.set_config'] }),
      'allow',
      'settings-by-function',
    ],
    [
      "select set_config('jit', 'off', false), pg_advisory_lock(1)",
      other(['select', 'set', 'lock'], {
        functions: ['pg_catalog.set_config', 'pg_catalog.pg_advisory_lock'],
      }),
      'hold',
      'other-writes',
    ],
    ['listen', other(['listen']), 'allow', 'listen'],
    ['notify', other(['notify']), 'deny', 'default'],
    [
      'select pg_advisory_unlock_all()',
      other(['select', 'lock'], { functions: ['pg_catalog.pg_advisory_unlock_all'] }),
      'allow',
      'unlock',
    ],
    [
      'select pg_advisory_unlock(1), pg_advisory_lock(2)',
      other(['select', 'lock'], {
        functions: ['pg_catalog.pg_advisory_unlock', 'pg_catalog.pg_advisory_lock'],
      }),
      'hold',
      'other-writes',
    ],
    ['lock table orders', other(['lock'], { reads: ['public.orders'] }), 'hold', 'other-writes'],
    ['vacuum', other(['maintenance']), 'deny', 'default'],
  ];
  for (const [what, analysed, kind, rule] of table)
    it(`${what}: ${kind} by ${rule}`, () => {
      const verdict = judge(policy, REQUEST, [analysed]);
      assert.deepEqual([verdict.kind, verdict.rule], [kind, rule]);
    });

  it('asks one of two approvers for whole-table deletes within ten minutes, and both for what cannot be told', () => {
    const quorum = (analysed: StatementAnalysis) => {
      const verdict = judge(policy, REQUEST, [analysed]);
      assert.ok(verdict.kind === 'hold');
      return verdict.requirements.map(r => [r.approvers, r.quorum, r.deadlineSeconds]);
    };
    const all = write({ commands: ['delete'], withoutWhere: true, keyed: false });
    assert.deepEqual(quorum(all), [[['approvers'], 1, 600]]);
    assert.deepEqual(quorum(statement({ unknown: ['?'] })), [[['approvers'], 2, 600]]);
    assert.deepEqual(policy.groups.approvers, ['approver-1@example.com', 'approver-2@example.com']);
  });
});

describe('the sample policy of reads only', () => {
  const policy = sample('reads-only.policy.yaml');
  const table: [what: string, statement: StatementAnalysis, verdict: string, rule: string][] = [
    ['a read', statement({ rows: null }), 'allow', 'reads'],
    ['commit', COMMIT, 'allow', 'reads'],
    ['a keyed write', write(), 'hold', 'everything-else'],
    ['set', other(['set']), 'hold', 'everything-else'],
    ['what cannot be told', statement({ unknown: ['?'] }), 'hold', 'everything-else'],
    ['commit prepared', other(['transaction']), 'hold', 'everything-else'],
  ];
  for (const [what, analysed, kind, rule] of table)
    it(`${what}: ${kind} by ${rule}`, () => {
      const verdict = judge(policy, REQUEST, [analysed]);
      assert.deepEqual([verdict.kind, verdict.rule], [kind, rule]);
    });
});
