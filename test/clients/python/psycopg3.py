"""psycopg 3: text and binary, prepared threshold, pipeline mode, cursors on the server, COPY, transactions, types, notifications."""

import datetime as dt
import decimal
import ipaddress
import sys
import uuid

import psycopg
from psycopg import sql
from psycopg.rows import dict_row, namedtuple_row
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.json import Jsonb
from psycopg.types.range import Range

from say import fails, say, told

VALUES = [
    1,
    -(2**40),
    2**70,
    1.5,
    decimal.Decimal("123456789.000000001"),
    True,
    None,
    "",
    "it's ü 🐘 \\ \" %",
    b"\x00\x01\xff",
    dt.date(2024, 2, 29),
    dt.time(23, 59, 59, 999999),
    dt.datetime(2024, 2, 29, 12, 30, 0, 1),
    dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.timezone.utc),
    dt.timedelta(days=3, seconds=7, microseconds=1),
    uuid.UUID(int=7),
    ipaddress.ip_address("10.0.0.1"),
    ipaddress.ip_network("10.0.0.0/8"),
    Jsonb({"a": [1, None, "ü"]}),
    [1, 2, None],
    [["a", "b,c"], ['"', "\\"]],
    Range(1, 10, "[)"),
]


def types(conn):
    for binary in (False, True):
        for value in VALUES:
            for place in ("%s", "%b", "%t"):
                try:
                    row = conn.execute(f"select {place} as v", [value], binary=binary).fetchone()
                    say(f"{place} {binary} {value!r}"[:60], row[0])
                except psycopg.Error as error:
                    say(f"{place} {binary} {value!r}"[:60], *told(error))
                    conn.rollback()
    cursor = conn.execute("select 1::int2 as a, 'x'::varchar(7) as b, 1.23::numeric(9,4) as c, null as d")
    for column in cursor.description:
        say("column", column.name, column.type_code, column.display_size, column.internal_size, column.precision, column.scale)


def prepared(conn):
    conn.prepare_threshold = 2
    for i in range(6):
        say("prepared", i, conn.execute("select %s::int + 1", [i]).fetchone()[0])
    count = "select count(*), bool_and(from_sql) from pg_prepared_statements where name like '_pg3%%'"
    say("prepared statements", *conn.execute(count).fetchone())
    conn.prepared_max = 2
    for i in range(4):
        for _ in range(3):
            conn.execute(f"select {i}, %s::int", [i])
    say("after eviction", *conn.execute(count).fetchone())
    conn.execute("create temp table changing (a int)")
    for _ in range(4):
        conn.execute("select * from changing")
    conn.execute("alter table changing add b text")
    say("changed result type", conn.execute("select * from changing").fetchall())
    conn.rollback()
    conn.execute("deallocate all")
    conn.rollback()


def pipeline(conn):
    with conn.pipeline() as p:
        first = [conn.execute("select %s::int", [i]) for i in range(5)]
        p.sync()
        second = conn.execute("insert into clients (id, name) values (%s, %s) returning id", [100, "piped"])
        say("pipelined", *[c.fetchone()[0] for c in first], second.fetchone()[0])
    try:
        with conn.pipeline():
            good = conn.execute("select 'before the error'")
            conn.execute("select 1/0")
            conn.execute("select 'behind it'")
    except psycopg.Error as error:
        say("pipeline error", *told(error))
    say("pipeline status", conn.info.transaction_status.name, good.pgresult is not None)
    conn.rollback()
    with conn.pipeline():
        with conn.transaction():
            conn.execute("insert into clients (id, name) values (101, 'a')")
            conn.execute("insert into clients (id, name) values (102, 'b')")
        cur = conn.cursor()
        cur.executemany("insert into clients (id, name) values (%s, %s) returning id", [(i, "m") for i in range(110, 115)], returning=True)
        ids = []
        while True:
            ids.append(cur.fetchone()[0])
            if not cur.nextset():
                break
        say("executemany in a pipeline", *ids)
    conn.rollback()


