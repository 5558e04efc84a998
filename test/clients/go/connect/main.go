// Connects as most programs do, asks for one row in a transaction, and leaves. The driver is the only argument.
package main

import (
	"context"
	"database/sql"
	"errors"
	"log"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/lib/pq"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

const ask = "select 'it works'"

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	defer cancel()
	if err := map[string]func(context.Context) error{"pgx": withPgx, "pq": withPq, "gorm": withGorm}[os.Args[1]](ctx); err != nil {
		log.Fatal(err)
	}
}

func withPgx(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var said string
		return tx.QueryRow(ctx, ask).Scan(&said)
	}); err != nil {
		return err
	}
	_, err = conn.LoadType(ctx, "order_status")
	return err
}

func withPq(ctx context.Context) error {
	db, err := sql.Open("postgres", "")
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	var said string
	if err := tx.QueryRowContext(ctx, ask).Scan(&said); err != nil {
		return err
	}
	return tx.Commit()
}

func withGorm(context.Context) error {
	db, err := gorm.Open(postgres.Open(""))
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := db.Transaction(func(tx *gorm.DB) error {
		var said string
		return tx.Raw(ask).Scan(&said).Error
	}); err != nil {
		return err
	}
	if _, err := db.Migrator().GetTables(); err != nil {
		return err
	}
	if !db.Migrator().HasTable("customers") {
		return errors.New("no such table")
	}
	_, err = db.Migrator().ColumnTypes("customers")
	return err
}
