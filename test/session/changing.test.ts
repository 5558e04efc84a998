import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Changes, OwnChanges } from '#proxy/session/changing.ts';
import { Run } from '#proxy/session/run.ts';
import { AGAIN, type Obstacle } from '#proxy/session/settling.ts';
import type { Patience, Server } from '#proxy/session/waits.ts';
import type { StatementAnalysis } from '#schemas/analysis.ts';
import { HoldpointError } from '#schemas/errors.ts';
import { waitFor } from '#test/support/wait-for.ts';

/** Long where nothing is to happen, short where something is. */
const LONG = 3_600_000;
const PATIENCE: Patience = { lookMs: 1, orderMs: LONG, blindMs: LONG, mostMs: LONG };

/** Who waits for whom at the server, and what goes on there, as a test says it. */
class Fake implements Server {
  blocked: [number, number][] = [];
  going = new Set<number>();
  prepared = new Set<string>();
  out = false;
  looks = 0;
  changes = 0;

  query(text: string): Promise<(string | null)[][]> {
    this.looks++;
    if (this.out) return Promise.reject(new HoldpointError('catalog_unavailable'));
    const pid = /pid = (\d+)/.exec(text)?.[1];
    if (pid !== undefined) return Promise.resolve(this.going.has(Number(pid)) ? [['1']] : []);
    const gid = /gid = '(.*)'/.exec(text)?.[1];
    if (gid !== undefined)
      return Promise.resolve(this.prepared.has(gid.replaceAll("''", "'")) ? [['1']] : []);
    return Promise.resolve(this.blocked.map(([one, by]) => [String(one), String(by)]));
  }

  changed(): void {
    this.changes++;
  }
}

let processes = 0;

/** A session at the server. */
class Agent {
  readonly process = ++processes;
  readonly own: OwnChanges;
  block = false;
  /** Everything is allowed to it. */
  free = false;

  constructor(all: Changes) {
    const { process } = this;
    this.own = new OwnChanges(all, {
      process,
      shielded: () => false,
      inBlock: () => this.block,
      unconcerned: () => this.free,
    });
  }

  /** Judged now, and sent as soon as it may be. */
  run(what: Partial<StatementAnalysis>, effects: Partial<StatementAnalysis['effects']> = {}): Sent {
    return new Sent(this, what, effects);
  }

  begin(): this {
    this.block = true;
    return this;
  }

  end(action: 'commit' | 'rollback' = 'commit'): Sent {
    return this.run({ actions: [{ kind: action }] }, { commands: ['transaction'] });
  }
}

class Sent {
  outcome: Obstacle | null | undefined;
  readonly run: Run;
  private readonly own: OwnChanges;

  constructor(
    agent: Agent,
    what: Partial<StatementAnalysis>,
    effects: Partial<StatementAnalysis['effects']>,
  ) {
    const { own } = agent;
    this.own = own;
    const none = {
      commands: ['insert'],
      reads: [],
      writes: [],
      functions: [],
      unknown: [],
      readOnly: false,
    } as const;
    const statement = { actions: [], ownTransaction: false, ...what, effects: { ...none, ...effects } };
    this.run = new Run(1, [statement as unknown as StatementAnalysis], 0);
    this.run.changes = own.count;
    if (own.free(this.run)) this.went(null);
    else own.settle(this.run, { ...HOW, keeps: agent.block }, why => this.went(why));
  }

  private went(why: Obstacle | null): void {
    this.outcome = why;
    if (why === null) this.own.sent(this.run);
  }

  /** The server has done it. */
  done(idle: boolean): void {
    for (const statement of this.run.statements) this.own.completed(statement);
    this.run.ended = true;
    if (idle) this.own.transactionEnded();
    this.own.answered(idle);
  }

  async settled(): Promise<Obstacle | null | undefined> {
    await waitFor(() => this.outcome !== undefined, {
      what: 'it has an outcome',
      deadlineMs: 20_000,
      everyMs: 1,
    });
    return this.outcome;
  }
}

const HOW = { shielded: () => false, approved: false, begun: () => {}, lock: () => false };
const WRITES = { writes: ['lab.q'] };
const TRIGGER = { about: ['>lab.q'] };

function setting(patience: Partial<Patience> = {}): { all: Changes; server: Fake; agents: Agent[] } {
  const server = new Fake();
  const all = new Changes(server, { ...PATIENCE, ...patience });
  return { all, server, agents: [1, 2, 3, 4].map(() => new Agent(all)) };
}

/** The server has been looked at so often since. */
async function looked(server: Fake, times: number): Promise<void> {
  const before = server.looks;
  await waitFor(() => server.looks >= before + times, { what: 'looks', deadlineMs: 20_000, everyMs: 1 });
}

