package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var modes = []pgx.QueryExecMode{
	pgx.QueryExecModeCacheStatement,
	pgx.QueryExecModeCacheDescribe,
	pgx.QueryExecModeDescribeExec,
	pgx.QueryExecModeExec,
	pgx.QueryExecModeSimpleProtocol,
}

// pgxWork does the same in each of the five ways in which pgx runs a query.
var pgxWork = inEachMode(queries, failures, transactions, batches, copies, cursors, cancelled)

func inEachMode(steps ...func(context.Context, *pgx.Conn) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, mode := range modes {
			say("== %s", mode)
			conn, err := connect(ctx, mode)
			if err != nil {
				return err
			}
			defer conn.Close(ctx)
			for _, step := range steps {
				if err := step(ctx, conn); err != nil {
					return fmt.Errorf("%s: %w", mode, err)
				}
			}
		}
		return nil
	}
}

func connect(ctx context.Context, mode pgx.QueryExecMode) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig("")
	if err != nil {
		return nil, err
	}
	config.DefaultQueryExecMode = mode
	// Two statements fit: what is prepared for the third closes the first.
	config.StatementCacheCapacity = 2
	config.DescriptionCacheCapacity = 2
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { say("notice: %s", faultOf((*pgconn.PgError)(n))) }
	return pgx.ConnectConfig(ctx, config)
}

func queries(ctx context.Context, conn *pgx.Conn) error {
	for i := 1; i <= 4; i++ {
		rows, err := conn.Query(ctx, "select id, name, price from items where id between $1 and $2 order by id", i, i+1)
		if err := table("items", rows, err); err != nil {
			return err
		}
	}
	day := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	rows, err := conn.Query(ctx, `select $1::int8, $2::text, $3::float8, $4::bool, $5::timestamptz at time zone 'UTC', $6::bytea, $7::int4[], $8::jsonb,
		$9::text`, int64(1)<<40, "Grüße 🐘", 1.5, true, day, []byte{0, 1, 255}, []int32{1, 2}, `{"a": 1}`, nil)
	if err := table("types", rows, err); err != nil {
		return err
	}
	rows, err = conn.Query(ctx, "select i, repeat('x', i) from generate_series(1, 3000) i")
	if err != nil {
		return err
	}
	count, size := 0, 0
	for rows.Next() {
		var i int
		var text string
		if err := rows.Scan(&i, &text); err != nil {
			return err
		}
		count, size = count+i, size+len(text)
	}
	say("many rows: %d %d %v", count, size, rows.Err())
	for _, sql := range []string{"", "-- nothing", "select", "select 1 where false"} {
		tag, err := conn.Exec(ctx, sql)
		if err != nil {
			return err
		}
		say("%q: %q", sql, tag.String())
	}
	var name string
	err = conn.QueryRow(ctx, "select name from items where id = $1", 4711).Scan(&name)
	say("no row: %v", errors.Is(err, pgx.ErrNoRows))
	if _, err := conn.Prepare(ctx, "named", "update items set price = price + $1 where id = $2 returning price"); err != nil {
		return err
	}
	for range 3 {
		rows, err := conn.Query(ctx, "named", 1, 3)
		if err := table("named", rows, err); err != nil {
			return err
		}
	}
	if err := conn.Deallocate(ctx, "named"); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "update items set price = 30 where id = 3")
	return err
}

func failures(ctx context.Context, conn *pgx.Conn) error {
	for _, sql := range []string{
		"selec 1",
		"select * from nowhere",
		"select no_such_column from items",
		"select 1 / 0",
		"insert into items (id, name) values (1, 'again')",
		"insert into items (id) values (4712)",
		"select 'x'::int",
		"do $$ begin raise exception 'raised' using errcode = 'HP001', detail = 'why', hint = 'how'; end $$",
	} {
		_, err := conn.Exec(ctx, sql)
		fails(sql, err)
	}
	_, err := conn.Exec(ctx, "select 10 / $1::int", 0)
	fails("a value that fails", err)
	_, err = conn.Exec(ctx, "do $$ begin raise notice 'for the log'; raise warning 'mind'; end $$")
	return err
}

