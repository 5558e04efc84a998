"""Connects as most programs do, asks for one row in a transaction, and leaves. The driver is the only argument; libpq's variables say where."""

import asyncio
import os
import sys

ASK = "select 'it works'"
URL = "://{PGUSER}:{PGPASSWORD}@{PGHOST}:{PGPORT}/{PGDATABASE}".format(**os.environ)


def psycopg3():
    import psycopg
    from psycopg.types import TypeInfo

    with psycopg.connect("") as conn:
        conn.execute(ASK)
        TypeInfo.fetch(conn, "order_status")


def psycopg2():
    import psycopg2
    from psycopg2.extras import HstoreAdapter

    conn = psycopg2.connect("")
    conn.cursor().execute(ASK)
    HstoreAdapter.get_oids(conn)
    conn.commit()
    conn.close()


async def asyncpg():
    import asyncpg

    async with asyncpg.create_pool(min_size=1, max_size=1, ssl=False) as pool, pool.acquire() as conn:
        async with conn.transaction():
            await conn.fetch(ASK)
        await conn.set_type_codec("json", encoder=str, decoder=str, schema="pg_catalog")
        await conn.fetch("select null::order_status, 'it works'")


def sqlalchemy(driver="psycopg"):
    from sqlalchemy import create_engine, inspect, text

    engine = create_engine(f"postgresql+{driver}" + URL)
    with engine.begin() as conn:
        conn.execute(text(ASK))
    inspector = inspect(engine)
    inspector.get_table_names()
    inspector.get_columns("customers")
    engine.dispose()


def sqlalchemy_psycopg2():
    sqlalchemy("psycopg2")


async def sqlalchemy_async():
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine("postgresql+asyncpg" + URL, connect_args={"ssl": False})
    async with engine.begin() as conn:
        await conn.execute(text(ASK))
    await engine.dispose()


def django():
    import io

    from django import setup
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection, transaction

    name, user, password, host, port = (os.environ[f"PG{part}"] for part in ("DATABASE", "USER", "PASSWORD", "HOST", "PORT"))
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": name, "USER": user, "PASSWORD": password, "HOST": host, "PORT": port}}
    )
    setup()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(ASK)
    call_command("inspectdb", "customers", stdout=io.StringIO())
    connection.close()


done = globals()[sys.argv[1]]()
if done is not None:
    asyncio.run(done)
