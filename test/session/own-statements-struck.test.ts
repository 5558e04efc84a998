import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { answer, HEAD, onlyError } from '#test/session/support.ts';
import { type Dev, startDev } from '#test/support/dev.ts';
import { startPostgres } from '#test/support/postgres.ts';
import * as raw from '#test/support/raw.ts';
import { RawClient } from '#test/support/raw.ts';
import { tempDir } from '#test/support/temp.ts';

const RULES = `
  - name: all
    verdict: allow
  - name: unknown
    match: { effects: { unknown: true } }
    verdict: allow
`;
/** The proxy asks for the settings behind it, as it cannot tell what a function with arguments from a table has set. */
const SET_IT = `select set_config('statement_timeout', '200', false), set_config('search_path', 'public', false)`;
const QUESTION = 'SHOW search_path';
const switched = (to: 'on' | 'off') => `SET default_transaction_read_only = ${to}`;

/**
 * A slow network to the server: the first packet with a question of the proxy's own is cut behind the question's Parse, and the rest
 * comes when the server has said that its time is over. It looks at its clock when a message comes: Flush is one that does nothing.
 */
class SlowNetwork {
  armed = false;
  /** The statement of the proxy's own that is cut. */
  cuts = QUESTION;
  /** Everything that was sent to the server. */
  seen = '';
  private readonly sockets = new Set<Socket>();
  private readonly server = createServer(near => this.carry(near));
  private readonly far: number;

  constructor(far: number) {
    this.far = far;
  }

