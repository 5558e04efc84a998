import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { z } from 'zod';
import { judge } from '#proxy/policy/judge.ts';
import { commandClass, type Effects } from '#schemas/effects.ts';
import type { effectsMatch, Policy, Rule } from '#schemas/policy.ts';
import { allowing } from './policies.ts';
import { REQUEST, statement } from './statements.ts';

type EffectsMatch = z.infer<typeof effectsMatch>;

const commands = fc.subarray([...commandClass.options], { minLength: 1 });
const relations = fc.subarray(['public.orders', 'public.payments', 'hr.people']);
const patterns = fc.subarray(['public.*', 'hr.people', '*', 'public.orders'], { minLength: 1 });
const rows = fc.option(fc.nat(20_000), { nil: null });

const anyEffects: fc.Arbitrary<Effects> = fc.record({
  commands,
  reads: relations,
  writes: relations,
  functions: fc.subarray(['pg_catalog.lower', 'public.archive_order']),
  withoutWhere: fc.boolean(),
  keyed: fc.boolean(),
  rows,
  outside: fc.boolean(),
  unknown: fc.subarray(['calls something unknown', 'a name cannot be resolved']),
  readOnly: fc.boolean(),
});

const anyMatch: fc.Arbitrary<EffectsMatch> = fc.record(
  {
    readOnly: fc.boolean(),
    commands,
    anyCommand: commands,
    reads: patterns,
    writes: patterns,
    onlyRelations: patterns,
    onlyFunctions: patterns,
    functions: patterns,
    withoutWhere: fc.boolean(),
    keyed: fc.boolean(),
    maxRows: fc.nat(20_000),
    moreRowsThan: fc.nat(20_000),
    outside: fc.boolean(),
    unknown: fc.boolean(),
    inTransaction: fc.boolean(),
  },
  { requiredKeys: [] },
);

const anyRule: fc.Arbitrary<Rule> = fc
  .record({ match: anyMatch, verdict: fc.constantFrom<Rule['verdict'][]>('allow', 'hold', 'deny') })
  .map(({ match, verdict }) => ruleOf(verdict, match));

function ruleOf(verdict: Rule['verdict'], match: EffectsMatch): Rule {
  const base = { name: `${verdict} ${JSON.stringify(match)}`, match: { effects: match } };
  switch (verdict) {
    case 'allow':
      return { ...base, verdict };
    case 'deny':
      return { ...base, verdict, message: 'no' };
    case 'hold':
      return {
        ...base,
        verdict,
        approvers: ['dbas'],
        quorum: 1,
        deadline: '10m',
        mode: 'wait',
        grant: '15m',
        message: 'ask',
      };
  }
}

const anyRules = fc.array(anyRule, { maxLength: 6 });
const BASE = allowing('{}');
const withRules = (rules: Rule[]): Policy => ({ ...BASE, rules });
const isUnknown = (e: Effects) => e.unknown.length > 0 || e.commands.includes('unknown');

it('what cannot be told is never allowed by a rule that does not say so', () => {
  fc.assert(
    fc.property(anyRules, anyEffects.filter(isUnknown), (rules, effects) => {
      const verdict = judge(withRules(rules), REQUEST, [statement(effects)]);
      if (verdict.kind !== 'allow') return;
      const rule = rules.find(r => r.name === verdict.rule)!;
      const said = rule.match.effects;
      assert.ok(said?.unknown === true || said?.commands?.includes('unknown') === true, verdict.rule);
    }),
    { numRuns: 2000 },
  );
});

it('not even by a rule that allows everything', () => {
  fc.assert(
    fc.property(anyEffects.filter(isUnknown), effects => {
      assert.equal(judge(BASE, REQUEST, [statement(effects)]).kind, 'deny');
    }),
  );
});

it('a rule of reads never allows what writes, reaches outside or cannot be told', () => {
  const policy = allowing('{ effects: { readOnly: true } }');
  fc.assert(
    fc.property(anyEffects, effects => {
      if (judge(policy, REQUEST, [statement(effects)]).kind !== 'allow') return;
      assert.ok(effects.readOnly && !effects.outside && !isUnknown(effects) && effects.writes.length === 0);
    }),
    { numRuns: 2000 },
  );
});

it('a refusal of the analysis is a denial under every policy, in any company', () => {
  fc.assert(
    fc.property(
      anyRules,
      fc.array(anyEffects, { maxLength: 3 }),
      anyEffects,
      fc.nat(3),
      (rules, others, effects, at) => {
        const message = others.map(e => statement(e));
        message.splice(at, 0, statement(effects, { refusal: 'never' }));
        assert.equal(judge(withRules(rules), REQUEST, message).kind, 'deny');
      },
    ),
  );
});

it('a message is never judged milder than any of its statements alone', () => {
  const RANK = { allow: 0, hold: 1, deny: 2 };
  fc.assert(
    fc.property(anyRules, fc.array(anyEffects, { minLength: 1, maxLength: 4 }), (rules, all) => {
      const policy = withRules(rules);
      const message = all.map(e => statement(e));
      const alone = message.map(each => RANK[judge(policy, REQUEST, [each]).kind]);
      assert.equal(RANK[judge(policy, REQUEST, message).kind], Math.max(...alone));
    }),
    { numRuns: 1000 },
  );
});

it('every hold names at least one requirement, and each rule once', () => {
  fc.assert(
    fc.property(anyRules, fc.array(anyEffects, { minLength: 1, maxLength: 4 }), (rules, all) => {
      const verdict = judge(
        withRules(rules),
        REQUEST,
        all.map(e => statement(e)),
      );
      if (verdict.kind !== 'hold') return;
      const names = verdict.requirements.map(r => r.rule);
      assert.ok(names.length > 0);
      assert.equal(new Set(names).size, names.length);
    }),
  );
});

it('the same question gets the same answer, and nothing that was asked is changed', () => {
  fc.assert(
    fc.property(anyRules, anyEffects, (rules, effects) => {
      const policy = withRules(rules);
      const before = JSON.stringify({ rules, effects });
      const first = judge(policy, REQUEST, [statement(effects)]);
      assert.deepEqual(judge(policy, REQUEST, [statement(effects)]), first);
      assert.equal(JSON.stringify({ rules, effects }), before);
    }),
  );
});
