import { pieces } from './visible.ts';

export type Child = Node | string | null | false;
/** Attribute values come from this code or are addresses that were checked; `style` and handlers are refused by the page's CSP anyway. */
type Attributes = Readonly<Record<string, string | boolean>>;

/** One element. Strings among the children become text with odd characters made visible: there is no way to pass markup. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== false) element.setAttribute(name, value === true ? '' : value);
  fill(element, ...children);
  return element;
}

/** Replaces the children. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  parent.replaceChildren(
    ...children.flatMap(child =>
      child === null || child === false ? [] : typeof child === 'string' ? [shown(child)] : [child],
    ),
  );
}

/** Text in which nothing hides: odd characters become small boxes with their code point. `lines` keeps line feeds and tabs. */
export function shown(text: string, lines = false): DocumentFragment {
  const out = document.createDocumentFragment();
  for (const piece of pieces(text, !lines)) {
    if (piece.kind === 'text') out.append(piece.text);
    else {
      const mark = document.createElement('span');
      mark.className = 'mark';
      mark.textContent = piece.label;
      out.append(mark);
    }
  }
  return out;
}

/** An element of index.html; it is a defect when it is not there. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/** Says a sentence to people who listen to the page. */
export function announce(sentence: string): void {
  byId('announce').textContent = sentence;
}

/** Is the focus somewhere where text is being written? */
export function isTyping(): boolean {
  const active = document.activeElement;
  return (
    active instanceof HTMLInputElement ||
    active instanceof HTMLTextAreaElement ||
    active instanceof HTMLSelectElement
  );
}
