import type { Block } from './intake.ts';
import type { Op } from './op.ts';
import { RUNS } from './op-queue.ts';

/** What comes before that in its segment. Between two of these the server waits for the next, and hears no request. */
const PREPARES: ReadonlySet<Op['kind']> = new Set([
  'parse',
  'bind',
  'describe-statement',
  'describe-portal',
  'close',
]);
/** How often the server is told while nothing says that it runs what was asked for: it may not have heard the first time. */
const TWICE = 2;

/**
 * Cancel requests of the agent. The server cancels whatever it runs when the request arrives, and a statement of the proxy's own is not
 * the agent's to cancel: a request waits until the server answers something of the agent's, and while one is on its way no statement
 * of the proxy's own is sent. A storm of requests is one request.
 */
export class Cancelling {
  private readonly head: () => Op | undefined;
  private readonly runs: () => number;
  private readonly send: () => Promise<void>;
  /** Asked for, and not sent yet. */
  private wanted = false;
  /** The agent had asked for more than the server had been sent. */
  private more = false;
  /** What had been sent by then that runs something. */
  private before = 0;
  /** How often the server was told while it prepared, which it may not have heard: what was asked for with it may not have begun yet. */
  private early = 0;
  private sending = false;
  private waiting: (() => void)[] = [];

  /** `head`: what the server answers now. `runs`: how many messages that run something it has been sent, ever. `send` settles when the server has been told, or could not be. */
  constructor(head: () => Op | undefined, runs: () => number, send: () => Promise<void>) {
    this.head = head;
    this.runs = runs;
    this.send = send;
  }

  /**
   * The agent asks for it while something of it is under way, or waits for `block`. What the proxy still judges or records the server
   * would be running by now: the request is for that too, and a Parse that goes ahead does not use it up.
   */
  request(block: Block | null): void {
    this.wanted = true;
    this.more = block !== null && block !== 'ready';
    this.before = this.runs();
    this.early = 0;
    this.step();
  }

  /** The server is about to answer something else, or has just been sent something. */
  step(): void {
    if (!this.wanted || this.sending) return;
    const head = this.head();
    if (head === undefined || (head.kind === 'own' && head.run === undefined)) return;
    // It answers when a Sync or a Flush asks it to, and may long be busy with what is behind the head.
    if (this.more && this.runs() !== this.before) {
      this.more = false;
      this.early = 0;
    }
    const early = this.more ? !RUNS.has(head.kind) : PREPARES.has(head.kind);
    if (early && this.early === (this.more ? 1 : TWICE)) return;
    if (early) this.early++;
    this.wanted = early;
    this.tell();
  }

  /** What the server runs now runs in the place of what the agent asked for. */
  now(): void {
    if (!this.sending) this.tell();
  }

  private tell(): void {
    this.sending = true;
    void this.send().then(() => {
      this.sending = false;
      // What runs may have begun meanwhile.
      this.step();
      if (this.sending) return;
      for (const go of this.waiting.splice(0)) go();
    });
  }

  /** The server has answered, or skips, all that it was sent of what was to be cancelled. */
  answered(): void {
    if (!this.more) this.wanted = false;
  }

  /** ReadyForQuery: what was to be cancelled is over. */
  ready(): void {
    this.wanted = false;
  }

  /** It has been asked for, and nothing has been cancelled. */
  get asked(): boolean {
    return this.wanted;
  }

  /** A request is on its way. */
  get underWay(): boolean {
    return this.sending;
  }

  /** Whether a request is on its way; then `go` is called once it has arrived. */
  busy(go: () => void): boolean {
    if (this.sending) this.waiting.push(go);
    return this.sending;
  }
}
