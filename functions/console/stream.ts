import type { ServerResponse } from 'node:http';
import type { Approval } from '#schemas/approval.ts';
import type { ApprovalBook } from '../ports.ts';
import { HttpFault, SECURITY_HEADERS } from './reply.ts';

/** A reader that is this far behind is cut; it comes back and reads the whole list again. */
const MAX_BEHIND = 4 * 1024 * 1024;
const MAX_STREAMS = 100;
/** A browser opens six connections to one host and no more: beyond this many streams its next page would not load at all. */
const MAX_PER_BROWSER = 4;

/**
 * Server-sent events of all approvals (https://html.spec.whatwg.org/multipage/server-sent-events.html): `ready` once changes are
 * being listened to (the moment to read the list), `approval` with the whole approval after each change, `beat` as a sign of life, `parked` when the same browser has opened more
 * pages than it has connections for (the page comes back when somebody looks at it).
 */
export function createStreams(book: ApprovalBook, heartbeatMs: number) {
  const open = new Map<ServerResponse, { browser: string | null; park: () => void }>();
  return {
    /** `browser` tells browsers apart; null for programs. Throws HttpFault 503 when too many are open. */
    start(response: ServerResponse, browser: string | null): void {
      if (open.size >= MAX_STREAMS) throw new HttpFault(503, 'too many open pages');
      const send = (event: string, data: string) => {
        if (response.writableEnded) return; // closing: a write now would be an error
        if (response.writableLength > MAX_BEHIND) response.destroy();
        else response.write(`event: ${event}\ndata: ${data}\n\n`);
      };
      const stop = book.subscribe((approval: Approval) => send('approval', JSON.stringify(approval)));
      const beat = setInterval(() => send('beat', '{}'), heartbeatMs);
      const park = () => {
        send('parked', '{}');
        response.end();
      };
      const same = [...open.values()].filter(one => browser !== null && one.browser === browser);
      if (same.length >= MAX_PER_BROWSER) same[0]!.park();
      open.set(response, { browser, park });
      response.on('close', () => {
        open.delete(response);
        clearInterval(beat);
        stop();
      });
      response.writeHead(200, { ...SECURITY_HEADERS, 'content-type': 'text/event-stream; charset=utf-8' });
      response.write('retry: 2000\n\n');
      send('ready', '{}');
    },
    /** Ends all streams, so that the server can close. */
    close(): void {
      for (const response of open.keys()) response.end();
    },
  };
}
