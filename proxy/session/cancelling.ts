import type { Op } from './op.ts';

/**
 * Cancel requests of the agent. The server cancels whatever it runs when the request arrives, and a statement of the proxy's own is not
 * the agent's to cancel: a request waits until the server answers something of the agent's, and while one is on its way no statement
 * of the proxy's own is sent. A storm of requests is one request.
 */
export class Cancelling {
  private readonly head: () => Op | undefined;
  private readonly send: () => Promise<void>;
  /** Asked for, and not sent yet. */
  private wanted = false;
  private sending = false;
  private waiting: (() => void)[] = [];

  /** `head`: what the server answers now. `send` settles when the server has been told, or could not be. */
  constructor(head: () => Op | undefined, send: () => Promise<void>) {
    this.head = head;
    this.send = send;
  }

  /** The agent asks for it while something of it is under way. */
  request(): void {
    this.wanted = true;
    this.step();
  }

  /** The server is about to answer something else, or has just been sent something. */
  step(): void {
    if (!this.wanted || this.sending) return;
    const head = this.head();
    if (head === undefined || head.kind === 'own') return;
    this.wanted = false;
    this.sending = true;
    void this.send().then(() => {
      this.sending = false;
      for (const go of this.waiting.splice(0)) go();
    });
  }

  /** ReadyForQuery: what was to be cancelled is over. */
  ready(): void {
    this.wanted = false;
  }

  /** Whether a request is on its way; then `go` is called once it has arrived. */
  busy(go: () => void): boolean {
    if (this.sending) this.waiting.push(go);
    return this.sending;
  }
}
