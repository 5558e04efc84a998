import { z } from 'zod';
import { approval } from './approval.ts';

/**
 * What the proxy publishes about holds, on one topic, with the approval's id as ordering key. Delivery is at least once and may be out of
 * order across redeliveries: a reader has to take an `ended` that overtakes its `held`, and either of them twice.
 */
export const holdMessage = z.discriminatedUnion('kind', [
  z.strictObject({
    v: z.literal(1),
    kind: z.literal('held'),
    /** As the proxy opened it: state `held`, no decisions. */
    approval,
    /** The proxy instance that has opened it, and listens. */
    instance: z.string(),
  }),
  z.strictObject({
    v: z.literal(1),
    kind: z.literal('ended'),
    approval: z.string(),
    event: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('expire') }),
      z.strictObject({ kind: z.literal('withdraw'), why: z.string() }),
    ]),
    at: z.iso.datetime(),
  }),
]);
export type HoldMessage = z.infer<typeof holdMessage>;

/** What the proxy publishes for each audit event, on the audit topic, with the session as ordering key: the event's canonical JSON (schemas/audit.ts). */
export const AUDIT_ATTRIBUTES = ['session', 'seq', 'kind'] as const;
