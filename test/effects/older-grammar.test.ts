import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import pg from 'pg';
import { loadCatalog } from '#proxy/catalog/load.ts';
import { inWordsOf } from '#proxy/catalog/older.ts';
import { analyse, loadParser } from '#proxy/policy/analyse.ts';
import { lacksServer, startPostgres } from '#test/support/postgres.ts';
import { rowsOf } from './support.ts';

/** What Postgres 13 reads as a call of a function of somebody's own, and the newest grammar as syntax that calls nothing. */
const CALLS: Readonly<Record<string, string>> = {
  'json_scalar(integer)': 'select json_scalar(1)',
  'json_value(text, text)': "select json_value('{}', '$.a')",
  'json_exists(text, text)': "select json_exists('{}', '$.a')",
  'json_serialize(text)': "select json_serialize('1')",
  'json_array(integer, integer)': 'select json_array(1, 2)',
  'json_object(integer)': 'select json_object(1)',
  'json_arrayagg(integer)': 'select json_arrayagg(1)',
};

before(() => loadParser());

test(
  'a call that only an older server sees in a text is never a provable read',
  { skip: lacksServer('13') },
  async () => {
    const server = await startPostgres({ major: '13' });
    const client = new pg.Client(server.superUrl);
    await client.connect();
    const query = inWordsOf('13.0', sql => rowsOf(client, sql));
    await server.query('create table called (name text)');
    const view = await loadCatalog(query, { protectedColumns: [] });
    for (const sql of Object.values(CALLS)) {
      await assert.rejects(
        server.query(sql),
        /does not exist/,
        'without the function the older server refuses it',
      );
      const harmless = analyse(sql, view, ['public']);
      assert.equal(harmless.kind, 'statements');
    }
    for (const signature of Object.keys(CALLS))
      await server.query(
        `create function ${signature} returns text language sql as $$ insert into called values ('${signature}') returning name $$`,
      );
    const filled = await loadCatalog(query, { protectedColumns: [] });
    for (const [signature, sql] of Object.entries(CALLS)) {
      const [row] = await server.query(sql);
      assert.deepEqual(Object.values(row!), [signature], 'the older server does call it');
      const analysis = analyse(sql, filled, ['public']);
      assert.equal(analysis.kind === 'statements' && analysis.statements[0]!.effects.readOnly, false, sql);
    }
    await client.end();
  },
);
