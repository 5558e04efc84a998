import { HoldpointError } from '#schemas/errors.ts';

/**
 * Connections that have not proven who they are. When there are too many, the oldest makes room for the newest: who connects and says
 * nothing can be cut, but cannot keep out those who do say who they are.
 */
export class Lobby {
  private readonly limit: number;
  private readonly waiting = new Set<(fault: HoldpointError) => void>();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** `cut` ends the connection when others need its place. Gives what is called once it has proven itself, or is over. */
  enter(cut: (fault: HoldpointError) => void): () => void {
    this.waiting.add(cut);
    if (this.waiting.size > this.limit) {
      const [oldest] = this.waiting;
      this.waiting.delete(oldest!);
      oldest!(new HoldpointError('too_many_unproven', undefined, { detail: `The limit is ${this.limit}.` }));
    }
    return () => {
      this.waiting.delete(cut);
    };
  }
}
