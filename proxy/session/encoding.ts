import { clientEncoding } from '#schemas/encodings.ts';
import { textReader } from '../wire/encodings.ts';
import { type TextReader, textOf, utf8 } from '../wire/reader.ts';

const WIDER: ReadonlySet<string> = new Set(['EUC_JP', 'EUC_JIS_2004', 'EUC_TW', 'MULE_INTERNAL']);

/** How the server reads what the agent sends, and writes what the agent gets: its client_encoding, as the server itself said last. */
export class Encoding {
  private server = 'UTF8';
  private reported = 'UTF8';
  private client = 'UTF8';
  /** Reads texts and names of the agent as the server does, or throws. */
  text: TextReader = utf8;
  /**
   * The session has been in another encoding than UTF8, or has sent what may bring it there. It stays: results come in the encoding of the
   * moment, also in the middle of one, so from here on nobody can tell which characters the bytes of a value are.
   */
  foreign = false;

  /** The server measures and cuts names as UTF-8, or as the bytes that it was sent. */
  get cutsAsHere(): boolean {
    return this.server === 'UTF8' || this.server === 'SQL_ASCII';
  }

  /** A name may take more bytes at the server than in UTF-8: in encodings of its own for the characters of East Asia. */
  get widens(): boolean {
    return WIDER.has(this.server);
  }

  /** The server reports a setting. */
  report(name: string, value: string): void {
    if (name === 'server_encoding') this.server = value;
    else if (name === 'client_encoding') this.reported = clientEncoding(value) ?? '';
    else return;
    this.is(this.reported);
  }

  /** Asked for inside a pipeline, where the server reports nothing. An error may take it back, of which it reports nothing either. */
  learn(value: string): void {
    this.is(clientEncoding(value) ?? '');
  }

  /** The server is ready, and has reported before whatever differs from what it reported last. */
  ready(): void {
    if (this.client !== this.reported) this.is(this.reported);
  }

  private is(client: string): void {
    this.client = client;
    this.text = textReader(this.client, this.server);
    if (this.client !== 'UTF8') this.foreign = true;
  }

  /** What the server says now is UTF-8. */
  get plain(): boolean {
    return this.client === 'UTF8';
  }

  /** A bind value as text; null where its characters are not known here, undefined where the server refuses it. */
  value(bytes: Buffer): string | null | undefined {
    if (this.text === utf8) return textOf(bytes, 0, bytes.length);
    try {
      return this.text(bytes, 0, bytes.length, 'value');
    } catch {
      return null;
    }
  }

  /** What the proxy says, in characters that every encoding has. */
  readonly say = (text: string): string => (this.foreign ? text.replaceAll(/[^\0-\x7f]/gu, '?') : text);
}
