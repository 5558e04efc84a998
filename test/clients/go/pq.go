package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"
)

// pqWork is the same through database/sql and lib/pq, with values as text and as binary.
func pqWork(ctx context.Context) error {
	for _, binary := range []string{"no", "yes"} {
		say("== binary parameters: %s", binary)
		db, err := sql.Open("postgres", "sslmode=disable binary_parameters="+binary)
		if err != nil {
			return err
		}
		db.SetMaxOpenConns(2)
		if err := database(ctx, db); err != nil {
			return err
		}
		if err := db.Close(); err != nil {
			return err
		}
	}
	return pqListen(ctx)
}

func database(ctx context.Context, db *sql.DB) error {
	for _, step := range []func(context.Context, *sql.DB) error{pqQueries, pqPrepared, pqTransactions, pqCopy, pqCancel} {
		if err := step(ctx, db); err != nil {
			return err
		}
	}
	return nil
}

func pqRows(what string, rows *sql.Rows, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	for _, t := range types {
		say("%s: column %s %s %v", what, t.Name(), t.DatabaseTypeName(), t.ScanType())
	}
	for rows.Next() {
		values := make([]any, len(types))
		into := make([]any, len(types))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		say("%s: %v", what, values)
	}
	return rows.Err()
}

func pqQueries(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, "select id, name from items where id <= $1 order by id", 3)
	if err := pqRows("items", rows, err); err != nil {
		return err
	}
	rows, err = db.QueryContext(ctx, "select $1::text, $2::int8, $3::bytea, $4::bool, $5::int4[]", "text", 1<<40, []byte{0, 255}, true, pq.Array([]int64{1, 2}))
	if err := pqRows("types", rows, err); err != nil {
		return err
	}
	for _, text := range []string{"select * from nowhere", "select 1 / 0", "insert into items (id, name) values (1, 'x')", "selec"} {
		_, err := db.ExecContext(ctx, text)
		fails(text, err)
	}
	result, err := db.ExecContext(ctx, "update items set price = price")
	if err != nil {
		return err
	}
	count, err := result.RowsAffected()
	say("updated %d %v", count, err)
	rows, err = db.QueryContext(ctx, "select 1; select 2, 3")
	if err != nil {
		return err
	}
	for more := true; more; more = rows.NextResultSet() {
		for rows.Next() {
			columns, err := rows.Columns()
			say("one of several: %d columns %v", len(columns), err)
		}
	}
	return rows.Close()
}

func pqPrepared(ctx context.Context, db *sql.DB) error {
	statement, err := db.PrepareContext(ctx, "select name from items where id = $1")
	if err != nil {
		return err
	}
	defer statement.Close()
	for i := range 3 {
		var name string
		say("prepared: %v %s", statement.QueryRowContext(ctx, i+1).Scan(&name), name)
	}
	var name string
	say("none: %v", errors.Is(statement.QueryRowContext(ctx, 4711).Scan(&name), sql.ErrNoRows))
	return nil
}

func pqTransactions(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "insert into notes values (400, 'no')")
	fails("a write where none may be", err)
	_, err = tx.ExecContext(ctx, "select 1")
	fails("behind it", err)
	say("rolled back: %v", tx.Rollback())
	tx, err = db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "insert into notes values ($1, $2)", 401, "pq")
	say("inserted: %v", err)
	say("committed: %v", tx.Commit())
	_, err = db.ExecContext(ctx, "delete from notes where id = 401")
	return err
}

func pqCopy(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	statement, err := tx.PrepareContext(ctx, pq.CopyIn("notes", "id", "body"))
	if err != nil {
		return err
	}
	for i := range 300 {
		if _, err := statement.ExecContext(ctx, 5000+i, fmt.Sprintf("row %d\n\t\\", i)); err != nil {
			return err
		}
	}
	result, err := statement.ExecContext(ctx)
	if err != nil {
		return err
	}
	count, err := result.RowsAffected()
	say("copied %d %v, closed %v", count, err, statement.Close())
	statement, err = tx.PrepareContext(ctx, pq.CopyIn("notes", "id", "body"))
	if err != nil {
		return err
	}
	_, err = statement.ExecContext(ctx, 1, "double")
	say("taken: %v", err)
	_, err = statement.ExecContext(ctx)
	fails("a copy of what is there", err)
	say("rolled back: %v", tx.Rollback())
	return nil
}

func pqCancel(ctx context.Context, db *sql.DB) error {
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err := db.ExecContext(short, "select pg_sleep(40)")
	say("a deadline: %v", err != nil)
	var one int
	return db.QueryRowContext(ctx, "select 1").Scan(&one)
}

func pqListen(ctx context.Context) error {
	listener := pq.NewListener("sslmode=disable", time.Second, time.Second, nil)
	defer listener.Close()
	if err := listener.Listen("news"); err != nil {
		return err
	}
	db, err := sql.Open("postgres", "sslmode=disable")
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "notify news, 'payload'"); err != nil {
		return err
	}
	select {
	case n := <-listener.Notify:
		say("notified on %s of %q", n.Channel, n.Extra)
	case <-ctx.Done():
		return ctx.Err()
	}
	return listener.Unlisten("news")
}
