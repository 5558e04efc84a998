import { z } from 'zod';
import { type AuditBody, type AuditEvent, type AuditKind, auditBodies } from '#schemas/audit.ts';

/** What the record function keeps of one session: `sessions/{session}`. Counted from the events that it is sent, in any order. */
export const sessionSummary = z.object({
  session: z.string(),
  openedAt: z.string(),
  closedAt: z.string().nullable(),
  reason: z.string(),
  issuer: z.string(),
  subject: z.string(),
  email: z.string().nullable(),
  groups: z.array(z.string()),
  target: z.string(),
  role: z.string(),
  /** Known at the end; 0 while the session is open. */
  statements: z.int(),
  held: z.int(),
  refused: z.int(),
  /** Of those that this function is sent. */
  events: z.int(),
  /** The latest of them. */
  lastAt: z.string(),
});
export type SessionRecord = z.infer<typeof sessionSummary>;

const UNKNOWN: Omit<SessionRecord, 'session' | 'openedAt' | 'lastAt'> = {
  closedAt: null,
  reason: '',
  issuer: '',
  subject: '',
  email: null,
  groups: [],
  target: '',
  role: '',
  statements: 0,
  held: 0,
  refused: 0,
  events: 0,
};

/**
 * Takes one event into the summary. Pure, and the order does not matter: every field comes from one kind of event, or is a count or a
 * latest time. That an event is taken once is the caller's to see to.
 */
export function summarise(before: SessionRecord | null, event: AuditEvent): SessionRecord {
  const base = before ?? { ...UNKNOWN, session: event.session, openedAt: event.at, lastAt: event.at };
  const next: SessionRecord = {
    ...base,
    events: base.events + 1,
    lastAt: event.at > base.lastAt ? event.at : base.lastAt,
    openedAt: event.at < base.openedAt ? event.at : base.openedAt,
  };
  switch (event.kind) {
    case 'session.open': {
      const { issuer, subject, email, groups, target, role } = body('session.open', event);
      return { ...next, openedAt: event.at, issuer, subject, email, groups, target, role };
    }
    case 'session.close': {
      const { reason, statements } = body('session.close', event);
      return { ...next, closedAt: event.at, reason, statements };
    }
    case 'hold':
      return { ...next, held: next.held + 1 };
    case 'statement':
      return body('statement', event).verdict === 'deny' ? { ...next, refused: next.refused + 1 } : next;
    default:
      return next;
  }
}

/** The body of an event of this kind. Throws a ZodError when it is none. */
export function body<K extends AuditKind>(kind: K, event: AuditEvent): AuditBody<K> {
  return auditBodies[kind].parse(event.body) as AuditBody<K>;
}
