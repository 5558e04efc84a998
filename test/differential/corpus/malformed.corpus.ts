import { cstring, int16, message } from '#test/support/raw.ts';
import {
  bind,
  execute,
  flush,
  int32,
  parse,
  query,
  run,
  type Script,
  script,
  since,
  step,
  sync,
  terminate,
} from './support.ts';

const strings = (...all: string[]) => Buffer.concat(all.map(cstring));
const BAD_UTF8 = Buffer.of(0xc3, 0x28);
/** A Bind of the unnamed statement, which takes one text, from its counts on. */
const bindOf = (...rest: Buffer[]) => message('B', Buffer.concat([strings('', ''), ...rest]));

/** Of messages that are answered by themselves. */
const SIMPLE: Readonly<Record<string, Buffer>> = {
  'a Query without its zero': message('Q', 'select 1'),
  'a Query with more behind its zero': message('Q', strings('select 1', 'select 2')),
  'a Query of nothing': message('Q', ''),
  'a FunctionCall of nothing': message('F', ''),
  'a FunctionCall without its counts': message('F', int32(1598)),
  'a FunctionCall with a format that there is not for its result': message(
    'F',
    Buffer.concat([int32(1598), int16(0, 0, 7)]),
  ),
  'a FunctionCall with more behind it': message('F', Buffer.concat([int32(1598), int16(0, 0, 0, 0)])),
};

const TEXTS: Readonly<Record<string, Buffer>> = {
  'a Query that is not UTF-8': query(Buffer.concat([Buffer.from("select '"), Buffer.of(0xff, 0x41, 0x27)])),
  'a Query that ends in the middle of a character': query(Buffer.from([...Buffer.from('--'), 0xe2, 0x82])),
  'a Query with a surrogate': query(Buffer.from([...Buffer.from('--'), 0xed, 0xa0, 0x80, 0x20])),
  'a Query with a character beyond Unicode': query(Buffer.of(0x2d, 0x2d, 0xf5, 0x80, 0x80, 0x80)),
  'a Query with an overlong zero': query(Buffer.of(0x2d, 0x2d, 0xc0, 0x80)),
};

/** Of messages behind which the server skips to Sync. */
const EXTENDED: Readonly<Record<string, Buffer>> = {
  'a Parse of nothing': message('P', ''),
  'a Parse whose text has no zero': message('P', Buffer.concat([cstring(''), Buffer.from('select 1')])),
  'a Parse without a count of types': message('P', strings('', 'select 1')),
  'a Parse that counts more types than it has': message(
    'P',
    Buffer.concat([strings('', 'select 1'), int16(3), int32(23)]),
  ),
  'a Parse with more behind it': message('P', Buffer.concat([strings('', 'select 1'), int16(0), int32(0)])),
  'a Bind of nothing': message('B', ''),
  'a Bind without counts': bindOf(),
  'a Bind of an unknown statement, and nothing behind its name': message('B', strings('', 'nowhere')),
  'a Bind of an unknown statement, and nonsense behind its name': message(
    'B',
    Buffer.concat([strings('', 'nowhere'), int16(-1)]),
  ),
  'a Bind that counts more formats than it has': bindOf(int16(-1)),
  'a Bind with two formats for one value': bindOf(int16(2, 0, 0, 1), int32(1), Buffer.from('1'), int16(0)),
  'a Bind with more behind it': bindOf(int16(0, 1), int32(1), Buffer.from('1'), int16(0, 0)),
  'a Bind without formats for its results': bindOf(int16(0, 1), int32(1), Buffer.from('1')),
  'a Bind with a format that there is not for a result': bindOf(
    int16(0, 1),
    int32(1),
    Buffer.from('1'),
    int16(1, 7),
  ),
  'a Bind with a format that there is not, for no value': bindOf(int16(1, 7, 0), int16(0)),
  'a Describe of nothing': message('D', ''),
  'a Describe without a zero': message('D', 'Sx'),
  'a Describe of neither statement nor portal': message('D', 'Xs\0'),
  'a Describe with more behind it': message('D', 'S\0x'),
  'a Close of nothing': message('C', ''),
  'a Close of neither statement nor portal': message('C', 'Xs\0'),
  'a Close with more behind it': message('C', 'S\0x'),
  'an Execute of nothing': message('E', ''),
  'an Execute without a row limit': message('E', '\0'),
  'an Execute cut inside its row limit': message('E', '\0\0\0'),
  'an Execute with more behind it': message('E', '\0\0\0\0\0x'),
  'a Flush with something in it': message('H', 'x'),
  'a Sync with something in it': message('S', 'x'),
};

