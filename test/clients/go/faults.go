package main

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// faults: errors and notices with each of the fields that the server fills.
func faults(ctx context.Context, conn *pgx.Conn) error {
	w := work{ctx, conn}
	w.do(
		"create domain even as int constraint is_even check (value % 2 = 0)",
		"create table parents (id int primary key)",
		`create table strict (id int primary key, parent int references parents deferrable, must text not null, small numeric(3,1),
			few varchar(3), even even, span int4range, check (id < 100), exclude using gist (span with &&))`,
		"insert into strict values (1, null, 'a', 1, 'abc', 2, '[1,5)')",
		"insert into strict values (1, null, 'a')",
		"insert into strict values (2, 3, 'a')",
		"insert into strict values (2, null, null)",
		"insert into strict values (200, null, 'a')",
		"insert into strict values (2, null, 'a', 100)",
		"insert into strict values (2, null, 'a', 1, 'abcd')",
		"insert into strict values (2, null, 'a', 1, 'abc', 3)",
		"insert into strict values (2, null, 'a', 1, 'abc', 2, '[4,6)')",
		"insert into strict values (2, null, 'a', 1, 'abc', 2, '[6,4)')",
		"insert into strict (id, nothing) values (2, 1)",
		"insert into strict values (2, null, 'a', 1, 'abc', 2, null, 8)",
		"alter table strict validate constraint nowhere",
		"drop table parents",
		"create table strict ()",
		"create table if not exists strict ()",
		"drop table if exists nowhere, parents_too",
		"truncate parents cascade",
		"vacuum nowhere", "begin", "vacuum strict", "rollback", "commit", "begin", "begin", "commit",
		"select * from strict for update nowait",
		"select no_such(1, 'a')", "select 'a' + 1", "select upper(1)", "select 1 from strict group by parent having id = 1", "select id, count(*) from strict",
		"select * from strict where", "select 'unfinished", "select \"\"", "select 1; select 2", "select $5", "select 1 limit -1",
		"select '2024-02-30'::date", "select 99999999999::int", "select 'a'::jsonb", "select '{\"a\":'::json", "select 'x'::uuid", "select '(1'::point",
		"select 1e400::float8", "select sqrt(-1)", "select ln(0)", "select chr(0)", "select E'\\\\xff'::bytea, '\\\\xf'::bytea", "select array[1,2] || array[[[1]]]",
		"select repeat('x', 2000000000)", "select substr('a', 1, -1)", "select to_date('x', 'YYYY')", "select * from generate_series(1, 2, 0)",
		"select (select id from (values (1), (2)) v(id))", "select 1 union select 'a'", "with recursive r as (select 1 union all select a from r) select * from r",
		"set no_such = 1", "set work_mem = 'x'", "set timezone = 'Nowhere/Land'", "show no_such", "set transaction isolation level serializable",
		"lock table strict", "declare c cursor for select 1", "fetch from c", "close c", "move c", "execute nothing", "deallocate nothing",
		"savepoint s", "rollback to s", "release s", "notify \"\"", "copy strict from '/nowhere'", "create extension nowhere", "call nothing()",
		"do $$ begin perform 1 / 0; end $$",
		"do $$ begin execute 'selec 1'; end $$",
		"do $$ begin execute 'select no_such from strict'; end $$",
		"do $$ declare i int; begin select into strict i id from strict where id = 9; end $$",
		"do $$ begin if then end if; end $$",
		"do language nowhere $$ $$",
		`do $$ begin raise exception using message = 'all', detail = 'the detail', hint = 'the hint', errcode = 'HP123', schema = 's', table = 't',
			column = 'c', datatype = 'd', constraint = 'k'; end $$`,
		`do $$ begin raise warning using message = 'all', detail = 'the detail', hint = 'the hint', errcode = '01HP1', schema = 's', table = 't',
			column = 'c', datatype = 'd', constraint = 'k'; raise info 'told'; raise log 'not told'; raise debug 'neither'; end $$`,
		"create function outer_one(i int) returns int language plpgsql as $$ begin return inner_one(i) + 1; end $$",
		"create function inner_one(i int) returns int language plpgsql as $$ declare r int; begin r := 10 / i; raise notice 'at %', r; return r; end $$",
		"select outer_one(5)", "select outer_one(0)",
		"create function in_sql(i int) returns int language sql as $$ select 10 / i $$", "select in_sql(0)",
		"create function wrong(i int) returns int language sql as $$ select no_such $$", "create function wrong() returns int language sql as $$ select 'a' $$",
		"create function told() returns trigger language plpgsql as $$ begin raise notice '% of %', tg_op, tg_table_name; if new.id > 5 then raise exception 'too much' using hint = 'less'; end if; return new; end $$",
		"create trigger told before insert or update on parents for each row execute function told()",
		"insert into parents values (1), (2) returning id", "update parents set id = id + 5", "insert into parents values (1) on conflict do nothing",
		"merge into parents p using (values (1), (3)) v(id) on p.id = v.id when matched then delete when not matched then insert values (v.id)",
		"begin", "set constraints all deferred", "insert into strict values (3, 77, 'a')", "select count(*) from strict", "commit", "select count(*) from strict",
		"set client_min_messages = error", "drop table if exists nowhere", "set client_min_messages = debug1", "select 1", "reset client_min_messages",
		"set local work_mem = '1MB'", "explain (costs off) select * from strict where id = 1",
		"drop table strict, parents", "drop function told, inner_one, outer_one, in_sql", "drop domain even",
	)
	w.raw("select 10 / $1::int, $2::text", nil, 0, "a long value, of which the server may show a part, but not in this form")
	w.raw("select $1::int + 1", nil, "not a number")
	w.raw("select $1 + 1", nil, 1)
	w.raw("select * from items where id = $1 and name = $2", nil, 1)
	w.raw("select * from items where id = $1", nil, 1, 2)
	w.raw("select $1", nil, "untyped")
	w.raw("select $2::int", nil, 1, 2)
	w.raw("insert into items values ($1, $2, $3)", nil, 1, "again", 5)
	w.raw("insert into items values ($1, $2, $3)", nil, 99, nil, 5)
	return nil
}
