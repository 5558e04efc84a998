import { hash } from 'node:crypto';
import { utf8 } from '#proxy/wire/reader.ts';

/** All that is fixed in an event's text and in a leaf, with the digits of a number. */
const FIXED = 512;
/** Room for texts that are still needed (bytes). */
const ROOM = 64 << 10;
/** Hex digits of a SHA-256. */
const DIGEST = 64;
const TAB = 0x09;
const LINE_END = 0x0a;

const AT = Buffer.from('{"at":"');
const BODY = Buffer.from('","body":');
const HASH = Buffer.from(',"hash":"');
const KIND = Buffer.from(',"kind":"');
const PREV = Buffer.from('","prev":"');
const SEQ = Buffer.from('","seq":');
const SESSION = Buffer.from(',"session":');
const END = Buffer.from(',"v":1}');
const LEAF = Buffer.from('\0{"hash":"');
const QUOTE = 0x22;
const CLOSE = 0x7d;
/** What `,"hash":"…"` takes. */
const GAP = HASH.length + DIGEST + 1;
const SESSION_CLOSE = Buffer.from('session.close');

/**
 * Links the events of a journal's payload to their chains, as bytes: what `journalEvents`, `link` and `leafData` give, without a string for
 * each piece, which were half of what filing cost. One event after the other: `next` moves on, the rest is about that event.
 */
export class EventLinker {
  #payload: Buffer = Buffer.alloc(0);
  #from = 0;
  /** Where the fields of the event begin; each ends one before the next. */
  #kind = 0;
  #session = 0;
  #body = 0;
  #end = -1;
  /** The texts since `forget`, one behind the other. */
  #texts: Buffer = Buffer.allocUnsafeSlow(ROOM);
  #used = 0;
  #leaf: Buffer = Buffer.allocUnsafeSlow(1 << 10);

  /** Begins a payload. */
  begin(payload: Buffer): void {
    this.#payload = payload;
    this.#end = -1;
  }

  /** False when there are no more. Throws an Error on what is no line of a journal. */
  next(): boolean {
    const payload = this.#payload;
    this.#from = this.#end + 1;
    if (this.#from >= payload.length) return false;
    this.#kind = this.#behind(TAB, this.#from);
    this.#session = this.#behind(TAB, this.#kind);
    this.#body = this.#behind(TAB, this.#session);
    this.#end = this.#behind(LINE_END, this.#body) - 1;
    return true;
  }

  /** As JSON. */
  get session(): string {
    return utf8(this.#payload, this.#session, this.#body - 1);
  }

  get closes(): boolean {
    const length = this.#session - 1 - this.#kind;
    return (
      length === SESSION_CLOSE.length &&
      this.#payload.compare(SESSION_CLOSE, 0, length, this.#kind, this.#kind + length) === 0
    );
  }

  /** Makes the event's text, and gives it with its hash. The text is valid until `forget`. */
  link(seq: number, prev: string): { readonly text: Buffer; readonly hash: string } {
    const payload = this.#payload;
    const needed = this.#end - this.#from + FIXED;
    if (this.#texts.length - this.#used < needed) this.#begin(needed);
    const text = this.#texts;
    const start = this.#used;
    let at = put(text, start, AT);
    at += payload.copy(text, at, this.#from, this.#kind - 1);
    at = put(text, at, BODY);
    at += payload.copy(text, at, this.#body, this.#end);
    const gap = at;
    at = put(text, at, KIND);
    at += payload.copy(text, at, this.#kind, this.#session - 1);
    at = put(text, at, PREV);
    at += text.write(prev, at, 'latin1');
    at = put(text, at, SEQ);
    at += text.write(String(seq), at, 'latin1');
    at = put(text, at, SESSION);
    at += payload.copy(text, at, this.#session, this.#body - 1);
    at = put(text, at, END);
    // The hash is of the text without it, and has its place in the middle.
    const digest = hash('sha256', text.subarray(start, at), 'hex');
    text.copyWithin(gap + GAP, gap, at);
    const quote = put(text, gap, HASH) + text.write(digest, gap + HASH.length, 'latin1');
    text[quote] = QUOTE;
    this.#used = at + GAP;
    return { text: text.subarray(start, this.#used), hash: digest };
  }

  /** The texts so far are not needed any more. */
  forget(): void {
    this.#used = 0;
  }

  /** Whoever still needs texts holds their memory. */
  #begin(needed: number): void {
    this.#texts = Buffer.allocUnsafeSlow(Math.max(ROOM, needed));
    this.#used = 0;
  }

  /** The hash of its leaf in the log's tree. */
  leaf(seq: number, digest: string): Buffer {
    const length = this.#body - 1 - this.#session;
    if (this.#leaf.length < length + FIXED) this.#leaf = Buffer.allocUnsafeSlow((length + FIXED) * 2);
    const leaf = this.#leaf;
    let at = put(leaf, 0, LEAF);
    at += leaf.write(digest, at, 'latin1');
    at = put(leaf, at, SEQ);
    at += leaf.write(String(seq), at, 'latin1');
    at = put(leaf, at, SESSION);
    at += this.#payload.copy(leaf, at, this.#session, this.#body - 1);
    leaf[at] = CLOSE;
    return Buffer.from(hash('sha256', leaf.subarray(0, at + 1), 'binary'), 'latin1');
  }

  #behind(byte: number, from: number): number {
    const at = this.#payload.indexOf(byte, from);
    if (at < 0) throw new Error('a line of the journal is not whole');
    return at + 1;
  }
}

function put(into: Buffer, at: number, bytes: Buffer): number {
  into.set(bytes, at);
  return at + bytes.length;
}
