import type { Policy } from '#schemas/policy.ts';
import type { Admitted } from './admission.ts';
import { type SharedCatalog, viewOf } from './catalogs.ts';
import { analyseCall } from './policy/analyse-call.ts';
import { analyseKnown } from './policy/analyses.ts';
import { allowsAnything } from './policy/anything.ts';
import { definitionsOf } from './policy/definitions.ts';
import { judge } from './policy/judge.ts';
import { analyseLate, analyseTypes } from './policy/late.ts';
import { withBody } from './policy/with-body.ts';
import type { SessionParts } from './session/parts.ts';

type Judges = Pick<
  SessionParts,
  | 'analyse'
  | 'analyseCall'
  | 'analyseLate'
  | 'analyseTypes'
  | 'definitions'
  | 'decide'
  | 'withBody'
  | 'allowsAnything'
>;

/** What a session's statements are judged by: the policy for who sits there, and the catalog of the target. */
export function judgedBy(policy: Policy, seat: Admitted, catalog: SharedCatalog): Judges {
  const { principal, name: target, role } = seat;
  return {
    analyse: (text, searchPath, types, seen, strings) =>
      analyseKnown(text, viewOf(catalog, seen), searchPath, types, strings),
    analyseCall: (oid, searchPath, seen, strings) =>
      analyseCall(oid, viewOf(catalog, seen), searchPath, strings),
    analyseLate: (left, searchPath, { view, strings }) =>
      analyseLate(left, viewOf(catalog, view), searchPath, strings),
    analyseTypes: (types, casts, { view, searchPath, strings }) =>
      analyseTypes(types, casts, viewOf(catalog, view), searchPath, strings),
    definitions: (of, seen) => definitionsOf(viewOf(catalog, seen), of),
    decide: (statements, inTransaction) =>
      judge(policy, { principal, target, role, inTransaction }, statements),
    withBody,
    allowsAnything: allowsAnything(policy, { principal, target, role }),
  };
}