  async listen(): Promise<number> {
    await new Promise<void>(resolve => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as AddressInfo).port;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private carry(near: Socket): void {
    const far = dial(this.far, '127.0.0.1');
    let kept: Buffer[] | null = null;
    let nudge: NodeJS.Timeout | undefined;
    near.on('data', data => {
      this.seen += data.toString('latin1');
      const question = Buffer.from(`${this.cuts}\0`);
      const at = this.armed ? data.indexOf(question) : -1;
      // Behind the text comes the number of types, which is none.
      const end = at + question.length + 2;
      if (kept !== null) kept.push(data);
      else if (at < 0) far.write(data);
      else {
        this.armed = false;
        far.write(data.subarray(0, end));
        kept = [data.subarray(end)];
        nudge = setInterval(() => far.write(raw.flush()), 50);
      }
    });
    far.on('close', () => clearInterval(nudge));
    far.on('data', data => {
      near.write(data);
      if (kept === null || !data.includes('statement timeout')) return;
      clearInterval(nudge);
      far.write(Buffer.concat(kept));
      kept = null;
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  }
}

suite(
  "a time-out that the agent has set strikes what waits for a question of the proxy's own, and not the session",
  () => {
    let dev: Dev;
    let network: SlowNetwork;
    let token: string;
    before(async () => {
      const db = await startPostgres();
      network = new SlowNetwork(db.port);
      const policy = join(tempDir('policy'), 'policy.yaml');
      writeFileSync(policy, `${HEAD}rules:\n${RULES}`);
      await db.query('create table notes (id integer)');
      const target = new URL(db.url({}));
      target.port = String(await network.listen());
      dev = await startDev({ args: ['--policy', policy, '--target', target.href] });
      token = await dev.token('agent-1');
    });
    after(() => network.close());

    async function agent(): Promise<RawClient> {
      const client = await RawClient.connect({ port: dev.pgPort });
      await client.login({ user: 'postgres', database: 'postgres', password: token });
      // A session begins with that question; here it is about the next one.
      await says(client, raw.query('select 1'));
      return client;
    }

    async function says(client: RawClient, ...messages: Buffer[]): Promise<string> {
      client.send(...messages);
      return answer(await client.untilReady());
    }

    test('in a pipeline, whose transaction is undone', async () => {
      const client = await agent();
      network.armed = true;
      const run = (sql: string) => [raw.parse({ sql }), raw.bind(), raw.execute()];
      assert.equal(
        await says(client, ...run(SET_IT), ...run('select 1'), ...run('select 2'), raw.sync()),
        '1 2 D C:SELECT 1 E:57014 Z:I',
      );
      assert.equal(await says(client, ...run('select 3'), raw.sync()), '1 2 D C:SELECT 1 Z:I');
      assert.equal(network.armed, false);
    });

    test('between statements', async () => {
      const client = await agent();
      await says(client, raw.query(SET_IT));
      network.armed = true;
      assert.equal(await says(client, raw.query('select 1')), 'E:57014 Z:I');
      assert.equal(await says(client, raw.query('select 1')), 'T D C:SELECT 1 Z:I');
      assert.equal(network.armed, false);
    });

    test('inside a block, which has failed then', async () => {
      const client = await agent();
      await says(client, raw.query('begin'));
      await says(client, raw.query(SET_IT));
      network.armed = true;
      assert.equal(await says(client, raw.query('select 1')), 'E:57014 Z:E');
      assert.equal(await says(client, raw.query('select 1')), 'E:25P02 Z:E');
      assert.equal(await says(client, raw.query('rollback')), 'C:ROLLBACK Z:I');
      assert.equal(await says(client, raw.query('select 1')), 'T D C:SELECT 1 Z:I');
    });

    /** A session in which that is about to be switched, with a time-out that the proxy does not go out of the way of. */
    async function about(to: 'on' | 'off'): Promise<RawClient> {
      const client = await agent();
      await says(client, raw.query("set statement_timeout = '1001ms'"));
      await says(client, raw.query(to === 'on' ? 'insert into notes values (0)' : 'select 1'));
      network.cuts = switched(to);
      network.armed = true;
      return client;
    }

    test("at the switch of the server's mode: the statement behind it fails as if it were struck itself", async () => {
      const client = await about('off');
      const insert = 'insert into notes values (1) returning 1';
      client.send(raw.query(insert));
      const { L: _line, ...error } = onlyError(await client.untilReady());
      assert.deepEqual(error, {
        ...{ S: 'ERROR', V: 'ERROR', C: '57014', M: 'canceling statement due to statement timeout' },
        ...{ F: 'postgres.c', R: 'ProcessInterrupts' },
      });
      assert.equal(network.armed, false);
      assert.equal(await says(client, raw.query(insert)), 'T D C:INSERT 0 1 Z:I');
      client.destroy();
      const extended = await about('off');
      const run = [raw.parse({ sql: insert }), raw.bind(), raw.execute(), raw.sync()];
      assert.match(await says(extended, ...run), /E:57014 Z:I$/);
      assert.equal(await says(extended, ...run), '1 2 D C:INSERT 0 1 Z:I');
      extended.destroy();
    });

    test('at the switch for a read, the read behind it counts as struck and shows nothing, and the session lives on', async () => {
      for (const read of [raw.query('select id, 4711 from notes'), raw.functionCall(1397, ['-4711'])]) {
        const client = await about('on');
        client.send(read);
        const frames = await client.untilReady();
        assert.equal(network.armed, false);
        assert.equal(onlyError(frames).C, '57014');
        assert.equal(answer(frames), 'E:57014 Z:I');
        assert.ok(frames.every(frame => !frame.body.includes('4711')));
        network.seen = '';
        assert.match(await says(client, raw.query('select 1')), /^T D C:SELECT 1 Z:I$/);
        assert.match(network.seen, /SET default_transaction_read_only = on/);
        client.destroy();
      }
    });

    test('at the switch for a pipeline of reads, the session ends and shows nothing', async () => {
      const client = await about('on');
      client.send(raw.parse({ sql: 'select 1' }), raw.bind(), raw.execute(), raw.sync());
      const frames = await client.untilClosed();
      assert.ok(!frames.some(frame => frame.type === 'D' || frame.type === 'Z'), answer(frames));
    });

    test('at the switch for a read, where the time-out is short, the read fails as if it were struck, is never sent, and the session lives on', async () => {
      const client = await agent();
      // numeric_abs, by the fast path; a read, too.
      const call = raw.functionCall(1397, ['-5']);
      const run = (sql: string) => Buffer.concat([raw.parse({ sql }), raw.bind(), raw.execute()]);
      await says(client, raw.query("set statement_timeout = '200ms'"));
      for (const [read, done] of [
        [raw.query('select 4711'), 'T D C:SELECT 1 Z:I'],
        [call, 'V Z:I'],
        // What is no SELECT alone cannot be narrowed in its own pipeline.
        [
          Buffer.concat([run('select 4711'), run('explain select 1'), raw.sync()]),
          /^1 2 D C:SELECT 1 1 2 (D )+C:EXPLAIN Z:I$/,
        ],
      ] as const) {
        await says(client, raw.query('insert into notes values (5)'));
        network.cuts = switched('on');
        network.armed = true;
        network.seen = '';
        client.send(read);
        const { L: _line, ...error } = onlyError(await client.untilReady());
        assert.deepEqual(error, {
          ...{ S: 'ERROR', V: 'ERROR', C: '57014', M: 'canceling statement due to statement timeout' },
          ...{ F: 'postgres.c', R: 'ProcessInterrupts' },
        });
        assert.equal(network.armed, false);
        assert.doesNotMatch(network.seen, /4711/);
        network.seen = '';
        const said = await says(client, read);
        if (typeof done === 'string') assert.equal(said, done);
        else assert.match(said, done);
        assert.match(network.seen, /SET default_transaction_read_only = on/);
        assert.equal(await says(client, raw.query('insert into notes values (6)')), 'C:INSERT 0 1 Z:I');
      }
      client.destroy();
    });

    test('a transaction that would begin in the wrong mode ends the session', async () => {
      const client = await about('off');
      client.send(raw.query('begin'));
      const frames = await client.untilClosed();
      assert.ok(!frames.some(frame => frame.type === 'Z'), answer(frames));
    });

    test('where the time-out is shorter than that, reads are narrowed inside their own pipeline, and a simple one has its witness, too', async () => {
      const client = await agent();
      const run = (sql: string) => [raw.parse({ sql }), raw.bind(), raw.execute(), raw.sync()];
      await says(client, raw.query("set statement_timeout = '999ms'"));
      // The question for the new time-out, and the agent's mode.
      await says(client, raw.query('insert into notes values (3)'));
      network.seen = '';
      assert.match(await says(client, ...run('select 1')), /^1 2 D C:SELECT 1 Z/);
      assert.match(await says(client, ...run('insert into notes values (4)')), /^1 2 C:INSERT 0 1 Z/);
      assert.doesNotMatch(network.seen, /SET default_transaction_read_only/);
      assert.match(network.seen, /SET LOCAL transaction_read_only = on/);
      assert.match(await says(client, raw.query('select 1')), /^T D C:SELECT 1 Z/);
      assert.match(network.seen, /SET default_transaction_read_only = on/);
      client.destroy();
    });
  },
);
