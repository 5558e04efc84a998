import { requestDigest } from '#schemas/request.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { PATIENCE_MS } from './patience.ts';
import type { Stack } from './stack.ts';

/**
 * Presses as people do on a slow day: again, where a press came to nothing. Resolves when this person's decision is stored, or when there
 * is nothing to decide any more.
 */
export async function approve(stack: Stack, id: string, user: string): Promise<void> {
  await until(stack, id, user, () => stack.press(id, 'approve', user));
}

/** The same for a denial, through its dialog. */
export async function deny(stack: Stack, id: string, user: string, reason: string): Promise<void> {
  await until(stack, id, user, async () => {
    const { dialog } = await stack.press(id, 'deny', user);
    if (dialog !== null) await stack.slack.submit(dialog, user, reason);
  });
}

/** Takes back what is approved, through its dialog. Resolves when the record says so. */
export async function revoke(stack: Stack, id: string, user: string, reason: string): Promise<void> {
  await stack.becomes(id, 'approved');
  await stack.shows(id, /"revoke"/);
  await waitFor(
    async () => {
      if ((await stack.stored(id)).state === 'withdrawn') return true;
      const { dialog } = await stack.press(id, 'revoke', user);
      if (dialog !== null) await stack.slack.submit(dialog, user, reason);
      return false;
    },
    { what: `${user} has revoked ${id}`, deadlineMs: PATIENCE_MS },
  );
}

async function until(stack: Stack, id: string, user: string, press: () => Promise<unknown>): Promise<void> {
  await stack.message(id);
  await waitFor(
    async () => {
      const { state, decisions } = await stack.stored(id);
      const mine = decisions.some(({ decision }) => decision.account === `slack:${stack.slack.team}/${user}`);
      if (state !== 'held' || mine) return true;
      await press();
      return false;
    },
    { what: `${user} has decided on ${id}`, deadlineMs: PATIENCE_MS },
  );
}

/** Makes the message show the record as it is stored now: a refused press does, here of somebody who is no approver. */
export async function shownAsStored(stack: Stack, id: string): Promise<void> {
  await waitFor(
    async () => {
      const request = requestDigest(await stack.stored(id));
      if (JSON.stringify(stack.messages(id)[0]?.blocks).includes(request)) return true;
      await stack.press(id, 'approve', 'UEVE');
      return false;
    },
    { what: `the message about ${id} shows the record as it is`, deadlineMs: PATIENCE_MS },
  );
}
