import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import type { StatementAnalysis } from '#schemas/analysis.ts';
import { LEAKS } from './leaks.corpus.ts';
import { effectsBench } from './support.ts';

const bench = effectsBench();

/** In every protected value of the database. */
const MARK = /zq/i;

/** Statements that the server itself refuses: they let nothing out, and prove nothing. */
const failed: string[] = [];

test('every way out is refused, or leads through a masked column', async () => {
  const out: string[] = [];
  for (const sql of LEAKS) {
    const statement = bench.one(sql);
    if (statement.refusal !== null) continue;
    const shown = await unmasked(sql, statement);
    if (shown !== null) out.push(`${sql}: ${shown}`);
  }
  assert.deepEqual(out, []);
  assert.deepEqual(failed, []);
});

test('statements over protected relations are known to touch them', () => {
  const missed = LEAKS.filter(sql => {
    const { touchesProtected, refusal } = bench.one(sql);
    return !touchesProtected && refusal === null;
  });
  assert.deepEqual(missed, []);
});

/** The first value with the mark in a column that passes as it is; null when there is none. */
async function unmasked(sql: string, statement: StatementAnalysis): Promise<string | null> {
  await bench.client.query('begin');
  try {
    const result = await bench.client.query<unknown[]>({ text: sql, rowMode: 'array' });
    const clean = statement.cleanOutputs?.length === result.fields.length ? statement.cleanOutputs : null;
    const open = result.fields.map((field, i) =>
      passes(field, statement.touchesProtected, clean?.[i] === true),
    );
    for (const row of result.rows)
      for (const [i, value] of row.entries())
        if (open[i] && MARK.test(JSON.stringify(value)))
          return `${result.fields[i]?.name}: ${JSON.stringify(value)}`;
    return null;
  } catch (fault) {
    failed.push(`${sql}: ${(fault as Error).message}`);
    return null;
  } finally {
    await bench.client.query('rollback');
  }
}

/** What the mask does: by origin where the server gives one, else by whether a protected relation is in scope. */
function passes(field: pg.FieldDef, touches: boolean, clean: boolean): boolean {
  if (field.tableID !== 0 && field.columnID > 0)
    return bench.catalog.maskOf(field.tableID, field.columnID) === null;
  return !touches || clean;
}
