import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { redactFields, redactPayload } from '#proxy/mask/redact.ts';

const SSN = '123-45-6789';
const castError: [string, string][] = [
  ['S', 'ERROR'],
  ['V', 'ERROR'],
  ['C', '22P02'],
  ['M', `invalid input syntax for type integer: "${SSN}"`],
  ['D', `Key (ssn)=(${SSN}) already exists.`],
  ['H', `Did you mean ${SSN}?`],
  ['P', '8'],
  ['p', '3'],
  ['q', `select '${SSN}'::int`],
  ['W', `SQL statement "select '${SSN}'::int"`],
  ['F', 'numutils.c'],
  ['L', '606'],
  ['R', 'pg_strtoint32_safe'],
];

test('what can quote a value is withheld, what drivers act on stays', () => {
  assert.deepEqual(redactFields(castError), [
    ['S', 'ERROR'],
    ['V', 'ERROR'],
    ['C', '22P02'],
    ['M', 'details withheld: protected columns are in scope (SQLSTATE 22P02, data exception)'],
    ['P', '8'],
  ]);
  assert.deepEqual(redactFields(new Map(castError)), new Map(redactFields(castError)));
});

test("names stay where the server's own code took them from the catalog", () => {
  const names: [string, string][] = [
    ['s', 'public'],
    ['t', 'customers'],
    ['c', 'ssn'],
    ['n', 'customers_ssn_key'],
  ];
  const unique = redactFields([['C', '23505'], ['M', 'x'], ...names, ['F', 'nbtinsert.c']]);
  assert.deepEqual(
    unique.filter(([code]) => 'stcdn'.includes(code)),
    names,
  );
});

test('which of many checks does not hold is told only of those in which no protected column stands', () => {
  const check: [string, string][] = [
    ['C', '23514'],
    ['s', 'public'],
    ['t', 'customers'],
    ['n', 'begins_with_3'],
    ['F', 'execMain.c'],
  ];
  const said = (told: boolean) =>
    new Map(redactFields(check, (...names) => told && names.join('.') === 'public.customers.begins_with_3'));
  assert.equal(said(false).get('n'), undefined);
  assert.equal(said(true).get('n'), 'begins_with_3');
  assert.equal(said(false).get('t'), 'customers');
});

test('a domain that a value does not fit, and which of its checks, is not told', () => {
  for (const file of ['execExprInterp.c', 'domains.c'])
    assert.deepEqual(
      redactFields(
        [
          ['C', '23514'],
          ['s', 'public'],
          ['d', 'begins_with_3'],
          ['n', 'check_3'],
          ['F', file],
        ],
        () => true,
      ),
      [['C', '23514']],
    );
});

test('where in the server it was raised is told of plans alone, which drivers prepare anew by it', () => {
  const source: [string, string][] = [
    ['F', 'plancache.c'],
    ['L', '722'],
    ['R', 'RevalidateCachedQuery'],
  ];
  assert.deepEqual(redactFields([['C', '0A000'], ...source]), [['C', '0A000'], ...source]);
  assert.deepEqual(
    redactFields([
      ['C', '22P02'],
      ['F', 'uuid.c'],
      ['R', 'string_to_uuid'],
    ]),
    [['C', '22P02']],
  );
});

test('RAISE cannot spell a value with its names or its SQLSTATE', () => {
  const raised = redactFields([
    ['S', 'ERROR'],
    ['C', '12345'],
    ['M', SSN],
    ['s', SSN],
    ['t', SSN],
    ['c', SSN],
    ['d', SSN],
    ['n', SSN],
    ['F', 'pl_exec.c'],
    ['R', 'exec_stmt_raise'],
  ]);
  assert.deepEqual(
    raised.map(([code]) => code),
    ['S', 'C', 'M'],
  );
  assert.equal(new Map(raised).get('C'), 'P0001');
  const known = new Map([
    ['C', '40001'],
    ['M', ''],
    ['F', 'pl_exec.c'],
  ]);
  assert.equal(redactFields(known).get('C'), 'P0001');
  // From a language that we do not know, at least the class has to be one of the manual's.
  assert.equal(
    redactFields(
      new Map([
        ['C', 'Z1234'],
        ['F', 'plnew.c'],
      ]),
    ).get('C'),
    'P0001',
  );
  // PL/pgSQL's own are RAISE's as well.
  for (const own of ['P0000', 'P0002', 'P0003', 'P0004'])
    assert.equal(
      redactFields(
        new Map([
          ['S', 'ERROR'],
          ['C', own],
          ['F', 'pl_exec.c'],
        ]),
      ).get('C'),
      'P0001',
    );
});

test('RAISE of what is no error cannot spell a value with its severity or its SQLSTATE either', () => {
  for (const severity of ['DEBUG', 'LOG', 'INFO', 'WARNING'])
    for (const sqlstate of ['00000', 'P0002', 'P0003', '01000']) {
      const said = redactFields(
        new Map([
          ['S', severity],
          ['V', severity],
          ['C', sqlstate],
          ['M', SSN],
          ['F', 'pl_exec.c'],
        ]),
      );
      assert.deepEqual([said.get('S'), said.get('V'), said.get('C')], ['NOTICE', 'NOTICE', 'P0001']);
    }
});

test('whatever the fields are, no value of a withheld or unknown one comes through', () => {
  const secret = fc.stringMatching(/^[g-z]{6,12}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 1 }), secret)), fields => {
      const withheld = fields.filter(([code]) => !'SVP'.includes(code));
      const passed = new Set(fields.filter(([code]) => 'SVP'.includes(code)).map(([, value]) => value));
      const shown = JSON.stringify(redactFields(fields));
      for (const [, value] of withheld) assert.ok(passed.has(value) || !shown.includes(value));
    }),
  );
});

test('a payload is withheld, and an empty one stays empty', () => {
  assert.equal(redactPayload(SSN), '***');
  assert.equal(redactPayload(''), '');
});
