import type { KnownBlock } from '@slack/types';

/** Blocks of one message. */
const BLOCKS = 50;
/** Of one text; Slack's documentation has 3,000 for a section. */
const TEXT = 3000;
/**
 * Of all blocks together. Slack documents no number and refuses with `msg_blocks_too_long` at about 13,200 characters, in which the blocks'
 * own fields count in part: so they all count here, and a letter outside ASCII as its escape.
 */
const TOTAL = 12_000;

/** Whether Slack takes all of them as they are. */
export function slackTakes(blocks: readonly KnownBlock[]): boolean {
  return blocks.length <= BLOCKS && sizeOf(blocks) <= TOTAL && longestText(blocks) <= TEXT;
}

function sizeOf(blocks: readonly KnownBlock[]): number {
  const text = JSON.stringify(blocks);
  let size = text.length;
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 126) size += 5;
  return size;
}

function longestText(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce<number>((most, inner) => Math.max(most, longestText(inner)), 0);
}
