"""asyncpg: its statement cache, cursors, COPY, introspection of types, listeners, transactions, a pool and its reset."""

import asyncio
import datetime as dt
import decimal
import io
import uuid

import asyncpg

from say import say

VALUES = [
    ("int4", 7),
    ("int8", -(2**40)),
    ("numeric", decimal.Decimal("1.50")),
    ("float8", 0.1),
    ("text", "ü 🐘 '"),
    ("bytea", b"\0\xff"),
    ("bool", False),
    ("date", dt.date(2024, 2, 29)),
    ("timestamptz", dt.datetime(2024, 2, 29, tzinfo=dt.timezone.utc)),
    ("interval", dt.timedelta(days=1, microseconds=3)),
    ("uuid", uuid.UUID(int=3)),
    ("jsonb", '{"a": 1}'),
    ("int4[]", [1, None, 3]),
    ("text[]", [["a"], ["b"]]),
    ("int4range", asyncpg.Range(1, 5)),
    ("inet", "10.0.0.1"),
    ("point", (1, 2)),
    ("bit", asyncpg.BitString("1")),
]


async def fails(what, work):
    try:
        result = await work
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        fields = error.as_dict() if isinstance(error, asyncpg.PostgresError) else {}
        fields.pop("server_source_line", None)
        say(what, "fails", type(error).__name__, str(error), {k: v for k, v in sorted(fields.items()) if v is not None})
    else:
        say(what, "did NOT fail", result)


async def types(conn):
    for name, value in VALUES:
        say(name, await conn.fetchval(f"select $1::{name}", value))
    await conn.execute("create type mood as enum ('sad', 'glad'); create type pair as (a int, m mood); create domain small as int check (value < 10)")
    say("enum", await conn.fetchval("select $1::mood", "glad"))
    say("enums", await conn.fetchval("select $1::mood[]", ["sad", "glad"]))
    say("composite", tuple(await conn.fetchval("select $1::pair", (1, "sad"))))
    say("composites", [tuple(p) for p in await conn.fetchval("select array[(1, 'sad')::pair, null]") if p])
    say("domain", await conn.fetchval("select $1::small", 7))
    await fails("domain", conn.fetchval("select $1::small", 70))
    await conn.set_type_codec("mood", encoder=str, decoder=str.upper)
    say("codec", await conn.fetchval("select 'sad'::mood"))
    await conn.reset_type_codec("mood")
    statement = await conn.prepare("select 1::int as a, $1::pair as b, $2::text[] as c")
    say("parameters", [(t.name, t.kind, t.schema) for t in statement.get_parameters()])
    say("attributes", [(a.name, a.type.name, a.type.kind) for a in statement.get_attributes()])
    await conn.execute("drop type pair; drop domain small; drop type mood")
    await conn.reload_schema_state()


async def cache(conn):
    for i in range(5):
        say("cached", await conn.fetchval("select $1::int + 1", i))
    say("in the cache", await conn.fetchval("select count(*) from pg_prepared_statements where statement like 'select $1::int + 1'"))
    await conn.execute("create table changing (a int)")
    await conn.execute("insert into changing values (1)")
    say("before", [tuple(r) for r in await conn.fetch("select * from changing")])
    await conn.execute("alter table changing add b text default 'new'")
    say("after", [tuple(r) for r in await conn.fetch("select * from changing")])
    await conn.execute("drop table changing")
    await fails("gone", conn.fetch("select * from changing"))
    statement = await conn.prepare("select g from generate_series(1, $1::int) g")
    say("prepared", await statement.fetchval(3), len(await statement.fetch(30)), statement.get_query(), statement.get_statusmsg())
    say("explained", (await statement.explain(3))[0]["Plan"]["Node Type"])
    await conn.executemany("insert into clients3 values ($1, $2)", [(i, f"many {i}") for i in range(100, 150)])
    await fails("executemany", conn.executemany("insert into clients3 values ($1, $2)", [(200, "a"), (100, "twice"), (201, "b")]))
    say("rows", await conn.fetchval("select count(*) from clients3"))
    say("fetchmany", [tuple(r) for r in await conn.fetchmany("insert into clients3 values ($1, $2) returning id", [(300, "a"), (301, "b")])])
    say("several", await conn.execute("select 1; select 2; update clients3 set name = name"))