def cursors(conn):
    with conn.cursor("c1") as cur:
        cur.execute("select g, 'row ' || g from generate_series(1, %s) g", [1000])
        say("fetchone", *cur.fetchone())
        say("fetchmany", cur.fetchmany(3))
        cur.itersize = 100
        say("rest", sum(row[0] for row in cur))
    with conn.cursor("c2", scrollable=True, row_factory=dict_row) as cur:
        cur.execute("select g from generate_series(1, 10) g")
        cur.scroll(5)
        say("scrolled", cur.fetchone())
        cur.scroll(-3)
        say("back", cur.fetchone())
        cur.scroll(0, mode="absolute")
        say("all", len(cur.fetchall()))
    conn.commit()
    with conn.cursor("c3", withhold=True, binary=True) as cur:
        cur.execute("select id, name from clients order by id")
        conn.commit()
        say("held over commit", cur.fetchmany(2))
    conn.commit()
    with psycopg.ServerCursor(conn, "c4") as cur:
        fails("no such table", psycopg.Error, lambda: cur.execute("select * from nowhere"))
    conn.rollback()
    for row in conn.cursor(row_factory=namedtuple_row).stream("select g as n from generate_series(1, 5) g"):
        say("streamed", row.n)
    with psycopg.ClientCursor(conn) as cur:
        cur.execute("select %s, %s; select 'second'", ["it's", 7])
        say("client cursor", cur.fetchone())
        cur.nextset()
        say("second result", cur.fetchone())
    with psycopg.RawCursor(conn) as cur:
        say("raw cursor", cur.execute("select $1::int * $2::int", [6, 7]).fetchone())


def copy(conn):
    with conn.cursor() as cur:
        with cur.copy("copy clients (id, name) from stdin") as out:
            for i in range(1000, 3000):
                out.write_row((i, f"copied\t{i}\\ ü" if i % 7 else None))
        say("copied in", cur.rowcount)
        with cur.copy("copy clients (id, name) from stdin (format binary)") as out:
            out.set_types(["int4", "text"])
            for i in range(3000, 3100):
                out.write_row((i, "binary"))
        say("copied in binary", cur.rowcount)
        with cur.copy("copy (select id, name from clients where id >= 1000 order by id limit 5) to stdout") as data:
            say("copied out", *data.rows())
        with cur.copy("copy (select id, name from clients where id >= 2999 order by id limit 3) to stdout (format binary)") as data:
            data.set_types(["int4", "text"])
            say("copied out binary", *data.rows())
        try:
            with cur.copy("copy clients (id, name) from stdin") as out:
                out.write_row(("no number", "x"))
        except psycopg.Error as error:
            say("bad row", *told(error))
        conn.rollback()
        try:
            with cur.copy("copy clients (id, name) from stdin") as out:
                out.write_row((5000, "x"))
                raise RuntimeError("changed its mind")
        except RuntimeError as error:
            say("given up", str(error), conn.info.transaction_status.name)
        conn.rollback()
        fails("copy of nothing", psycopg.Error, lambda: cur.copy("copy nowhere to stdout").__enter__())
    conn.rollback()
    say("left", *conn.execute("select count(*) from clients").fetchone())


