import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { extendPolicy, type LoadOptions, loadPolicy } from '#proxy/policy/load.ts';
import { PolicyError } from '#proxy/policy/policy-error.ts';

const ACCESS = `access: [{ name: a, targets: [shop], roles: [agent] }]`;
const TARGETS = `targets: { shop: { host: db, database: shop, roles: { agent: {} } } }`;
const GOOD = `version: 1\n${TARGETS}\n${ACCESS}\n`;

/** The faults of a text, one `line:column: path: sentence` each. Fails when it loads. */
function faultsOf(text: string, options?: LoadOptions): string[] {
  try {
    loadPolicy(text, 'p.yaml', options);
  } catch (error) {
    assert.ok(error instanceof PolicyError, String(error));
    return error.message.split('\n').map(line => {
      assert.ok(line.startsWith('p.yaml:'), line);
      return line.slice('p.yaml:'.length);
    });
  }
  return assert.fail('this policy loads');
}

/** Rules of a policy that is good otherwise. Their list begins in line 5, and each starts in column 3. */
const rules = (...lines: string[]) =>
  `${GOOD}rules:\n${lines.map(line => `- ${line}\n`).join('')}groups: { dbas: [ann@example.com] }\n`;

describe('YAML', () => {
  const rows: [what: string, text: string, fault: string | RegExp][] = [
    [
      'a key twice',
      `version: 1\n${ACCESS}\nversion: 1\n`,
      '3:1: this key is here twice; each may be given once',
    ],
    [
      'a key twice, deep down',
      `version: 1\naccess:\n  - name: a\n    roles: [x]\n    roles: [y]\n`,
      '5:5: this key is here twice; each may be given once',
    ],
    ['a tab', 'version: 1\naccess:\n\t- name: a\n', /^3:1: not valid YAML: Tabs/],
    ['an open quote', 'version: "1\n', /^2:1: not valid YAML: Missing closing "quote/],
    ['two documents', `${GOOD}---\n${GOOD}`, /a second document begins here/],
    [
      'a foreign tag',
      `version: !!js/function 1\n${ACCESS}\n`,
      /^1:10: unresolved tag.*; a policy needs no tags$/,
    ],
    ['YAML 1.1, where yes is true', `%YAML 1.1\n---\n${GOOD}`, /must be YAML 1.2/],
    [
      'a key that is a number',
      `${GOOD}groups: { 7: [x] }\n`,
      '4:11: this key is not a name; put numbers, yes and no in quotes',
    ],
    ['a prototype', `${GOOD}groups: { __proto__: [x] }\n`, /^4:11: this key is not a name/],
    ['merge keys, which YAML 1.2 does not have', `${GOOD}<<: { rules: [] }\n`, /^4:1: unknown key "<<"/],
    ['an alias to nothing', `${GOOD}rules: *nowhere\n`, /not valid YAML: Unresolved alias/],
    ['nothing', '', '1:1: the file is empty'],
    ['only a comment', '# policy\n', /the file is empty/],
    ['a list', '- 1\n', /^1:1: must be a mapping of keys to values, but is a list$/],
  ];
  for (const [what, text, fault] of rows)
    it(`refuses ${what}, with its place`, () => {
      const found = faultsOf(text);
      if (typeof fault === 'string') assert.deepEqual(found, [fault]);
      else
        assert.ok(
          found.some(line => fault.test(line)),
          found.join('\n'),
        );
    });

  it('a bomb of aliases is refused without being built', () => {
    const levels = Array.from({ length: 12 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(10)}]\n`);
    const found = faultsOf(`version: 1\na0: &a0 [x]\n${levels.join('')}`);
    assert.match(found[0]!, /not valid YAML: Excessive alias count/);
  });

  it('a bomb of brackets is one fault', () => {
    assert.deepEqual(faultsOf('['.repeat(200_000)).length, 1);
    assert.match(faultsOf('{a: '.repeat(100_000))[0]!, /nested too deeply/);
  });

  it('a file of more than a mebibyte is refused unread', () => {
    assert.deepEqual(faultsOf(`#${'x'.repeat(1_048_576)}`), [
      '1:1: the file is larger than 1 MiB; a policy is not',
    ]);
  });

  it('anchors and aliases work, and faults behind an alias have a place', () => {
    const text = `version: 1\n${TARGETS}\naccess:\n- { name: a, targets: &t [shop], roles: [agent] }\n- { name: b, targets: *t, roles: [agnt] }\n`;
    assert.deepEqual(faultsOf(text), [
      '5:35: access[1].roles[0]: there is no role "agnt"; did you mean agent?',
    ]);
    assert.deepEqual(loadPolicy(text.replace('agnt', 'agent'), 'p.yaml').access[1]?.targets, ['shop']);
  });
});