test('what meets a change under way waits for it, and is judged again', async () => {
  const { agents } = setting();
  const [p, o] = agents as [Agent, Agent];
  const trigger = o.begin().run(TRIGGER, WRITES);
  assert.equal(trigger.outcome, null);
  const insert = p.run({}, WRITES);
  assert.equal(insert.outcome, undefined);
  // What only reads it, and what has nothing to do with it, goes.
  assert.equal(p.run({}, { reads: ['lab.q'] }).outcome, null);
  assert.equal(p.run({}, { writes: ['lab.r'] }).outcome, null);
  trigger.done(false);
  const commit = o.end();
  assert.equal(commit.outcome, null);
  assert.equal(insert.outcome, undefined);
  commit.done(true);
  assert.equal(await insert.settled(), AGAIN);
  assert.equal(p.run({}, WRITES).outcome, null);
});

test('a change waits for what it would change under way, and what comes later waits behind it', async () => {
  const { agents } = setting();
  const [p, o, k] = agents as [Agent, Agent, Agent];
  const first = p.run({}, WRITES);
  const trigger = o.run(TRIGGER, WRITES);
  const later = k.run({}, WRITES);
  assert.deepEqual([first.outcome, trigger.outcome, later.outcome], [null, undefined, undefined]);
  first.done(true);
  assert.equal(await trigger.settled(), null);
  assert.equal(later.outcome, undefined);
  trigger.done(true);
  assert.equal(await later.settled(), AGAIN);
});

test('what a transaction has locked nobody changes: it goes on', () => {
  const { agents } = setting();
  const [k, o, reader] = agents as [Agent, Agent, Agent];
  k.begin()
    .run({ takes: ['>lab.q', 'lab.q'] }, { writes: ['lab.q', 'lab.log'] })
    .done(false);
  reader
    .begin()
    .run({ takes: ['lab.q'] }, { commands: ['select'], reads: ['lab.q'], readOnly: true })
    .done(false);
  assert.equal(o.run({ about: ['>lab.q'] }, WRITES).outcome, null);
  assert.equal(k.run({}, { writes: ['lab.q', 'lab.log'] }).outcome, null);
  assert.equal(reader.run({}, WRITES).outcome, undefined);
  // A lock for reading keeps away what locks out readers.
  const { agents: others } = setting();
  const [one, two] = others as [Agent, Agent];
  one
    .begin()
    .run({ takes: ['lab.q'] }, { commands: ['select'], reads: ['lab.q'] })
    .done(false);
  assert.equal(two.run({ about: ['lab.q'] }, WRITES).outcome, null);
  assert.equal(one.run({}, { commands: ['select'], reads: ['lab.q'] }).outcome, null);
  // Rolled back, it may be gone.
  one.run({ actions: [{ kind: 'rollback-to', name: 's' }] }, { commands: ['transaction'] }).done(false);
  assert.equal(one.run({}, { commands: ['select'], reads: ['lab.q'] }).outcome, undefined);
});

test('a function that is replaced disturbs nobody before it is committed, and COMMIT waits for those that call it', async () => {
  const { agents } = setting();
  const [p, o, k] = agents as [Agent, Agent, Agent];
  const calls = { functions: ['lab.calm'] };
  const running = p.run({}, calls);
  const replaced = o.begin().run({ about: ['?.calm'] });
  assert.deepEqual([running.outcome, replaced.outcome], [null, null]);
  replaced.done(false);
  assert.equal(k.run({}, calls).outcome, null);
  k.own.answered(true);
  const commit = o.end();
  const late = k.run({}, calls);
  assert.deepEqual([commit.outcome, late.outcome], [undefined, undefined]);
  running.done(true);
  assert.equal(await commit.settled(), null);
  assert.equal(late.outcome, undefined);
  commit.done(true);
  assert.equal(await late.settled(), AGAIN);
});

test('a lock lets others wait here, where they are found to mean the same; and waits for those before it no longer than to be behind them', async () => {
  const { agents } = setting({ orderMs: 1 });
  const [p, o, k] = agents as [Agent, Agent, Agent];
  const running = p.run({}, WRITES);
  const lock = o.begin().run({ about: ['=lab.q'] }, { commands: ['lock'] });
  assert.equal(lock.outcome, undefined);
  assert.equal(await lock.settled(), null);
  assert.equal(running.outcome, null);
  const later = k.run({}, WRITES);
  assert.equal(later.outcome, undefined);
  running.done(true);
  lock.done(false);
  // It has nothing in its way that waits for its own lock.
  const trigger = o.run(TRIGGER, WRITES);
  assert.equal(trigger.outcome, null);
  trigger.done(false);
  o.end('rollback').done(true);
  assert.equal(await later.settled(), AGAIN);
});

test('two that wait for each other, one at the server and one here, do not wait for ever', async () => {
  const { agents, server } = setting();
  const [k, o] = agents as [Agent, Agent];
  k.begin()
    .run({}, { writes: ['lab.r'] })
    .done(false);
  o.begin().run(TRIGGER, WRITES);
  const waits = k.run({}, WRITES);
  await looked(server, 3);
  assert.equal(waits.outcome, undefined);
  server.blocked = [[o.process, k.process]];
  const outcome = await waits.settled();
  assert.ok(outcome instanceof HoldpointError && outcome.code === 'deadlock');
});

