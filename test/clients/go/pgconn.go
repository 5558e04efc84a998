package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pgconnWork is what goes on below pgx: pipelines, several statements in one text, prepared statements by name, notifications.
func pgconnWork(ctx context.Context) error {
	conn, err := connect(ctx, pgx.QueryExecModeExec)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	raw := conn.PgConn()
	say("server speaks %s %s %s", raw.ParameterStatus("client_encoding"), raw.ParameterStatus("standard_conforming_strings"), raw.ParameterStatus("server_version"))
	results, err := raw.Exec(ctx, "select 1; begin; select 2, 3; commit; update notes set body = body; select 4").ReadAll()
	for _, result := range results {
		say("several: %s %q", result.CommandTag, result.Rows)
	}
	if err != nil {
		return err
	}
	results, err = raw.Exec(ctx, "insert into notes values (300, 'gone'); select 1 / 0; select 5").ReadAll()
	say("%d results before", len(results))
	fails("the second of three", err)
	for format := range int16(2) {
		result := raw.ExecParams(ctx, "select $1::int4 + 1, $2::text", [][]byte{[]byte("41"), nil}, nil, nil, []int16{format}).Read()
		say("format %d: %q %v", format, result.Rows, result.Err)
	}
	if err := pipeline(ctx, raw); err != nil {
		return err
	}
	return notifications(ctx, conn)
}

func pipeline(ctx context.Context, raw *pgconn.PgConn) error {
	pipe := raw.StartPipeline(ctx)
	pipe.SendPrepare("p1", "select name from items where id = $1", nil)
	for i := range 5 {
		pipe.SendQueryPrepared("p1", [][]byte{[]byte(fmt.Sprint(i + 1))}, nil, nil)
	}
	pipe.SendFlushRequest()
	if err := pipe.Flush(); err != nil {
		return err
	}
	for range 6 {
		if err := answerOf(pipe); err != nil {
			return err
		}
	}
	pipe.SendQueryParams("insert into notes values ($1, 'in a pipeline')", [][]byte{[]byte("301")}, nil, nil, nil)
	pipe.SendQueryParams("select 1 / $1::int", [][]byte{[]byte("0")}, nil, nil, nil)
	pipe.SendQueryParams("select 'skipped'", nil, nil, nil, nil)
	if err := pipe.Sync(); err != nil {
		return err
	}
	pipe.SendQueryParams("select count(*) from notes where id > 300", nil, nil, nil, nil)
	pipe.SendDeallocate("p1")
	pipe.SendQueryPrepared("p1", [][]byte{[]byte("1")}, nil, nil)
	if err := pipe.Sync(); err != nil {
		return err
	}
	for range 20 {
		if err := answerOf(pipe); err != nil {
			return err
		}
	}
	return pipe.Close()
}

func answerOf(pipe *pgconn.Pipeline) error {
	result, err := pipe.GetResults()
	switch result := result.(type) {
	case *pgconn.ResultReader:
		all := result.Read()
		say("pipeline: %s %q", all.CommandTag, all.Rows)
		if all.Err != nil {
			fails("pipeline", all.Err)
		}
	case nil:
		if err != nil {
			fails("pipeline", err)
		} else {
			say("pipeline: nothing more")
		}
	default:
		say("pipeline: %T", result)
	}
	return nil
}

func notifications(ctx context.Context, conn *pgx.Conn) error {
	other, err := connect(ctx, pgx.QueryExecModeExec)
	if err != nil {
		return err
	}
	defer other.Close(ctx)
	if _, err := conn.Exec(ctx, "listen news"); err != nil {
		return err
	}
	for _, from := range []*pgx.Conn{other, conn} {
		if _, err := from.Exec(ctx, "select pg_notify('news', 'payload')"); err != nil {
			return err
		}
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		say("notified on %s of %q, by itself %v", n.Channel, n.Payload, n.PID == conn.PgConn().PID())
	}
	if _, err := conn.Exec(ctx, "unlisten *"); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = conn.WaitForNotification(short)
	say("no more: %v", err != nil)
	return nil
}