/** What the server says of one value names the parameter from Postgres 14 on, and its text comes from another routine. */
const VALUES: Readonly<Record<string, Buffer>> = {
  'a Parse whose name is not UTF-8': message(
    'P',
    Buffer.concat([BAD_UTF8, strings('', 'select 1'), int16(0)]),
  ),
  'a Parse whose text is not UTF-8': parse({ sql: Buffer.concat([Buffer.from('--'), BAD_UTF8]) }),
  'a Describe of a name that is not UTF-8': message('D', Buffer.from('53c32800', 'hex')),
  'a Bind with a negative length': bindOf(int16(0, 1), int32(-5), int16(0)),
  'a Bind whose value reaches beyond it': bindOf(int16(0, 1), int32(999), int16(0)),
  'a Bind with a format that there is not': bindOf(int16(1, 7, 1), int32(1), Buffer.from('1'), int16(0)),
  'a Bind whose value is not UTF-8': bindOf(int16(0, 1), int32(2), BAD_UTF8, int16(0)),
  'a Bind whose value has a zero in it': bindOf(int16(0, 1), int32(2), Buffer.of(0x31, 0), int16(0)),
  'a Bind to a named portal whose value is not UTF-8': message(
    'B',
    Buffer.concat([strings('p', ''), int16(0, 1), int32(2), BAD_UTF8, int16(0)]),
  ),
};

/** A call of length(text), or of another function, from its counts on. */
const callOf = (oid: number, ...rest: Buffer[]) => message('F', Buffer.concat([int32(oid), ...rest]));
const LENGTH = 1317;
const NOWHERE = 999_999;

/** In each of them something comes before the fault in the message: another function, another number, a failed transaction, a portal. */
const SOONER: readonly Script[] = [
  script(
    'malformed calls of functions that there are not, or that take another number of arguments',
    [callOf(NOWHERE)],
    [callOf(NOWHERE, int16(5))],
    [callOf(LENGTH, int16(0, 3, 0))],
    [callOf(LENGTH, int16(0, 0, 0, 0)), query('select 1')],
    [callOf(LENGTH, int16(0, 1), int32(-2))],
    [callOf(LENGTH, int16(2, 0, 0, 1), int32(1), Buffer.from('a'), int16(0))],
    [query('begin')],
    [callOf(LENGTH, int16(0, 0, 0, 0))],
    [message('F', '')],
    [callOf(NOWHERE)],
    [query('rollback')],
  ),
  script(
    'malformed Binds in a failed transaction',
    [parse({ name: 's', sql: 'select $1::text' }), parse({ name: 'r', sql: 'rollback' }), sync()],
    [query('begin')],
    [query('select 1/0')],
    ...['s', 'r'].flatMap(name =>
      [Buffer.alloc(0), int16(0, 0), int16(0, 1), int16(0, 7), Buffer.concat([int16(0, 1), int32(99)])].map(
        rest => [message('B', Buffer.concat([strings('', name), rest])), sync()],
      ),
    ),
    [query('rollback')],
  ),
  script(
    'malformed Binds of another number of values',
    ...[int16(0, 2), int16(0, 0), int16(0, 0, 7, 7), Buffer.concat([int16(0, 3), int32(99)])].map(rest => [
      parse({ sql: 'select $1::text, \'$2\', "a$3", $x$ $4 $x$ /* $5 */ from (select 1 as "a$3") t' }),
      bindOf(rest),
      sync(),
    ]),
    [parse({ sql: 'select $2::int', types: [23, 23, 23] }), bindOf(int16(0, 2), int32(5)), sync()],
  ),
  script('a malformed Bind to a portal that there is', [
    parse({ name: 's', sql: 'select $1::text' }),
    bind({ portal: 'p', statement: 's', values: ['a'] }),
    message('B', Buffer.concat([strings('p', 's'), int16(0, 1), int32(99)])),
    sync(),
  ]),
  script(
    'a Sync with something in it, behind errors of the server and of the proxy',
    step([...run('select 1/0'), message('S', 'x'), query('select 2')], 'ZZ'),
    step([query('begin'), ...run('select 1/0'), message('S', 'x'), query('select 2')], 'ZZZ'),
    step([query('rollback'), parse({ sql: 'sel' }), message('S', 'x'), query('select 2')], 'ZZZ'),
    step([bind({ statement: 'nowhere' }), message('S', 'x'), query('select 2')], 'ZZ'),
  ),
];

