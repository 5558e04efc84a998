import { PROJECT } from '#cli/emulators/backends.ts';
import { type FunctionProcess, pushTo } from '#cli/emulators/functions.ts';
import { topicsOf } from '#cli/gcp/topics.ts';
import type { Carried } from '#test/gcp/tail.ts';

/** Pushes a message to a function as Pub/Sub does, and gives the function's answer. */
export async function push(
  to: FunctionProcess,
  topic: keyof ReturnType<typeof topicsOf>,
  { data, attributes }: Carried,
): Promise<number> {
  const answer = await fetch(pushTo(to, topicsOf(PROJECT)[topic]), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      subscription: `projects/${PROJECT}/subscriptions/again`,
      message: {
        data: data.toString('base64'),
        attributes,
        messageId: '1',
        publishTime: new Date().toISOString(),
      },
    }),
  });
  await answer.arrayBuffer();
  return answer.status;
}
