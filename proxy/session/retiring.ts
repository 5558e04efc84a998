import type { HoldpointError } from '#schemas/errors.ts';

/** A session that is to end, once what runs for the agent has been answered. */
export class Retiring {
  private readonly end: (error: HoldpointError) => void;
  private error: HoldpointError | null = null;

  constructor(end: (error: HoldpointError) => void) {
    this.end = end;
  }

  /** `running`: something is, and `rests` will be asked when it is over. */
  begin(error: HoldpointError, running: boolean): void {
    if (running) this.error = error;
    else this.end(error);
  }

  /** Nothing runs now. True when the session ends here, behind what the server has just said, which is on its way to the agent. */
  rests(): boolean {
    const error = this.error;
    if (error !== null) queueMicrotask(() => this.end(error));
    return error !== null;
  }
}
