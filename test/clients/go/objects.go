package main

import (
	"context"
	"io"

	"github.com/jackc/pgx/v5"
)

// largeObjects: pgx calls their functions with SELECT.
func largeObjects(ctx context.Context) error {
	conn, err := connect(ctx, pgx.QueryExecModeCacheStatement)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	objects := tx.LargeObjects()
	oid, err := objects.Create(ctx, 0)
	if err != nil {
		return err
	}
	object, err := objects.Open(ctx, oid, pgx.LargeObjectModeRead|pgx.LargeObjectModeWrite)
	if err != nil {
		return err
	}
	written, err := object.Write(make([]byte, 100_000))
	say("written: %d %v", written, err)
	at, err := object.Seek(-10, io.SeekEnd)
	say("at %d %v", at, err)
	rest, err := io.ReadAll(object)
	say("read: %d %v", len(rest), err)
	say("cut: %v", object.Truncate(5))
	at, err = object.Seek(0, io.SeekEnd)
	say("now %d %v", at, err)
	say("closed: %v", object.Close())
	say("gone: %v", objects.Unlink(ctx, oid))
	_, err = objects.Open(ctx, 1, pgx.LargeObjectModeRead)
	say("one that is not there: %v", err != nil)
	return tx.Rollback(ctx)
}
