import { HoldpointError } from '#schemas/errors.ts';

const HEADER = 5;
const NOTHING = Buffer.alloc(0);

export interface FrameRules {
  /** Longest whole message, in bytes after the type byte, by type. Longer: HoldpointError `message_too_long`. */
  limit(type: number): number;
  /** True where a longer message is dropped as its bytes come in: it is then given without any, and `dropped` is its length. */
  drop?(type: number, length: number): boolean;
  /** True for a type that there is not: its length means nothing, and it is given at once with all that is there. */
  unknown?(type: number): boolean;
  /** True where a message of this type may be given in pieces as its bytes come in, so that it is never held whole. */
  stream(type: number): boolean;
}

type Visit = (type: number, buffer: Buffer, start: number, end: number) => boolean;

/**
 * Cuts a byte stream into messages: a type byte, an int32 length that counts itself, the body. Knows lengths and nothing else.
 *
 * `push` a chunk, then call `next` until it is false; after each true, `type`, `buffer`, `start`, `end` say where the message lies
 * (start is at the type byte), without a copy while it lies in one chunk. With `stream`, a message may come as several pieces:
 * `first` and `last` tell, and only the first piece starts with the header. Views are valid until the
 * next `push`.
 * Source: PostgreSQL manual, 54.1 "Overview" and 54.7 "Message Formats".
 */
export class Frames {
  type = 0;
  buffer: Buffer = NOTHING;
  start = 0;
  end = 0;
  first = true;
  last = true;
  /** How long the message was that the rules had dropped; 0 for any other. */
  dropped = 0;
  private at = 0;
  private readonly rules: FrameRules;
  /** Bytes of a streamed message still to come. */
  private rest = 0;
  /** Bytes still to come of a message that is dropped. */
  private excess = 0;
  /** What of the last chunk lies behind `buffer`, when that is a message put together from several. */
  private behind: Buffer | null = null;
  /** Pieces of a message that does not lie in one chunk, and how long it will be. */
  private parts: Buffer[] = [];
  private have = 0;
  private want = 0;

  constructor(rules: FrameRules) {
    this.rules = rules;
  }

  /** Until `keep`, the chunk must not be changed by the caller. */
  push(chunk: Buffer): void {
    if (this.have > 0) {
      const need = this.want - this.have;
      if (chunk.length < need) {
        this.parts.push(chunk);
        this.have += chunk.length;
        return;
      }
      this.parts.push(chunk.subarray(0, need));
      this.begin(Buffer.concat(this.parts, this.want), chunk, need);
      this.parts = [];
      this.have = 0;
      return;
    }
    if (this.buffered === 0) this.begin(chunk, chunk, chunk.length);
    else {
      const tail = this.unread();
      // Nearly always a part of one header: only the message that it begins is copied, not the chunk behind it.
      const cut = this.rest > 0 ? chunk.length : Math.min(chunk.length, restOfFirst(tail, chunk));
      this.begin(Buffer.concat([tail, chunk.subarray(0, cut)]), chunk, cut);
    }
  }

  private begin(buffer: Buffer, chunk: Buffer, used: number): void {
    this.buffer = buffer;
    this.at = 0;
    this.behind = used < chunk.length ? chunk.subarray(used) : null;
  }

  /** The memory of the last chunk will be used again: what is left of it, part of one message once `next` is false, is copied. */
  keep(): void {
    const last = this.parts.length - 1;
    if (last >= 0) this.parts[last] = Buffer.from(this.parts[last]!);
    else this.begin(this.buffered === 0 ? NOTHING : Buffer.from(this.unread()), NOTHING, 0);
  }

  /** What lies behind the current message. */
  unread(): Buffer {
    const tail = this.buffer.subarray(this.at);
    if (this.behind === null) return tail;
    return tail.length === 0 ? this.behind : Buffer.concat([tail, this.behind]);
  }

