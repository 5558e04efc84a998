"""psycopg2: everything by simple Query, named cursors, COPY, hstore and composite look-ups, two-phase commit, large objects, a query
that another thread cancels, notifications."""

import io
import select
import threading
import time

import psycopg2
import psycopg2.extensions as ext
import psycopg2.extras as extras

from say import fails, say


def two_phases(conn, cur):
    for name, end in (("kept", conn.tpc_commit), ("dropped", conn.tpc_rollback)):
        conn.tpc_begin(conn.xid(7, name, "branch"))
        cur.execute("insert into clients2 (name) values (%s)", [name])
        fails("no commit within", psycopg2.Error, conn.commit)
        conn.tpc_prepare()
        say("prepared", name, conn.status)
        end()
    conn.tpc_begin("left behind")
    cur.execute("insert into clients2 (name) values ('left behind')")
    conn.tpc_prepare()
    conn.reset()
    say("to be recovered", [(x.format_id, x.gtrid, x.bqual, x.owner, x.database) for x in conn.tpc_recover()])
    conn.tpc_rollback("left behind")
    fails("twice", psycopg2.Error, lambda: conn.tpc_rollback("left behind"))
    cur.execute("select name from clients2 where name in ('kept', 'dropped', 'left behind')")
    say("of them", cur.fetchall())
    conn.commit()


def large_object(conn):
    made = conn.lobject(0, "wb")
    say("written", made.write(b"\0\1\2" * 1000), made.tell())
    made.seek(10)
    made.truncate(2000)
    made.close()
    read = conn.lobject(made.oid, "rb")
    say("read", read.seek(1990), read.read(), read.seek(0, 2))
    fails("written while reading", psycopg2.Error, lambda: read.write(b"x"))
    conn.rollback()
    fails("no such object", psycopg2.Error, lambda: conn.lobject(made.oid, "rb"))
    conn.rollback()


def cancelled(conn, cur):
    def cancel():
        with psycopg2.connect("") as other, other.cursor() as at:
            running = "select 1 from pg_stat_activity where pid = %s and wait_event = 'PgSleep'"
            at.execute(running, [conn.info.backend_pid])
            while at.fetchone() is None:
                time.sleep(0.02)
                other.rollback()
                at.execute(running, [conn.info.backend_pid])
        conn.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    fails("cancelled", psycopg2.extensions.QueryCanceledError, lambda: cur.execute("select pg_sleep(60)"))
    canceller.join()
    say("in error", conn.get_transaction_status() == ext.TRANSACTION_STATUS_INERROR)
    conn.rollback()
    cur.execute("set local statement_timeout = 200")
    fails("timed out", psycopg2.extensions.QueryCanceledError, lambda: cur.execute("select pg_sleep(60)"))
    conn.rollback()


def main():
    conn = psycopg2.connect("")
    cur = conn.cursor()
    cur.execute("drop table if exists clients2; drop type if exists spot; create table clients2 (id serial primary key, name text, tags text[], doc jsonb)")
    cur.execute("create type spot as (x int, y int)")
    conn.commit()
    say("status", conn.status, conn.get_transaction_status(), conn.encoding, conn.server_version)
    extras.execute_values(cur, "insert into clients2 (name, tags, doc) values %s returning id", [("é'\\", ["a", None], extras.Json({"k": i})) for i in range(5)])
    say("values", cur.fetchall(), cur.rowcount, cur.statusmessage)
    extras.execute_batch(cur, "update clients2 set name = name || %s where id = %s", [("!", i) for i in range(1, 5)], page_size=2)
    cur.execute("select * from clients2 where name like %(pattern)s and id = any(%(ids)s) order by id", {"pattern": "%!", "ids": [1, 2, 9]})
    say("rows", cur.fetchall(), cur.description[3].name, cur.description[3].type_code)
    conn.commit()
    register = extras.register_composite("spot", cur)
    cur.execute("select (1, 2)::spot")
    say("composite", cur.fetchone(), register.name, len(register.atttypes))
    fails("no hstore", psycopg2.Error, lambda: extras.register_hstore(cur))
    conn.rollback()
    named = conn.cursor("named", cursor_factory=extras.DictCursor)
    named.itersize = 10
    named.execute("select g as n from generate_series(1, 35) g")
    say("named", named.fetchone()["n"], sum(row["n"] for row in named))
    named.close()
    hold = conn.cursor("hold", withhold=True, scrollable=True)
    hold.execute("select g from generate_series(1, 5) g")
    conn.commit()
    hold.scroll(2)
    say("held", hold.fetchone())
    hold.scroll(-2)
    say("scrolled back", hold.fetchmany(9))
    hold.close()
    cur.copy_from(io.StringIO("100\tcopied\n101\t\\N\n"), "clients2", columns=("id", "name"))
    out = io.StringIO()
    cur.copy_expert("copy (select id, name from clients2 where id >= 100 order by id) to stdout csv header", out)
    say("copied", out.getvalue(), cur.rowcount)
    fails("copy in of rubbish", psycopg2.Error, lambda: cur.copy_from(io.StringIO("x\ty\n"), "clients2", columns=("id", "name")))
    say("after it", conn.get_transaction_status() == ext.TRANSACTION_STATUS_INERROR)
    fails("behind it", psycopg2.Error, lambda: cur.execute("select 1"))
    conn.rollback()
    conn.set_session(isolation_level="SERIALIZABLE", readonly=True, deferrable=True)
    cur.execute("select current_setting('transaction_isolation'), current_setting('transaction_read_only'), current_setting('transaction_deferrable')")
    say("session", cur.fetchone())
    fails("read-only", psycopg2.Error, lambda: cur.execute("delete from clients2"))
    conn.rollback()
    conn.set_session(isolation_level="DEFAULT", readonly=False, deferrable=False)
    conn.set_session(autocommit=True)
    cur.execute("select 1; select 2 as second")
    say("last of several", cur.fetchall(), cur.description[0].name)
    cur.execute("do $$ begin raise warning 'careful %', 1; end $$")
    say("notices", conn.notices[-1])
    cur.execute("listen two")
    cur.execute("notify two, 'payload'")
    conn.poll()
    while not conn.notifies:
        select.select([conn], [], [], 5)
        conn.poll()
    say("notified", [(n.channel, n.payload, n.pid == conn.info.backend_pid) for n in conn.notifies])
    conn.reset()
    say("reset", conn.get_transaction_status())
    fails("syntax", psycopg2.Error, lambda: cur.execute("selct 1"))
    conn.rollback()
    fails("twice", psycopg2.Error, lambda: cur.execute("insert into clients2 (id) values (100), (100)"))
    conn.rollback()
    cur.execute("create table within (id int); insert into within values (1), (2); select count(*) from within")
    say("made and read in one text", cur.fetchall())
    conn.rollback()
    conn.autocommit = False
    two_phases(conn, cur)
    large_object(conn)
    cancelled(conn, cur)
    waiting = psycopg2.connect("", async_=1)
    extras.wait_select(waiting)
    at = waiting.cursor()
    at.execute("select pg_sleep(0.01), 42")
    extras.wait_select(waiting)
    say("asynchronous", at.fetchone()[1])


main()
