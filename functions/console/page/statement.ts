import type { Statement } from '#schemas/statement.ts';
import { bindValue } from './binds.ts';
import { count, HIGHLIGHT_LIMIT, plural } from './describe.ts';
import { type Child, el, fill, shown } from './dom.ts';
import { tokens } from './sql.ts';

type Shown = Pick<Statement, 'text' | 'parameters'> & { readonly settings?: Statement['settings'] };

/** The whole statement, coloured, with its bind values. It scrolls inside its box and is never cut. */
export function statementView(statement: Shown): HTMLElement {
  const { text, parameters } = statement;
  const lines = text.split('\n').length;
  const code = el('code');
  if (text.length > HIGHLIGHT_LIMIT) fill(code, shown(text, true));
  else {
    const backslashes = statement.settings?.standard_conforming_strings === 'off';
    for (const token of tokens(text, backslashes))
      if (token.kind === 'plain') code.append(shown(token.text, true));
      else code.append(el('span', { class: `sql-${token.kind}` }, shown(token.text, true)));
  }
  const box = el('pre', { class: 'sql', tabindex: '0', role: 'region', 'aria-label': 'Statement' }, code);
  const size = el('span', { class: 'size' });
  const extent = `${plural(lines, 'line')}, ${plural(text.length, 'character')}`;
  watchEnd(box, state => {
    const sentence = {
      short: '',
      unread: `${extent}: scroll to read all of it`,
      read: `${extent}, read to the end`,
    };
    fill(size, sentence[state]);
  });
  const copy = el('button', { type: 'button', class: 'quiet' }, 'Copy');
  copy.addEventListener('click', () => {
    navigator.clipboard.writeText(text).then(
      () => fill(copy, 'Copied'),
      () => fill(copy, 'Could not copy'),
    );
  });
  return el(
    'div',
    { class: 'statement' },
    box,
    el('div', { class: 'statement-foot' }, size, copy),
    parameters.length === 0 ? null : bindTable(parameters),
  );
}

/** Has everything in a box that scrolls been in view? `data-unread` stands on it until then, and stays away afterwards. */
function watchEnd(box: HTMLElement, changed?: (state: 'short' | 'unread' | 'read') => void): void {
  let read = false;
  const look = () => {
    if (box.clientHeight === 0) return; // not shown at present
    const short = !read && box.scrollHeight <= box.clientHeight + 2;
    read ||= !short && box.scrollTop + box.clientHeight >= box.scrollHeight - 2;
    box.toggleAttribute('data-unread', !short && !read);
    changed?.(short ? 'short' : read ? 'read' : 'unread');
  };
  box.addEventListener('scroll', look, { passive: true });
  new ResizeObserver(look).observe(box);
}

function bindTable(parameters: Shown['parameters']): HTMLElement {
  const rows = parameters.map((parameter, i) => {
    const { type, kind, text } = bindValue(parameter);
    const value: Child =
      kind === 'null'
        ? el('span', { class: 'null' }, 'NULL')
        : el(
            'span',
            { class: `bind-${kind}` },
            kind === 'text' ? `'` : null,
            shown(text, true),
            kind === 'text' ? `'` : null,
          );
    return el(
      'tr',
      {},
      el('th', { scope: 'row' }, `$${i + 1}`),
      el('td', { class: 'bind-value' }, value),
      el('td', { class: 'bind-type' }, type),
    );
  });
  const box = el(
    'div',
    { class: 'binds', tabindex: '0', role: 'region', 'aria-label': `${count(rows.length)} bind values` },
    el('table', {}, el('caption', {}, 'Bind values'), el('tbody', {}, ...rows)),
  );
  watchEnd(box);
  return box;
}
