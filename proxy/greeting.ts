import { redactFields } from './mask/redact.ts';
import type { UpstreamConnection } from './upstream/connect.ts';
import { BACKEND, encode, encodeFields, encodeParameterStatus, encodeReady, int32 } from './wire/backend.ts';
import { NEWEST_MINOR } from './wire/startup.ts';

/** AuthenticationOk, for a client that has not had it. */
export const WELCOME = encode(BACKEND.authentication, int32(0));

/**
 * NegotiateProtocolVersion, for who asks for a newer protocol 3 than this one or for options of it that do not exist; null for everybody
 * else. Postgres documentation, 54.2.1 Start-up.
 */
export function negotiation(minor: number, unknownOptions: readonly string[]): Buffer | null {
  if (minor <= NEWEST_MINOR && unknownOptions.length === 0) return null;
  return encode(
    BACKEND.negotiateProtocolVersion,
    int32(NEWEST_MINOR, unknownOptions.length),
    ...unknownOptions,
  );
}

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
