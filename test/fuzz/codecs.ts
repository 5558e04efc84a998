import { planMask } from '#proxy/mask/plan.ts';
import { redactFields } from '#proxy/mask/redact.ts';
import { maskRow } from '#proxy/mask/row.ts';
import { splitIdentifiers } from '#proxy/policy/search-path.ts';
import { readStartupParameters } from '#proxy/session/parameters.ts';
import {
  decodeCString,
  decodeFields,
  decodeParameterStatus,
  decodeRowDescription,
  decodeTextRow,
} from '#proxy/wire/backend.ts';
import { Frames } from '#proxy/wire/frames.ts';
import { decodeBind, decodeExecute, decodeNamed, decodeParse, decodeQuery } from '#proxy/wire/frontend.ts';
import { decodeFirstPacket, firstPacketLength } from '#proxy/wire/startup.ts';
import { HoldpointError } from '#schemas/errors.ts';
import * as raw from '#test/support/raw/messages.ts';
import { mutate, pieces, type Random } from './random.ts';

const SEEDS: readonly Buffer[] = [
  raw.query('select 1'),
  raw.parse({ name: 's', sql: 'select $1', types: [23, 0] }),
  raw.bind({
    portal: 'p',
    statement: 's',
    values: ['abc', null, Buffer.alloc(9)],
    formats: [1],
    resultFormats: [0, 1],
  }),
  raw.describe('portal', 'p'),
  raw.close('statement', 's'),
  raw.execute('p', 7),
  raw.message(
    'T',
    Buffer.concat([
      raw.int16(2),
      ...['a', 'b'].map((n, i) =>
        Buffer.concat([
          raw.cstring(n),
          raw.int32(16400),
          raw.int16(i + 1),
          raw.int32(25),
          raw.int16(-1),
          raw.int32(-1),
          raw.int16(0),
        ]),
      ),
    ]),
  ),
  raw.message('D', Buffer.concat([raw.int16(2), raw.int32(3), Buffer.from('abc'), raw.int32(-1)])),
  raw.message('D', Buffer.concat([raw.int16(2), raw.int32(0), raw.int32(6), Buffer.from('secret')])),
  raw.message(
    'E',
    Buffer.concat(
      [...'SVCMDHPqWstcdnFLR']
        .map(code => Buffer.concat([Buffer.from(code), raw.cstring('22012')]))
        .concat([Buffer.of(0)]),
    ),
  ),
  raw.message('S', Buffer.concat([raw.cstring('client_encoding'), raw.cstring('UTF8')])),
  raw.startup({ user: 'a', database: 'b', options: '-c search_path=a\\ b --work-mem=1', '_pq_.x': '1' }),
  raw.cancelRequest(1, Buffer.alloc(4)),
  raw.sslRequest(),
];
const PLAN = planMask(
  [1, 2].map(attnum => ({
    name: 'x',
    tableOid: 16400,
    attnum,
    typeOid: 25,
    typeSize: -1,
    typeMod: -1,
    format: 0 as const,
  })),
  { touchesProtected: true, cleanOutputs: null },
  (_oid, attnum) => (attnum === 2 ? { column: 'x', mask: 'redact' } : null),
  Buffer.alloc(32, 1),
)!;

const READERS: readonly ((b: Buffer) => unknown)[] = [
  b => decodeQuery(b, 0, b.length),
  b => decodeParse(b, 0, b.length),
  b => decodeBind(b, 0, b.length),
  b => decodeNamed(b, 0, b.length),
  b => decodeExecute(b, 0, b.length),
  b => decodeRowDescription(b, 0, b.length),
  b => decodeTextRow(b, 0, b.length),
  b => decodeParameterStatus(b, 0, b.length),
  b => decodeCString(b, 0, b.length),
  b => redactFields(decodeFields(b, 0, b.length)),
  b => maskRow(PLAN, b),
  b => splitIdentifiers(b.toString('latin1')),
  b => {
    if (firstPacketLength(b) === null) return;
    const packet = decodeFirstPacket(b);
    if (packet?.kind === 'startup') readStartupParameters(packet.parameters);
  },
];

/** One mutated message through every reader, and through the frame cutter in pieces. What is wrong, or null. */
export function fuzzCodecs(random: Random): string | null {
  const given = mutate(random, random.pick(SEEDS));
  for (const [i, read] of READERS.entries()) {
    try {
      read(given);
    } catch (error) {
      if (!(error instanceof HoldpointError))
        return `reader ${i} of ${given.toString('hex')}: ${(error as Error).stack}`;
    }
  }
  const whole = Buffer.concat([random.pick(SEEDS), given, random.pick(SEEDS)]);
  const cut = (parts: Iterable<Buffer>) => {
    const frames = new Frames({ limit: () => 100_000, stream: type => type === 0x64 });
    const seen: Buffer[] = [];
    try {
      for (const part of parts) {
        frames.push(part);
        while (frames.next()) seen.push(Buffer.from(frames.buffer.subarray(frames.start, frames.end)));
        frames.keep();
      }
    } catch (error) {
      if (!(error instanceof HoldpointError)) throw error;
    }
    return Buffer.concat(seen).toString('hex');
  };
  const [once, many] = [cut([whole]), cut(pieces(random, Buffer.from(whole)))];
  // A streamed message that is not whole is given out as far as it has come; in one piece and in many it is the same.
  return once === many ? null : `frames differ by where they are cut: ${whole.toString('hex')}`;
}
