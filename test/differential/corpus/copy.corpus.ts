import {
  bind,
  close,
  copyData,
  copyDone,
  copyFail,
  describe,
  execute,
  flush,
  heavy,
  parse,
  query,
  run,
  runSync,
  type Script,
  script,
  since,
  step,
  sync,
  terminate,
} from './support.ts';

const INTO = 'copy notes (id, body) from stdin';
const CLEAN = query('delete from notes where id >= 2000');
const LINES = Buffer.from(Array.from({ length: 2_000 }, (_, i) => `${3_000 + i}\tbody ü ${i}\n`).join(''));

/** COPY in both directions and protocols, with failures from either side. */
export const COPY: readonly Script[] = [
  script(
    'out',
    [query('copy items to stdout')],
    [query('copy (select 1, null, $$a b$$) to stdout (format csv, header)')],
    [query('copy items to stdout (format binary)')],
    [query('copy (select from items) to stdout')],
    [query('copy (select 1/0) to stdout')],
    [query('copy nowhere to stdout')],
  ),
  script('out with an error in the middle', [
    query('copy (select 10 / (5 - g) from generate_series(1, 10) g) to stdout'),
  ]),
  heavy(
    script('out of many rows', [
      query("copy (select g, repeat('x', 100) from generate_series(1, 20000) g) to stdout"),
    ]),
  ),
  heavy(
    script('out of rows larger than buffers', [
      query("copy (select repeat('x', 200000) from generate_series(1, 3)) to stdout"),
    ]),
  ),
  script(
    'out among other statements',
    [query('select 1; copy (select 2) to stdout; select 3')],
    [query('copy (select 1) to stdout; copy (select 2) to stdout')],
  ),
  script(
    'out by the extended protocol',
    runSync('copy (select 1, 2) to stdout'),
    [
      parse({ sql: 'copy (select 1) to stdout' }),
      describe('statement'),
      bind(),
      describe('portal'),
      execute(),
      execute(),
      sync(),
    ],
    [...run('select 1'), ...run('copy (select 2) to stdout'), ...run('select 3'), sync()],
    runSync('copy (select 1/0) to stdout'),
    runSync('copy items to stdout', { rows: 1 }),
  ),
  script(
    'in',
    step([query(INTO)], 'G'),
    step([copyData('2000\ta\n2001\tb\n'), copyDone()], 'Z'),
    [query('select * from notes where id >= 2000')],
    [CLEAN],
  ),
  script(
    'in, sent ahead in one packet',
    [
      query(INTO),
      copyData('2000\ta\n'),
      copyData('2001\t\\N\n'),
      copyDone(),
      query('select count(*) from notes where id >= 2000'),
    ],
    [CLEAN],
  ),
  script(
    'in, rows cut anywhere',
    [query(INTO), ...[...'2000\tabc\n2001\tdef\n'].map(c => copyData(c)), copyDone()],
    [CLEAN],
  ),
  script(
    'in, with empty data and an end marker',
    [query(INTO), copyData(''), copyData('2000\ta\n'), copyData(''), copyData('\\.\n'), copyDone()],
    [CLEAN],
    [query(INTO), copyDone()],
  ),
  script('in, many rows', [query(INTO), copyData(LINES), copyDone()], [CLEAN]),
  script(
    'in, without Done but Fail',
    [query(INTO), copyData('2000\ta\n'), copyFail('the client says no')],
    [query('select count(*) from notes where id >= 2000')],
    [query(INTO), copyFail('')],
  ),
  script(
    'in, with bad data',
    [query(INTO), copyData('2000\ta\nx\ty\n'), copyDone()],
    [query(INTO), copyData('2000\n'), copyDone()],
    [query(INTO), copyData('2000\ta\n2000\tb\n'), copyDone()],
    [query(INTO), copyData('2000\ta\tb\n'), copyDone()],
    [query(INTO), copyData(Buffer.from([0x32, 0x30, 0x30, 0x30, 9, 0xff, 10])), copyDone()],
    [query('select count(*) from notes where id >= 2000')],
  ),
  script('in, with bad data and much behind it', [
    query(INTO),
    copyData('x\ty\n'),
    copyData(LINES),
    copyData(LINES),
    copyDone(),
    query('select 1'),
  ]),
  script('in, refused at once', [
    query('copy nowhere from stdin'),
    copyData('1\n'),
    copyDone(),
    query('select 1'),
  ]),
  script(
    'in, in a block',
    [query('begin')],
    [query(INTO), copyData('2000\ta\n'), copyDone()],
    [query(INTO), copyFail('no')],
    [query('select 1')],
    [query('rollback')],
  ),
  script(
    'in, with Flush and Sync in between',
    step(
      [query(INTO), copyData('2000\ta\n'), flush(), sync(), copyData('2001\tb\n'), sync(), copyDone()],
      'Z',
    ),
    [CLEAN],
  ),
  since(
    14,
    script(
      'in, with a Query in between',
      step([query(INTO)], 'G'),
      step([copyData('2000\ta\n'), query('select 1')], 'close'),
    ),
  ),
  since(
    14,
    script(
      'in, with a Parse in between',
      step([query(INTO)], 'G'),
      step([parse({ sql: 'select 1' })], 'close'),
    ),
  ),
  since(
    14,
    script(
      'in, and then Terminate',
      step([query(INTO)], 'G'),
      step([copyData('2000\ta\n'), terminate()], 'close'),
    ),
  ),
  script(
    'in among other statements',
    [query(`select 1; ${INTO}; select 2`), copyData('2000\ta\n'), copyDone()],
    [query(`${INTO}; ${INTO}`), copyData('2001\ta\n'), copyDone(), copyData('2002\ta\n'), copyDone()],
    [query(`${INTO}; select 1`), copyFail('no')],
    [CLEAN],
  ),
  script(
    'in by the extended protocol',
    step([...run(INTO), copyData('2000\ta\n'), copyDone(), sync()], 'Z'),
    step(
      [
        parse({ sql: INTO }),
        describe('statement'),
        bind(),
        describe('portal'),
        execute(),
        copyData('2001\ta\n'),
        copyDone(),
        sync(),
      ],
      'Z',
    ),
    [query('select id from notes where id >= 2000')],
    [CLEAN],
  ),
  script(
    'in by the extended protocol, waiting for each answer',
    step([...run(INTO), flush()], 'G'),
    step([copyData('2000\ta\n'), copyDone(), flush()], 'C'),
    [sync()],
    [CLEAN],
  ),
  script(
    'in by the extended protocol, failing',
    step([...run(INTO), copyFail('no'), sync()], 'Z'),
    step([...run(INTO), copyData('x\n'), copyDone(), sync()], 'Z'),
    step([...run(INTO), flush()], 'G'),
    step([copyData('x\n'), copyDone()], 'E'),
    [sync()],
    step([...run('copy nowhere from stdin'), copyData('x'), copyDone(), sync()], 'Z'),
  ),
  script(
    'in by the extended protocol, more statements behind it',
    step([...run(INTO), copyData('2000\ta\n'), copyDone(), ...run('select 1'), sync()], 'Z'),
    step([...run(INTO), copyFail('no'), ...run('select 1'), sync()], 'Z'),
    [CLEAN],
  ),
  script(
    'in by the extended protocol, Sync before the data',
    step([...run(INTO), sync()], 'G'),
    step([copyData('2000\ta\n'), copyDone(), sync()], 'Z'),
    [CLEAN],
  ),
  script(
    'COPY messages outside a COPY',
    [copyData('x'), copyDone(), copyFail('y'), query('select 1')],
    [parse({ sql: 'select 1' }), copyData('x'), bind(), copyDone(), execute(), sync()],
  ),
  script(
    'in, binary',
    step([query('copy notes (id, body) from stdin (format binary)')], 'G'),
    step(
      [
        copyData(Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex')),
        copyData(Buffer.from('00020000000400000800000000026162ffff', 'hex')),
        copyDone(),
        query('select * from notes where id = 2048'),
      ],
      'ZZ',
    ),
    [query('copy notes from stdin (format binary)'), copyData('not binary'), copyDone()],
    [CLEAN],
  ),
  script(
    'in, csv with options',
    [
      query("copy notes (id, body) from stdin with (format csv, header match, null 'nil', delimiter ';')"),
      copyData('id;body\n2000;nil\n2001;"a;b"\n'),
      copyDone(),
    ],
    [
      query('copy notes (id, body) from stdin with (format csv, header match)'),
      copyData('id;other\n'),
      copyDone(),
    ],
    [CLEAN],
    [query('copy notes (id, body) from stdin where id > 2000'), copyData('2000\ta\n2001\tb\n'), copyDone()],
    [CLEAN],
  ),
  script(
    'in, closed portal',
    step(
      [
        parse({ name: 'ci', sql: INTO }),
        bind({ statement: 'ci', portal: 'cp' }),
        execute('cp'),
        copyData('2000\ta\n'),
        copyDone(),
        close('portal', 'cp'),
        execute('cp'),
        sync(),
      ],
      'Z',
    ),
    [query('deallocate ci')],
    [CLEAN],
  ),
];
