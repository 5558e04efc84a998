import { cloudEvent, http } from '@google-cloud/functions-framework';
import { compose, type Functions } from './compose.ts';
import type { PubSubData } from './pub-sub.ts';

/**
 * What functions-framework and Cloud Functions load; `--target` chooses one. Made at the first call, so that a process pays for what
 * it serves, and one that is not configured says so in each answer's log instead of not starting.
 */
let made: Functions | undefined;
function functions(): Functions {
  made ??= compose(process.env);
  return made;
}

cloudEvent('announce', (event: { data?: PubSubData }) => functions().announce(event.data));
cloudEvent('record', (event: { data?: PubSubData }) => functions().record(event.data));
http('slack', (request, response) => functions().slack(request, response));
http('expire', async (_, response) => {
  response.json(await functions().expire());
});