def transactions(conn):
    with conn.transaction():
        conn.execute("insert into clients (id, name) values (200, 'outer')")
        try:
            with conn.transaction():
                conn.execute("insert into clients (id, name) values (201, 'inner')")
                conn.execute("insert into clients (id, name) values (200, 'twice')")
        except psycopg.Error as error:
            say("savepoint", *told(error))
        with conn.transaction(force_rollback=True):
            conn.execute("insert into clients (id, name) values (202, 'never')")
    say("kept", conn.execute("select id, name from clients where id between 200 and 299 order by id").fetchall())
    conn.rollback()
    for level in psycopg.IsolationLevel:
        conn.isolation_level = level
        conn.read_only = level is psycopg.IsolationLevel.SERIALIZABLE
        say("isolation", conn.execute("show transaction_isolation").fetchone()[0], conn.execute("show transaction_read_only").fetchone()[0])
        conn.rollback()
    conn.read_only = True
    fails("write in a read-only transaction", psycopg.Error, lambda: conn.execute("delete from clients"))
    say("in error", conn.info.transaction_status.name)
    fails("behind it", psycopg.Error, lambda: conn.execute("select 1"))
    conn.rollback()
    conn.isolation_level = conn.read_only = None
    conn.execute("create table made_here (id int primary key, body text)")
    conn.execute("insert into made_here values (1, 'seen in its own transaction')")
    say("made here", conn.execute("select * from made_here").fetchall())
    conn.execute("alter table made_here add extra int default 7")
    say("and changed", conn.execute("select * from made_here").fetchall())
    conn.rollback()
    fails("rolled back", psycopg.Error, lambda: conn.execute("select * from made_here"))
    conn.rollback()
    conn.execute("create temp table temporary (id int) on commit preserve rows")
    conn.commit()
    conn.execute("insert into temporary select generate_series(1, 3)")
    say("temporary", conn.execute("select * from temporary").fetchall())
    conn.rollback()


def own_types(conn):
    conn.execute("create type mood as enum ('sad', 'glad')")
    conn.execute("create type pair as (a int, b text)")
    conn.commit()
    register_enum(EnumInfo.fetch(conn, "mood"), conn)
    say("enum", conn.execute("select 'glad'::mood").fetchone()[0].name)
    register_composite(CompositeInfo.fetch(conn, "pair"), conn)
    for binary in (False, True):
        say("composite", tuple(conn.execute("select (7, 'x')::pair", binary=binary).fetchone()[0]))
    say("none such", psycopg.types.TypeInfo.fetch(conn, "no_such_type"))
    conn.rollback()


def words(conn):
    conn.add_notice_handler(lambda diag: say("notice", diag.severity, diag.message_primary, diag.message_hint))
    conn.execute("do $$ begin raise notice 'hello %', 7 using hint = 'a hint'; end $$")
    conn.execute("drop table if exists no_such_table")
    conn.commit()
    conn.execute("listen news")
    conn.commit()
    conn.execute("select pg_notify('news', 'one')")
    conn.execute("notify news, 'two'")
    conn.commit()
    mine = conn.info.backend_pid
    for n in conn.notifies(timeout=5, stop_after=2):
        say("notified", n.channel, n.payload, n.pid == mine)
    say("pid", conn.execute("select pg_backend_pid()").fetchone()[0] == mine)
    conn.rollback()
    fails("syntax", psycopg.Error, lambda: conn.execute("select 1 +\n from clients"))
    conn.rollback()
    fails("unknown column", psycopg.Error, lambda: conn.execute("select nope from clients"))
    conn.rollback()
    fails("constraint", psycopg.Error, lambda: conn.execute("insert into clients (id, name) values (1, 'x'), (1, 'y')"))
    conn.rollback()
    fails("too few values", psycopg.Error, lambda: conn.execute("select $1::int"))
    conn.rollback()
    name = sql.Identifier('odd "name"')
    conn.execute(sql.SQL("create table {} (id int)").format(name))
    conn.execute(sql.SQL("insert into {} values ({})").format(name, sql.Literal(7)))
    say("odd name", conn.execute(sql.SQL("select * from {}").format(name)).fetchall())
    conn.rollback()
    conn.execute("set application_name = 'a client'")
    say("parameters", conn.info.parameter_status("application_name"), conn.info.encoding, conn.info.parameter_status("server_version"))
    conn.rollback()


def main():
    with psycopg.connect(autocommit=True) as conn:
        conn.execute("drop table if exists clients, made_here; drop type if exists mood, pair; create table clients (id int primary key, name text)")
        conn.execute("insert into clients select g, 'client ' || g from generate_series(1, 20) g")
    with psycopg.connect() as conn:
        for work in (types, prepared, pipeline, cursors, copy, transactions, own_types, words):
            say("---", work.__name__)
            work(conn)
    sys.stdout.flush()


main()
