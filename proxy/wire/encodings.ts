import { HoldpointError } from '#schemas/errors.ts';
import { type TextReader, utf8 } from './reader.ts';

/**
 * Encodings of one byte a character whose tables here are the server's own: a test compares all of them with a server, byte by byte. A
 * byte that has no character on the server may have one here: then the server refuses the text. KOI8U has two bytes that differ.
 */
const TABLES: Readonly<Record<string, string>> = {
  LATIN2: 'iso-8859-2',
  LATIN3: 'iso-8859-3',
  LATIN4: 'iso-8859-4',
  LATIN6: 'iso-8859-10',
  LATIN7: 'iso-8859-13',
  LATIN8: 'iso-8859-14',
  LATIN9: 'iso-8859-15',
  LATIN10: 'iso-8859-16',
  ISO_8859_5: 'iso-8859-5',
  ISO_8859_6: 'iso-8859-6',
  ISO_8859_7: 'iso-8859-7',
  ISO_8859_8: 'iso-8859-8',
  KOI8R: 'koi8-r',
  WIN866: 'ibm866',
  WIN874: 'windows-874',
  WIN1250: 'windows-1250',
  WIN1251: 'windows-1251',
  WIN1252: 'windows-1252',
  WIN1253: 'windows-1253',
  WIN1254: 'windows-1254',
  WIN1255: 'windows-1255',
  WIN1256: 'windows-1256',
  WIN1257: 'windows-1257',
  WIN1258: 'windows-1258',
};

/** Those that can be read, for the test. */
export const READ_BY_TABLE: readonly string[] = ['LATIN1', ...Object.keys(TABLES)];

const readers = new Map<string, TextReader>();

/**
 * How text of the agent is read under this client_encoding. Where the server's table is not known here, or is not what stands between
 * the two, only ASCII can be read, which is the same in all of them: anything else throws HoldpointError `other_encoding`.
 */
export function textReader(client: string, server: string): TextReader {
  if (client === 'UTF8') return utf8;
  // Into UTF8 by the tables; any other server converts otherwise, or not at all.
  if (server !== 'UTF8') return asciiOnly(client);
  // The server checks it as its own encoding, and converts nothing.
  if (client === 'SQL_ASCII') return utf8;
  const known = readers.get(client);
  if (known !== undefined) return known;
  const made = client === 'LATIN1' ? latin1 : byTable(client);
  readers.set(client, made);
  return made;
}

const latin1: TextReader = (buffer, start, end) => buffer.toString('latin1', start, end);

function byTable(client: string): TextReader {
  const label = TABLES[client];
  if (label === undefined) return asciiOnly(client);
  const decoder = new TextDecoder(label, { fatal: true });
  const table: (string | null)[] = [];
  for (let byte = 0x80; byte < 0x100; byte++) table.push(characterOf(decoder, byte));
  return (buffer, start, end, what) => {
    let text = '';
    let from = start;
    for (let at = start; at < end; at++) {
      const byte = buffer[at]!;
      if (byte < 0x80) continue;
      const character = table[byte - 0x80] ?? null;
      if (character === null) throw unreadable(client, what);
      text += buffer.toString('latin1', from, at) + character;
      from = at + 1;
    }
    return text + buffer.toString('latin1', from, end);
  };
}

function characterOf(decoder: TextDecoder, byte: number): string | null {
  try {
    return decoder.decode(Uint8Array.of(byte));
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function asciiOnly(client: string): TextReader {
  return (buffer, start, end, what) => {
    for (let at = start; at < end; at++) if (buffer[at]! > 0x7f) throw unreadable(client, what);
    return buffer.toString('latin1', start, end);
  };
}

function unreadable(client: string, what: string): HoldpointError {
  return new HoldpointError('other_encoding', `${what} in ${client} can be read only where it is ASCII`);
}
