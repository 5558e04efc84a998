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
  private small: Buffer | null = null;
  /** Read into, and still needed by somebody. */
  private lent: Buffer[] = [];
  private large = false;

  /** This many bytes have been read into the buffer given last. */
  filled(bytes: number): void {
    if (bytes === this.current?.length) this.large = true;
    else if (bytes <= SMALL) this.large = false;
  }

  /** Where to read into next. */
  next(): Buffer {
    if (this.current !== null) this.lent.push(this.current);
    if (this.lent.length > 0 && this.unneeded()) {
      for (const buffer of this.lent) this.free(buffer);
      this.lent = [];
    }
    this.current = this.take();
    return this.current;
  }

  private take(): Buffer {
    if (this.large) return takeSlab();
    const small = this.small ?? Buffer.allocUnsafeSlow(SMALL);
    this.small = null;
    return small;
  }

  private free(buffer: Buffer): void {
    if (buffer.length === SLAB) giveSlab(buffer);
    else this.small = buffer;
  }
}
