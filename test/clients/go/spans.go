package main

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// spans: whatever ends a statement, a transaction or a session before its time.
func spans(ctx context.Context, conn *pgx.Conn) error {
	w := work{ctx, conn}
	w.do("begin", "set local statement_timeout = 300", "select pg_sleep(40)", "select 1", "rollback")
	mode := conn.Config().DefaultQueryExecMode
	other, err := connect(ctx, mode)
	if err != nil {
		return err
	}
	defer other.Close(ctx)
	o := work{ctx, other}
	w.do("begin", "lock table items")
	o.do("set lock_timeout = 50", "select * from items where id = 1", "select * from items where id = 1 for update nowait", "reset lock_timeout")
	w.do("rollback")
	conflicts(w, o)
	w.do("set idle_in_transaction_session_timeout = 50", "begin")
	ended(w)
	o.do("set idle_session_timeout = 50")
	ended(o)
	for _, victim := range []string{"select pg_terminate_backend(pg_backend_pid())", "do $$ begin perform pg_cancel_backend(pg_backend_pid()); perform pg_sleep(1); end $$"} {
		again, err := connect(ctx, mode)
		if err != nil {
			return err
		}
		work{ctx, again}.raw(victim, nil)
		again.Close(ctx)
	}
	return watched(ctx, mode)
}

// conflicts between two sessions: serialization failures, and updates that another one has made meanwhile.
func conflicts(w, o work) {
	for _, each := range []work{w, o} {
		each.do("begin isolation level repeatable read", "select body from notes where id = 1")
	}
	w.do("update notes set body = 'w' where id = 1", "commit")
	o.do("update notes set body = 'o' where id = 1", "select 1", "commit")
	for _, each := range []work{w, o} {
		each.do("begin isolation level serializable", "select count(*) from notes")
	}
	w.do("insert into notes values (901, 'w')")
	o.do("insert into notes values (902, 'o')", "commit")
	w.do("commit", "delete from notes where id > 900", "update notes set body = 'one' where id = 1")
}

// ended waits until the server has ended a session, and says what the next statement gets.
func ended(w work) {
	_, err := w.conn.WaitForNotification(w.ctx)
	say("meanwhile: %s %v", said(err), w.conn.IsClosed())
	_, err = w.conn.Exec(w.ctx, "select 1")
	say("then: %v", err != nil)
}

// watched: a context that ends sends a cancel request, and the connection lives on.
func watched(ctx context.Context, mode pgx.QueryExecMode) error {
	config, err := pgx.ParseConfig("")
	if err != nil {
		return err
	}
	config.DefaultQueryExecMode = mode
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, CancelRequestDelay: 0, DeadlineDelay: deadline}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	other, err := connect(ctx, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return err
	}
	defer other.Close(ctx)
	for _, before := range []string{"select 1", "begin"} {
		work{ctx, conn}.do(before)
		short, stop := context.WithCancel(ctx)
		seen := make(chan error, 1)
		go func() {
			seen <- untilAsleep(ctx, other, conn.PgConn().PID())
			stop()
		}()
		_, err := conn.Exec(short, "select pg_sleep(40)")
		fails("its time is over", err)
		if err := <-seen; err != nil {
			return err
		}
		work{ctx, conn}.do("select 'alive'", "rollback")
	}
	return nil
}

// untilAsleep waits until that process of the server sleeps for somebody.
func untilAsleep(ctx context.Context, other *pgx.Conn, pid uint32) error {
	for asleep := false; !asleep; {
		sql := "select exists (select from pg_stat_activity where pid = $1 and wait_event = 'PgSleep')"
		if err := other.QueryRow(ctx, sql, int32(pid)).Scan(&asleep); err != nil {
			return err
		}
	}
	return nil
}
