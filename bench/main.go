// Command bench measures Echelon beside other ways of doing the same work, in one run: interleaved, several rounds, medians. It prints a table and then
// a line for each figure, `ratio <name> <value> >= <target>`. It fails where results differ, and not where a figure is missed: machines differ.
package main

import (
	"flag"
	"fmt"
	"os"
)

// figure is a ratio that was measured, and what it should be.
type figure struct {
	name     string
	value    float64
	relation string
	target   float64
}

func (f figure) String() string {
	return fmt.Sprintf("ratio %s %.3g %s %v", f.name, f.value, f.relation, f.target)
}

func main() {
	quick := flag.Bool("quick", false, "fewer rows and rounds, and without the ten million")
	flag.Parse()
	size := full
	if *quick {
		size = short
	}
	figures, err := run(size)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	fmt.Println()
	for _, f := range figures {
		fmt.Println(f)
	}
}

// size is how much is measured.
type size struct{ rows, celRows, rounds int }

var (
	full  = size{rows: 1_000_000, celRows: 50_000, rounds: 7}
	short = size{rows: 1_000_000, celRows: 20_000, rounds: 3}
)

func run(s size) ([]figure, error) {
	w, err := newInMemory(s.rows)
	if err != nil {
		return nil, err
	}
	duck, err := newDuckDB(w.cols, 1)
	if err != nil {
		return nil, err
	}
	defer duck.close()
	rows, err := newCELRows(w.cols)
	if err != nil {
		return nil, err
	}
	one, two, hand, sql, cel := w.engine(1), w.engine(2), w.hand(), duck.score(), rows.score(s.celRows)
	speed, err := race(s.rounds, hand, one, two, sql, cel)
	if err != nil {
		return nil, err
	}
	if err := duck.check(); err != nil {
		return nil, err
	}
	for _, c := range []contestant{hand, one, two, sql, cel} {
		fmt.Printf("%-22s %7.2f million customers/s\n", c.name, speed[c.name]/1e6)
	}
	return []figure{
		{"engine_vs_hand", speed[one.name] / speed[hand.name], ">=", 1.0},
		{"engine_vs_duckdb", speed[one.name] / speed[sql.name], ">=", 6},
		{"engine_vs_celgo", speed[one.name] / speed[cel.name], ">=", 30},
		{"engine_scaling", speed[two.name] / speed[one.name], ">=", 1.85},
	}, nil
}
