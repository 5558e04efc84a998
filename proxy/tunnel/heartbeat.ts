import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

export const PING_MS = 30_000;
/** No more pings are queued behind so many bytes: they say nothing that the bytes do not. */
const BUSY_BYTES = 64 * 1024;
const SILENT_INTERVALS = 2;

/**
 * Sends a ping every `pingMs`, and calls `dead` once when nothing at all has come from the peer for two to three intervals. Both ends of a
 * tunnel do this: a peer whose reader is slow cannot answer pings, but it goes on sending its own. While our own reading is paused
 * nothing can be concluded. `socket` is the connection below. Ends with the WebSocket.
 */
export function heartbeat(ws: WebSocket, socket: Socket, pingMs: number, dead: () => void): void {
  let seen = socket.bytesRead;
  let silent = 0;
  const timer = setInterval(() => {
    if (ws.isPaused || socket.bytesRead !== seen) silent = 0;
    else silent += 1;
    seen = socket.bytesRead;
    if (silent >= SILENT_INTERVALS) {
      clearInterval(timer);
      dead();
    } else if (ws.readyState === ws.OPEN && ws.bufferedAmount < BUSY_BYTES) ws.ping();
  }, pingMs);
  timer.unref();
  ws.once('close', () => clearInterval(timer));
}
