import { clientEncoding } from '#schemas/encodings.ts';
import type { Context } from './context.ts';

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
 * A sentence when giving `setting` this value would blind the proxy, else null. `value` is null for FROM CURRENT and for whatever is
 * not a constant: what they give cannot be told. `setting` is null where the name itself is not a constant.
 */
function blinding(setting: string | null, value: string | null): string | null {
  if (setting === null) return 'which setting would change cannot be told from the text';
  const keeps = KEPT.get(setting.toLowerCase());
  if (keeps === undefined || (value !== null && keeps(value))) return null;
  return `changing ${setting} would make the proxy and the server read the same text differently`;
}

/**
 * Notes that `setting` is given a value, and refuses what would blind the proxy. `forSession`: for the rest of the session, or of its
 * transaction, and not in what others begin with. There the agent's own statement may choose an encoding: the session follows the server.
 */
export function changeSetting(
  { facts, itself }: Context,
  setting: string | null,
  value: string | null,
  forSession = true,
): void {
  const name = setting?.toLowerCase();
  if (name === STRINGS && forSession) facts.otherStrings = true;
  if (itself && forSession && (name === 'client_encoding' || name === 'names') && value !== null) {
    const encoding = clientEncoding(value);
    if (encoding !== null) {
      if (encoding !== 'UTF8') facts.otherEncoding = true;
      return;
    }
  }
  const refusal = blinding(setting, value);
  if (refusal !== null) facts.refuse(refusal);
}

/** The kept settings themselves: a function that carries one of them in its configuration cannot be read safely. */
export function isKept(setting: string): boolean {
  return KEPT.has(setting.toLowerCase());
}

export function changesStrings(setting: string): boolean {
  return setting.toLowerCase() === STRINGS;
}
