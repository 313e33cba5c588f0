package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// duckRun is what a run does, in a DuckDB database in a file: what is learned from the population, the outcomes as a table of their own, and a view of
// those that are current.
type duckRun struct {
	db    *sql.DB
	round int
}

func (b *bench) newDuckRun() (*duckRun, error) {
	file, err := b.duckFile()
	if err != nil {
		return nil, err
	}
	db, err := openDuckDB(file, "SET threads = 2")
	return &duckRun{db: db}, err
}

func (d *duckRun) close() error { return d.db.Close() }

// run learns, evaluates, makes durable and publishes.
func (d *duckRun) run() error {
	d.round++
	breakpoints, err := d.breakpoints()
	if err != nil {
		return err
	}
	table := fmt.Sprintf("res_%d", d.round)
	for _, statement := range []string{
		// The best tier is cut at a share of all arr, by score and then by id: who has less than that before them is in.
		fmt.Sprintf(`CREATE TABLE %s AS
			SELECT id, seg, score, CASE WHEN before < %v * total THEN 4 WHEN score>=60 THEN 3 WHEN score>=45 THEN 2 ELSE 1 END::TINYINT AS tier, persona
			FROM (SELECT *, sum(amount) OVER (ORDER BY score DESC, id ROWS UNBOUNDED PRECEDING) - amount AS before, sum(amount) OVER () AS total
				FROM (SELECT s.*, coalesce(arr, 0.0) AS amount FROM (%s) s))`, table, paretoShare, scored(breakpoints)),
		"CREATE OR REPLACE VIEW published AS SELECT * FROM " + table,
		"CHECKPOINT",
	} {
		if _, err := d.db.ExecContext(context.Background(), statement); err != nil {
			return err
		}
	}
	return nil
}

// breakpoints are the 101 of usage: those of W, each the value at the place k(n-1)/100 of n in order. A quantile takes the value at the place
// ⌈q·n⌉-1, so that q is chosen in its middle.
func (d *duckRun) breakpoints() ([]float64, error) {
	var n int
	if err := d.db.QueryRowContext(context.Background(), "SELECT count(usage) FROM w").Scan(&n); err != nil {
		return nil, err
	}
	var quantiles []string
	for k := range 101 {
		quantiles = append(quantiles, fmt.Sprintf("%.9f", (float64(k*(n-1)/100)+0.5)/float64(n)))
	}
	var values []any
	err := d.db.QueryRowContext(context.Background(), "SELECT quantile_disc(usage, ["+strings.Join(quantiles, ", ")+"]) FROM w").Scan((*list)(&values))
	breakpoints := make([]float64, len(values))
	for i, v := range values {
		breakpoints[i] = v.(float64)
	}
	return breakpoints, err
}

// list is a list that a query gives.
type list []any

// Scan implements sql.Scanner.
func (l *list) Scan(value any) error {
	values, ok := value.([]any)
	if !ok {
		return fmt.Errorf("%T is no list", value)
	}
	*l = values
	return nil
}

// forget drops the tables of former rounds, as a server forgets old runs.
func (d *duckRun) forget() error {
	if d.round < 3 {
		return nil
	}
	_, err := d.db.ExecContext(context.Background(), fmt.Sprintf("DROP TABLE res_%d", d.round-2))
	return err
}

// counts are how many customers each tier of each tiering has, in what is published.
func (d *duckRun) counts() (map[string]int64, error) {
	rows, err := d.db.QueryContext(context.Background(),
		"SELECT 'tier ' || tier, count(*) FROM published GROUP BY tier UNION ALL SELECT 'persona ' || persona, count(*) FROM published GROUP BY persona")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := make(map[string]int64)
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		counts[name] = n
	}
	return counts, rows.Err()
}
