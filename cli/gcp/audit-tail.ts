import { PubSub } from '@google-cloud/pubsub';
import { SessionSummaries } from '#functions/local/session-summaries.ts';
import type { AuditReader, Finding } from '#functions/ports.ts';
import { type AuditEvent, auditEvent } from '#schemas/audit.ts';
import { eventHash, GENESIS } from '#schemas/chain.ts';

/** Sessions that are kept; the oldest go. */
const SESSIONS = 500;

/**
 * The record as it passes by on a subscription of its own, kept in memory, for the page of `dev --emulators`. What it proves are the chains
 * of the sessions that it has seen: there are no signed checkpoints here, so nothing counts as sealed.
 */
export function openAuditTail(
  project: string,
  subscription: string,
  log: (message: string, error?: unknown) => void,
): AuditReader & { close(): Promise<void> } {
  const pubsub = new PubSub({ projectId: project });
  const sessions = new Map<string, Map<number, AuditEvent>>();
  const pulled = pubsub.subscription(subscription);
  pulled.on('message', message => {
    message.ack();
    const event = auditEvent.safeParse(JSON.parse(message.data.toString('utf8')));
    if (!event.success) {
      log('a message on the audit topic is no audit event', event.error);
      return;
    }
    const { session, seq } = event.data;
    const events = sessions.get(session) ?? new Map<number, AuditEvent>();
    sessions.set(session, events);
    // Delivered twice, it is the same.
    events.set(seq, event.data);
    const oldest = sessions.size > SESSIONS ? sessions.keys().next().value : undefined;
    if (oldest !== undefined) sessions.delete(oldest);
  });
  pulled.on('error', error => log('the audit topic cannot be read', error));
  const inOrder = (session: string) =>
    [...(sessions.get(session)?.values() ?? [])].sort((a, b) => a.seq - b.seq);
  return {
    async sessions() {
      const summaries = new SessionSummaries();
      for (const session of sessions.keys()) for (const event of inOrder(session)) summaries.add(event);
      return summaries.list();
    },
    events: async session => inOrder(session),
    async verify(session) {
      const asked = session === undefined ? [...sessions.keys()] : [session];
      const events = asked.reduce((sum, one) => sum + (sessions.get(one)?.size ?? 0), 0);
      const findings = asked.flatMap(one => chainFindings(inOrder(one)));
      return { sessions: asked.length, events, checkpoints: 0, unsealed: events, findings };
    },
    async close() {
      await pulled.close();
      await pubsub.close();
    },
  };
}

function chainFindings(events: readonly AuditEvent[]): Finding[] {
  const findings: Finding[] = [];
  let prev = GENESIS;
  let seq = 0;
  for (const event of events) {
    const where = `${event.session} ${event.seq}`;
    if (eventHash(event) !== event.hash)
      findings.push({ fault: 'altered', where, what: 'its hash is another one' });
    if (event.seq !== seq) findings.push({ fault: 'missing', where, what: `event ${seq} has not come` });
    else if (event.prev !== prev)
      findings.push({ fault: 'altered', where, what: 'it does not follow the one before' });
    prev = event.hash;
    seq = event.seq + 1;
  }
  return findings;
}
