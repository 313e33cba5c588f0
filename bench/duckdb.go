package main

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // registers the driver

	"github.com/echelonhq/echelon/internal/workload"
)

// workloadSQL is W's model as one query over the table w, in the fastest form that was found; {rank} is usage's percentile rank.
//
//go:embed duckdb_w.sql
var workloadSQL string

// duckDB is W in a DuckDB database.
type duckDB struct {
	db   *sql.DB
	rows int
	want workload.Sums
}

// duckFile returns a DuckDB database in a file with the customers of W, which are loaded once. Numbers become doubles, and the texts that the model reads
// become enumerations, with which the query was faster than with what the CSV makes of itself.
func (b *bench) duckFile() (_ string, err error) {
	path := filepath.Join(b.folder, "w.duckdb")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	file := filepath.Join(b.folder, "w.csv")
	if err := b.customers().CSV(file); err != nil {
		return "", err
	}
	db, err := openDuckDB(path,
		"CREATE TEMP TABLE raw AS SELECT * FROM read_csv("+quoted(file)+", header = true)",
		"CREATE TYPE industry AS ENUM (SELECT DISTINCT industry FROM raw ORDER BY 1)",
		"CREATE TYPE country AS ENUM (SELECT DISTINCT country FROM raw ORDER BY 1)",
		"CREATE TYPE plan AS ENUM (SELECT DISTINCT plan FROM raw ORDER BY 1)",
		"CREATE TABLE w AS SELECT * REPLACE ("+doubles(workload.FNames...)+", "+doubles(workload.INames...)+
			", industry::industry AS industry, country::country AS country, plan::plan AS plan) FROM raw",
		"DROP TABLE raw",
		"CHECKPOINT",
	)
	if err != nil {
		return "", err
	}
	return path, db.Close()
}

// openDuckDB opens a database, in memory where path is empty, and executes statements.
func openDuckDB(path string, statements ...string) (*sql.DB, error) {
	db, err := sql.Open("duckdb", path)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// quoted is a text in SQL.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// doubles are columns as doubles.
func doubles(names ...string) string {
	var list []string
	for _, name := range names {
		list = append(list, name+"::DOUBLE AS "+name)
	}
	return strings.Join(list, ", ")
}

// newDuckDB is W in memory.
func (b *bench) newDuckDB(threads int) (*duckDB, error) {
	file, err := b.duckFile()
	if err != nil {
		return nil, err
	}
	db, err := openDuckDB("", "ATTACH "+quoted(file)+" AS loaded (READ_ONLY)", "CREATE TABLE w AS SELECT * FROM loaded.w", "DETACH loaded",
		fmt.Sprintf("SET threads = %d", threads))
	if err != nil {
		return nil, err
	}
	return &duckDB{db: db, rows: b.customers().N, want: b.wanted().Sums()}, nil
}

func (d *duckDB) close() error { return d.db.Close() }

// score scores all customers into a table.
func (d *duckDB) score(breakpoints []float64) contestant {
	query := "CREATE OR REPLACE TABLE res AS SELECT id, seg, score, CASE WHEN score>=75e0 THEN 4 WHEN score>=60e0 THEN 3 WHEN score>=45e0 THEN 2 ELSE 1 END::TINYINT AS tier, persona FROM (" +
		scored(breakpoints) + ")"
	return contestant{name: "DuckDB, 1 thread", rows: d.rows, run: func() error {
		_, err := d.db.ExecContext(context.Background(), query)
		return err
	}}
}

// scored is the query of everybody's segment, score and persona.
func scored(breakpoints []float64) string {
	return strings.ReplaceAll(workloadSQL, "{rank}", rankSQL(breakpoints, 0, len(breakpoints)))
}

// rankSQL is the percentile rank of usage as nested cases: the fastest of what was tried, before an ASOF join and a sum of comparisons. So many
// breakpoints, before the first in question, are known to be at most usage, and those from the end on to be above it.
func rankSQL(breakpoints []float64, first, end int) string {
	if first == end {
		return strconv.Itoa(max(0, first-1))
	}
	middle := (first + end) / 2
	return fmt.Sprintf("CASE WHEN usage>=%s THEN %s ELSE %s END", strconv.FormatFloat(breakpoints[middle], 'e', -1, 64),
		rankSQL(breakpoints, middle+1, end), rankSQL(breakpoints, first, middle))
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
