import type { AuditBody, AuditKind } from '#schemas/audit.ts';
import { journalLine } from '#schemas/journal-lines.ts';
import { frozenText } from './frozen-text.ts';
import { JsonBytes } from './json-bytes.ts';
import { serialiseBody } from './serialise.ts';

/** More than all that is fixed in a line, without the session's name. */
const FIXED = 512;
/** Texts whose end of the line is kept, and the longest of them (characters). */
const MOST = 1000;
const LONGEST = 4096;
/** Sessions whose names are kept. */
const SESSIONS = 10_000;

/** Where the milliseconds of a time begin. */
const MILLIS = '2026-01-01T00:00:00.'.length;

/** What the lines of a session have between time and body, for the three kinds that every statement has. */
interface Names {
  readonly statement: Buffer;
  readonly forward: Buffer;
  readonly outcome: Buffer;
}

/** The end of a statement's line, and what it was made of. */
interface Tail {
  readonly protocol: string;
  readonly rule: string;
  readonly verdict: string;
  readonly bytes: Buffer;
}

const EFFECTS = Buffer.from(',"effects":[');
const MESSAGE = Buffer.from('],"message":');
const N = Buffer.from(',"n":');
const PARAMETERS = Buffer.from(',"parameters":[');
const FORMAT = Buffer.from('{"format":');
const TYPE = Buffer.from(',"type":');
const VALUE = Buffer.from(',"value":');
const NULL = Buffer.from('null');
const PROTOCOL = Buffer.from('],"protocol":');
const RULE = Buffer.from(',"rule":');
const TEXT = Buffer.from(',"text":');
const VERDICT = Buffer.from(',"verdict":');
const MASKS = Buffer.from(',"masks":[');
const MICROS = Buffer.from('],"micros":');
const RESULT = Buffer.from(',"result":');
const ROWS = Buffer.from(',"rows":');
const SQLSTATE = Buffer.from(',"sqlstate":');
const STATUS = Buffer.from(',"status":');
const TAG = Buffer.from(',"tag":');
const END = Buffer.from('}\n');
const COMMA = 0x2c;
const BRACE = 0x7d;

/**
 * Writes events as lines of a journal's payload, straight into its bytes: what `journalLine` and `serialiseBody` give, without the strings
 * in between. This runs on the proxy's own thread for each statement, three times; what is the same again and again is kept as bytes.
 */
export class EventLines {
  #clock: () => number;
  #millis = -1;
  /** Beginning of the second that `#time` is in. */
  #second = Number.POSITIVE_INFINITY;
  #time = Buffer.alloc(24);
  #names = new Map<string, Names>();
  #tails = new Map<string, Tail>();

  /** `clock`: milliseconds since 1970. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Throws a TypeError on a value of the wrong type, and leaves `into` as it was: an unreadable entry must not enter the log. */
  write<K extends AuditKind>(into: JsonBytes, session: string, kind: K, body: AuditBody<K>): void {
    this.#tick();
    const from = into.at;
    try {
      if (kind === 'statement') this.#statement(into, this.#namesOf(session), body as AuditBody<'statement'>);
      else if (kind === 'forward') this.#forward(into, this.#namesOf(session), body as AuditBody<'forward'>);
      else if (kind === 'outcome') this.#outcome(into, this.#namesOf(session), body as AuditBody<'outcome'>);
      else this.#other(into, session, kind, body);
    } catch (error) {
      into.at = from;
      throw error;
    }
  }

  #statement(into: JsonBytes, names: Names, b: AuditBody<'statement'>): void {
    let bound = FIXED + names.statement.length;
    for (const { value } of b.parameters) bound += FIXED + (value === null ? 0 : JsonBytes.bound(value));
    bound += JsonBytes.bound(b.message);
    into.room(bound + JsonBytes.bound(b.digest));
    into.raw(this.#time);
    into.raw(names.statement);
    into.quoted(b.digest);
    this.#effects(into, b.effects, bound);
    into.quoted(b.message);
    into.raw(N);
    into.count(b.n);
    into.raw(PARAMETERS);
    let first = true;
    for (const { format, type, value } of b.parameters) {
      if (!first) into.bytes[into.at++] = COMMA;
      first = false;
      into.raw(FORMAT);
      into.quoted(format);
      into.raw(TYPE);
      into.count(type);
      into.raw(VALUE);
      if (value === null) into.raw(NULL);
      else into.quoted(value);
      into.bytes[into.at++] = BRACE;
    }
    this.#tail(into, b);
  }

