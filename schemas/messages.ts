import { z } from 'zod';
import { approval } from './approval.ts';
import { statementDigest } from './statement.ts';

/** What can be the name of a document, and of nothing beside it: no slash, no dots, no `__…__`. */
const DOCUMENT_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;

/** How a proxy ends a hold. */
export const endEvent = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('expire') }),
  z.strictObject({ kind: z.literal('withdraw'), why: z.string() }),
]);

const held = z.strictObject({
  v: z.literal(1),
  kind: z.literal('held'),
  /** As the proxy opened it. Nothing else begins one: no message decides anything, and none shows another statement than it names. */
  approval: approval.refine(
    a =>
      DOCUMENT_ID.test(a.id) &&
      a.state === 'held' &&
      a.outcome === '' &&
      a.decisions.length === 0 &&
      a.digest === statementDigest(a.statement),
    'is not as a proxy opens it',
  ),
  /** The proxy instance that has opened it, and listens. */
  instance: z.string(),
});
const ended = z.strictObject({
  v: z.literal(1),
  kind: z.literal('ended'),
  approval: z.string().regex(DOCUMENT_ID),
  event: endEvent,
  at: z.iso.datetime(),
});
/** Whoever has stored a decision says so, and no more: what has changed is read where it is stored. */
const changed = z.strictObject({
  v: z.literal(1),
  kind: z.literal('changed'),
  approval: z.string().regex(DOCUMENT_ID),
});

/**
 * What the proxy publishes about holds, on one topic, with the approval's id as ordering key. Delivery is at least once and may be out of
 * order across redeliveries: a reader has to take an `ended` that overtakes its `held`, and either of them twice.
 */
export const holdMessage = z.discriminatedUnion('kind', [held, ended]);
export type HoldMessage = z.infer<typeof holdMessage>;

/** All that is on that topic: what the proxy says of holds, and what deciders say of approvals. */
export const topicMessage = z.discriminatedUnion('kind', [held, ended, changed]);
export type TopicMessage = z.infer<typeof topicMessage>;

/**
 * Attributes of each message on the audit topic, whose data is the event's canonical JSON (schemas/audit.ts) and whose ordering key is the
 * session: subscriptions filter by them. `verdict` stands on statements, `approval` on everything about a statement that was held.
 */
export interface AuditAttributes {
  readonly session: string;
  readonly seq: string;
  readonly kind: string;
  readonly verdict?: string;
  readonly approval?: string;
}

/** What the `record` function needs of the audit topic (Pub/Sub's filter syntax): not one message for each statement that was simply allowed. */
export const RECORD_FILTER =
  'attributes:approval OR attributes.verdict = "deny" OR attributes.kind = "session.open" OR attributes.kind = "session.close"';
