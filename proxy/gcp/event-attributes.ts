import type { AuditBody, AuditKind } from '#schemas/audit.ts';
import type { AuditAttributes } from '#schemas/messages.ts';

/** Says by attributes what an event is about, so that who reads a few of them need not be sent all. */
export class EventAttributes {
  /** Approvals of the statements that were held, by session and number, until their outcome. */
  readonly #held = new Map<string, Map<number, string>>();

  of<K extends AuditKind>(
    session: string,
    kind: K,
    body: AuditBody<K>,
  ): Pick<AuditAttributes, 'verdict' | 'approval'> {
    switch (kind) {
      case 'statement':
        return { verdict: (body as AuditBody<'statement'>).verdict };
      case 'hold': {
        const { n, approval } = body as AuditBody<'hold'>;
        const held = this.#held.get(session) ?? new Map<number, string>();
        this.#held.set(session, held.set(n, approval));
        return { approval };
      }
      case 'decision':
      case 'hold.end':
        return { approval: (body as AuditBody<'decision' | 'hold.end'>).approval };
      case 'forward':
      case 'outcome': {
        const { n } = body as AuditBody<'forward' | 'outcome'>;
        const approval = this.#held.get(session)?.get(n);
        if (approval === undefined) return {};
        if (kind === 'outcome') this.#held.get(session)?.delete(n);
        return { approval };
      }
      case 'session.close':
        this.#held.delete(session);
        return {};
      default:
        return {};
    }
  }
}