  /** `behind`: room that what follows needs. */
  #effects(into: JsonBytes, effects: AuditBody<'statement'>['effects'], behind: number): void {
    into.raw(EFFECTS);
    if (effects.length > 0) {
      const text = effects.map(frozenText).join(',');
      into.room(JsonBytes.bound(text) + behind);
      into.json(text);
    }
    into.raw(MESSAGE);
  }

  /** An allowed text whose effects are known comes again and again, in the same words. */
  #tail(into: JsonBytes, b: AuditBody<'statement'>): void {
    const { protocol, rule, text, verdict } = b;
    const kept = this.#tails.get(text);
    if (kept?.protocol === protocol && kept.rule === rule && kept.verdict === verdict) {
      into.room(kept.bytes.length);
      into.raw(kept.bytes);
      return;
    }
    const from = into.at;
    into.room(FIXED + JsonBytes.bound(text) + JsonBytes.bound(rule) + JsonBytes.bound(verdict));
    into.raw(PROTOCOL);
    into.quoted(protocol);
    into.raw(RULE);
    into.quoted(rule);
    into.raw(TEXT);
    into.quoted(text);
    into.raw(VERDICT);
    into.quoted(verdict);
    into.raw(END);
    if (b.effects.length > 0 || text.length > LONGEST) return;
    if (this.#tails.size >= MOST) this.#tails.clear();
    this.#tails.set(text, {
      protocol,
      rule,
      verdict,
      bytes: Buffer.from(into.bytes.subarray(from, into.at)),
    });
  }

  #forward(into: JsonBytes, names: Names, b: AuditBody<'forward'>): void {
    into.room(FIXED + names.forward.length);
    into.raw(this.#time);
    into.raw(names.forward);
    into.count(b.n);
    into.raw(END);
  }

  #outcome(into: JsonBytes, names: Names, b: AuditBody<'outcome'>): void {
    const masks = b.masks.length === 0 ? '' : b.masks.map(frozenText).join(',');
    let bound = FIXED + names.outcome.length + JsonBytes.bound(masks) + JsonBytes.bound(b.result);
    bound += JsonBytes.bound(b.sqlstate) + JsonBytes.bound(b.status) + JsonBytes.bound(b.tag);
    into.room(bound);
    into.raw(this.#time);
    into.raw(names.outcome);
    into.count(b.bytes);
    into.raw(MASKS);
    if (masks !== '') into.json(masks);
    into.raw(MICROS);
    into.count(b.micros);
    into.raw(N);
    into.count(b.n);
    into.raw(RESULT);
    into.quoted(b.result);
    into.raw(ROWS);
    into.count(b.rows);
    into.raw(SQLSTATE);
    into.quoted(b.sqlstate);
    into.raw(STATUS);
    into.quoted(b.status);
    into.raw(TAG);
    into.quoted(b.tag);
    into.raw(END);
  }

  #other<K extends AuditKind>(into: JsonBytes, session: string, kind: K, body: AuditBody<K>): void {
    const line = journalLine(
      this.#time.toString('latin1'),
      kind,
      JSON.stringify(session),
      serialiseBody(kind, body),
    );
    into.room(Buffer.byteLength(line));
    into.json(line);
    if (kind === 'session.close') this.#names.delete(session);
  }

  #namesOf(session: string): Names {
    let names = this.#names.get(session);
    if (names === undefined) {
      const name = JSON.stringify(session);
      names = {
        statement: Buffer.from(`\tstatement\t${name}\t{"digest":`),
        forward: Buffer.from(`\tforward\t${name}\t{"n":`),
        outcome: Buffer.from(`\toutcome\t${name}\t{"bytes":`),
      };
      if (this.#names.size >= SESSIONS) this.#names.clear();
      this.#names.set(session, names);
    }
    return names;
  }

  /** RFC 3339 with milliseconds. */
  #tick(): void {
    const now = this.#clock();
    if (now === this.#millis) return;
    this.#millis = now;
    const millis = now - this.#second;
    if (millis >= 0 && millis < 1000) {
      this.#time[MILLIS] = 48 + Math.floor(millis / 100);
      this.#time[MILLIS + 1] = 48 + (Math.floor(millis / 10) % 10);
      this.#time[MILLIS + 2] = 48 + (millis % 10);
      return;
    }
    this.#second = Math.floor(now / 1000) * 1000;
    this.#time.write(new Date(now).toISOString(), 'latin1');
  }
}
