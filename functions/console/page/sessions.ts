import type { SessionSummary } from '../../ports.ts';
import { count, moment } from './describe.ts';
import { el } from './dom.ts';

const FIRST = 15;

/** The sessions, newest first, each with a button for its replay. */
export function createSessions(
  body: HTMLElement,
  empty: HTMLElement,
  table: HTMLElement,
  open: (session: string) => void,
) {
  let limit = FIRST;
  let last: readonly SessionSummary[] = [];
  let drawn = '';
  const more = el('button', { type: 'button', class: 'quiet' }, 'Show more sessions');
  more.addEventListener('click', () => {
    limit += 50;
    show(last);
  });
  table.after(more);

  function row(session: SessionSummary): HTMLElement {
    const button = el('button', { type: 'button', class: 'link' }, moment(session.openedAt));
    button.setAttribute('aria-label', `Replay the session of ${moment(session.openedAt)}`);
    button.dataset.session = session.session;
    button.addEventListener('click', () => open(session.session));
    const cell = (name: string, ...content: (string | Node)[]) =>
      el('td', { 'data-label': name }, ...content);
    return el(
      'tr',
      {},
      cell('Opened', button),
      cell('Who', session.email === null ? session.subject : `${session.subject} (${session.email})`),
      cell('Where', `${session.target} as ${session.role}`),
      cell('Statements', count(session.statements)),
      cell('Held', count(session.held)),
      cell('Refused', count(session.refused)),
      cell('State', session.closedAt === null ? el('span', { class: 'open' }, 'Open') : 'Closed'),
    );
  }

  function show(sessions: readonly SessionSummary[]): void {
    last = [...sessions].sort((a, b) => (a.openedAt < b.openedAt ? 1 : -1));
    const visible = last.slice(0, limit);
    const text = JSON.stringify(visible);
    table.hidden = last.length === 0;
    empty.hidden = last.length > 0;
    more.hidden = last.length <= limit;
    if (text === drawn) return;
    drawn = text;
    const focused =
      document.activeElement instanceof HTMLElement ? document.activeElement.dataset.session : undefined;
    body.replaceChildren(...visible.map(row));
    if (focused !== undefined)
      for (const button of body.querySelectorAll('button'))
        if (button.dataset.session === focused) button.focus({ preventScroll: true });
  }
  return { show };
}
