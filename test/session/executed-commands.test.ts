import assert from 'node:assert/strict';
import { afterEach, before, beforeEach, suite, test } from 'node:test';
import { answer, type Gate, startGate } from '#test/session/support.ts';
import * as raw from '#test/support/raw.ts';

/** What cannot be told may not pass, and nobody may empty notes: those of `other` are anybody's. */
const RULES = `
  - { name: notes, match: { effects: { writes: [public.notes] } }, verdict: deny }
  - { name: all, match: { effects: { unknown: false } }, verdict: allow }
`;
const SCHEMA = `
create table other.notes (id integer primary key, body text);
insert into other.notes values (1, 'theirs');
`;

/** Postgres prepares any command by Parse, and runs it by SQL's EXECUTE: there it does all that it does by itself. */
suite('what EXECUTE runs of the commands that Parse has prepared', () => {
  let gate: Gate;
  before(async () => {
    gate = await startGate(RULES, { schema: SCHEMA });
  });
  beforeEach(() => gate.look("insert into other.notes values (1, 'theirs') on conflict do nothing"));
  afterEach(() => gate.clear());

  /** `name: command` is prepared by Parse, anything else is a text. */
  async function say(turns: readonly string[]): Promise<string[]> {
    const client = await gate.agent();
    const said: string[] = [];
    for (const turn of ['set search_path = other', ...turns]) {
      const [, name, sql] = /^(\w+): (.*)$/.exec(turn) ?? [];
      client.send(...(sql === undefined ? [raw.query(turn)] : [raw.parse({ name: name!, sql }), raw.sync()]));
      said.push(answer(await client.untilReady()));
    }
    return said.slice(1);
  }

  const harmless = async (turns: readonly string[]) => {
    const said = await say(turns);
    assert.match(said.at(-1)!, /E:42501/, `${turns.join(' | ')}: ${said.join(' | ')}`);
    assert.equal(await gate.value('select count(*)::int from notes'), 3, turns.join(' | '));
  };

  test('names that it gives stand for what it says', async () => {
    const swap = ['d: deallocate q', 'r: prepare q as delete from notes', 'prepare q as select 1', 'begin'];
    await harmless([...swap, 'execute d', 'execute r', 'set search_path = public', 'execute q']);
    await harmless([...swap, 'execute d; execute r', 'set search_path = public', 'execute q']);
    await harmless([
      ...swap,
      'a: deallocate all',
      'execute a',
      'r: prepare q as delete from notes',
      'execute r',
      'set local search_path = public',
      'execute q',
    ]);
    await harmless([
      ...[
        'd: close c',
        'r: declare c cursor for select id from notes for update',
        'begin',
        'declare c cursor for select 1',
      ],
      ...[
        'execute d',
        's: set local search_path = public',
        'execute s',
        'execute r',
        'delete from notes where current of c',
      ],
    ]);
  });

  test('a transaction that it begins or ends is begun or ended', async () => {
    await harmless([
      'cm: commit',
      'begin',
      'set local search_path = other',
      'set search_path = public',
      'execute cm',
      'delete from notes',
    ]);
    await harmless([
      'set search_path = public',
      'rb: rollback',
      'begin',
      'set search_path = other',
      'execute rb; delete from notes',
    ]);
    await harmless([
      'set search_path = public',
      'begin',
      'sp: savepoint a',
      'rt: rollback to a',
      'execute sp',
      'set local search_path = other',
      'execute rt; delete from notes',
    ]);
    assert.deepEqual(await say(['bg: begin', 'execute bg', 'delete from notes', 'commit']), [
      '1 Z:I',
      'C:BEGIN Z:T',
      'C:DELETE 1 Z:T',
      'C:COMMIT Z:I',
    ]);
    assert.equal(await gate.value('select count(*)::int from other.notes'), 0);
  });

  test('what EXPLAIN shows of it has not been done', async () => {
    await harmless([
      'prepare q as delete from notes',
      'r: prepare q as select 1',
      'd: deallocate q',
      'begin',
      'explain analyze execute d',
      'explain analyze execute r',
      'set search_path = public',
      'execute q',
    ]);
    assert.deepEqual(
      await say([
        'prepare q as select 1',
        'd: deallocate q',
        'explain execute d',
        'execute q',
        'execute d',
        'execute q',
      ]),
      [
        'C:PREPARE Z:I',
        '1 Z:I',
        'T D C:EXPLAIN Z:I',
        'T D C:SELECT 1 Z:I',
        'C:DEALLOCATE Z:I',
        'E:26000 Z:I',
      ],
    );
  });
});
