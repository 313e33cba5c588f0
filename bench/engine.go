package main

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

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
	// Those that take a tenth of a second run more often than the others: two cores are rarely as fast as each other for that long.
	hand, hands, one, two := w.hand(1), w.hand(2), w.engine(1), w.engine(2)
	s, err := race(b.choose(11, 25), hand, hands, one, two)
	if err != nil {
		return nil, err
	}
	sql, cel := duck.score(w.cols.BP[:]), rows.score(b.choose(20_000, 100_000))
	slow, err := race(b.choose(3, 9), one, sql, cel)
	if err != nil {
		return nil, err
	}
	if err := duck.check(); err != nil {
		return nil, err
	}
	s.print(hand, hands, one, two)
	slow.print(sql, cel)
	fmt.Printf("  %-46s %10.3g times one core\n", hands.name, s.ratio(hands.name, hand.name))
	return []figure{
		{"engine_vs_hand", s.ratio(one.name, hand.name), ">=", 1.0},
		{"engine_vs_duckdb", slow.ratio(one.name, sql.name), ">=", 6},
		{"engine_vs_celgo", slow.ratio(one.name, cel.name), ">=", 30},
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
	w := &inMemory{cols: b.customers(), frame: m.frame, want: b.wanted().Sums()}
	w.scorer, err = m.program.Bind(m.calibration)
	return w, err
}

// evaluate evaluates the rows of a part of the customers, and writes down what came out as Fused does.
func (w *inMemory) evaluate(options engine.Options, out *workload.Out, from, to int) {
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

// piece is how many rows a core takes at a time.
const piece = 16 * batch

// inPieces lets so many cores go through rows, each taking the next piece when it is done with one, as the workers of a run take batches: of halves,
// all would wait for the core that something else was done on.
func inPieces(cores, rows int, worker func(core int) (work func(from, to int))) {
	var done sync.WaitGroup
	var taken atomic.Int64
	for core := range cores {
		done.Go(func() {
			work := worker(core)
			for {
				end := int(taken.Add(piece))
				if end-piece >= rows {
					return
				}
				work(end-piece, min(end, rows))
			}
		})
	}
	done.Wait()
}

// hand is the loop written by hand on so many cores: how far two get is what the machine allows.
func (w *inMemory) hand(cores int) contestant {
	out := workload.NewOut(w.cols.N)
	return contestant{name: fmt.Sprintf("written by hand, %d core", cores), rows: w.cols.N, tidy: true, run: func() error {
		inPieces(cores, w.cols.N, func(int) func(from, to int) {
			return func(from, to int) { workload.Fused(w.cols, out, from, to) }
		})
		return nil
	}}
}

// engine is the engine on so many cores.
func (w *inMemory) engine(cores int) contestant {
	out := workload.NewOut(w.cols.N)
	name := fmt.Sprintf("Echelon, %d core", cores)
	spaces := make([]engine.Workspace, cores) // used again, as those of a stream are
	return contestant{name: name, rows: w.cols.N, tidy: true,
		run: func() error {
			inPieces(cores, w.cols.N, func(core int) func(from, to int) {
				options := engine.Options{Workspace: &spaces[core]}
				return func(from, to int) { w.evaluate(options, out, from, to) }
			})
			return nil
		},
		after: func() error {
			defer clear(out.Score)
			return agree(name, out.Sums(), w.want)
		}}
}