  /** Everything that was taken in has been given out and dealt with: its memory is not needed any more. */
  forget(): void {
    if (this.have === 0 && this.buffer.length > 0 && this.buffered === 0) this.begin(NOTHING, NOTHING, 0);
  }

  /** Bytes of memory in use: of a message that is not whole, or of the current one and what came with it. */
  get held(): number {
    return this.have > 0 ? this.have : this.buffer.length + (this.behind?.length ?? 0);
  }

  /** Bytes taken in and not yet given out. */
  get buffered(): number {
    return this.have > 0 ? this.have : this.buffer.length - this.at + (this.behind?.length ?? 0);
  }

  next(): boolean {
    if (this.have > 0) return false;
    if (this.behind !== null && this.at === this.buffer.length) this.begin(this.behind, NOTHING, 0);
    if (this.excess > 0) return this.drop();
    this.dropped = 0;
    const left = this.buffer.length - this.at;
    if (this.rest > 0) return left > 0 && this.piece(Math.min(left, this.rest), false);
    if (left < HEADER) return left > 0 && this.unknown(this.buffer[this.at]!, left);
    const type = this.buffer[this.at]!;
    const length = this.buffer.readInt32BE(this.at + 1);
    const limit = this.rules.limit(type);
    if ((length < 4 || length > limit || left <= length) && this.unknown(type, left)) return true;
    if (length < 4)
      throw new HoldpointError(
        'protocol',
        `message of type ${show(type)} has length ${length}; at least 4 is needed`,
      );
    this.type = type;
    if (length > limit) {
      if (this.rules.drop?.(type, length) !== true) throw tooLong(type, length, limit);
      this.dropped = length;
      this.excess = length + 1;
      return this.drop();
    }
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
   */
  ahead(visit: Visit): void {
    if (this.have > 0 || this.rest > 0) return;
    const wholly = look(this.buffer, this.at, visit);
    if (wholly && this.behind !== null) look(this.behind, 0, visit);
  }

  /** A message that is not whole, or never will be: true where its type is enough to answer it. */
  private unknown(type: number, left: number): boolean {
    if (this.rules.unknown?.(type) !== true) return false;
    this.type = type;
    return this.piece(left, true, 0);
  }

  /** True when all of it has come and gone. */
  private drop(): boolean {
    for (;;) {
      const gone = Math.min(this.excess, this.buffer.length - this.at);
      this.at += gone;
      this.excess -= gone;
      if (this.excess === 0) return this.piece(0, true, 0);
      if (this.behind === null) return false;
      this.begin(this.behind, NOTHING, 0);
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

export function tooLong(type: number, length: number, limit: number): HoldpointError {
  return new HoldpointError(
    'message_too_long',
    `message of type ${show(type)} has ${length} bytes; the limit is ${limit}`,
  );
}

/** How many bytes of `chunk` belong to the message that `tail` begins; all of them where that cannot be told. */
function restOfFirst(tail: Buffer, chunk: Buffer): number {
  if (tail.length >= HEADER || tail.length + chunk.length < HEADER) return chunk.length;
  const header = Buffer.concat([tail, chunk.subarray(0, HEADER - tail.length)]);
  const length = header.readInt32BE(1);
  return length < 4 ? chunk.length : length + 1 - tail.length;
}

/** True when all of `buffer` was whole messages and `visit` wanted all of them. */
function look(buffer: Buffer, from: number, visit: Visit): boolean {
  let at = from;
  while (buffer.length - at >= HEADER) {
    const end = at + 1 + buffer.readInt32BE(at + 1);
    if (end > buffer.length || end < at + HEADER || !visit(buffer[at]!, buffer, at, end)) return false;
    at = end;
  }
  return at === buffer.length;
}

/** A type byte for people: its letter where it is printable. */
export function show(type: number): string {
  return type > 32 && type < 127
    ? `'${String.fromCharCode(type)}'`
    : `0x${type.toString(16).padStart(2, '0')}`;
}
