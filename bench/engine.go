package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/workload"
)

// batch is how many rows the engine evaluates at a time.
const batch = 1024

// inMemory is W in memory: the customers in columns, and W's model compiled and calibrated on them.
type inMemory struct {
	cols   *workload.Cols
	frame  *frame.Frame
	scorer *engine.Scorer
}

func newInMemory(rows int) (*inMemory, error) {
	model, _, found := modelfile.Parse("model.yaml", workload.ModelYAML)
	if err := found.Err(); err != nil {
		return nil, err
	}
	program, found := engine.Compile(model)
	if err := found.Err(); err != nil {
		return nil, err
	}
	w := &inMemory{cols: workload.Gen(rows)}
	w.frame = frameOf(w.cols, program.Schema())
	calibration, err := program.Calibrate(context.Background(), func(yield func(*frame.Frame, error) bool) { yield(w.frame, nil) }, time.Time{})
	if err != nil {
		return nil, err
	}
	w.scorer, err = program.Bind(calibration)
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

// numbers writes down which number each row's segment or tier is: those of W's model are numbers. Rows without one get 0.
func numbers(to []uint8, column *frame.Column) {
	var table [16]uint8
	for code, name := range column.Dict {
		table[code] = name[0] - '0'
	}
	for row, code := range column.Codes {
		to[row] = table[code&15] * uint8(column.Valid[row>>6]>>(uint(row)&63)&1)
	}
}

// agree compares checksums: integers exactly, scores to the sixth digit behind what their sum can hold.
func agree(name string, got, want workload.Sums) error {
	if got.Seg != want.Seg || got.Tier != want.Tier || got.Persona != want.Persona || math.Abs(got.Score-want.Score) > 1e-9*want.Score {
		return fmt.Errorf("%s gives %s, and Fused %s", name, got, want)
	}
	return nil
}

func (w *inMemory) hand() contestant {
	out := workload.NewOut(w.cols.N)
	return contestant{"written by hand", w.cols.N, func() error { workload.Fused(w.cols, out, 0, w.cols.N); return nil }}
}

// engine is the engine on so many cores.
func (w *inMemory) engine(cores int) contestant {
	out := workload.NewOut(w.cols.N)
	want := workload.NewOut(w.cols.N)
	workload.Fused(w.cols, want, 0, w.cols.N)
	name := fmt.Sprintf("Echelon, %d core", cores)
	return contestant{name, w.cols.N, func() error {
		var done sync.WaitGroup
		part := (w.cols.N/cores + batch - 1) / batch * batch
		for from := 0; from < w.cols.N; from += part {
			done.Go(func() { w.evaluate(out, from, min(from+part, w.cols.N)) })
		}
		done.Wait()
		return agree(name, out.Sums(), want.Sums())
	}}
}