const SYNC = 'S'.charCodeAt(0);
const WORKS = [query('select 1')];

function simple([name, bytes]: [string, Buffer]): Script {
  return script(
    name,
    [bytes],
    [bytes, ...WORKS],
    [query('begin')],
    [bytes],
    WORKS,
    [query('rollback')],
    WORKS,
  );
}

function extended([name, bytes]: [string, Buffer]): Script {
  const pipeline = [parse({ sql: 'select $1::text' }), bytes, execute(), sync()];
  return script(
    name,
    pipeline,
    // A Sync is none the less one: what comes behind it is not skipped.
    step([bytes, query('select 1'), sync()], bytes[0] === SYNC ? 'ZZZ' : 'Z'),
    [...run('select $1::text', { values: ['a'] }), bytes, ...run('select 2'), sync()],
    WORKS,
    [query('begin')],
    pipeline,
    WORKS,
    [query('rollback')],
    WORKS,
  );
}

const ends = (name: string, ...bytes: Buffer[]) => script(name, step(bytes, 'close'));

/** Messages whose inside makes no sense are ordinary errors; a type that there is not and a length that cannot be end the session. */
export const MALFORMED: readonly Script[] = [
  ...Object.entries(SIMPLE).map(simple),
  ...Object.entries(TEXTS).map(entry => since(14, simple(entry))),
  ...Object.entries(EXTENDED).map(extended),
  ...Object.entries(VALUES).map(entry => since(14, extended(entry))),
  ...SOONER.map(one => since(14, one)),
  ends('a type that there is not', message('z', 'x'), sync()),
  ends('a password in the session', message('p', 'x'), sync()),
  ends('a message of the server', message('T', 'x'), sync()),
  ends('a type that there is not, behind statements', ...run('select 1'), message('v', ''), sync()),
  ends('a type that there is not, behind an error', ...run('select 1/0'), message('v', ''), sync()),
  ends('a type that there is not, in a transaction', query('begin'), ...run('select 1'), message('v', '')),
  ends('a length below four', message('Q', '', 3)),
  ends('a negative length', ...run('select 1'), message('S', '', -1)),
  since(14, ends('the greatest length', message('Q', '', 0x7fffffff))),
  since(14, ends('a Sync of 10,001 bytes', message('S', '', 10_001))),
  ends('Terminate with something in it', message('X', 'abc')),
  ends(
    'Terminate behind what was flushed',
    ...run('select 1'),
    flush(),
    parse({ sql: 'select 2' }),
    terminate(),
  ),
  ends('Terminate behind an error that was flushed', ...run('select 1/0'), flush(), terminate()),
  ends(
    'Terminate behind a write that was flushed',
    ...run("insert into items values (901, 'x')"),
    flush(),
    terminate(),
  ),
  ends('Terminate behind what was not flushed', ...run('select 1'), terminate()),
];
