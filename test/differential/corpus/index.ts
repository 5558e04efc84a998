import type { Script } from '../script.ts';
import { COPY } from './copy.corpus.ts';
import { CURSORS } from './cursors.corpus.ts';
import { EXTENDED } from './extended.corpus.ts';
import { MALFORMED } from './malformed.corpus.ts';
import { NAMES } from './names.corpus.ts';
import { REFUSED } from './refused.corpus.ts';
import { SETTINGS } from './settings.corpus.ts';
import { SIMPLE } from './simple.corpus.ts';
import { STRINGS } from './strings.corpus.ts';

/** The scripts written by hand, by what they are about. */
export const CORPUS: Readonly<Record<string, readonly Script[]>> = {
  'the simple protocol': SIMPLE,
  'the extended protocol': EXTENDED,
  cursors: CURSORS,
  COPY: COPY,
  'settings and notifications': SETTINGS,
  'strings and comments': STRINGS,
  names: NAMES,
  'texts that do not parse': REFUSED,
  'messages that make no sense': MALFORMED,
};
