import {
  BACKEND,
  encode,
  encodeFields,
  encodeReady,
  int32,
  type TransactionStatus,
} from '#proxy/wire/backend.ts';
import { cstring, int16 } from '#test/support/raw/messages.ts';
import type { Random } from './random.ts';
import { mutate } from './random.ts';

const row = (...values: (string | null)[]) =>
  encode(
    BACKEND.dataRow,
    int16(values.length),
    ...values.map(v =>
      v === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(v)), Buffer.from(v)]),
    ),
  );
const columns = (...of: [string, number, number][]) =>
  encode(
    BACKEND.rowDescription,
    int16(of.length),
    ...of.map(([name, oid, attnum]) =>
      Buffer.concat([cstring(name), int32(oid), int16(attnum), int32(25), int16(-1), int32(-1), int16(0)]),
    ),
  );

/** Answers a session as Postgres would, roughly; or, with `hostile`, mutates and reorders what it says. */
export class ScriptedServer {
  private rest: Buffer = Buffer.alloc(0);
  private skipping = false;
  private asked = '';
  private status: TransactionStatus = 'I';
  private readonly random: Random;
  private readonly hostile: boolean;
  private readonly oid: number;
  /** Type and body of each message that has come in. */
  readonly messages: { readonly type: string; readonly body: Buffer }[] = [];
  /** Bytes that are no message. */
  fault: string | null = null;

  /** `oid`: of the table with the protected column, which is its second. */
  constructor(random: Random, hostile: boolean, oid: number) {
    this.random = random;
    this.hostile = hostile;
    this.oid = oid;
  }

  /** What it says to these bytes. */
  take(bytes: Buffer): Buffer {
    this.rest = Buffer.concat([this.rest, bytes]);
    const answers: Buffer[] = [];
    while (this.rest.length >= 5) {
      const length = this.rest.readInt32BE(1);
      if (length < 4) {
        this.fault ??= 'a length below 4 was forwarded';
        break;
      }
      if (this.rest.length < length + 1) break;
      const type = String.fromCharCode(this.rest[0]!);
      const body = Buffer.from(this.rest.subarray(5, length + 1));
      this.rest = this.rest.subarray(length + 1);
      this.messages.push({ type, body });
      answers.push(...this.answer(type, body));
    }
    const said = Buffer.concat(answers);
    if (!this.hostile || !this.random.chance(3)) return said;
    return this.random.chance(4) ? this.noise() : mutate(this.random, said);
  }

  private answer(type: string, body: Buffer): Buffer[] {
    if (this.skipping && type !== 'S') return [];
    if ('PBEC'.includes(type) && body.includes('_holdpoint')) return this.own(type, body);
    switch (type) {
      case 'Q':
        return [...this.query(body.toString('utf8', 0, body.indexOf(0))), encodeReady(this.status)];
      case 'P':
        return this.random.chance(12) ? this.fail() : [encode(BACKEND.parseComplete)];
      case 'B':
        return this.random.chance(12) ? this.fail() : [encode(BACKEND.bindComplete)];
      case 'C':
        return [encode(BACKEND.closeComplete)];
      case 'D':
        return body[0] === 0x53
          ? [encode(BACKEND.parameterDescription, int16(0)), this.shape()]
          : [this.shape()];
      case 'E':
        if (this.random.chance(12)) return this.fail();
        return [row('1', 'SECRET'), encode(BACKEND.commandComplete, 'SELECT 1')];
      case 'S':
        this.skipping = false;
        return [encodeReady(this.status)];
      default:
        return [];
    }
  }

  /** The proxy's own questions, which do not fail. */
  private own(type: string, body: Buffer): Buffer[] {
    if (type === 'P') {
      const text = body.toString('latin1');
      if (text.includes('holdpoint refused')) return this.fail();
      this.asked = text.includes('SHOW role') ? 'none' : 'public';
      return [encode(BACKEND.parseComplete)];
    }
    if (type === 'B') return [encode(BACKEND.bindComplete)];
    if (type === 'C') return [encode(BACKEND.closeComplete)];
    return [row(this.asked), encode(BACKEND.commandComplete, 'SHOW')];
  }

  private query(text: string): Buffer[] {
    const shown = /^SHOW (\w+)$/.exec(text);
    if (shown !== null)
      return [
        columns(['x', 0, 0]),
        row(shown[1] === 'role' ? 'none' : 'public'),
        encode(BACKEND.commandComplete, 'SHOW'),
      ];
    if (text.startsWith('SET default')) return [encode(BACKEND.commandComplete, 'SET')];
    if (text.startsWith('holdpoint refused') || this.random.chance(10)) {
      if (this.status === 'T') this.status = 'E';
      return [this.error()];
    }
    const said: Buffer[] = [];
    for (const statement of text.split(';').filter(one => one.trim() !== '')) {
      const word = statement.trim().split(/\s/)[0]!.toLowerCase();
      if (word === 'begin') this.status = 'T';
      if (word === 'commit' || word === 'rollback') this.status = 'I';
      if (word === 'select')
        said.push(columns(['id', this.oid, 1], ['ssn', this.oid, 2]), row('1', 'SECRET'));
      said.push(encode(BACKEND.commandComplete, word === 'select' ? 'SELECT 1' : word.toUpperCase()));
    }
    return said.length === 0 ? [encode(BACKEND.emptyQuery)] : said;
  }

  private shape(): Buffer {
    return columns(['id', this.oid, 1], ['ssn', this.oid, 2]);
  }

  private fail(): Buffer[] {
    this.skipping = true;
    return [this.error()];
  }

  private error(): Buffer {
    return encodeFields(BACKEND.error, [
      ['S', 'ERROR'],
      ['V', 'ERROR'],
      ['C', '22012'],
      ['M', 'division by zero'],
    ]);
  }

  private noise(): Buffer {
    const { random } = this;
    const types = Object.values(BACKEND);
    return Buffer.concat(
      Array.from({ length: 1 + random.below(4) }, () =>
        encode(
          random.pick(types),
          Buffer.from(Array.from({ length: random.below(30) }, () => random.below(256))),
        ),
      ),
    );
  }
}
