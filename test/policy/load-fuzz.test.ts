import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { z } from 'zod';
import { loadPolicy } from '#proxy/policy/load.ts';
import { PolicyError } from '#proxy/policy/policy-error.ts';
import { POLICY_SCHEMA_FILE, policyKeys } from '#schemas/generate.ts';

const SAMPLE = readFileSync(new URL('../../cli/sample/policy.yaml', import.meta.url), 'utf8');
const OPTIONS = { extraTargets: ['shop'], extraIssuers: ['dev'] };

/** Loads, or is refused with a PolicyError whose every fault stands inside the text: nothing else may happen. */
function loadsOrSaysWhy(text: string): void {
  try {
    loadPolicy(text, 'fuzz.yaml', OPTIONS);
  } catch (error) {
    assert.ok(error instanceof PolicyError, `${error instanceof Error ? error.stack : error}`);
    assert.ok(error.faults.length > 0);
    const lines = text.split('\n').length;
    for (const { line, column, message } of error.faults) {
      assert.ok(line >= 1 && line <= lines + 1 && column >= 1, `${line}:${column}`);
      assert.ok(message !== '' && !message.includes('\n'), JSON.stringify(message));
    }
  }
}

it('any text loads or is refused with places', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), loadsOrSaysWhy), { numRuns: 500 });
});

it('any damage to the sample policy loads or is refused with places', () => {
  const damage = fc.record({
    at: fc.nat(SAMPLE.length),
    cut: fc.nat(30),
    put: fc.oneof(
      fc.constantFrom(
        '',
        '&a ',
        '*a',
        '- ',
        ': ',
        '{',
        '}',
        '[',
        ']',
        '"',
        "'",
        '|',
        '>',
        '\t',
        '!!set ',
        '%',
        '\u0000',
        '<<: ',
        '? ',
      ),
      fc.string({ maxLength: 5 }),
    ),
  });
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), all => {
      let text = SAMPLE;
      for (const { at, cut, put } of all) text = text.slice(0, at) + put + text.slice(at + cut);
      loadsOrSaysWhy(text);
    }),
    { numRuns: 400 },
  );
});

it('any data under the keys of the schema loads or is refused with places', () => {
  const key = fc.constantFrom(
    ...new Set(policyKeys().map(path => path.split('.').at(-1)!)),
    '__proto__',
    'constructor',
    '',
  );
  const leaf = fc.oneof(
    fc.constantFrom('allow', 'hold', 'deny', 'shop', '*', 'public.*', '10m', '08:00', 'email:a@b', 'redact'),
    fc.string({ maxLength: 6 }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
  );
  const { tree } = fc.letrec(tie => ({
    tree: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      leaf,
      fc.array(tie('tree'), { maxLength: 3 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 5, noNullPrototype: true }),
    ),
  }));
  const file = fc.dictionary(key, tree, { minKeys: 1, maxKeys: 8, noNullPrototype: true });
  fc.assert(
    fc.property(file, data => {
      loadsOrSaysWhy(
        stringify({ version: 1, access: [{ name: 'a', targets: ['shop'], roles: ['r'] }], ...data }),
      );
    }),
    { numRuns: 500 },
  );
});

it('editors and the loader agree on the form of the sample, and on a typo in it', () => {
  const editor = z.fromJSONSchema(JSON.parse(readFileSync(POLICY_SCHEMA_FILE, 'utf8')));
  const data = JSON.parse(JSON.stringify(loadPolicy(SAMPLE, 'policy.yaml', OPTIONS)));
  delete data.policyVersion;
  assert.equal(editor.safeParse(data).success, true, JSON.stringify(editor.safeParse(data).error?.issues));
  assert.equal(editor.safeParse({ ...data, ruels: [] }).success, false);
  assert.equal(editor.safeParse({ ...data, rules: [{ name: 'r', verdict: 'alow' }] }).success, false);
});
