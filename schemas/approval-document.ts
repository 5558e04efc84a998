import { z } from 'zod';
import { type Approval, approval, approvalState } from './approval.ts';

/** Firestore collections of the one named database. */
export const COLLECTIONS = {
  approvals: 'approvals',
  claims: 'claims',
  ends: 'ends',
  messages: 'messages',
  revocations: 'revocations',
  sessions: 'sessions',
  behind: 'behind',
} as const;

/**
 * An approval as a Firestore document (`approvals/{id}`). What was asked never changes and is one JSON text, because Firestore knows no
 * nested arrays; what changes are fields of their own. Only functions write it. The proxy trusts none of it: it has the approval as it
 * was opened, or checks the digest, and verifies every signature.
 */
export const approvalDocument = z.object({
  state: approvalState,
  outcome: z.string(),
  /** The approval without state, outcome and decisions. */
  body: z.string(),
  /** Each a signed decision as JSON, in the order in which they were taken. */
  decisions: z.array(z.string()),
  /** The proxy instance that has opened it: what one instance's listener asks for. */
  instance: z.string(),
  /** See schemas/grant.ts; empty for what is bound to its connection. */
  grantKey: z.string(),
  /** RFC 3339. */
  createdAt: z.string(),
  deadline: z.string(),
  /** When the clock alone ends it (ms since 1970), which `expire` looks for; null when nothing is left to end. */
  due: z.number().nullable().default(null),
  /** How its statement ended at the server, as JSON; empty until that is told. For people: nothing stands on it. */
  execution: z.string().default(''),
});
export type ApprovalDocument = z.infer<typeof approvalDocument>;

/**
 * Reads a document. Throws an Error that names what does not fit: somebody else has written there. It repeats nothing of what is there, which
 * has SQL and values in it: errors go to logs.
 */
export function fromDocument(id: string, data: unknown): Approval {
  const document = approvalDocument.safeParse(data);
  if (!document.success)
    throw new Error(
      `the document of approval ${id} does not have its form: ${faultsOf(document.error.issues)}`,
    );
  const { state, outcome, body, decisions } = document.data;
  const read = approval.safeParse(parts(body, decisions, { state, outcome }));
  if (!read.success) throw unreadable(id, faultsOf(read.error.issues));
  if (read.data.id !== id) throw unreadable(id, 'it is about another');
  return read.data;
}

/** Undefined where one of the texts is no JSON: that is no approval either. */
function parts(body: string, decisions: readonly string[], own: object): unknown {
  try {
    return { ...JSON.parse(body), ...own, decisions: decisions.map(text => JSON.parse(text)) };
  } catch {
    return undefined; // its message would quote the text
  }
}

function unreadable(id: string, why: string): Error {
  return new Error(`the document of approval ${id} cannot be read: ${why}`);
}

/** Where something does not fit, by names of the form alone. */
export function faultsOf(issues: readonly { readonly path: readonly PropertyKey[] }[]): string {
  const places = issues.map(({ path }) => path.slice(0, 2).map(String).join('.') || 'it is no such record');
  return [...new Set(places)].join(', ');
}

/** The fields that follow from the approval itself; `instance` and `grantKey` are the opener's. */
export function toDocument(
  value: Approval,
  opener: { readonly instance: string; readonly grantKey: string; readonly due: number | null },
): ApprovalDocument {
  const { state, outcome, decisions, ...body } = value;
  return {
    state,
    outcome,
    body: JSON.stringify(body),
    decisions: decisions.map(signed => JSON.stringify(signed)),
    instance: opener.instance,
    grantKey: opener.grantKey,
    createdAt: value.createdAt,
    deadline: value.deadline,
    due: opener.due,
    execution: '',
  };
}

/** `claims/{approval id}`, written by the proxy with `create()`: whoever comes second gets ALREADY_EXISTS. */
export const claimDocument = z.object({
  digest: z.string(),
  instance: z.string(),
  /** Of this attempt: tells an instance that it has come second to itself. */
  token: z.string(),
  at: z.string(),
});
export type ClaimDocument = z.infer<typeof claimDocument>;

/** `behind/{approval id}`: written together with each change of an approval, gone when the message shows it. `at` is in ms since 1970. */
export const behindDocument = z.object({ at: z.number() });

/** `ends/{approval id}`: an end that has overtaken its beginning. `event` is the hold event as JSON. */
export const endDocument = z.object({ event: z.string(), at: z.string() });

/**
 * `revocations/{approval id}`, written by the functions with `create()` and never again: the signed denial or revocation that has ended an
 * approval. It stands in `approvals` too, where whoever may write could take it out again; a signature proves what is there, not what is
 * missing.
 */
export const revocationDocument = z.object({
  /** The signed decision as JSON. */
  signed: z.string(),
  /** RFC 3339: what the proxies' listeners begin at. */
  at: z.string(),
});
export type RevocationDocument = z.infer<typeof revocationDocument>;