func transactions(ctx context.Context, conn *pgx.Conn) error {
	for _, options := range []pgx.TxOptions{{}, {IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly, DeferrableMode: pgx.Deferrable}} {
		tx, err := conn.BeginTx(ctx, options)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "select current_setting('transaction_isolation'), current_setting('transaction_read_only')")
		if err := table("transaction", rows, err); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "insert into notes values ($1, $2)", 100, "hundred")
		say("insert: %v", err == nil)
		inner, err := tx.Begin(ctx)
		if err == nil {
			_, err = inner.Exec(ctx, "select 1 / 0")
			fails("in a savepoint", err)
			say("back to it: %v", inner.Rollback(ctx))
		} else {
			fails("a savepoint", err)
		}
		say("status %c", conn.PgConn().TxStatus())
		say("rolled back: %v, status %c", tx.Rollback(ctx), conn.PgConn().TxStatus())
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "select 1 / 0")
	fails("in a transaction", err)
	_, err = tx.Exec(ctx, "select 1")
	fails("behind a failure", err)
	fails("commit of it", tx.Commit(ctx))
	return nil
}

func batches(ctx context.Context, conn *pgx.Conn) error {
	batch := &pgx.Batch{}
	batch.Queue("insert into notes values ($1, $2)", 200, "by batch")
	for i := 1; i <= 5; i++ {
		batch.Queue("select name, $2::text from items where id = $1", i, fmt.Sprint(i))
	}
	batch.Queue("update notes set body = 'changed' where id = $1 returning body", 200)
	batch.Queue("delete from notes where id = 200")
	results := conn.SendBatch(ctx, batch)
	for range batch.Len() {
		rows, err := results.Query()
		if err := table("batch", rows, err); err != nil {
			return err
		}
	}
	if err := results.Close(); err != nil {
		return err
	}
	broken := &pgx.Batch{}
	broken.Queue("insert into notes values (201, 'never')")
	broken.Queue("select 1 / $1::int", 0)
	broken.Queue("select 2")
	results = conn.SendBatch(ctx, broken)
	for range broken.Len() {
		_, err := results.Exec()
		say("broken batch: %v", err != nil)
	}
	fails("its end", results.Close())
	rows, err := conn.Query(ctx, "select count(*)::int from notes where id > 100")
	return table("left of it", rows, err)
}

func copies(ctx context.Context, conn *pgx.Conn) error {
	var source [][]any
	for i := range 500 {
		source = append(source, []any{int32(1000 + i), fmt.Sprintf("copied %d \t\\ %s", i, strings.Repeat("y", i))})
	}
	count, err := conn.CopyFrom(ctx, pgx.Identifier{"notes"}, []string{"id", "body"}, pgx.CopyFromRows(source))
	if err != nil {
		return err
	}
	say("copied in: %d", count)
	var out bytes.Buffer
	tag, err := conn.PgConn().CopyTo(ctx, &out, "copy (select * from notes where id >= 1000 order by id) to stdout (format csv)")
	if err != nil {
		return err
	}
	say("copied out: %s, %d bytes", tag, out.Len())
	_, err = conn.CopyFrom(ctx, pgx.Identifier{"notes"}, []string{"id", "body"}, pgx.CopyFromRows([][]any{{int32(1), "double"}}))
	fails("a copy of what is there", err)
	_, err = conn.PgConn().CopyFrom(ctx, strings.NewReader("x\ty\n"), "copy notes from stdin")
	fails("a copy of rubbish", err)
	_, err = conn.Exec(ctx, "delete from notes where id >= 1000")
	return err
}

func cursors(ctx context.Context, conn *pgx.Conn) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "declare c scroll cursor for select id from items order by id"); err != nil {
		return err
	}
	for _, sql := range []string{"fetch 3 from c", "fetch backward 1 from c", "move last in c", "fetch prior from c", "close c"} {
		rows, err := tx.Query(ctx, sql)
		if err := table(sql, rows, err); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

// cancelled: a deadline of the context closes the connection, a cancel request does not.
func cancelled(ctx context.Context, conn *pgx.Conn) error {
	done := make(chan error, 1)
	other, err := connect(ctx, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return err
	}
	defer other.Close(ctx)
	go func() {
		_, err := conn.Exec(ctx, "select pg_sleep(40)")
		done <- err
	}()
	if err := untilAsleep(ctx, other, conn.PgConn().PID()); err != nil {
		return err
	}
	if err := conn.PgConn().CancelRequest(ctx); err != nil {
		return err
	}
	fails("cancelled", <-done)
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err = conn.Exec(short, "select pg_sleep(40)")
	say("a deadline: %v, closed %v", err != nil, conn.IsClosed())
	return nil
}
