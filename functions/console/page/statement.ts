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
  const size =
    lines > 12 || text.length > 900
      ? `${plural(lines, 'line')}, ${plural(text.length, 'character')}: scroll to read all of it`
      : null;
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
    el(
      'div',
      { class: 'statement-foot' },
      size === null ? el('span') : el('span', { class: 'size' }, size),
      copy,
    ),
    parameters.length === 0 ? null : bindTable(parameters),
  );
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
  return el(
    'div',
    { class: 'binds', tabindex: '0', role: 'region', 'aria-label': `${count(rows.length)} bind values` },
    el('table', {}, el('caption', {}, 'Bind values'), el('tbody', {}, ...rows)),
  );
}