describe('form', () => {
  const rows: [what: string, text: string, faults: string[]][] = [
    ['an unknown key at the top', `${GOOD}ruels: []\n`, ['4:1: unknown key "ruels"; did you mean rules?']],
    [
      'an unknown key deep down',
      rules('name: r', '  verdict: allow').replace(
        '- name: r\n-   verdict',
        '- name: r\n  match: { effects: { readonly: true } }\n  verdict',
      ),
      ['6:23: rules[0].match.effects: unknown key "readonly"; did you mean readOnly?'],
    ],
    [
      'a key that only other verdicts have',
      rules('{ name: r, verdict: allow, quorum: 2 }'),
      ['5:30: rules[0]: unknown key "quorum"; the keys here are name, match, verdict'],
    ],
    ['a missing key', `version: 1\n${TARGETS}\n`, ['1:1: access: is missing']],
    [
      'a missing key in a list',
      `version: 1\n${TARGETS}\naccess:\n  - name: a\n    roles: [agent]\n`,
      ['4:5: access[0].targets: is missing'],
    ],
    ['no verdict', rules('{ name: r }'), ['5:3: rules[0].verdict: is missing']],
    [
      'a verdict that there is not',
      rules('{ name: r, verdict: holds }'),
      ['5:23: rules[0].verdict: is "holds", but must be one of allow, deny, hold; did you mean hold?'],
    ],
    ['another version', GOOD.replace('version: 1', 'version: 2'), ['1:10: version: is 2, but must be 1']],
    [
      'a text for a number',
      rules('{ name: r, verdict: hold, approvers: [dbas], quorum: "2" }'),
      ['5:56: rules[0].quorum: must be a number, but is "2"'],
    ],
    [
      'a number out of range',
      rules('{ name: r, verdict: hold, approvers: [dbas], quorum: 0 }'),
      ['5:56: rules[0].quorum: is 0, but must be at least 1'],
    ],
    [
      'a duration without unit',
      rules('{ name: r, verdict: hold, approvers: [dbas], deadline: "10" }'),
      ['5:58: rules[0].deadline: is "10"; write a duration like 30s, 10m or 2h'],
    ],
    ['an empty value', `${GOOD}rules:\n`, ['4:7: rules: must be a list, but is empty']],
    [
      'a mask that there is not',
      `${GOOD}protected: [{ column: public.t.c, mask: hsah }]\n`,
      [
        '4:41: protected[0].mask: is "hsah", but must be one of redact, partial, email, hash, null; did you mean hash?',
      ],
    ],
    [
      'a symmetric algorithm',
      `${GOOD}issuers: [{ name: i, issuer: https://i.test, audience: a, algorithms: [HS256] }]\n`,
      [
        '4:72: issuers[0].algorithms[0]: is "HS256", but must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519; did you mean RS256?',
      ],
    ],
    [
      'no algorithm at all',
      `${GOOD}issuers: [{ name: i, issuer: https://i.test, audience: a, algorithms: [none] }]\n`,
      [
        '4:72: issuers[0].algorithms[0]: is "none", but must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519',
      ],
    ],
    [
      'no access at all',
      `version: 1\n${TARGETS}\naccess: []\n`,
      ['3:9: access: is an empty list; leave the key out, or name something'],
    ],
  ];
  for (const [what, text, faults] of rows)
    it(`${what}: refused with line, column, path and sentence`, () => {
      assert.deepEqual(faultsOf(text), faults);
    });

  it('all faults are told at once, in the order of the file', () => {
    const text = `version: 3\nacess: 1\n${ACCESS}\nrules:\n- { name: r, verdict: alow }\n- 5\n`;
    assert.deepEqual(
      faultsOf(text).map(line => line.split(':').slice(0, 2).join(':')),
      ['1:10', '2:1', '5:23', '6:3'],
    );
  });

  it('`mask: null` is the mask of that name, an empty `mask:` is a fault', () => {
    const policy = loadPolicy(`${GOOD}protected: [{ column: public.t.c, mask: null }]\n`, 'p.yaml');
    assert.equal(policy.protected[0]?.mask, 'null');
    assert.match(
      faultsOf(`${GOOD}protected:\n- column: public.t.c\n  mask:\n`)[0]!,
      /^6:8: protected\[0\].mask: is empty/,
    );
  });
});

