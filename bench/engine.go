package main

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/workload"
)

// batch is how many rows the engine evaluates at a time.
const batch = 1024

// engineFigures measures W in memory: the engine against code written by hand for W alone, DuckDB, and cel-go row by row.
func engineFigures(b *bench) (_ []figure, err error) {
	w, err := b.newInMemory()
	if err != nil {
		return nil, err
	}
	duck, err := b.newDuckDB(1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, duck.close()) }()
	rows, err := newCELRows(w.cols)
	if err != nil {
		return nil, err
	}
	hand, one, two := w.hand(), w.engine(1), w.engine(2)
	sql, cel := duck.score(w.cols.BP[:]), rows.score(b.choose(20_000, 100_000))
	s, err := race(b.choose(3, 9), hand, one, two, sql, cel)
	if err != nil {
		return nil, err
	}
	if err := duck.check(); err != nil {
		return nil, err
	}
	s.print(hand, one, two, sql, cel)
	return []figure{
		{"engine_vs_hand", s.ratio(one.name, hand.name), ">=", 1.0},
		{"engine_vs_duckdb", s.ratio(one.name, sql.name), ">=", 6},
		{"engine_vs_celgo", s.ratio(one.name, cel.name), ">=", 30},
		{"engine_scaling", s.ratio(two.name, one.name), ">=", 1.85},
	}, nil
}

// inMemory is W in memory: the customers in columns, and W's model bound to what it learned from them.
type inMemory struct {
	cols   *workload.Cols
	frame  *frame.Frame
	scorer *engine.Scorer
	want   workload.Sums
}

func (b *bench) newInMemory() (*inMemory, error) {
	m, err := b.model()
	if err != nil {
		return nil, err
	}
	w := &inMemory{cols: b.customers(), frame: m.frame, want: fused(b.customers(), b.customers().N).Sums()}
	w.scorer, err = m.program.Bind(m.calibration)
	return w, err
}

// evaluate evaluates the rows of a part of the customers, and writes down what came out as Fused does.
func (w *inMemory) evaluate(out *workload.Out, from, to int) {
	options := engine.Options{Workspace: new(engine.Workspace)}
	for ; from < to; from += batch {
		end := min(from+batch, to)
		r := w.scorer.Evaluate(w.frame.Slice(from, end), options)
		copy(out.Score[from:end], r.Scores[0].Numbers)
		numbers(out.Seg[from:end], r.Segments[0])
		numbers(out.Tier[from:end], r.Tiers[0])
		numbers(out.Persona[from:end], r.Tiers[1])
	}
}

// numbers writes down which number each row's segment or tier is: those of these models are numbers. Rows without one get 0.
func numbers(to []uint8, column *frame.Column) {
	var table [16]uint8
	for code, name := range column.Dict {
		table[code] = digit(name)
	}
	for row, code := range column.Codes {
		to[row] = table[code&15] * uint8(column.Valid[row>>6]>>(uint(row)&63)&1)
	}
}

// agree compares checksums: integers exactly, scores to the sixth digit behind what their sum can hold.
func agree(name string, got, want workload.Sums) error {
	if got.Seg != want.Seg || got.Tier != want.Tier || got.Persona != want.Persona || !(math.Abs(got.Score-want.Score) <= 1e-9*want.Score) {
		return fmt.Errorf("%s gives %s, and %s is wanted", name, got, want)
	}
	return nil
}

func (w *inMemory) hand() contestant {
	out := workload.NewOut(w.cols.N)
	return contestant{name: "written by hand, 1 core", rows: w.cols.N, run: func() error {
		workload.Fused(w.cols, out, 0, w.cols.N)
		return nil
	}}
}

// engine is the engine on so many cores.
func (w *inMemory) engine(cores int) contestant {
	out := workload.NewOut(w.cols.N)
	name := fmt.Sprintf("Echelon, %d core", cores)
	return contestant{name: name, rows: w.cols.N,
		run: func() error {
			var done sync.WaitGroup
			part := (w.cols.N/cores + batch - 1) / batch * batch
			for from := 0; from < w.cols.N; from += part {
				done.Go(func() { w.evaluate(out, from, min(from+part, w.cols.N)) })
			}
			done.Wait()
			return nil
		},
		after: func() error {
			defer clear(out.Score)
			return agree(name, out.Sums(), w.want)
		}}
}
