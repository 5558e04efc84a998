package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// changes alters things between two runs of what a mode has prepared or described.
func changes(ctx context.Context, conn *pgx.Conn) error {
	w := work{ctx, conn}
	w.do("create table changing (id int primary key, body text)", "insert into changing values (1, 'one')")
	all := func() { w.raw("select * from changing where id = $1", nil, 1) }
	for _, ddl := range []string{
		"select 'nothing'",
		"alter table changing add column more int default 7",
		"alter table changing alter column body type varchar(10)",
		"alter table changing rename column body to text",
		"alter table changing drop column more",
		"create index on changing (text)",
		"analyze changing",
		"alter table changing alter column id type bigint",
		"alter table changing rename to changed",
		"create view changing as select id, text, 'view' as from from changed",
		"create or replace view changing as select id, text, 'other' as from, 1 as more from changed",
	} {
		all()
		all()
		w.raw(ddl, nil)
		all()
		all()
	}
	w.do("create schema elsewhere", "create table elsewhere.changing (id int, body int)", "insert into elsewhere.changing values (1, 5)")
	for _, path := range []string{"elsewhere, public", "public", "\"$user\", elsewhere", "nowhere", "public"} {
		w.raw("set search_path = "+path, nil)
		all()
		all()
	}
	w.do("prepare own as select * from changing", "execute own", "alter table changed add column last int", "execute own", "deallocate all")
	all()
	w.do("create or replace function twice(i int) returns int language sql as 'select i * 2'")
	twice := func() { w.raw("select twice($1)", nil, 4) }
	twice()
	w.do("create or replace function twice(i int) returns int language sql as 'select i + i + 1'")
	twice()
	w.do("drop function twice", "create function twice(i text) returns text language sql as 'select i || i'")
	twice()
	twice()
	for _, sql := range []string{"discard plans", "discard all", "deallocate all", "discard temp", "reset all"} {
		all()
		w.raw(sql, nil)
		all()
		all()
	}
	inside(w)
	w.do("drop view changing", "drop table changed", "drop schema elsewhere cascade", "drop function twice")
	return nil
}

// inside does it in a transaction, where what fails for a change has failed for good.
func inside(w work) {
	w.do("create temp table mine (a int)", "insert into mine values (1)")
	mine := func() { w.raw("select * from mine where a < $1", nil, 100) }
	for _, end := range []string{"rollback", "commit"} {
		mine()
		w.raw("begin", nil)
		mine()
		w.raw("savepoint s", nil)
		w.raw(fmt.Sprintf("alter table mine add column %s_ int", end), nil)
		mine()
		w.raw("select 1", nil)
		w.raw("rollback to s", nil)
		mine()
		w.raw("alter table mine add column b int", nil)
		mine()
		w.raw(end, nil)
		mine()
		mine()
	}
	w.do("drop table mine")
	mine()
	w.do("create temp table mine (a text)", "insert into mine values ('9')")
	mine()
	mine()
	w.do("drop table mine")
}