describe('places', () => {
  /** Each text has one fault, marked with ▸ where a reader would put the finger. */
  const texts = [
    `version: 1
▸acess: []
access:
  - { name: a, targets: [shop], roles: [agent] }
targets: { shop: { host: db, database: shop, roles: { agent: {} } } }
`,
    `# a comment, and a value over several lines
version: 1
access:
  - name: a
    targets: [shop]
    roles:
      - agent
targets:
  shop:
    host: db
    database: shop
    roles: { agent: { user: "a\
      b", ▸secrt: x } }
`,
    `version: 1
access:
  - name: a
    targets:
      - shop
      - ▸shpo
    roles: [agent]
targets: { shop: { host: db, database: shop, roles: { agent: {} } } }
`,
    `version: 1
access: [{ name: a, targets: [shop], roles: [agent] }]
targets: { shop: { host: db, database: shop, port: ▸"5432", roles: { agent: {} } } }
`,
    `version: 1
access: [{ name: a, targets: [shop], roles: [agent] }]
targets: { shop: { host: db, database: shop, roles: { agent: {} } } }
rules:
  - name: first
    verdict: deny

  # a comment between
  - ▸verdict: deny
`,
    `version: 1
access: [{ name: ä€𝄞, targets: [shop], roles: [▸agnt] }]
targets: { shop: { host: db, database: shop, roles: { agent: {} } } }
`,
  ];
  texts.forEach((marked, i) => {
    it(`a fault points at what is wrong (${i + 1})`, () => {
      const before = marked.slice(0, marked.indexOf('▸')).split('\n');
      const place = `${before.length}:${before.at(-1)!.length + 1}`;
      const found = faultsOf(marked.replace('▸', ''));
      assert.equal(found.length, 1, found.join('\n'));
      assert.ok(found[0]!.startsWith(`${place}: `), `expected ${place}, found ${found[0]}`);
    });
  });
});

