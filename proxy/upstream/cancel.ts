import { int32 } from '#proxy/wire/backend.ts';
import { withinDeadline } from './deadline.ts';
import { dial, type Endpoint } from './dial.ts';
import { unavailable } from './faults.ts';

export interface CancelOptions extends Endpoint {
  readonly processId: number;
  readonly secretKey: Buffer;
  readonly deadlineMs: number;
}

const CANCEL_REQUEST = 80877102;

/**
 * Asks the server to cancel what the session `processId` runs, over a connection of its own and with the same TLS as the session's:
 * the key would let anybody who reads it do the same. Resolves when the server has closed the connection, which it does once the
 * signal is sent, and says nothing of whether anything was cancelled. Source: manual 54.2.9 "Canceling Requests in Progress".
 */
export function cancelUpstream(options: CancelOptions): Promise<void> {
  return withinDeadline(options.deadlineMs, undefined, async own => {
    const { processId, secretKey } = options;
    if (secretKey.length < 4) throw unavailable('the server gave no cancel key');
    const { socket } = await dial(options, own);
    await new Promise<void>((resolve, reject) => {
      // A server that hangs up with a reset has got the request as well: only bytes that did not leave are a failure.
      let sent = false;
      const over = () => (sent ? resolve() : reject(unavailable('the cancel request could not be sent')));
      socket.on('end', over).on('close', over);
      socket.write(
        Buffer.concat([int32(12 + secretKey.length, CANCEL_REQUEST, processId), secretKey]),
        error => {
          sent = !error;
        },
      );
      socket.resume();
    });
    socket.destroy();
  });
}
