"""The messages themselves, as libpq writes them down: every field of every kind of error, and every type's values as text and as binary."""

import pathlib
import re
import tempfile

import psycopg
from psycopg import pq

HERE = pathlib.Path(__file__).parent / "messages"

DROP = """
drop view if exists "view"; drop table if exists wide, wide_parent, part; drop domain if exists email, small;
drop function if exists f_raise(), f_deep(int), f_sql(text), f_query(); drop type if exists moodrange, outer_pair, pair, mood;
"""


def lines(name):
    return (HERE / name).read_text().splitlines()


class Traced:
    """A connection whose messages are written down."""

    def __init__(self):
        self.conn = psycopg.connect(autocommit=True)
        self.pg = self.conn.pgconn
        self.file = tempfile.TemporaryFile()
        self.objects = []
        self.begin()

    def begin(self):
        self.pg.trace(self.file.fileno())
        self.pg.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)

    def quietly(self, sql):
        """Runs what is not to be compared."""
        self.pg.untrace()
        rows = self.conn.execute(sql)
        self.begin()
        return rows

    def say(self, what):
        """Prints the messages since the last time."""
        self.pg.untrace()
        self.file.seek(0)
        print("---", what)
        for line in self.file.read().decode("utf-8", "backslashreplace").splitlines():
            print(self.same(line))
        self.file.seek(0)
        self.file.truncate()
        self.begin()

    def same(self, line):
        """Without what is another one in each run: numbers of objects and processes, and the server's source line (docs/differences.md)."""
        if re.match(r"B\s+\d+\s+(Error|Notice|Notification)Response", line):
            line = re.sub(r' L "\d+"', "", re.sub(r"^B\s+\d+", "B *", line))
            line = re.sub(rf"\b{self.pg.backend_pid}\b", "PID", line)
        for n, (number, binary) in enumerate(self.objects):
            line = re.sub(rf"(?<!\w){number}(?!\w)", f"(object {n})", line).replace(binary, f"(object {n})")
        return line

    def know(self):
        """Takes what there is now for the same objects as in another run, in the order in which they were made."""
        made = "select oid from pg_class where oid >= 16384 union select oid from pg_type where oid >= 16384 order by 1"
        oids = [row[0] for row in self.quietly(made)]
        self.objects = [(oid, "".join(chr(b) if 32 <= b < 127 else f"\\x{b:02x}" for b in oid.to_bytes(4, "big"))) for oid in oids]

    def settle(self):
        """Ends what a text has begun."""
        while self.pg.transaction_status == pq.TransactionStatus.ACTIVE:
            result = self.pg.get_result()
            if result is not None and result.status == pq.ExecStatus.COPY_OUT:
                while self.pg.get_copy_data(0)[0] > 0:
                    pass
        if self.pg.transaction_status != pq.TransactionStatus.IDLE:
            self.pg.exec_(b"select 'within'")
            self.pg.exec_(b"rollback")


def errors(t):
    for sql in lines("errors.sql"):
        text = sql.encode()
        t.pg.exec_(text)
        t.settle()
        t.pg.prepare(b"p1", text)
        t.pg.describe_prepared(b"p1")
        t.pg.exec_prepared(b"p1", None, result_format=1)
        t.settle()
        t.pg.exec_(b"deallocate all")
        t.say(sql)
        assert t.pg.status == pq.ConnStatus.OK, sql


def values(t):
    for line in lines("values.txt"):
        name, *literals = line.split("|")
        for literal in literals:
            quoted = "'" + literal.replace("'", "''") + "'"
            select = f"select {quoted}::{name} as v, array[{quoted}::{name}], row({quoted}::{name})".encode()
            binary = t.pg.exec_params(select, [], result_format=1)
            t.pg.exec_params(select, [], result_format=0)
            t.pg.prepare(b"v", f"select $1::{name}, $2::{name}[]".encode())
            t.pg.describe_prepared(b"v")
            t.pg.exec_prepared(b"v", [literal.encode(), None])
            if binary.status == pq.ExecStatus.TUPLES_OK:
                t.pg.exec_prepared(b"v", [binary.get_value(0, 0), binary.get_value(0, 1)], param_formats=[1, 1])
            t.pg.exec_prepared(b"v", [b"\x01", None], param_formats=[1, 0], result_format=1)
            t.pg.exec_(b"deallocate v")
            t.say(f"{name} {literal}")


def main():
    t = Traced()
    t.quietly(DROP)
    t.pg.exec_((HERE / "made.sql").read_bytes())
    t.say("made")
    t.know()
    errors(t)
    values(t)
    t.quietly(DROP)
    print("done")


main()
