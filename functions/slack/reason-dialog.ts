import type { ModalView } from '@slack/types';
import type { ButtonValue } from './message.ts';

const WORDS = {
  deny: { title: 'Deny', label: 'Why not?', hint: 'The agent gets to read this.' },
  revoke: { title: 'Revoke', label: 'Why is it taken back?', hint: 'It goes into the record.' },
} as const;

/** The dialog that asks for a reason; what it is about goes round through Slack in `private_metadata` (3,000 characters at most). */
export function reasonDialog(verdict: keyof typeof WORDS, value: ButtonValue): ModalView {
  const { title, label, hint } = WORDS[verdict];
  return {
    type: 'modal',
    callback_id: verdict,
    private_metadata: JSON.stringify(value),
    title: { type: 'plain_text', text: title },
    submit: { type: 'plain_text', text: title },
    close: { type: 'plain_text', text: 'Back' },
    blocks: [
      {
        type: 'input',
        block_id: 'reason',
        optional: true,
        label: { type: 'plain_text', text: label },
        hint: { type: 'plain_text', text: hint },
        element: { type: 'plain_text_input', action_id: 'reason', multiline: true, max_length: 2000 },
      },
    ],
  };
}
