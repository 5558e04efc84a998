import { loadPolicy } from '#proxy/policy/load.ts';
import type { Policy } from '#schemas/policy.ts';

const HEAD = `
version: 1
issuers:
  - { name: ci, issuer: https://issuer.test, audience: holdpoint, algorithms: [ES256], groupsClaim: groups }
  - { name: other, issuer: https://other.test, audience: holdpoint, algorithms: [ES256] }
groups:
  dbas: [dba-1@example.com, dba-2@example.com, dba-3@example.com]
targets:
  shop: { host: db, database: shop, roles: { agent: {}, reader: {} } }
  ledger: { host: db, database: ledger, roles: { agent: {} } }
access:
  - { name: all, targets: ['*'], roles: ['*'] }
`;

/** A policy with two issuers, two targets, the group `dbas`, open access and these rules (YAML list items). */
export function policyWithRules(rules: string): Policy {
  return loadPolicy(`${HEAD}\nrules:\n${rules}`, 'rules.yaml');
}

/** A policy with one rule that allows what `match` (YAML flow mapping) matches. */
export function allowing(match: string): Policy {
  return policyWithRules(`  - { name: it, verdict: allow, match: ${match} }`);
}

/** A policy with one rule that holds what `match` (YAML flow mapping) matches. */
export function holding(match: string): Policy {
  return policyWithRules(`  - { name: it, verdict: hold, approvers: [dbas], match: ${match} }`);
}
