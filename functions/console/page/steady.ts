/**
 * Makes a change and scrolls so that what the person is at stays where it is on the screen: the element with the focus if it is in
 * view, otherwise the topmost thing that is. Scroll anchoring of browsers is off, since it would look at the top of the window only.
 */
export function steady(change: () => void): void {
  const anchor = inView(document.activeElement) ?? topmost();
  const before = anchor?.getBoundingClientRect().top ?? 0;
  change();
  if (anchor?.isConnected !== true) return;
  const moved = anchor.getBoundingClientRect().top - before;
  if (moved !== 0) scrollBy({ top: moved, behavior: 'instant' });
}

function inView(element: Element | null): Element | null {
  if (element === null || element === document.body) return null;
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight ? element : null;
}

function topmost(): Element | null {
  if (scrollY === 0) return null; // at the very top nothing is being read that new things could push away
  for (const element of document.querySelectorAll('main h2, .card, .row, .sessions tr, .event'))
    if (element.getBoundingClientRect().top >= 0) return element;
  return null;
}
