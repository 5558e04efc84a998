import type { AuditBody, AuditEvent } from '#schemas/audit.ts';
import { LEDGER_SESSION } from '#schemas/chain.ts';
import type { SessionSummary } from '../ports.ts';

interface Summary {
  summary: SessionSummary;
  /** Statements that a rule has denied and whose outcome is still to come: they count as refused once. */
  readonly denied: Set<number>;
}

/** Sums up sessions event by event, so that a growing log is read once. */
export class SessionSummaries {
  #sessions = new Map<string, Summary>();

  add(event: AuditEvent): void {
    if (event.session === LEDGER_SESSION) return;
    let entry = this.#sessions.get(event.session);
    if (entry === undefined) {
      entry = { summary: blank(event), denied: new Set() };
      this.#sessions.set(event.session, entry);
    }
    entry.summary = sum({ ...entry.summary, events: entry.summary.events + 1 }, event, entry.denied);
  }

  /** Newest first. */
  list(): SessionSummary[] {
    return [...this.#sessions.values()].map(s => s.summary).reverse();
  }
}

function sum(before: SessionSummary, { kind, body, at }: AuditEvent, denied: Set<number>): SessionSummary {
  switch (kind) {
    case 'session.open': {
      const { subject, email, target, role } = body as AuditBody<'session.open'>;
      return { ...before, openedAt: at, subject, email, target, role };
    }
    case 'statement': {
      const { n, verdict } = body as AuditBody<'statement'>;
      if (verdict === 'deny') denied.add(n);
      return {
        ...before,
        statements: before.statements + 1,
        refused: before.refused + (verdict === 'deny' ? 1 : 0),
      };
    }
    case 'hold':
      return { ...before, held: before.held + 1 };
    case 'outcome': {
      const { n, status } = body as AuditBody<'outcome'>;
      const counts = !denied.delete(n) && status === 'refused';
      return { ...before, refused: before.refused + (counts ? 1 : 0) };
    }
    case 'session.close':
      return { ...before, closedAt: at };
    default:
      return before;
  }
}

function blank(event: AuditEvent): SessionSummary {
  return {
    session: event.session,
    openedAt: event.at,
    closedAt: null,
    subject: '',
    email: null,
    target: '',
    role: '',
    statements: 0,
    held: 0,
    refused: 0,
    events: 0,
  };
}
