package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// samples: one value or more of every kind that the wire knows a form for, as the server's own text.
var samples = []struct{ kind, value string }{
	{"bool", "t"}, {"int2", "-32768"}, {"int4", "2147483647"}, {"int8", "-9223372036854775808"}, {"oid", "4294967295"},
	{"float4", "-1.5e-30"}, {"float8", "NaN"}, {"float8", "-Infinity"}, {"numeric", "-12345678901234567890.0000123"}, {"numeric", "NaN"},
	{"money", "-$1,234.56"}, {"text", "Grüße 🐘 \\ ' \" \t"}, {"varchar", ""}, {"bpchar", "ab  "}, {"name", "a_name"}, {"\"char\"", "x"},
	{"bytea", "\\x00ff27225c"}, {"json", "{\"a\" : [1, null]}"}, {"jsonb", "{\"b\": {\"c\": \"é\"}}"}, {"jsonpath", "$.\"a\"[*]"}, {"xml", "<a>b</a>"},
	{"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}, {"date", "4713-01-01 BC"}, {"date", "infinity"}, {"time", "23:59:59.999999"},
	{"timetz", "23:59:59-12:34"}, {"timestamp", "0044-03-15 12:00:00 BC"}, {"timestamptz", "2024-02-29 23:59:59.5+14"}, {"interval", "-1 year 2 mons -3 days 04:05:06.7"},
	{"inet", "::1/128"}, {"cidr", "10.0.0.0/8"}, {"macaddr", "08:00:2b:01:02:03"}, {"macaddr8", "08:00:2b:ff:fe:01:02:03"},
	{"bit(5)", "10101"}, {"varbit", "111"}, {"point", "(1.5,-2)"}, {"line", "{1,2,3}"}, {"lseg", "[(0,0),(1,1)]"}, {"box", "(2,2),(0,0)"},
	{"path", "[(0,0),(1,1),(2,0)]"}, {"polygon", "((0,0),(1,1),(2,0))"}, {"circle", "<(1,2),3>"}, {"tsvector", "'a':1 'b':2A"}, {"tsquery", "'a' & !'b'"},
	{"int4range", "[1,10)"}, {"numrange", "empty"}, {"tstzrange", "[\"2024-01-01 00:00:00+00\",)"}, {"int4multirange", "{[1,3),[5,8)}"},
	{"int4[]", "{{1,2},{3,NULL}}"}, {"text[]", "{\"a,b\",NULL,\"NULL\",\"\\\"\"}"}, {"float8[]", "[0:1]={1,2}"}, {"regclass", "pg_class"}, {"regtype", "integer"},
	{"regproc", "now"}, {"pg_lsn", "16/B374D848"}, {"txid_snapshot", "10:20:10,14,15"}, {"tid", "(0,1)"}, {"xid", "42"}, {"cid", "7"}, {"xid8", "18446744073709551615"}, {"aclitem", "=r/postgres"},
	{"mood", "so so"}, {"pair", "(1,\"a b\")"}, {"pair[]", "{\"(1,a)\",\"(,)\"}"}, {"positive", "7"},
}

// types has every kind of value come back in each of the two formats, and go in as the mode has it.
func types(ctx context.Context, conn *pgx.Conn) error {
	w := work{ctx, conn}
	w.do("create type mood as enum ('sad', 'so so', 'happy')", "create type pair as (a int, b text)", "create domain positive as int check (value > 0)")
	for format := range int16(2) {
		if format == 1 && conn.Config().DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol {
			continue // It knows text alone.
		}
		var places []string
		var values []any
		for _, sample := range samples {
			// An aclitem has no other form, and such an array holds an OID.
			if format == 0 || (sample.kind != "aclitem" && sample.kind != "pair[]") {
				values = append(values, sample.value)
				places = append(places, fmt.Sprintf("$%d::text::%s", len(values), sample.kind))
			}
		}
		w.raw("select "+strings.Join(places, ", "), pgx.QueryResultFormats{format}, values...)
	}
	w.raw("select $1::int4, $2::int8[], $3::text, $4::bytea, $5::bool, $6::float8, $7::positive", nil, 1, []int64{2, 3}, "text", []byte{0}, nil, 2.5, 3)
	w.raw("select $1::positive", nil, -1)
	w.raw("select $1::mood", nil, "merry")
	w.raw("select $1::pair", nil, "(1")
	w.raw("select null, 'unknown', row(1, 'a'), array[row(1, null)], array[]::int[]", nil)
	w.raw("select * from pair_rows() where $1", nil, true)
	w.do("create function pair_rows() returns setof pair language sql as $$ values (1, 'a'), (2, null) $$")
	w.raw("select * from pair_rows() where $1", nil, true)
	w.raw("select pair_rows(), $1::text", nil, "x")
	w.do("drop function pair_rows", "drop type mood", "drop type pair", "drop domain positive")
	return w.conn.Ping(ctx)
}
