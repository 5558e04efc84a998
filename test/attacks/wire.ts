import * as raw from '#test/support/raw.ts';
import { type Attack, type AttackClass, run, talk } from './attack.ts';

const WRITE = "update public.canary set v = 'dead'";
const write = raw.query(WRITE);
const raws = (name: string, ...turns: (Buffer | readonly Buffer[])[]): Attack => talk(name, turns);

/** The same bytes cut at every place. */
const cut = (name: string, bytes: Buffer, sizes: readonly number[]): Attack => ({
  name,
  async run(me) {
    for (const size of sizes) await me.send(bytes, size);
  },
});

/** Every border of a two-packet cut. */
const borders = (name: string, bytes: Buffer, step = 1): Attack => ({
  name,
  async run(me, field) {
    let one = me;
    for (let at = 1; at < bytes.length; at += step) {
      if (one.client.closed) one = await field.attacker();
      one.client.send(bytes.subarray(0, at));
      await new Promise(resolve => setImmediate(resolve));
      one.client.send(bytes.subarray(at));
      await one.listen(1);
    }
  },
});

const lie = (type: string, body: Buffer, length: number) => raw.message(type, body, length);
const text = (sql: string) => raw.cstring(sql);

/** Bytes that the proxy would cut into other messages than the server, or that it would pass on unjudged. */
export const WIRE: AttackClass = {
  title: 'the wire',
  attacks: [
    borders('a write by Query, cut in two at every byte', write),
    borders('a write behind a read in one text, cut in two', raw.query(`select 1; ${WRITE}`), 3),
    borders('a write by Parse, cut in two', Buffer.concat([run(WRITE), raw.sync()]), 3),
    cut(
      'a pipeline that ends in a write, in pieces',
      Buffer.concat([run('select 1'), run(WRITE), run('select 2'), raw.sync()]),
      [1, 2, 5, 11, 64],
    ),
    raws('a length that ends before the text', lie('Q', text(`select 1;${WRITE}`), 13)),
    raws(
      'a length that ends inside the text and a message hidden behind',
      Buffer.concat([lie('Q', Buffer.from('select 1\0'), 13), write]),
    ),
    raws('two texts in one Query', raw.message('Q', Buffer.concat([text('select 1'), text(WRITE)]))),
    raws(
      'a Parse with bytes left over',
      raw.message('P', Buffer.concat([text(''), text('select 1'), raw.int16(0), write])),
      raw.sync(),
    ),
    raws(
      'a Parse that counts more types than it has',
      Buffer.concat([raw.message('P', Buffer.concat([text(''), text('select 1'), raw.int16(9)])), write]),
    ),
    raws(
      'a Bind that reaches into the next message',
      Buffer.concat([
        raw.parse({ sql: 'select $1::text' }),
        raw.message('B', Buffer.concat([text(''), text(''), raw.int16(0), raw.int16(1), raw.int32(500)])),
        write,
        raw.sync(),
      ]),
    ),
    raws(
      'a Bind with a negative count',
      Buffer.concat([
        raw.parse({ sql: 'select 1' }),
        raw.message('B', Buffer.concat([text(''), text(''), raw.int16(-1)])),
        write,
        raw.sync(),
      ]),
    ),
    raws('lengths below four', raw.message('Q', text(WRITE), 0)),
    raws('length three', raw.message('Q', text(WRITE), 3)),
    raws('a negative length', raw.message('Q', text(WRITE), -5)),
    raws('the greatest length', raw.message('Q', text(WRITE), 0x7fffffff), write),
    raws(
      'a message as long as nobody keeps, and one behind it',
      Buffer.concat([raw.message('Q', text(`/*${'x'.repeat(300_000)}*/ ${WRITE}`)), write]),
    ),
    raws(
      'a message that is dropped for its length, and writes that it seems to hold',
      [raw.message('Q', Buffer.concat(Array.from({ length: 4_000 }, () => write))), raw.query('select 1')],
      [run('select 1'), raw.message('B', Buffer.concat(Array(4_000).fill(write))), run(WRITE), raw.sync()],
      [raw.message('P', Buffer.alloc(200_000)), raw.bind(), raw.execute(), raw.sync()],
    ),
    raws(
      'messages that make no sense among writes',
      [run('select 1'), raw.message('B', ''), run(WRITE), raw.sync()],
      [run('select 1'), raw.message('H', write), run(WRITE), raw.sync()],
      [run('select 1'), raw.message('S', write)],
      [raw.message('S', write), raw.message('E', '\0'), raw.sync()],
      [raw.parse({ sql: WRITE }), raw.message('P', text('')), raw.bind(), raw.execute(), raw.sync()],
      [raw.bind(), raw.execute(), raw.sync()],
    ),
    raws(
      'a message longer than the read buffer with a write at its end',
      raw.query(`select 1 /*${' '.repeat(1_100_000)}*/; ${WRITE}`),
    ),
    ...'ADEGIKNRTVWZcdfnpstv123~\u0001\u0000'
      .split('')
      .map(type =>
        raws(
          `a message of type ${JSON.stringify(type)} with a write inside`,
          [raw.message(type.charCodeAt(0), text(WRITE)), raw.sync()],
          write,
        ),
      ),
    raws('a startup packet inside the session', raw.startup({ user: 'agent', database: 'shop' }), write),
    raws('SSLRequest inside the session', raw.sslRequest(), write),
    raws(
      'a fast-path call of a writing function',
      [raw.query("select 'public.mark(text)'::regprocedure::oid")],
      raw.functionCall(16390, ['x']),
      [run('begin'), raw.functionCall(3, ['x']), raw.sync()],
    ),
    {
      name: 'fast-path calls of the function that writes, in every state',
      async run(me, field) {
        const oid = Number(await field.gate.value("select 'public.mark(text)'::regprocedure::oid::int8"));
        const call = raw.functionCall(oid, ['fast']);
        await me.say(call);
        await me.say('begin');
        await me.say(call);
        await me.say('commit');
        await me.say(run('select 1'), call, raw.sync());
        await me.say(run('select 1/0'), call, raw.sync());
        await me.say('copy lab.loaded from stdin');
        await me.say(call);
      },
    },
    raws('a Query inside COPY', raw.query('copy lab.loaded from stdin'), [raw.copyData('x\n'), write], write),
    raws('a Parse inside COPY', raw.query('copy lab.loaded from stdin'), [
      raw.copyData('x\n'),
      run(WRITE),
      raw.sync(),
    ]),
    raws(
      'messages inside COPY data',
      raw.query('copy lab.loaded from stdin'),
      [
        raw.copyData(write),
        raw.copyData(Buffer.concat([run(WRITE), raw.sync()])),
        raw.copyData('\\.\n'),
        write,
        raw.copyDone(),
      ],
      raw.query('select 1'),
    ),
    raws(
      'COPY data whose length lies',
      raw.query('copy lab.loaded from stdin'),
      [raw.message('d', Buffer.from('x\n'), 4), write, raw.copyDone()],
      raw.query('select 1'),
    ),
    raws('the end-of-data mark and a Query behind it', raw.query('copy lab.loaded from stdin'), [
      raw.copyData('a\n\\.\n'),
      raw.copyDone(),
      write,
    ]),
    raws('CopyFail, and a Query in the same packet', raw.query('copy lab.loaded from stdin'), [
      raw.copyFail('no'),
      write,
    ]),
    raws('CopyDone twice, and a Query', raw.query('copy lab.loaded from stdin'), [
      raw.copyDone(),
      raw.copyDone(),
      raw.copyFail('x'),
      write,
    ]),
    raws('COPY in a pipeline and a write behind it', [
      run('copy lab.loaded from stdin'),
      raw.copyData('x\n'),
      raw.copyDone(),
      run(WRITE),
      raw.sync(),
    ]),
    raws(
      'COPY that fails and a write behind it',
      [
        run('copy lab.loaded (v) from stdin (format csv, header match)'),
        raw.copyData('wrong\n'),
        raw.copyData('x\n'),
        write,
        raw.sync(),
      ],
      write,
    ),
    raws(
      'COPY that the server refuses and data that looks like messages',
      [run('copy lab.nothing from stdin'), raw.copyData(write), raw.copyDone(), raw.sync()],
      [raw.query('copy lab.nothing from stdin'), raw.copyData(write), raw.copyDone(), write],
    ),
    raws(
      'a Query behind an error without Sync',
      [run('select 1/0'), write, raw.sync()],
      [raw.parse({ sql: 'select nothing' }), write, run(WRITE), raw.sync()],
    ),
    raws('a write between Parse and Bind', [
      raw.parse({ sql: 'select 1' }),
      write,
      raw.bind(),
      raw.execute(),
      raw.sync(),
    ]),
    raws(
      'Flush and Sync between the halves of a write',
      [raw.parse({ name: 'w', sql: WRITE }), raw.flush()],
      [raw.bind({ statement: 'w' }), raw.flush(), raw.execute(), raw.flush(), raw.sync()],
      raw.sync(),
    ),
    raws('Terminate and a write behind it', [raw.terminate(), write]),
    raws('a password message in the session', [raw.password('x'), write]),
    raws('Describe of neither statement nor portal', raw.message('D', Buffer.from('Xs\0')), write),
    raws('Close of neither statement nor portal', raw.message('C', Buffer.from('Xs\0')), write),
    {
      name: 'cancel keys that are guessed',
      async run(me, field) {
        const { port } = field.gate.db;
        const { RawClient } = raw;
        void port;
        for (const key of [
          Buffer.alloc(4),
          Buffer.alloc(32),
          Buffer.from([1, 2, 3, 4, 5]),
          Buffer.alloc(256),
        ]) {
          const other = await RawClient.connect({ port: field.gate.dev.pgPort });
          other.send(raw.cancelRequest(me.client.backend!.pid, key));
          await other.untilClosed();
        }
        await me.say('select 1');
      },
    },
  ],
};
