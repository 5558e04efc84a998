import { clientEncoding, isNoEncoding } from '#schemas/encodings.ts';
import type { Context } from './context.ts';
import type { Argument } from './literal.ts';

/** Settings whose change would make the proxy read a text differently from the server. Names are lower-case. */
const KEPT: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['client_encoding', isUtf8],
  ['names', isUtf8],
]);
/** Texts are read as the server says that it is; what runs in between may be read either way. */
const STRINGS = 'standard_conforming_strings';

function isUtf8(value: string): boolean {
  return clientEncoding(value) === 'UTF8';
}

/**
 * Notes that `setting` is given a value, and refuses what would blind the proxy. `forSession`: for the rest of the session, or of its
 * transaction, and not in what others begin with. There the agent's own statement may choose an encoding: the session follows the server.
 */
export function changeSetting(
  context: Context,
  setting: Argument,
  value: () => Argument,
  forSession = true,
): void {
  const { facts, itself } = context;
  // The server refuses one without a name, and what a parameter names is told when it is bound.
  if (setting.kind === 'null' || setting.kind === 'later') return;
  if (setting.kind === 'computed') {
    facts.refuse('which setting would change cannot be told from the text');
    return;
  }
  const name = setting.text.toLowerCase();
  if (name === STRINGS && forSession) facts.otherStrings = true;
  const keeps = KEPT.get(name);
  if (keeps === undefined) return;
  const given = value();
  // NULL resets it to the value of the session's start-up packet, which the proxy has written.
  if (given.kind === 'later' || given.kind === 'null') return;
  if (given.kind === 'text') {
    const encoding = clientEncoding(given.text);
    if (itself && forSession && encoding !== null) {
      if (encoding !== 'UTF8') facts.otherEncoding = true;
      return;
    }
    // The server says so itself, in its own words, and nothing changes.
    if (itself && forSession && isNoEncoding(given.text)) return;
    if (keeps(given.text)) return;
  }
  facts.refuse(`changing ${setting.text} would make the proxy and the server read the same text differently`);
}

/** The kept settings themselves: a function that carries one of them in its configuration cannot be read safely. */
export function isKept(setting: string): boolean {
  return KEPT.has(setting.toLowerCase());
}

export function changesStrings(setting: string): boolean {
  return setting.toLowerCase() === STRINGS;
}
