import { label, pieces } from '../console/page/visible.ts';

/** Letters that are written from right to left. A run of them would turn round what stands beside it: brackets, digits, the next run. */
const RIGHT_TO_LEFT =
  /[\p{sc=Hebr}\p{sc=Arab}\p{sc=Syrc}\p{sc=Thaa}\p{sc=Nkoo}\p{sc=Samr}\p{sc=Mand}\p{sc=Adlm}\p{sc=Rohg}\p{sc=Mend}\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]+/gu;
const BRACKETS = /[⟦⟧]/g;
/** Stands for no text at all. No text looks like this: its brackets would be named. */
export const EMPTY = '⟦empty⟧';

/**
 * Text as a message can show it, so that what differs looks different: a character that a screen hides or that moves its neighbours stands as
 * ⟦U+202E RLO⟧, and so does a bracket of this kind. Runs of letters from right to left are kept to themselves by isolates (Unicode
 * Standard Annex 9), which cannot be the author's: theirs are named.
 */
export function visible(text: string, oneLine = false): string {
  return pieces(text, oneLine)
    .map(piece =>
      piece.kind === 'mark'
        ? named(piece.text)
        : piece.text.replace(BRACKETS, named).replace(RIGHT_TO_LEFT, '\u2067$&\u2069'),
    )
    .join('');
}

function named(character: string): string {
  return `⟦${label(character)}⟧`;
}
