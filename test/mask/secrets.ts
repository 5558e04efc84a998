import { createHash } from 'node:crypto';
import type { Frame } from '#test/support/raw.ts';

const FORMS: readonly ((value: string) => string)[] = [
  value => value,
  value => value.toUpperCase(),
  value => [...value].reverse().join(''),
  value => Buffer.from(value).toString('hex'),
  // Without what hangs on the length: padding, and the character before it.
  value => Buffer.from(value).toString('base64').replace(/=+$/, '').slice(0, -1),
  ...['md5', 'sha256', 'sha512'].flatMap(name => [
    (value: string) => createHash(name).update(value).digest('hex').slice(0, 16),
    (value: string) => createHash(name).update(value).digest().toString('latin1').slice(0, 12),
  ]),
];

/** The parts of a value that tell it from all others and that no mask leaves. */
function parts(value: string): string[] {
  if (/^\d{3}-\d\d-\d{4}$/.test(value)) return [value.slice(0, 6), value.slice(3), value.replaceAll('-', '')];
  if (/^\d{16}$/.test(value)) return [value.slice(0, 8), value.slice(4, 14)];
  return value.includes('@') ? [value.split('@')[0]!] : [value.slice(4, 11)];
}

/** Messages in which everything is the server's or the data's; in the others stand names and types. */
const DATA = new Set('DdECNA');

/** Looks for protected values, plain or transformed, in whatever an agent receives. */
export class Secrets {
  readonly #needles = new Map<string, string>();
  readonly #lengths: readonly number[];
  readonly #numbers: ReadonlySet<string>;

  /** `numbers`: five digits or more each. */
  constructor(texts: readonly string[], numbers: readonly string[]) {
    this.#numbers = new Set(numbers);
    for (const value of texts)
      for (const needle of [...FORMS.map(form => form(value)), ...parts(value)])
        if (needle.length >= 5) this.#needles.set(needle, value);
    this.#lengths = [...new Set([...this.#needles.keys()].map(needle => needle.length))];
  }

  /** What is told, and where; null when nothing is. The server's own numbers, of processes and ports, may be protected ones by chance. */
  in(frames: readonly Frame[], line: string): string | null {
    const ownNumbers = line.includes('pg_stat_activity');
    for (const frame of frames) {
      const found = this.#text(frame) ?? (ownNumbers ? null : this.#number(frame));
      if (found !== null) return `${frame.type}: ${found}`;
    }
    return null;
  }

  #text({ body }: Frame): string | null {
    const text = body.toString('latin1');
    for (const length of this.#lengths)
      for (let at = 0; at + length <= text.length; at++) {
        const value = this.#needles.get(text.slice(at, at + length));
        if (value !== undefined) return `${value} as ${JSON.stringify(text.slice(at, at + length))}`;
      }
    return null;
  }

  #number({ type, body }: Frame): string | null {
    if (!DATA.has(type)) return null;
    for (const [digits] of body.toString('latin1').matchAll(/(?<![\d.:])\d{5,6}(?![\d:])/g))
      if (this.#numbers.has(digits)) return digits;
    if (type !== 'D') return null;
    for (let at = 2; at < body.length; ) {
      const length = body.readInt32BE(at);
      at += 4;
      const forms =
        length === 4
          ? [body.readInt32BE(at)]
          : length === 8
            ? [body.readBigInt64BE(at), body.readDoubleBE(at)]
            : [];
      const form = forms.find(n => this.#numbers.has(String(n)));
      if (form !== undefined) return `binary ${form}`;
      at += Math.max(0, length);
    }
    return null;
  }
}
