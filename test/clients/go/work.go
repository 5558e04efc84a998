package main

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// work runs statements one after another, and prints all that comes back of each, whether it fails or not.
type work struct {
	ctx  context.Context
	conn *pgx.Conn
}

// do runs statements without values.
func (w work) do(statements ...string) {
	for _, sql := range statements {
		w.raw(sql, nil)
	}
}

// raw prints columns and values as they came over the wire, and the error with all its fields.
func (w work) raw(sql string, formats pgx.QueryResultFormats, values ...any) {
	if formats != nil {
		values = append([]any{formats}, values...)
	}
	rows, err := w.conn.Query(w.ctx, sql, values...)
	if err == nil {
		printed := false
		for rows.Next() {
			if !printed {
				w.columns(rows)
				printed = true
			}
			say("    %q", rows.RawValues())
		}
		if !printed {
			w.columns(rows)
		}
		rows.Close()
		err = rows.Err()
	}
	if err != nil {
		say("%.100s: %s %c", sql, said(err), w.status())
		return
	}
	say("%.100s: %s %c", sql, rows.CommandTag(), w.status())
}

func (w work) columns(rows pgx.Rows) {
	for _, c := range rows.FieldDescriptions() {
		say("  %s of %d/%d, %d bytes, format %d, column %d", c.Name, knownOID(c.DataTypeOID), c.TypeModifier, c.DataTypeSize, c.Format, c.TableAttributeNumber)
	}
}

// knownOID: those of types that the program has made itself are others in each run.
func knownOID(oid uint32) uint32 { return min(oid, 16384) }

func (w work) status() byte {
	if w.conn.IsClosed() {
		return '-'
	}
	return w.conn.PgConn().TxStatus()
}
