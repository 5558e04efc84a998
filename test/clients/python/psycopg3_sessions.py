"""Two sessions that get in each other's way with psycopg 3: isolation, locks, time-outs, two-phase commit, and a session that is ended."""

import select

import psycopg

from say import fails, say

FIRST = "update shared set n = n + 1 where id = 1"


def serialization(one, two):
    for level in (psycopg.IsolationLevel.READ_COMMITTED, psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE):
        one.isolation_level = two.isolation_level = level
        say("read", one.execute("select sum(n) from shared").fetchone(), two.execute("select sum(n) from shared").fetchone())
        one.execute(FIRST)
        one.commit()
        say("read again", two.execute("select sum(n) from shared").fetchone())
        if level is psycopg.IsolationLevel.READ_COMMITTED:
            say("second", two.execute(FIRST + " returning n").fetchone())
        else:
            fails("second", psycopg.errors.SerializationFailure, lambda: two.execute(FIRST))
        two.rollback()
    for conn in (one, two):
        conn.execute("select sum(n) from shared")
    one.execute("insert into shared values (10, 1)")
    two.execute("insert into shared values (11, 1)")
    one.commit()
    fails("write skew", psycopg.errors.SerializationFailure, two.commit)
    two.rollback()
    one.isolation_level = two.isolation_level = None


def locks(one, two):
    one.execute("select * from shared where id = 1 for update")
    for sql in ("select * from shared where id = 1 for update nowait", "lock table shared in exclusive mode nowait"):
        fails(sql, psycopg.errors.LockNotAvailable, lambda: two.execute(sql))
        two.rollback()
    say("skipped", two.execute("select id from shared order by id for update skip locked").fetchall())
    two.rollback()
    for setting in ("lock_timeout", "statement_timeout"):
        two.execute(f"set local {setting} = '200ms'")
        fails(setting, psycopg.Error, lambda: two.execute(FIRST))
        two.rollback()
    two.execute("savepoint a")
    two.execute("set local lock_timeout = '200ms'")
    fails("behind a savepoint", psycopg.Error, lambda: two.execute(FIRST))
    fails("and behind that", psycopg.Error, lambda: two.execute("select 1"))
    two.execute("rollback to a")
    say("and back", two.execute("show lock_timeout").fetchone())
    two.rollback()
    say("advisory", one.execute("select pg_advisory_lock(7), pg_try_advisory_lock_shared(7)").fetchone())
    one.commit()
    say("theirs", two.execute("select pg_try_advisory_lock(7), pg_try_advisory_xact_lock(7, 7)").fetchone())
    say("unlocked", one.execute("select pg_advisory_unlock(7), pg_advisory_unlock_shared(7), pg_advisory_unlock(7)").fetchone())
    say("now", two.execute("select pg_try_advisory_lock(7), pg_advisory_unlock(7)").fetchone())
    one.rollback()
    two.rollback()


def two_phases(one, two):
    xid = one.xid(1, "transfer", "here")
    one.tpc_begin(xid)
    one.execute("insert into shared values (20, 1)")
    one.tpc_prepare()
    say("not yet", two.execute("select count(*) from shared where id = 20").fetchone())
    say("in doubt", [(x.format_id, x.gtrid, x.bqual, x.owner, x.database) for x in two.tpc_recover()])
    two.rollback()
    two.tpc_commit(xid)
    say("now", two.execute("select count(*) from shared where id = 20").fetchone())
    two.rollback()
    one.close()
    other = psycopg.connect()
    fails("a second time", psycopg.Error, lambda: other.tpc_commit(xid))
    other.close()


def ended(one, two):
    two.autocommit = True
    two.execute("set idle_in_transaction_session_timeout = 10")
    two.execute("begin")
    fails("idle in a transaction", psycopg.Error, lambda: two.execute("select 1") if wait(two) else None)
    say("closed", two.closed, two.broken)
    other = psycopg.connect()
    with psycopg.connect() as third:
        third.execute("select pg_terminate_backend(%s)", [other.info.backend_pid])
    fails("terminated", psycopg.Error, lambda: other.execute("select 1") if wait(other) else None)
    say("closed", other.closed, other.broken)
    with psycopg.connect() as other:
        fails("by itself", psycopg.Error, lambda: other.execute("select pg_terminate_backend(pg_backend_pid())"))


def wait(conn):
    """Until the server has said or done something of itself."""
    return select.select([conn.fileno()], [], [], 30)[0]


def main():
    with psycopg.connect() as one, psycopg.connect() as two:
        one.execute("drop table if exists shared")
        one.execute("create table shared (id int primary key, n int)")
        one.execute("insert into shared values (1, 1), (2, 2)")
        one.commit()
        for work in (serialization, locks, two_phases, ended):
            say("---", work.__name__)
            work(one, two)
    say("done")


main()
