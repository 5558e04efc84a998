import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';

/** One end of a connection as a session sees it, without a network: what is written is handed on at once. */
export class WireEnd extends EventEmitter {
  writable = true;
  writableLength = 0;
  written = 0;
  private paused = false;
  private readonly taken: (bytes: Buffer) => void;

  constructor(taken: (bytes: Buffer) => void) {
    super();
    this.taken = taken;
  }

  write(bytes: Buffer): boolean {
    if (!this.writable) return true;
    this.written += bytes.length;
    this.taken(bytes);
    return true;
  }

  end(bytes?: Buffer): void {
    if (bytes !== undefined && this.writable) this.write(bytes);
    this.writable = false;
  }

  destroy(): void {
    this.writable = false;
  }

  cork(): void {}
  uncork(): void {}

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  isPaused(): boolean {
    return this.paused;
  }

  get duplex(): Duplex {
    return this as unknown as Duplex;
  }
}