test('a ring through a stranger at the server is one, too; and one that is not closed is none', async () => {
  const { agents, server } = setting();
  const [k, o] = agents as [Agent, Agent];
  o.begin().run(TRIGGER, WRITES);
  const waits = k.begin().run({}, WRITES);
  server.blocked = [[o.process, 9_999]];
  await looked(server, 4);
  assert.equal(waits.outcome, undefined);
  server.blocked.push([9_999, k.process]);
  const outcome = await waits.settled();
  assert.ok(outcome instanceof HoldpointError && outcome.code === 'deadlock');
});

test('who waits behind one that only waits itself goes first where that one would wait for it', async () => {
  const { agents, server } = setting();
  const [p, o, k] = agents as [Agent, Agent, Agent];
  const running = p.run({}, WRITES);
  const trigger = o.run(TRIGGER, WRITES);
  const other = k.begin().run({}, WRITES);
  assert.deepEqual([trigger.outcome, other.outcome], [undefined, undefined]);
  server.blocked = [[p.process, k.process]];
  assert.equal(await other.settled(), null);
  assert.equal(trigger.outcome, undefined);
  server.blocked = [];
  other.done(false);
  k.end().done(true);
  running.done(true);
  assert.equal(await trigger.settled(), null);
});

test('where the server cannot be asked, who holds locks gives up in time, and others wait', async () => {
  const { agents, server } = setting({ blindMs: 1 });
  const [p, o, k] = agents as [Agent, Agent, Agent];
  server.out = true;
  const trigger = o.begin().run(TRIGGER, WRITES);
  const alone = p.run({}, WRITES);
  const holds = k.begin().run({}, WRITES);
  assert.match(String(await holds.settled()), /try again/);
  assert.equal(alone.outcome, undefined);
  trigger.done(false);
  o.end('rollback').done(true);
  assert.equal(await alone.settled(), AGAIN);
});

test('to whom everything is allowed, the server alone says who waits; others wait for what these change', async () => {
  const { agents } = setting();
  const [p, o, k] = agents as [Agent, Agent, Agent];
  p.free = o.free = true;
  const running = p.run({}, WRITES);
  const trigger = o.run(TRIGGER, WRITES);
  assert.deepEqual([running.outcome, trigger.outcome, p.run({}, WRITES).outcome], [null, null, null]);
  const insert = k.run({}, WRITES);
  assert.equal(insert.outcome, undefined);
  trigger.done(true);
  assert.equal(await insert.settled(), AGAIN);
  k.run({}, WRITES);
  assert.equal(o.run(TRIGGER, WRITES).outcome, undefined);
});

test('a lock waits at the server, and nowhere else, for what others change', () => {
  const { agents } = setting();
  const [p, o] = agents as [Agent, Agent];
  o.begin()
    .run({ about: ['lab.q'] }, WRITES)
    .done(false);
  assert.equal(p.run({ about: ['=lab.q'] }, { commands: ['lock'], reads: ['lab.q'] }).outcome, null);
});

test('nobody waits for ever', async () => {
  const { agents } = setting({ mostMs: 1 });
  const [p, o] = agents as [Agent, Agent];
  o.begin().run(TRIGGER, WRITES);
  assert.match(String(await p.run({}, WRITES).settled()), /try again/);
});

test('what a session has under way when it leaves is waited for until the server has ended it', async () => {
  const { agents, server } = setting();
  const [p, o] = agents as [Agent, Agent];
  o.run(TRIGGER, WRITES);
  server.going.add(o.process);
  o.own.over();
  const insert = p.run({}, WRITES);
  await looked(server, 4);
  assert.equal(insert.outcome, undefined);
  server.out = true;
  await looked(server, 2);
  assert.equal(insert.outcome, undefined);
  server.going.clear();
  server.out = false;
  assert.equal(await insert.settled(), AGAIN);
  assert.equal(server.changes, 1);
});

test('what a prepared transaction has changed is waited for until somebody has ended it', async () => {
  const { agents, server } = setting();
  const [p, o] = agents as [Agent, Agent];
  o.begin()
    .run({ about: ['>lab.q', '?.calm'] }, WRITES)
    .done(false);
  const left = o.run({ actions: [{ kind: 'commit', prepared: "it's" }] }, { commands: ['transaction'] });
  server.prepared.add("it's");
  left.done(true);
  const insert = p.run({}, WRITES);
  const call = p.run({}, { functions: ['lab.calm'] });
  await looked(server, 4);
  assert.deepEqual([insert.outcome, call.outcome], [undefined, undefined]);
  server.prepared.clear();
  assert.equal(await insert.settled(), AGAIN);
});

test('who leaves or cancels waits no more', async () => {
  const { agents } = setting();
  const [p, o, k] = agents as [Agent, Agent, Agent];
  o.begin().run(TRIGGER, WRITES);
  const [one, other] = [p.run({}, WRITES), k.run({}, WRITES)];
  assert.equal(p.own.cancel(), true);
  assert.equal(p.own.cancel(), false);
  k.own.over();
  for (const { outcome } of [one, other])
    assert.ok(outcome instanceof HoldpointError && outcome.code === 'cancelled');
});
