package main

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"
)

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// said is what an error tells an application: everything that the server has put into it.
func said(err error) string {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return faultOf(server)
	}
	var old *pq.Error
	if errors.As(err, &old) {
		return fmt.Sprintf("%s %s %q detail=%q hint=%q at=%s", old.Severity, old.Code, old.Message, old.Detail, old.Hint, old.Position)
	}
	return err.Error()
}

// faultOf is every field of an error or a notice that two servers made alike have in common. Where a text does not parse, or names no
// statement, the proxy answers itself, and leaves out the source line.
func faultOf(f *pgconn.PgError) string {
	return fmt.Sprintf("%s %s %s %q detail=%q hint=%q at=%d in=%q at=%d where=%q of=%q.%q.%q type=%q constraint=%q from=%s",
		f.Severity, f.SeverityUnlocalized, f.Code, f.Message, f.Detail, f.Hint, f.Position, f.InternalQuery, f.InternalPosition, f.Where,
		f.SchemaName, f.TableName, f.ColumnName, f.DataTypeName, f.ConstraintName, f.Routine)
}

// fails says how something failed that has to.
func fails(what string, err error) {
	if err == nil {
		say("%s: did NOT fail", what)
		return
	}
	say("%s: %s", what, said(err))
}

// table prints a result: its columns with their types, and all rows.
func table(what string, rows pgx.Rows, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	for _, column := range rows.FieldDescriptions() {
		say("%s: column %s of type %d/%d", what, column.Name, column.DataTypeOID, column.TypeModifier)
	}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		say("%s: %v", what, values)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	say("%s: %s", what, rows.CommandTag())
	return nil
}
