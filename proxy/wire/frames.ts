import { HoldpointError } from '#schemas/errors.ts';

const HEADER = 5;
const NOTHING = Buffer.alloc(0);

export interface FrameRules {
  /** Longest whole message, in bytes after the type byte, by type. Longer: HoldpointError `limit`. */
  limit(type: number): number;
  /** True where a message of this type may be given in pieces as its bytes come in, so that it is never held whole. */
  stream(type: number): boolean;
}

/**
 * Cuts a byte stream into messages: a type byte, an int32 length that counts itself, the body. Knows lengths and nothing else.
 *
 * `push` a chunk, then call `next` until it is false; after each true, `type`, `buffer`, `start`, `end` say where the message lies
 * (start is at the type byte), without a copy while it lies in one chunk. With `stream`, a message may come as several pieces:
 * `first` and `last` tell, and only the first piece starts with the header. Views are valid until the next `push`.
 * Source: PostgreSQL manual, 54.1 "Overview" and 54.7 "Message Formats".
 */
export class Frames {
  type = 0;
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  first = true;
  last = true;
  private at = 0;
  private readonly rules: FrameRules;
  /** Bytes of a streamed message still to come. */
  private rest = 0;
  /** Pieces of a message that does not lie in one chunk, and how long it will be. */
  private parts: Buffer[] = [];
  private have = 0;
  private want = 0;

  constructor(rules: FrameRules) {
    this.rules = rules;
  }

  /** The chunk must not be changed by the caller afterwards. */
  push(chunk: Buffer): void {
    if (this.have === 0) {
      const tail = this.buffer.length - this.at;
      this.buffer = tail === 0 ? chunk : Buffer.concat([this.buffer.subarray(this.at), chunk]);
      this.at = 0;
      return;
    }
    this.parts.push(chunk);
    this.have += chunk.length;
    if (this.have < this.want) return;
    this.buffer = Buffer.concat(this.parts, this.have);
    this.at = 0;
    this.parts = [];
    this.have = 0;
  }

  /** Bytes taken in and not yet given out. */
  get buffered(): number {
    return this.have > 0 ? this.have : this.buffer.length - this.at;
  }

  next(): boolean {
    if (this.have > 0) return false;
    const left = this.buffer.length - this.at;
    if (this.rest > 0) return left > 0 && this.piece(Math.min(left, this.rest), false);
    if (left < HEADER) return false;
    const type = this.buffer[this.at]!;
    const length = this.buffer.readInt32BE(this.at + 1);
    if (length < 4)
      throw new HoldpointError(
        'protocol',
        `message of type ${show(type)} has length ${length}; at least 4 is needed`,
      );
    const limit = this.rules.limit(type);
    if (length > limit)
      throw new HoldpointError(
        'limit',
        `message of type ${show(type)} has ${length} bytes; the limit is ${limit}`,
      );
    this.type = type;
    if (left > length) return this.piece(length + 1, true, 0);
    if (this.rules.stream(type)) return this.piece(left, true, length + 1 - left);
    // Collect chunks until the message is whole: one copy in all, however many chunks it takes.
    this.want = length + 1;
    this.parts = [this.buffer.subarray(this.at)];
    this.have = left;
    this.buffer = NOTHING;
    this.at = 0;
    return false;
  }

  /**
   * The type bytes and bounds of the whole messages behind the current one, without moving on, until `visit` returns false.
   * True when everything buffered was whole messages up to where `visit` stopped.
   */
  ahead(visit: (type: number, buffer: Buffer, start: number, end: number) => boolean): void {
    if (this.have > 0 || this.rest > 0) return;
    let at = this.at;
    while (this.buffer.length - at >= HEADER) {
      const end = at + 1 + this.buffer.readInt32BE(at + 1);
      if (end > this.buffer.length || end < at + HEADER) return;
      if (!visit(this.buffer[at]!, this.buffer, at, end)) return;
      at = end;
    }
  }

  private piece(length: number, first: boolean, rest = this.rest - length): boolean {
    this.start = this.at;
    this.end = this.at + length;
    this.at = this.end;
    this.first = first;
    this.rest = rest;
    this.last = rest === 0;
    return true;
  }
}

/** A type byte for people: its letter where it is printable. */
export function show(type: number): string {
  return type > 32 && type < 127
    ? `'${String.fromCharCode(type)}'`
    : `0x${type.toString(16).padStart(2, '0')}`;
}
