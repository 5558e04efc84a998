import { type AuditEvent, auditEvent } from '#schemas/audit.ts';
import { eventHash } from '#schemas/chain.ts';
import type { ApprovalDesk } from '../ports.ts';
import { type PubSubData, pubSubAttributes, pubSubJson } from '../pub-sub.ts';
import { body } from './summary.ts';

/** Where the summaries are. */
export interface SessionStore {
  /** Takes an event into its session's summary, once however often it comes; false when it had been taken before. */
  take(event: AuditEvent): Promise<boolean>;
}

/**
 * One delivery from the audit topic. The subscription's filter lets through what summaries need: openings, ends, denials, and everything
 * about statements that were held, which carry their approval's id as an attribute. At least once and in any order, so each step
 * may be done again: the summary knows the events that it has taken, and a state that is reached is not left.
 */
export function createRecord(deps: {
  readonly sessions: SessionStore;
  readonly desk: Pick<ApprovalDesk, 'executed'>;
  readonly show: (id: string) => Promise<void>;
  readonly log: (message: string, error?: unknown) => void;
}): (data: PubSubData) => Promise<void> {
  const { sessions, desk, show, log } = deps;
  return async data => {
    const parsed = auditEvent.safeParse(pubSubJson(data));
    if (!parsed.success || eventHash(parsed.data) !== parsed.data.hash) {
      log('a message that is no audit event, or not the one that was hashed, was dropped', parsed.error);
      return;
    }
    const event = parsed.data;
    await sessions.take(event);
    const { approval } = pubSubAttributes(data);
    if (approval === undefined) return;
    if (event.kind === 'forward') await desk.executed(approval, null);
    else if (event.kind === 'outcome') {
      const { status, tag, rows, sqlstate } = body('outcome', event);
      // Refused after all: it was never sent, and the hold's own end says why.
      if (status === 'refused') return;
      await desk.executed(approval, { status, rows: affected(tag) ?? rows, sqlstate });
    } else return;
    await show(approval);
  };
}

/** `DELETE 5`, `INSERT 0 5`: a statement that gives no rows tells here how many it has changed. */
function affected(tag: string): number | null {
  const count = / ([0-9]+)$/.exec(tag)?.[1];
  return count === undefined ? null : Number(count);
}
