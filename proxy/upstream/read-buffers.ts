import { giveSlab, SLAB, takeSlab } from '#proxy/wire/slabs.ts';

const SMALL = 4 * 1024;

/**
 * The memory that one server connection is read into. Node makes a new buffer of 64 KiB for every read and leaves it to the garbage
 * collector, which comes for memory outside its heap only after hundreds of mebibytes; here the same memory is read into again as soon
 * as nobody needs what it holds. A connection that is idle or answers briefly keeps one small buffer.
 */
export class ReadBuffers {
  /**
   * Asked after each read has been dealt with: whether nobody needs any of the bytes that were read so far. Whoever takes the connection
   * over sets it; until then no memory is used twice.
   */
  unneeded: () => boolean = () => false;
  private current: Buffer | null = null;
  /** How much of `current` has been read into, and what is still needed. */
  private used = 0;
  private offered = 0;
  /** Read into before it, and still needed by somebody. */
  private lent: Buffer[] = [];
  private large = false;

  /** Bytes of memory that cannot be read into, since they are still needed. */
  get held(): number {
    return this.lent.reduce((sum, buffer) => sum + buffer.length, this.used);
  }

  /** This many bytes have been read into the buffer given last. */
  filled(bytes: number): void {
    this.used += bytes;
    if (bytes === this.offered) this.large = true;
    else if (bytes <= SMALL) this.large = false;
  }

  /** Where to read into next. */
  next(): Buffer {
    if (this.unneeded()) this.reuse();
    // Many small reads share one buffer: what waits for a slow reader takes at most twice its size.
    else if (this.current !== null && this.used > this.current.length / 2) {
      this.lent.push(this.current);
      this.current = null;
    }
    if (this.current === null) {
      this.current = this.large ? takeSlab() : Buffer.allocUnsafeSlow(SMALL);
      this.used = 0;
    }
    const room = this.used === 0 ? this.current : this.current.subarray(this.used);
    this.offered = room.length;
    return room;
  }

  private reuse(): void {
    for (const buffer of this.lent) if (buffer.length === SLAB) giveSlab(buffer);
    if (this.lent.length > 0) this.lent = [];
    this.used = 0;
    // A slab is for others when this connection does not fill it, and a small buffer too little when it does.
    if (this.current === null || (this.current.length === SLAB) === this.large) return;
    if (!this.large) giveSlab(this.current);
    this.current = null;
  }
}
