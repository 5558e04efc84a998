import { canonical, type Json } from '#schemas/canonical.ts';

const texts = new WeakMap<object, string>();

/**
 * Effects and masks are the same objects each time a cached verdict is used, so their text is kept with them. They are frozen, so
 * that changing one later fails loudly instead of making the record lie.
 */
export function frozenText(value: object): string {
  let text = texts.get(value);
  if (text === undefined) {
    text = canonical(value as Json);
    for (const member of Object.values(value)) if (typeof member === 'object') Object.freeze(member);
    texts.set(Object.freeze(value), text);
  }
  return text;
}
