package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
)

// many: a lot at a time, or much in one.
func many(ctx context.Context, conn *pgx.Conn) error {
	w := work{ctx, conn}
	wide := make([]string, 1600)
	for i := range wide {
		wide[i] = fmt.Sprintf("%d as c%d", i, i)
	}
	rows, err := conn.Query(ctx, "select "+strings.Join(wide, ", "))
	if err != nil {
		return err
	}
	for rows.Next() {
		say("wide: %d %s", len(rows.RawValues()), rows.FieldDescriptions()[1599].Name)
	}
	say("wide: %s %v", rows.CommandTag(), rows.Err())
	big := strings.Repeat("0123456789abcdef", 300_000)
	var length int
	var sum string
	err = conn.QueryRow(ctx, "select length($1::text), md5($1::text)", big).Scan(&length, &sum)
	say("big in: %d %s %v", length, sum, err)
	var back []byte
	err = conn.QueryRow(ctx, "select decode(repeat('00ff2701', $1::int), 'hex')", 1_000_000).Scan(&back)
	say("big out: %d %x %v", len(back), sha256.Sum256(back), err)
	some := make([]any, 3000)
	places := make([]string, len(some))
	for i := range some {
		some[i], places[i] = i, fmt.Sprintf("$%d::int", i+1)
	}
	err = conn.QueryRow(ctx, "select count(*) from (values ("+strings.Join(places, "), (")+")) v", some...).Scan(&length)
	say("many values: %d %v", length, err)
	if err := batchesThatFail(ctx, conn); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "prepare q1 as select 1; execute q1; begin; savepoint s; select 1 / 0; release s; commit")
	fails("several in one", err)
	w.do("rollback", "deallocate all")
	return nil
}

// batchesThatFail, each at another place, or change something in their midst.
func batchesThatFail(ctx context.Context, conn *pgx.Conn) error {
	for _, broken := range []struct{ what, sql string }{
		{"none", "select 1"}, {"text", "selec 1"}, {"table", "select * from nowhere"}, {"run", "select 1 / 0"}, {"commit", "commit"}, {"begin", "begin"}, {"set", "set work_mem = '2MB'"},
		{"ddl", "create table made_in_batch (a int)"}, {"drop", "drop table if exists made_in_batch"}, {"vacuum", "vacuum items"}, {"copy", "copy items to stdout"},
	} {
		for _, inside := range []bool{false, true} {
			if inside {
				work{ctx, conn}.do("begin")
			}
			batch := &pgx.Batch{}
			for i := range 12 {
				batch.Queue(fmt.Sprintf("select $1::int + %d, $2::text", i%7), i, fmt.Sprint(i))
			}
			batch.Queue("insert into notes values ($1, $2)", 500, broken.what)
			batch.Queue(broken.sql)
			batch.Queue("select count(*) from notes where id = $1", 500)
			batch.Queue("delete from notes where id = 500 returning body")
			results := conn.SendBatch(ctx, batch)
			sum := sha256.New()
			for i := range batch.Len() {
				rows, err := results.Query()
				if err == nil {
					for rows.Next() {
						fmt.Fprintf(sum, "%q", rows.RawValues())
					}
					err = rows.Err()
				}
				if err != nil || i >= 12 {
					fmt.Fprintf(sum, "%d %v %v\n", i, rows.CommandTag(), err)
				}
				if i >= 12 || i == 0 {
					what := "no error"
					if err != nil {
						what = said(err)
					}
					say("batch with %s, %d: %s", broken.what, i, what)
				}
				rows.Close()
			}
			err := results.Close()
			what := "no error"
			if err != nil {
				what = said(err)
			}
			w := work{ctx, conn}
			say("batch with %s: %x, %s %c", broken.what, sum.Sum(nil), what, w.status())
			if w.status() == '-' {
				return io.ErrUnexpectedEOF
			}
			if w.status() != 'I' {
				w.do("rollback")
			}
			w.do("select * from notes where id >= 500", "delete from notes where id >= 500")
			if broken.what == "ddl" {
				w.do("drop table if exists made_in_batch")
			}
		}
	}
	return nil
}