async def cursors(conn):
    await fails("cursor outside a transaction", conn.cursor("select 1"))
    async with conn.transaction():
        seen = []
        async for row in conn.cursor("select g from generate_series(1, 95) g", prefetch=10):
            seen.append(row[0])
        say("iterated", len(seen), sum(seen))
        cursor = await conn.cursor("select g from generate_series(1, $1::int) g", 20)
        say("fetched", await cursor.fetchrow(), [r[0] for r in await cursor.fetch(5)])
        say("forwarded", await cursor.forward(10), [r[0] for r in await cursor.fetch(50)])
        other = await (await conn.prepare("select 'other', $1::int")).cursor(7)
        say("other", [tuple(r) for r in await other.fetch(2)])


async def transactions(conn):
    try:
        async with conn.transaction(isolation="serializable"):
            await conn.execute("insert into clients3 values (400, 'x')")
            try:
                async with conn.transaction():
                    await conn.execute("insert into clients3 values (401, 'y')")
                    await conn.fetch("select 1/0")
            except asyncpg.DivisionByZeroError as error:
                say("inner", str(error))
            say("outer goes on", await conn.fetchval("select count(*) from clients3 where id >= 400"))
            raise RuntimeError("changed its mind")
    except RuntimeError as error:
        say("outer", str(error), conn.is_in_transaction())
    async with conn.transaction(readonly=True):
        await fails("read-only", conn.execute("delete from clients3"))
    async with conn.transaction():
        await conn.execute("create table made_here3 (id int)")
        await conn.execute("insert into made_here3 values ($1)", 7)
        say("made here", await conn.fetchval("select id from made_here3"))
        await conn.execute("drop table made_here3")


async def copies(conn):
    say("records", await conn.copy_records_to_table("clients3", records=[(i, f"copied {i}") for i in range(1000, 1500)]))
    say("csv in", await conn.copy_to_table("clients3", source=io.BytesIO(b"2000,a\n2001,\n"), format="csv"))
    out = io.BytesIO()
    say("query out", await conn.copy_from_query("select * from clients3 where id >= $1 order by id", 1498, output=out))
    say("bytes", out.getvalue())
    out = io.BytesIO()
    say("table out", await conn.copy_from_table("clients3", output=out, columns=["id"], format="binary"), len(out.getvalue()))
    await fails("records twice", conn.copy_records_to_table("clients3", records=[(1000, "again")]))

    async def broken():
        yield b"3000,x\n"
        raise ValueError("the source broke")

    await fails("source broke", conn.copy_to_table("clients3", source=broken(), format="csv"))
    say("rows", await conn.fetchval("select count(*) from clients3"))


async def words(conn):
    heard = asyncio.Queue()
    await conn.add_listener("three", lambda c, pid, channel, payload: heard.put_nowait((channel, payload, pid == conn.get_server_pid())))
    await conn.execute("notify three, 'hello'")
    say("heard", *await asyncio.wait_for(heard.get(), 5))
    logged = asyncio.Queue()
    conn.add_log_listener(lambda c, message: logged.put_nowait((message.severity, message.message)))
    await conn.execute("do $$ begin raise notice 'a notice'; raise warning 'a warning'; end $$")
    say("logged", *await asyncio.wait_for(logged.get(), 5), *await asyncio.wait_for(logged.get(), 5))
    await fails("timeout", asyncio.wait_for(conn.fetch("select 1 from nowhere"), 5))
    try:
        await conn.fetch("select pg_sleep(60)", timeout=0.2)
    except asyncio.TimeoutError:
        say("timed out, and lives", await conn.fetchval("select 1"))
    say("pid", await conn.fetchval("select pg_backend_pid()") == conn.get_server_pid(), conn.get_server_version().major)
    await fails("syntax", conn.fetch("selct 1"))
    await fails("too few", conn.fetch("select $1::int"))


async def pools():
    async with asyncpg.create_pool(min_size=2, max_size=4, statement_cache_size=10) as pool:
        values = await asyncio.gather(*[pool.fetchval("select $1::int * 2", i) for i in range(40)])
        say("pool", values)
        async with pool.acquire() as conn:
            await conn.execute("set search_path = pg_catalog; create temp table mine (id int)")
        async with pool.acquire() as conn:
            say("reset", await conn.fetchval("show search_path"))
    async with asyncpg.create_pool(min_size=1, max_size=1, statement_cache_size=0) as pool:
        say("without a cache", await pool.fetchval("select $1::int[]", [1, 2]), await pool.fetchval("select 'x'::text"))


async def main():
    conn = await asyncpg.connect()
    await conn.execute("drop table if exists clients3, changing, made_here3; drop type if exists pair, mood; drop domain if exists small; create table clients3 (id int primary key, name text)")
    for work in (types, cache, cursors, transactions, copies, words):
        say("---", work.__name__)
        await work(conn)
    await conn.close()
    await pools()


asyncio.run(main())
