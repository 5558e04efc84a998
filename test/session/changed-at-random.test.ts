import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { RawClient } from '#test/support/raw.ts';
import * as raw from '#test/support/raw.ts';
import { waitFor } from '#test/support/wait-for.ts';
import { answer, type Gate, startGate } from './support.ts';

/**
 * Sessions that change definitions and use them, in an order that a number gives: nobody may write `notes`, and nobody does, whoever waits for whom. By hand:
 * SEED=1 (the first) SEEDS=20 STEPS=200 WITHOUT=1 (sends no changes, so that it can be seen what they cost).
 */
const SEED = Number(process.env.SEED ?? 1);
const SEEDS = Number(process.env.SEEDS ?? 2);
const STEPS = Number(process.env.STEPS ?? 60);

let gate: Gate;

before(async () => {
  gate = await startGate(
    `
  - name: notes-stay
    match: { effects: { writes: [public.notes] } }
    verdict: deny
  - name: nothing-unknown
    match: { effects: { unknown: true } }
    verdict: deny
  - name: all-else
    match: {}
    verdict: allow
`,
    {
      schema: `
create schema lab;
create schema front;
create function lab.wipes() returns trigger language plpgsql as 'begin delete from public.notes; return new; end';
create function lab.calm() returns int language plpgsql as 'begin return 1; end';
create function lab.stamp() returns trigger language plpgsql as 'begin return new; end';
create table lab.q (id int);
create table lab.r (id int);
create table front.notes (id int, body text);
create trigger stamped before insert on lab.r for each row execute function lab.stamp();
`,
    },
  );
});

after(() => gate.clear());

const body = (wipes: boolean, gives: string) =>
  `'begin ${wipes ? 'delete from public.notes; ' : ''}return ${gives}; end'`;
const CHANGES = [
  'create trigger x before insert on lab.q for each row execute function lab.wipes()',
  'drop trigger if exists x on lab.q',
  `create or replace function lab.calm() returns int language plpgsql as ${body(true, '1')}`,
  `create or replace function lab.calm() returns int language plpgsql as ${body(false, '1')}`,
  `create or replace function lab.stamp() returns trigger language plpgsql as ${body(true, 'new')}`,
  `create or replace function lab.stamp() returns trigger language plpgsql as ${body(false, 'new')}`,
  'drop table front.notes',
  'create table front.notes (id int, body text)',
  'alter table front.notes rename to other',
  'drop table front.other',
  'lock table lab.q',
  'alter table lab.q add column if not exists more int',
];
const USES = [
  'insert into lab.q (id) values (1)',
  'insert into lab.q (id) select lab.calm()',
  'insert into lab.r values (1)',
  'insert into lab.r values (1); insert into lab.q (id) select lab.calm()',
  'select lab.calm()',
  'delete from notes',
  'update notes set body = body',
  'select pg_sleep(0.3); insert into lab.r values (2); delete from notes where id < 0',
  'select pg_sleep(0.3); insert into lab.q (id) values (2)',
];
const changes = process.env.WITHOUT === '1' ? USES : CHANGES;
const BEGIN = ['begin'];
const END = ['commit', 'commit', 'rollback'];
const OUTSIDE = [changes, USES, USES, USES, BEGIN];
const INSIDE = [changes, changes, USES, END];

/** Numbers that look random, the same for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761;
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

class Player {
  readonly client: RawClient;
  busy = false;
  block = false;

  constructor(client: RawClient) {
    this.client = client;
  }

  say(sql: string): void {
    this.busy = true;
    this.client.send(raw.query(sql));
    void this.client.untilReady(120_000).then(frames => {
      this.block = !answer(frames).endsWith('Z:I');
      this.busy = false;
    });
  }
}

for (let seed = SEED; seed < SEED + SEEDS; seed++)
  test(`nobody writes what is denied, in the order of ${seed}`, async () => {
    const next = numbers(seed);
    const one = <T>(of: readonly T[]) => of[next(of.length)]!;
    const players: Player[] = [];
    for (let i = 0; i < 4; i++) players.push(new Player(await gate.agent()));
    for (const player of players) {
      player.say('set search_path = front, public');
      await waitFor(() => !player.busy, { what: 'the path is set' });
    }
    for (let step = 0; step < STEPS; step++) {
      const player = one(players);
      const sql = one(one(player.block ? INSIDE : OUTSIDE));
      if (!player.busy) player.say(sql);
      await new Promise(resolve => setTimeout(resolve, next(15)));
      // All of them wait for one that is in a block and has nothing to do.
      if (players.every(({ busy }) => busy))
        await waitFor(() => players.some(({ busy }) => !busy), { what: 'one goes on', deadlineMs: 60_000 });
    }
    const over = new Set<Player>();
    // Who has waited until now may have a block open for which others wait.
    const end = () => {
      for (const player of players)
        if (!player.busy && !over.has(player)) {
          player.say('rollback');
          over.add(player);
        }
      return over.size === players.length && players.every(({ busy }) => !busy);
    };
    await waitFor(end, { what: 'all have ended', deadlineMs: 60_000 });
    for (const { client } of players) client.destroy();
    assert.equal(await gate.value('select count(*)::int from public.notes'), 3);
    // As it was, for the next order.
    const client = await gate.agent();
    for (const sql of [
      'drop trigger if exists x on lab.q',
      'drop table if exists front.other',
      'create table if not exists front.notes (id int, body text)',
      CHANGES[3]!,
      CHANGES[5]!,
    ]) {
      client.send(raw.query(sql));
      assert.match(answer(await client.untilReady(60_000)), /Z:I$/);
    }
    client.destroy();
  });