describe('meaning', () => {
  const hold = (more: string) => rules(`{ name: r, verdict: hold, ${more} }`);
  const effects = (match: string) => rules(`{ name: r, verdict: deny, match: { effects: ${match} } }`);
  const issuer = (more: string) =>
    `${GOOD}issuers: [{ name: i, audience: a, algorithms: [ES256], ${more} }]\n`;
  const rows: [what: string, text: string, fault: string][] = [
    [
      'two rules of one name',
      rules('{ name: r, verdict: allow }', '{ name: r, verdict: deny }'),
      '6:11: rules[1].name: rules[0] is already called "r"; each rule needs its own name',
    ],
    [
      'two access entries of one name',
      `version: 1\n${TARGETS}\naccess:\n- { name: a, targets: [shop], roles: [agent] }\n- { name: a, targets: [shop], roles: [agent] }\n`,
      '5:11: access[1].name: access[0] is already called "a"; each access entry needs its own name',
    ],
    [
      'a rule that takes the name of the default',
      rules('{ name: default, verdict: allow }'),
      '5:11: rules[0].name: default is what Holdpoint calls its own denial; a rule of that name must deny',
    ],
    [
      'a rule that takes the name of the invariants',
      rules('{ name: invariant, verdict: allow }'),
      '5:11: rules[0].name: invariant is a name that Holdpoint gives its own verdicts',
    ],
    [
      'approvers that are no group',
      hold('approvers: [dba]'),
      '5:41: rules[0].approvers[0]: there is no group "dba"; did you mean dbas?',
    ],
    [
      'an approver without an address',
      hold("approvers: ['email:ann']"),
      '5:41: rules[0].approvers[0]: is no e-mail address',
    ],
    [
      'a quorum out of reach',
      hold('approvers: [dbas], quorum: 2'),
      '5:56: rules[0].quorum: asks for 2 people, but its approvers are only 1',
    ],
    [
      'a quorum of one person named twice',
      hold("approvers: [dbas, 'email:Ann@example.com'], quorum: 2"),
      '5:81: rules[0].quorum: asks for 2 people, but its approvers are only 1',
    ],
    [
      'a wait where the mode says that nothing waits',
      hold('approvers: [dbas], mode: return, wait: 30s'),
      '5:68: rules[0].wait: mode return does not wait: leave one of the two out',
    ],
    [
      'a wait beyond the deadline',
      hold('approvers: [dbas], wait: 11m'),
      '5:54: rules[0].wait: is longer than the deadline, at which every wait ends',
    ],
    [
      'a grant that timers cannot hold',
      hold('approvers: [dbas], mode: return, grant: 9999h'),
      '5:69: rules[0].grant: 9999h is longer than a week (168h), the most there is',
    ],
    [
      'a deadline that timers cannot hold',
      hold('approvers: [dbas], deadline: 999h'),
      '5:58: rules[0].deadline: 999h is longer than a week (168h), the most there is',
    ],
    [
      'a target that there is not',
      rules('{ name: r, verdict: deny, match: { targets: [shopp] } }'),
      '5:48: rules[0].match.targets[0]: there is no target "shopp"; did you mean shop?',
    ],
    [
      'a wildcard that meets no target',
      rules("{ name: r, verdict: deny, match: { targets: ['x*'] } }"),
      '5:48: rules[0].match.targets[0]: no target matches "x*"; known: shop',
    ],
    [
      'a role that there is not',
      rules('{ name: r, verdict: deny, match: { roles: [agents] } }'),
      '5:46: rules[0].match.roles[0]: there is no role "agents"; did you mean agent?',
    ],
    [
      'an issuer that there is not',
      rules('{ name: r, verdict: deny, match: { principals: { issuers: [ci] } } }'),
      '5:62: rules[0].match.principals.issuers[0]: there is no issuer "ci"; this policy has none',
    ],
    [
      'a group that there is not',
      rules('{ name: r, verdict: deny, match: { principals: { groups: [dba] } } }'),
      '5:61: rules[0].match.principals.groups[0]: there is no group "dba"; did you mean dbas?',
    ],
    [
      'an e-mail that can never match',
      rules('{ name: r, verdict: deny, match: { principals: { emails: [Ann@example.com] } } }'),
      '5:61: rules[0].match.principals.emails[0]: can never match: e-mails are compared in lower case',
    ],
    [
      'an empty list of people',
      rules('{ name: r, verdict: deny, match: { principals: { emails: [] } } }'),
      '5:60: rules[0].match.principals.emails: is an empty list, which matches nothing; leave the key out, or name something',
    ],
    [
      'the same word twice',
      effects('{ anyCommand: [ddl, ddl] }'),
      '5:67: rules[0].match.effects.anyCommand[1]: "ddl" is here twice',
    ],
    [
      'a relation without its schema',
      effects('{ writes: [payments] }'),
      '5:58: rules[0].match.effects.writes[0]: matches nothing without its schema; write public.payments or *.payments',
    ],
    [
      'a function with arguments',
      effects("{ functions: ['public.f(int)'] }"),
      '5:61: rules[0].match.effects.functions[0]: a function is named without its arguments, and all of that name are meant',
    ],
    [
      'a quoted relation',
      effects(`{ reads: ['public."T"'] }`),
      '5:57: rules[0].match.effects.reads[0]: names are written as the catalog spells them, without quotes, spaces or arguments',
    ],
    [
      'a read that writes',
      effects('{ readOnly: true, writes: [a.b] }'),
      '5:47: rules[0].match.effects: can never match: a read writes nothing',
    ],
    [
      'a read that is unknown',
      effects('{ readOnly: true, unknown: true }'),
      '5:47: rules[0].match.effects: can never match: a provable read has nothing unknown',
    ],
    [
      'rows that cross',
      effects('{ maxRows: 10, moreRowsThan: 10 }'),
      '5:47: rules[0].match.effects: can never match: at most 10 rows are never more than 10',
    ],
    [
      'commands that exclude each other',
      effects('{ commands: [select], anyCommand: [ddl] }'),
      '5:47: rules[0].match.effects: can never match: none of anyCommand is among commands',
    ],
    [
      'a group of nobody',
      `${GOOD}groups: { dbas: [] }\n`,
      '4:17: groups.dbas: is an empty list, which matches nothing; leave the key out, or name something',
    ],
    [
      'a wildcard in a group',
      `${GOOD}groups: { dbas: ['*@example.com'] }\n`,
      '4:18: groups.dbas[0]: a group lists people; there are no wildcards here',
    ],
    [
      'a group called like an address',
      `${GOOD}groups: { 'email:x': [ann] }\n`,
      '4:22: groups["email:x"]: a group cannot begin with email:, which names a person among approvers',
    ],
    [
      'a protected column with a wildcard',
      `${GOOD}protected: [{ column: public.t.*, mask: redact }]\n`,
      '4:23: protected[0].column: names one column as the catalog spells it, without quotes or wildcards',
    ],
    [
      'a column protected twice',
      `${GOOD}protected:\n- { column: public.t.c, mask: redact }\n- { column: public.t.c, mask: hash, targets: [shop] }\n`,
      '6:13: protected[1].column: protected[0] already masks this column',
    ],
    [
      'a target of a column that there is not',
      `${GOOD}protected: [{ column: public.t.c, mask: redact, targets: [nowhere] }]\n`,
      '4:59: protected[0].targets[0]: there is no target "nowhere"; known: shop',
    ],
    [
      'a time zone that there is not',
      GOOD.replace('roles: [agent] }]', 'roles: [agent], window: { timeZone: Mars/Olympus } }]'),
      '3:74: access[0].window.timeZone: "Mars/Olympus" is no time zone; write one like Europe/Berlin',
    ],
    [
      'a window of no length',
      GOOD.replace('roles: [agent] }]', 'roles: [agent], window: { from: "08:00", to: "08:00" } }]'),
      '3:62: access[0].window: begins and ends at the same minute',
    ],
    [
      'a session of months',
      GOOD.replace('roles: [agent] }]', 'roles: [agent], maxSession: 2000h }]'),
      '3:66: access[0].maxSession: 2000h is longer than a week (168h), the most there is',
    ],
    [
      'an issuer without discovery',
      issuer('issuer: acme'),
      '4:64: issuers[0].issuer: has no discovery document, because it is no https URL; give jwks',
    ],
    [
      'keys over plain http',
      issuer('issuer: https://i.test, jwks: http://i.test/keys'),
      '4:86: issuers[0].jwks: keys are fetched over https only (http on this machine)',
    ],
    [
      'keys from a file URL',
      issuer('issuer: https://i.test, jwks: file:///keys'),
      '4:86: issuers[0].jwks: keys are fetched over https only (http on this machine)',
    ],
    [
      'a password in place of its reference',
      GOOD.replace('agent: {}', 'agent: { secret: hunter2 }'),
      '2:72: targets.shop.roles.agent.secret: write env:NAME, file:/path or projects/…/secrets/…; a secret itself does not belong here',
    ],
    [
      'a target without roles',
      GOOD.replace('{ agent: {} }', '{}'),
      '2:53: targets.shop.roles: nobody can log in without a role',
    ],
    [
      'a target called *',
      GOOD.replace('{ shop: {', "{ '*': {"),
      '2:17: targets["*"]: a name cannot contain *, which is the wildcard of rules',
    ],
    [
      'a control character',
      rules('{ name: "r\\e[31m", verdict: allow }'),
      '5:11: rules[0].name: contains a control character',
    ],
  ];
  for (const [what, text, fault] of rows)
    it(`${what}: refused with line, column, path and sentence`, () => {
      const found = faultsOf(text);
      assert.ok(found.includes(fault), `expected ${fault}\nfound    ${found.join('\n         ')}`);
    });

  it('wildcards in the targets of a protected column are refused: it must be certain where a value is hidden', () => {
    const text = `${GOOD}protected: [{ column: public.t.c, mask: redact, targets: ['*'] }]\n`;
    assert.deepEqual(faultsOf(text), [
      '4:59: protected[0].targets[0]: names targets one by one, without wildcards; leave targets out for all',
    ]);
  });

  it('a last rule that denies may be called default', () => {
    assert.equal(loadPolicy(rules('{ name: default, verdict: deny }'), 'p.yaml').rules.length, 1);
  });

  it('two entries for one issuer are refused', () => {
    const text = `${GOOD}issuers:\n- { name: i, issuer: https://i.test, audience: a, algorithms: [ES256] }\n- { name: j, issuer: https://i.test, audience: b, algorithms: [ES256] }\n`;
    assert.deepEqual(faultsOf(text), [
      '6:22: issuers[1].issuer: is the issuer of i too; a token must lead to one entry',
    ]);
  });

  it('groups from claims may approve where their prefix says whose they are', () => {
    const text = (prefix: string) =>
      `${GOOD}issuers: [{ name: i, issuer: https://i.test, audience: a, algorithms: [ES256], groupsClaim: g${prefix} }]\nrules: [{ name: r, verdict: hold, approvers: [corp-dbas], quorum: 3 }]\n`;
    assert.equal(loadPolicy(text(", groupsPrefix: 'corp-'"), 'p.yaml').rules.length, 1);
    assert.match(faultsOf(text(''))[0]!, /there is no group "corp-dbas"/);
  });

  it('names that the caller adds are known, and no others', () => {
    const text = `version: 1\naccess: [{ name: a, targets: [shop], roles: [any], principals: { issuers: [dev] } }]\n`;
    assert.equal(faultsOf(text).length, 2);
    assert.equal(
      loadPolicy(text, 'p.yaml', { extraTargets: ['shop'], extraIssuers: ['dev'] }).access.length,
      1,
    );
    assert.equal(faultsOf(text, { extraTargets: ['stop'], extraIssuers: ['dev'] }).length, 1);
  });
});

