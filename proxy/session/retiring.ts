import type { HoldpointError } from '#schemas/errors.ts';

/** A session that is to end, once what runs for the agent has been answered. */
export class Retiring {
  private readonly end: (error: HoldpointError) => void;
  private error: HoldpointError | null = null;
  private atOnce = false;

  constructor(end: (error: HoldpointError) => void) {
    this.end = end;
  }

  /** `running`: something is, and `rests` will be asked when it is over. */
  begin(error: HoldpointError, running: boolean): void {
    if (running) this.error = error;
    else this.end(error);
  }

  /** The same, as soon as what was sent is answered: its segment will have no end. */
  last(error: HoldpointError, running: boolean): void {
    this.atOnce = true;
    this.begin(error, running);
  }

  /** Nothing runs now, or nothing more of this segment. True when the session ends here, behind what the server has just said, which is on its way to the agent. */
  rests(inSegment = false): boolean {
    const error = inSegment && !this.atOnce ? null : this.error;
    if (error !== null) queueMicrotask(() => this.end(error));
    return error !== null;
  }
}
