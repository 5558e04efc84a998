import type { Duplex } from 'node:stream';

/**
 * Whether the agent is read from. While something stops it, what it sends waits in the network, as it would wait for the server itself; only
 * an agent whose statement is parked is always read, because nothing else tells that it has gone.
 */
export class Reading {
  private readonly client: Duplex;
  private readonly stops = new Set<'server' | 'ahead'>();

  constructor(client: Duplex) {
    this.client = client;
  }

  /** `server`: it does not take more. `ahead`: enough has come in behind what is under way. */
  stop(why: 'server' | 'ahead'): void {
    this.stops.add(why);
    this.client.pause();
  }

  go(why: 'server' | 'ahead'): void {
    if (this.stops.delete(why) && this.stops.size === 0) this.client.resume();
  }

  /** A statement is parked. */
  watch(): void {
    if (this.stops.size === 0) return;
    this.stops.clear();
    this.client.resume();
  }
}
