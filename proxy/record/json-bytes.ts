/** Texts up to this length are looked at character by character; a call into the engine costs more. */
const SHORT = 96;
/** JSON's longest way to write a UTF-16 unit, in bytes. */
const WIDEST = 6;

/** Canonical JSON as bytes, written one piece behind the other into memory that grows. */
export class JsonBytes {
  bytes: Buffer;
  /** Where the next byte goes. */
  at: number;

  /** The first `from` bytes are left to others. */
  constructor(bytes: Buffer, from: number) {
    this.bytes = bytes;
    this.at = from;
  }

  /** Most bytes that `quoted` needs for this text. Throws a TypeError on anything else. */
  static bound(text: string): number {
    if (typeof text !== 'string') throw new TypeError(`an audit event needs a string, not ${typeof text}`);
    return text.length * WIDEST + 2;
  }

  /** Makes sure that so many bytes can be written without looking. */
  room(bytes: number): void {
    const needed = this.at + bytes;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }

  /** Bytes as they are; there must be room for them. */
  raw(bytes: Buffer): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** JSON that is text already; there must be room for it. */
  json(text: string): void {
    this.at += this.bytes.write(text, this.at, 'utf8');
  }

  /** A string; there must be room for it. */
  quoted(text: string): void {
    if (text.length > SHORT || !this.#plain(text)) this.json(JSON.stringify(text));
  }

  /** A whole number from 0; there must be room for 16 digits. Throws a TypeError on anything else. */
  count(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new TypeError(`an audit event needs a whole number from 0, not ${value}`);
    let end = this.at + 1;
    for (let power = 10; power <= value; power *= 10) end += 1;
    this.at = end;
    let rest = value;
    do {
      const next = Math.floor(rest / 10);
      end -= 1;
      this.bytes[end] = 48 + (rest - next * 10);
      rest = next;
    } while (rest > 0);
  }

  /** False, and nothing written, where a character needs more than to be copied. */
  #plain(text: string): boolean {
    const { bytes } = this;
    let at = this.at;
    bytes[at++] = 0x22;
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return false;
      bytes[at++] = unit;
    }
    bytes[at++] = 0x22;
    this.at = at;
    return true;
  }
}
