"""psycopg 3 on asyncio: several connections at once, a cancelled query, a pipeline, notifications, a pool of its own."""

import asyncio

import psycopg

from say import say, told


async def reader(i):
    async with await psycopg.AsyncConnection.connect() as conn:
        rows = []
        for n in range(5):
            cursor = await conn.execute("select %s::int * %s::int", [i, n])
            rows.append((await cursor.fetchone())[0])
        return rows


async def main():
    for rows in await asyncio.gather(*[reader(i) for i in range(8)]):
        say("at once", *rows)
    async with await psycopg.AsyncConnection.connect(autocommit=True) as conn:
        work = asyncio.create_task(conn.execute("select pg_sleep(60)"))
        async with await psycopg.AsyncConnection.connect(autocommit=True) as other:
            running = "select count(*) from pg_stat_activity where pid = %s and wait_event = 'PgSleep'"
            while (await (await other.execute(running, [conn.info.backend_pid])).fetchone())[0] == 0:
                await asyncio.sleep(0.02)
        await conn.cancel_safe()
        try:
            await work
        except psycopg.Error as error:
            say("cancelled", *told(error))
        say("and lives", await (await conn.execute("select 1")).fetchone())
        async with conn.pipeline():
            cursors = [await conn.execute("select %s::text", [f"piped {i}"]) for i in range(50)]
        say("piped", (await cursors[-1].fetchone())[0])
        async with conn.cursor() as cur:
            await cur.execute("create temp table t (id int, body text)")
            async with cur.copy("copy t from stdin") as out:
                for i in range(500):
                    await out.write_row((i, "x" * i))
            async with cur.copy("copy (select id, length(body) from t order by id desc limit 3) to stdout") as data:
                say("copied", *[bytes(block) async for block in data])
        await conn.execute("listen async_news")
        await conn.execute("notify async_news, 'hello'")
        async for n in conn.notifies(timeout=5, stop_after=1):
            say("notified", n.channel, n.payload, n.pid == conn.info.backend_pid)
        async with conn.transaction():
            async with conn.cursor("named") as cur:
                await cur.execute("select generate_series(1, 7)")
                say("named cursor", await cur.fetchmany(3), await cur.fetchall())


asyncio.run(main())
