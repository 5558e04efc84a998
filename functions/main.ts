import { cloudEvent, http } from '@google-cloud/functions-framework';
import { compose, type Functions } from './compose.ts';
import type { PubSubData } from './pub-sub.ts';

/**
 * What functions-framework and Cloud Functions load; `--target`, or FUNCTION_TARGET, chooses one. A process that is not configured says so in
 * each answer's log instead of not starting.
 */
let made: Functions | undefined;
function functions(): Functions {
  made ??= compose(process.env);
  return made;
}

/** The first press has three seconds like any other: what it would wait for is opened before the process says that it is ready. */
const target = process.env.FUNCTION_TARGET;
if (target !== undefined) {
  try {
    await functions().warm(target);
  } catch (error) {
    console.error(JSON.stringify({ severity: 'ERROR', message: String(error) }));
  }
}

cloudEvent('announce', (event: { data?: PubSubData }) => functions().announce(event.data));
cloudEvent('record', (event: { data?: PubSubData }) => functions().record(event.data));
http('slack', (request, response) => functions().slack(request, response));
http('expire', async (_, response) => {
  response.json(await functions().expire());
});
