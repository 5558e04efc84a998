import type { Socket } from 'node:net';
import { asUnavailable, unavailable } from './faults.ts';

/** Hands a socket over to be destroyed when the work fails or its time is up. */
export type Own = (socket: Socket) => void;

/**
 * Runs `work` until it ends, `ms` milliseconds have passed or `signal` aborts. On every way out but success all sockets that it
 * owned are destroyed, those that it owns later too. Rejects with HoldpointError `upstream_unavailable` only.
 */
export async function withinDeadline<T>(
  ms: number,
  signal: AbortSignal | undefined,
  work: (own: Own) => Promise<T>,
): Promise<T> {
  const sockets: Socket[] = [];
  let failed = false;
  let timer: NodeJS.Timeout | undefined;
  let abort: (() => void) | undefined;
  const ended = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unavailable(`the start-up was not done within ${ms} ms`)), ms);
    abort = () => reject(unavailable('the connection is no longer wanted'));
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([
      ended,
      work(socket => {
        sockets.push(socket);
        if (failed) socket.destroy();
      }),
    ]);
  } catch (error) {
    failed = true;
    // The outermost first. Node 24 crashes when the socket below a TLS socket goes first while an event of the TLS socket is being
    // handled, and a hostile server chooses when that is.
    for (const socket of sockets.reverse()) socket.destroy();
    throw asUnavailable(error);
  } finally {
    clearTimeout(timer);
    if (abort !== undefined) signal?.removeEventListener('abort', abort);
  }
}
