package main

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // registers the driver

	"github.com/echelonhq/echelon/internal/workload"
)

// workloadSQL is W's model as one query, in the fastest form that was found.
//
//go:embed duckdb_w.sql
var workloadSQL string

// duckDB is W in a DuckDB database in memory.
type duckDB struct {
	db   *sql.DB
	rows int
	want workload.Sums
}

// newDuckDB loads the customers of W into a database that works with so many threads.
func newDuckDB(c *workload.Cols, threads int) (_ *duckDB, err error) {
	folder, err := os.MkdirTemp("", "echelon-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	file := filepath.Join(folder, "w.csv")
	if err := c.CSV(file); err != nil {
		return nil, err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	d := &duckDB{db: db, rows: c.N}
	out := workload.NewOut(c.N)
	workload.Fused(c, out, 0, c.N)
	d.want = out.Sums()
	for _, statement := range []string{
		fmt.Sprintf("SET threads = %d", threads),
		"CREATE TABLE w AS SELECT * FROM read_csv('" + strings.ReplaceAll(file, "'", "''") + "', header = true)",
	} {
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return d, nil
}

func (d *duckDB) close() error { return d.db.Close() }

// score scores all customers into a table.
func (d *duckDB) score() contestant {
	return contestant{"DuckDB, 1 thread", d.rows, func() error {
		_, err := d.db.ExecContext(context.Background(), workloadSQL)
		return err
	}}
}

// check compares the checksums of the table.
func (d *duckDB) check() error {
	var got workload.Sums
	row := d.db.QueryRowContext(context.Background(), "SELECT sum(seg)::BIGINT, sum(tier)::BIGINT, sum(persona)::BIGINT, sum(score) FROM res")
	if err := row.Scan(&got.Seg, &got.Tier, &got.Persona, &got.Score); err != nil {
		return err
	}
	return agree("DuckDB", got, d.want)
}