describe('what is loaded', () => {
  it('is frozen throughout', () => {
    const policy = loadPolicy(rules('{ name: r, verdict: hold, approvers: [dbas] }'), 'p.yaml');
    const walk = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      assert.ok(Object.isFrozen(value), path);
      for (const [key, child] of Object.entries(value)) walk(child, `${path}.${key}`);
    };
    walk(policy, 'policy');
  });

  it('has the defaults of the schema', () => {
    const [rule] = loadPolicy(rules('{ name: r, verdict: hold, approvers: [dbas] }'), 'p.yaml').rules;
    assert.ok(rule?.verdict === 'hold');
    assert.deepEqual([rule.quorum, rule.deadline, rule.mode, rule.match], [1, '10m', 'wait', {}]);
  });

  it('does not find what objects inherit', () => {
    const policy = loadPolicy(GOOD, 'p.yaml');
    assert.equal(policy.targets.constructor, undefined);
    assert.equal(policy.targets.shop?.roles.toString, undefined);
    assert.equal(policy.groups.hasOwnProperty, undefined);
  });

  it('has a version that follows the meaning, not the spelling', () => {
    const version = (text: string) => loadPolicy(text, 'p.yaml').policyVersion;
    assert.match(version(GOOD), /^[0-9a-f]{64}$/);
    assert.equal(version(GOOD), version(`# a comment\n${GOOD}rules: []\n`));
    assert.notEqual(version(GOOD), version(`${GOOD}groups: { dbas: [ann@example.com] }\n`));
    const two = ['{ name: a, verdict: allow }', '{ name: b, verdict: deny }'] as const;
    assert.notEqual(version(rules(...two)), version(rules(two[1], two[0])), 'the order of rules is meaning');
  });

  it('can be extended by targets and issuers, which change its version, and which cannot replace any', () => {
    const policy = loadPolicy(GOOD, 'p.yaml');
    const ledger = { ...policy.targets.shop!, database: 'ledger' };
    const extended = extendPolicy(policy, { targets: { ledger } });
    assert.deepEqual(Object.keys(extended.targets), ['shop', 'ledger']);
    assert.notEqual(extended.policyVersion, policy.policyVersion);
    assert.ok(Object.isFrozen(extended.targets));
    assert.throws(() => extendPolicy(policy, { targets: { shop: ledger } }), TypeError);
  });
});

describe('limits', () => {
  it('refuses memory that has no room for what another limit lets through', () => {
    assert.deepEqual(faultsOf(`${GOOD}limits:\n  memoryPerPrincipal: 32MB\n`), [
      '5:23: limits.memoryPerPrincipal: 32MB has no room for limits.message, which is 64MB: raise the one, or lower the other',
    ]);
    assert.deepEqual(faultsOf(`${GOOD}limits:\n  message: 256MB\n  memory: 100MB\n`).length, 1);
    assert.deepEqual(faultsOf(`${GOOD}limits:\n  memoryPerPrincipal: 1MB\n  message: 1MB\n`), [
      '5:23: limits.memoryPerPrincipal: 1MB has no room for limits.ahead, which is 16MB: raise the one, or lower the other',
    ]);
    loadPolicy(
      `${GOOD}limits: { message: 1MB, ahead: 1MB, memory: 1MB, memoryPerPrincipal: 1MB }\n`,
      'p.yaml',
    );
  });
});
