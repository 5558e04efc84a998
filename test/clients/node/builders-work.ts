import { eq, gt, relations, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, jsonb, pgEnum, pgTable, serial, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core';
import { drizzle as drizzleJs } from 'drizzle-orm/postgres-js';
import { type Generated, Kysely, PostgresDialect, sql as raw } from 'kysely';
import pg from 'pg';
import postgres from 'postgres';
import { fails, say } from './say.ts';

/** Kysely on pg, and Drizzle on pg and on postgres.js: schema, look into the catalog, queries, transactions. */
interface Database {
  person: { id: Generated<number>; name: string; born: Date | null; tags: Generated<string[]> };
  pet: { id: Generated<number>; owner: number; name: string };
}

async function kysely(): Promise<void> {
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: new pg.Pool({ max: 3 }) }) });
  for (const table of ['pet', 'person']) await db.schema.dropTable(table).ifExists().execute();
  await db.transaction().execute(async tx => {
    await tx.schema
      .createTable('person')
      .addColumn('id', 'serial', column => column.primaryKey())
      .addColumn('name', 'varchar(50)', column => column.notNull().unique())
      .addColumn('born', 'date')
      .addColumn('tags', raw`text[]`, column => column.defaultTo(raw`'{}'`))
      .execute();
    await tx.schema
      .createTable('pet')
      .addColumn('id', 'serial', column => column.primaryKey())
      .addColumn('owner', 'integer', column => column.references('person.id').onDelete('cascade'))
      .addColumn('name', 'text')
      .execute();
    await tx.schema.createIndex('pet_owner').on('pet').column('owner').execute();
    await tx.insertInto('person').values({ name: 'first', born: null }).execute();
  });
  const tables = await db.introspection.getTables();
  say(
    'tables',
    tables.filter(table => table.schema === 'public' && ['person', 'pet'].includes(table.name)),
  );
  say(
    'schemas',
    (await db.introspection.getSchemas()).map(schema => schema.name).filter(name => name === 'public'),
  );
  const inserted = await db
    .insertInto('person')
    .values([1, 2, 3].map(i => ({ name: `person ${i}`, born: null, tags: [`${i}`] })))
    .returningAll()
    .execute();
  say('inserted', inserted);
  await db.insertInto('pet').values({ owner: inserted[0]!.id, name: 'Rex' }).execute();
  say(
    'joined',
    await db
      .selectFrom('person')
      .innerJoin('pet', 'pet.owner', 'person.id')
      .select(['person.name', 'pet.name as pet'])
      .execute(),
  );
  say(
    'upsert',
    await db
      .insertInto('person')
      .values({ name: 'person 1', born: null })
      .onConflict(conflict => conflict.column('name').doUpdateSet({ tags: raw`array['again']` }))
      .returning(['name', 'tags'])
      .execute(),
  );
  await fails('transaction', () =>
    db
      .transaction()
      .setIsolationLevel('serializable')
      .execute(async tx => {
        await tx.deleteFrom('person').execute();
        await tx.insertInto('pet').values({ owner: -1, name: 'nobody' }).execute();
      }),
  );
  const counted = db
    .selectFrom('person')
    .select(x => [x.fn.countAll<string>().as('n'), x.fn.max('id').as('last')]);
  say('kept', await counted.executeTakeFirstOrThrow());
  say('explained', (await db.selectFrom('pet').selectAll().explain()).length > 0);
  say('deleted', await db.deleteFrom('person').where('id', '=', 1).executeTakeFirst());
  await db.schema.dropTable('pet').execute();
  await db.schema.dropTable('person').execute();
  await db.destroy();
}

const size = pgEnum('node_size', ['small', 'large']);
const makers = pgTable('node_makers', { id: serial().primaryKey(), name: text().notNull() }, table => [
  uniqueIndex('node_makers_name').on(table.name),
]);
const things = pgTable('node_things', {
  id: serial().primaryKey(),
  maker: integer().references(() => makers.id),
  title: text(),
  size: size().notNull(),
  doc: jsonb(),
  made: timestamp({ withTimezone: true }),
});
const schema = {
  makers,
  things,
  ofMaker: relations(makers, ({ many }) => ({ things: many(things) })),
  ofThing: relations(things, ({ one }) => ({
    maker: one(makers, { fields: [things.maker], references: [makers.id] }),
  })),
};

type Drizzle = ReturnType<typeof drizzle<typeof schema>>;

async function work(db: Drizzle): Promise<void> {
  for (const step of [
    sql`drop table if exists node_things, node_makers`,
    sql`drop type if exists node_size`,
    sql`create type node_size as enum ('small', 'large')`,
    sql`create table node_makers (id serial primary key, name text not null)`,
    sql`create unique index node_makers_name on node_makers (name)`,
    sql`create table node_things (id serial primary key, maker int references node_makers, title text, size node_size not null, doc jsonb, made timestamptz)`,
  ])
    await db.execute(step);
  const [maker] = await db
    .insert(makers)
    .values([{ name: 'one' }, { name: 'two' }])
    .returning();
  const values = [1, 2, 3].map(i => ({
    maker: maker!.id,
    title: `thing ${i}`,
    size: 'small' as const,
    doc: { i },
    made: new Date(i),
  }));
  say('inserted', await db.insert(things).values(values).returning());
  say(
    'filtered',
    await db
      .select({ title: things.title, size: things.size })
      .from(things)
      .where(gt(things.id, 1))
      .orderBy(things.id),
  );
  say(
    'nested',
    await db.query.makers.findMany({
      with: { things: { columns: { title: true, doc: true } } },
      orderBy: makers.id,
    }),
  );
  const prepared = db
    .select()
    .from(makers)
    .where(eq(makers.id, sql.placeholder('id')))
    .prepare('by_id');
  for (const id of [1, 2]) say('prepared', await prepared.execute({ id }));
  await fails('transaction', () =>
    db.transaction(async tx => {
      await tx.update(things).set({ size: 'large' });
      await tx.transaction(async inner => void (await inner.insert(makers).values({ name: 'three' })));
      say('inside', await tx.$count(things, eq(things.size, 'large')), await tx.$count(makers));
      await tx.insert(makers).values({ name: 'one' });
    }),
  );
  say('undone', await db.$count(things, eq(things.size, 'large')), await db.$count(makers));
  say(
    'upsert',
    await db
      .insert(makers)
      .values({ name: 'one' })
      .onConflictDoUpdate({ target: makers.name, set: { name: 'uno' } })
      .returning(),
  );
  say('deleted', await db.delete(things).where(eq(things.maker, maker!.id)).returning({ id: things.id }));
  for (const step of [sql`drop table node_things, node_makers`, sql`drop type node_size`])
    await db.execute(step);
}

await kysely();
const pool = new pg.Pool({ max: 2 });
await work(drizzle(pool, { schema }));
await pool.end();
const client = postgres({ max: 2, onnotice: () => {} });
await work(drizzleJs(client, { schema }) as unknown as Drizzle);
await client.end();
say('end');
