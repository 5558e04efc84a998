import type { Approval } from '#schemas/approval.ts';
import { ago, STATES, title } from './describe.ts';
import { el, fill } from './dom.ts';
import { factsView, fineprintView, progressView } from './facts.ts';
import { statementView } from './statement.ts';

const FIRST = 12;

/** Takes back what is approved and not used up. What comes of it is the row's new state. */
function revoking(approval: Approval, revoke: (approval: Approval) => Promise<unknown>): HTMLElement {
  const button = el('button', { type: 'button', class: 'quiet' }, 'Revoke');
  const said = el('span', { role: 'status' });
  button.addEventListener('click', () => {
    revoke(approval).catch((fault: unknown) => fill(said, (fault as Error).message));
  });
  return el('span', {}, button, ' ', said);
}

/** What has been decided, newest first; a row opens to the whole approval. Rows that have not changed are left alone. */
export function createHistory(
  list: HTMLElement,
  empty: HTMLElement,
  now: () => number,
  openSession: (id: string) => void,
  revoke: (approval: Approval) => Promise<unknown>,
) {
  const rows = new Map<string, { stamp: string; element: HTMLDetailsElement }>();
  let limit = FIRST;
  let last: readonly Approval[] = [];
  const more = el('button', { type: 'button', class: 'quiet' }, 'Show more');
  more.addEventListener('click', () => {
    limit += 50;
    show(last);
  });

  function row(approval: Approval): HTMLDetailsElement {
    const body = el('div', { class: 'row-body' });
    const details = el(
      'details',
      { class: 'row', 'data-approval': approval.id, 'data-state': approval.state },
      el(
        'summary',
        {},
        el('span', { class: `state ${approval.state}` }, STATES[approval.state]),
        el('span', { class: 'row-title' }, title(approval)),
        el('span', { class: 'row-who' }, approval.requester.subject),
        el('time', { datetime: approval.createdAt }, ago(approval.createdAt, now())),
        approval.outcome === '' ? null : el('span', { class: 'row-outcome' }, approval.outcome),
      ),
      body,
    );
    details.addEventListener('toggle', () => {
      if (!details.open || body.childElementCount > 0) return;
      const session = el('button', { type: 'button', class: 'quiet' }, `Replay session ${approval.session}`);
      session.addEventListener('click', () => openSession(approval.session));
      fill(
        body,
        statementView(approval.statement),
        factsView(approval),
        progressView(approval),
        fineprintView(approval),
        session,
        approval.state === 'approved' && approval.releases !== 'parked' && revoking(approval, revoke),
      );
    });
    return details;
  }

  function show(approvals: readonly Approval[]): void {
    last = approvals;
    const visible = approvals.slice(0, limit);
    const elements: Element[] = visible.map(approval => {
      const stamp = `${approval.state} ${approval.decisions.length} ${approval.outcome}`;
      const known = rows.get(approval.id);
      if (known?.stamp === stamp) return known.element;
      const element = row(approval);
      element.open = known?.element.open ?? false;
      rows.set(approval.id, { stamp, element });
      return element;
    });
    if (approvals.length > visible.length) elements.push(more);
    const present = [...list.children];
    // Only when something differs: moving an element in the document drops its focus.
    if (present.length !== elements.length || elements.some((element, i) => element !== present[i]))
      list.replaceChildren(...elements);
    empty.hidden = approvals.length > 0;
  }

  return {
    show,
    /** The "5 min ago" of every row. */
    tick(): void {
      for (const time of list.querySelectorAll('time')) {
        const text = ago(time.dateTime, now());
        if (time.textContent !== text) time.textContent = text;
      }
    },
    /** Opens one row and brings it into view; false when it is not among them. */
    reveal(id: string): boolean {
      const index = last.findIndex(approval => approval.id === id);
      if (index < 0) return false;
      limit = Math.max(limit, index + 1);
      show(last);
      const element = rows.get(id)?.element;
      if (element === undefined) return false;
      element.open = true;
      element.scrollIntoView({ block: 'start' });
      element.querySelector('summary')?.focus({ preventScroll: true });
      return true;
    },
  };
}
