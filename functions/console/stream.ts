import type { ServerResponse } from 'node:http';
import type { Approval } from '#schemas/approval.ts';
import type { ApprovalBook } from '../ports.ts';
import { HttpFault, SECURITY_HEADERS } from './reply.ts';

/** A reader that is this far behind is cut; it comes back and reads the whole list again. */
const MAX_BEHIND = 4 * 1024 * 1024;
const MAX_STREAMS = 100;

/**
 * Server-sent events of all approvals (https://html.spec.whatwg.org/multipage/server-sent-events.html): `ready` once changes are
 * being listened to (the moment to read the list), `approval` with the whole approval after each change, `beat` as a sign of life.
 */
export function createStreams(book: ApprovalBook, heartbeatMs: number) {
  const open = new Set<ServerResponse>();
  return {
    /** Throws HttpFault 503 when too many are open. */
    start(response: ServerResponse): void {
      if (open.size >= MAX_STREAMS) throw new HttpFault(503, 'too many open pages');
      const send = (event: string, data: string) => {
        if (response.writableEnded) return; // closing: a write now would be an error
        if (response.writableLength > MAX_BEHIND) response.destroy();
        else response.write(`event: ${event}\ndata: ${data}\n\n`);
      };
      const stop = book.subscribe((approval: Approval) => send('approval', JSON.stringify(approval)));
      const beat = setInterval(() => send('beat', '{}'), heartbeatMs);
      open.add(response);
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
      for (const response of open) response.end();
    },
  };
}
