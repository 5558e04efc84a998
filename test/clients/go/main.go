// Work of Go's drivers against whatever server libpq's variables name. What was done goes to stdout, line by line, without anything that
// two runs do not share (process ids, OIDs, times): the lines are compared between a direct connection and one through the proxy.
package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

const deadline = 150 * time.Second

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	parts := map[string]func(context.Context) error{
		"pgx":     pgxWork,
		"types":   inEachMode(types),
		"changes": inEachMode(changes),
		"faults":  inEachMode(faults),
		"spans":   inEachMode(spans),
		"many":    inEachMode(many),
		"pgconn":  pgconnWork,
		"pq":      pqWork,
		"objects": largeObjects,
	}
	if len(os.Args) != 2 || parts[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: work pgx | types | changes | faults | spans | many | pgconn | pq | objects")
		os.Exit(2)
	}
	if err := parts[os.Args[1]](ctx); err != nil {
		fmt.Printf("stopped: %v\n", said(err))
		os.Exit(1)
	}
	fmt.Println("end")
}
