import type { IncomingMessage } from 'node:http';
import { HttpFault } from './reply.ts';

/** A decision is an e-mail and a reason of at most 2,000 characters: this is room enough. */
export const MAX_BODY = 32 * 1024;

/**
 * The request's body as parsed JSON. Throws HttpFault 415 for another content type (which also keeps out plain HTML forms), 413
 * beyond MAX_BODY without reading on, 400 for what is not UTF-8 or not JSON.
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json *(;|$)/i.test(type))
    throw new HttpFault(415, 'send the body as application/json', { connection: 'close' });
  const tooLarge = () =>
    new HttpFault(413, `the body is larger than ${MAX_BODY} bytes`, { connection: 'close' });
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (cause) {
    throw new HttpFault(400, `the body is not JSON: ${(cause as Error).message}`);
  }
}
