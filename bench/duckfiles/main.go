//go:build duckdb_arrow

// Command duckfiles writes the files in internal/tabular/testdata/duckdb as DuckDB writes them: a table with many types as Parquet, and as record
// batches of Arrow. Run it in bench/:
//
//	go run -tags duckdb_arrow ./duckfiles ../internal/tabular/testdata/duckdb
package main

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	_ "embed"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/duckdb/duckdb-go/v2"
)

// tables makes the table that is written.
//
//go:embed tables.sql
var tables string

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: duckfiles FOLDER")
	}
	if err := write(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func write(ctx context.Context, folder string) (err error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, tables); err != nil {
		return err
	}
	path := strings.ReplaceAll(filepath.Join(folder, "customers.parquet"), "'", "''")
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("COPY customers TO '%s' (FORMAT parquet, ROW_GROUP_SIZE 2048)", path)); err != nil {
		return err
	}
	return conn.Raw(func(raw any) error { return arrows(ctx, raw.(driver.Conn), filepath.Join(folder, "customers.arrows")) })
}

// arrows writes the record batches that DuckDB gives as an IPC stream.
func arrows(ctx context.Context, conn driver.Conn, path string) error {
	from, err := duckdb.NewArrowFromConn(conn)
	if err != nil {
		return err
	}
	batches, err := from.QueryContext(ctx, "SELECT * FROM customers ORDER BY id")
	if err != nil {
		return err
	}
	defer batches.Release()
	var out bytes.Buffer
	to := ipc.NewWriter(&out, ipc.WithSchema(batches.Schema()))
	for batches.Next() {
		if err := to.Write(batches.RecordBatch()); err != nil {
			return err
		}
	}
	if err := errors.Join(batches.Err(), to.Close()); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o600)
}
