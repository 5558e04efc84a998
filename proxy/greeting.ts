import { redactFields } from './mask/redact.ts';
import type { UpstreamConnection } from './upstream/connect.ts';
import { BACKEND, encode, encodeFields, encodeParameterStatus, encodeReady, int32 } from './wire/backend.ts';

/** AuthenticationOk, for a client that has not had it. */
export const WELCOME = encode(BACKEND.authentication, int32(0));

/**
 * The first words to an agent, up to ReadyForQuery. The process id is the server's own, which NotificationResponse and pg_backend_pid() tell
 * too; the key is the proxy's, and cancels there. `shown`: what the server had to say of this session may be told as it is.
 */
export function greeting(
  { processId, parameters, notices }: Pick<UpstreamConnection, 'processId' | 'parameters' | 'notices'>,
  { welcomed, key, shown }: { welcomed: boolean; key: Buffer; shown: boolean },
): Buffer {
  const words = welcomed ? [] : [WELCOME];
  for (const [name, value] of parameters) words.push(encodeParameterStatus(name, value));
  for (const notice of notices)
    words.push(encodeFields(BACKEND.notice, shown ? notice : redactFields(notice), 'latin1'));
  words.push(encode(BACKEND.backendKeyData, int32(processId), key), encodeReady('I'));
  return Buffer.concat(words);
}
