import assert from 'node:assert/strict';
import { afterEach, before, test } from 'node:test';
import { answer, type Gate, HEAD, heldNotice, startGate } from '#test/session/support.ts';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';

const PROTECTED = `protected:
  - { column: public.people.ssn, mask: redact }
`;
/** Who looks at notes by a cursor is asked for it; people may be looked at, masked; what cannot be told may not. */
const RULES = `
  - { name: notes, match: { effects: { reads: [public.notes], commands: [cursor] } }, verdict: hold, approvers: [approvers] }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
`;
const SCHEMA = `
create table people (id integer primary key, ssn text);
insert into people select g, 'SECRET-' || g from generate_series(1, 9) g;
create function opens() returns refcursor language plpgsql as $$ declare c refcursor := 'opened'; begin open c for select ssn from people; return c; end $$;
`;
const PEOPLE = 'select id, ssn from people order by id';

let gate: Gate;
before(async () => {
  gate = await startGate(RULES, { head: HEAD + PROTECTED, schema: SCHEMA });
});
afterEach(() => gate.clear());

async function ask(client: RawClient, ...messages: Buffer[]): Promise<raw.Frame[]> {
  client.send(...messages);
  return client.untilReady();
}

test('a protected column is masked in what Execute gives of a cursor that SQL declared, described before or not', async () => {
  for (const described of [false, true])
    for (const kind of ['', 'binary', 'scroll']) {
      const client = await gate.agent();
      await ask(client, raw.query(`begin; declare c ${kind} cursor for ${PEOPLE}`));
      const seen = await ask(
        client,
        ...(described ? [raw.describe('portal', 'c')] : []),
        raw.execute('c', 2),
        raw.execute('c', 1),
        raw.sync(),
      );
      seen.push(...(await ask(client, raw.query('fetch 1 from c'))));
      seen.push(...(await ask(client, raw.execute('c'), raw.sync())));
      const values = raw.rows(seen);
      assert.equal(values.length, 9);
      assert.equal(Buffer.concat(seen.map(frame => frame.body)).includes('SECRET'), false, `${kind}`);
      for (const [, ssn] of values) assert.notEqual(ssn, null);
      client.destroy();
    }
});

test('a protected column is masked in what SQL fetches of a portal of the protocol, in either format', async () => {
  for (const format of [0, 1]) {
    const client = await gate.agent();
    await ask(client, raw.query('begin'));
    const bound = [raw.parse({ sql: PEOPLE }), raw.bind({ portal: 'p', resultFormats: [format] })];
    const seen = await ask(client, ...bound, raw.execute('p', 1), raw.sync());
    seen.push(...(await ask(client, raw.query('fetch 2 from p'))));
    seen.push(...(await ask(client, raw.query('move 1 from p'))));
    seen.push(...(await ask(client, raw.execute('p', 1), raw.sync())));
    assert.equal(answer(seen), '1 2 D s Z:T T D D C:FETCH 2 Z:T C:MOVE 1 Z:T D s Z:T');
    assert.equal(Buffer.concat(seen.map(frame => frame.body)).includes('SECRET'), false);
  }
});

test('an Execute of a cursor is in the record as the FETCH that says the same, with what came of it', async () => {
  const client = await gate.agent();
  await ask(client, raw.query(`begin; declare "My c" cursor with hold for ${PEOPLE}`));
  await ask(client, raw.execute('My c', 2), raw.sync());
  await ask(client, raw.execute('My c'), raw.sync());
  await ask(client, raw.query('commit'));
  client.destroy();
  const texts = await waitFor(
    async () => {
      const events = await recorded();
      const fetches = events.filter(
        event => event.kind === 'statement' && /^FETCH/.test(event.body.text ?? ''),
      );
      assert.equal(fetches.length, 2);
      const ends = events.filter(event => event.kind === 'outcome');
      return fetches.map(({ body }) => {
        const end = ends.find(({ body: { n } }) => n === body.n)!.body;
        return [body.text, body.protocol, end.rows, end.status, end.masks?.[0]?.column];
      });
    },
    { what: 'both are recorded' },
  );
  assert.deepEqual(texts, [
    ['FETCH FORWARD 2 FROM "My c"', 'bind', 2, 'ok', 'public.people.ssn'],
    ['FETCH ALL FROM "My c"', 'bind', 7, 'ok', 'public.people.ssn'],
  ]);
});

interface Recorded {
  readonly kind: string;
  readonly body: {
    readonly n: number;
    readonly text?: string;
    readonly protocol?: string;
    readonly rows?: number;
    readonly status?: string;
    readonly masks?: readonly { column: string }[];
  };
}

/** The events of the session that fetched. */
async function recorded(): Promise<Recorded[]> {
  const sessions = await gate.dev.json<{ session: string }[]>('audit', 'sessions');
  const all: Recorded[][] = [];
  for (const { session } of sessions) all.push(await gate.dev.json<Recorded[]>('audit', 'show', session));
  return all.find(events => events.some(({ body }) => body.text?.startsWith('FETCH FORWARD'))) ?? [];
}

test('a cursor that nobody has seen opened is no portal to the protocol, where what cannot be told may not run', async () => {
  const client = await gate.agent();
  await ask(client, raw.query('begin'));
  await ask(client, raw.query('select opens()'));
  assert.equal(answer(await ask(client, raw.describe('portal', 'opened'), raw.sync())), 'E:34000 Z:E');
  await ask(client, raw.query('rollback; begin'));
  await ask(client, raw.query('select opens()'));
  assert.equal(answer(await ask(client, raw.execute('opened'), raw.sync())), 'E:34000 Z:E');
  await ask(client, raw.query('rollback'));
});

test('an Execute of a cursor is held as its FETCH is, and what was approved runs once', async () => {
  const client = await gate.agent();
  await ask(client, raw.query('begin'));
  client.send(raw.query('declare n cursor for select id from notes order by id'));
  const first = await heldNotice(client);
  assert.equal(await gate.approve(first), '');
  await client.untilReady();
  client.send(raw.execute('n', 2), raw.sync());
  const id = await heldNotice(client);
  assert.equal((await gate.approval(id)).statement.text, 'FETCH FORWARD 2 FROM "n"');
  assert.equal(await gate.approve(id), '');
  assert.equal(answer(await client.untilReady()), 'D D s Z:T');
  client.send(raw.execute('n', 2), raw.sync());
  const second = await heldNotice(client);
  assert.equal(await gate.deny(second, 'enough'), '');
  assert.equal(answer(await client.untilReady()), 'E:42501 Z:E');
});
