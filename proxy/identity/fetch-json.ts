/** An issuer's documents are a few KB; whatever is larger is not one of them. */
const MAX_BYTES = 512 * 1024;

/**
 * GETs one JSON document: no redirects (they could lead anywhere), only 200, at most 512 KB, all of it before `signal` aborts.
 * Rejects with an Error whose message is fit for an operator; the body is never part of it.
 */
export async function fetchJson(
  url: string,
  fetch: typeof globalThis.fetch,
  signal: AbortSignal,
): Promise<unknown> {
  const response = await fetch(url, {
    signal,
    redirect: 'error',
    headers: { accept: 'application/json' },
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`${url} answered ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BYTES) throw new Error(`${url} answered with more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new Error(`${url} did not answer with JSON`);
  }
}
