/** Slack's limits (Block Kit reference): what the real one refuses, this one has to. */
const BLOCKS = 50;
/** Of all blocks together, where the real one says `msg_blocks_too_long`: measured by others at 13,200, and below that with rich text. */
const ALL_BLOCKS = 12_000;
const URL_LENGTH = 3000;
const VIEW_TITLE = 24;
const PRIVATE_METADATA = 3000;
const TEXT = 40_000;
const HEADER = 150;
const ELEMENT = 3000;
const ACTIONS = 25;
const BUTTON_TEXT = 75;
const BUTTON_VALUE = 2000;

/** The error code with which Slack refuses a message of these arguments; null when it takes it. */
export function blocksFault(args: Readonly<Record<string, unknown>>): string | null {
  const text = String(args.text ?? '');
  const { blocks } = args;
  if (text.length > TEXT) return 'msg_too_long';
  if (blocks === undefined) return text === '' ? 'no_text' : null;
  if (!Array.isArray(blocks)) return 'invalid_blocks_format';
  if (blocks.length > BLOCKS) return 'invalid_blocks';
  if (escapedLength(blocks) > ALL_BLOCKS) return 'msg_blocks_too_long';
  return blocks.every(fits) ? null : 'invalid_blocks';
}

function fits(block: Readonly<Record<string, unknown>>): boolean {
  const elements = (block.elements ?? []) as readonly Readonly<Record<string, unknown>>[];
  switch (block.type) {
    case 'header':
      return lengthOf(block.text) > 0 && lengthOf(block.text) <= HEADER;
    case 'actions':
      return (
        elements.length > 0 &&
        elements.length <= ACTIONS &&
        elements.every(
          e =>
            lengthOf(e.text) <= BUTTON_TEXT &&
            String(e.value ?? '').length <= BUTTON_VALUE &&
            String(e.url ?? '').length <= URL_LENGTH,
        )
      );
    case 'rich_text':
      return elements.length > 0 && elements.every(richFits);
    default:
      return false;
  }
}

function richFits(element: Readonly<Record<string, unknown>>): boolean {
  if (element.type !== 'rich_text_section' && element.type !== 'rich_text_preformatted') return false;
  const parts = element.elements as readonly Readonly<Record<string, unknown>>[];
  return parts.length > 0 && parts.every(part => part.type === 'date' || textFits(part));
}

function textFits(part: Readonly<Record<string, unknown>>): boolean {
  const text = String(part.text ?? '');
  return text.length > 0 && text.length <= ELEMENT && String(part.url ?? '').length <= URL_LENGTH;
}

/** The error code with which Slack refuses to open this dialog; null when it opens. */
export function viewFault(view: Readonly<Record<string, unknown>>): string | null {
  const titles = [view.title, view.submit, view.close].map(lengthOf);
  const fits =
    titles.every(length => length > 0 && length <= VIEW_TITLE) &&
    String(view.private_metadata ?? '').length <= PRIVATE_METADATA &&
    Array.isArray(view.blocks);
  return fits ? null : 'invalid_arguments';
}

/** As JSON in ASCII. */
function escapedLength(value: unknown): number {
  return JSON.stringify(value).replaceAll(/[^ -~]/g, '\\u0000').length;
}

function lengthOf(text: unknown): number {
  return String((text as { text?: unknown } | undefined)?.text ?? '').length;
}
