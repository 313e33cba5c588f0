package engine_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/workload"
)

// asOf is the instant of all evaluations of these tests.
var asOf = time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)

// compile compiles a model file that must have no mistakes.
func compile(t testing.TB, text string) *engine.Program {
	t.Helper()
	model, source, found := modelfile.Parse("model.yaml", []byte(text))
	if found.HasMistakes() {
		t.Fatalf("the model does not parse:\n%v", found)
	}
	program, found := engine.Compile(model)
	if found.HasMistakes() {
		t.Fatalf("the model does not compile:\n%v", source.Locate(found))
	}
	return program
}

// bind calibrates a program on frames and binds the result.
func bind(t testing.TB, program *engine.Program, frames ...*frame.Frame) *engine.Scorer {
	t.Helper()
	calibration, err := program.Calibrate(context.Background(), population(frames...), asOf)
	if err != nil {
		t.Fatal(err)
	}
	scorer, err := program.Bind(calibration)
	if err != nil {
		t.Fatal(err)
	}
	return scorer
}

func population(frames ...*frame.Frame) engine.Population {
	return func(yield func(*frame.Frame, error) bool) {
		for _, f := range frames {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// workloadFrames returns the customers of workload W in batches.
func workloadFrames(c *workload.Cols, schema *frame.Schema, rows int) []*frame.Frame {
	var frames []*frame.Frame
	b := frame.NewBuilder(schema)
	at := func(name string) int { i, _ := schema.Index(name); return i }
	for i := range c.N {
		b.Start(c.ID[i])
		for k, name := range workload.FNames {
			if x := c.F[k][i]; !math.IsNaN(x) {
				b.SetNumber(at(name), x)
			}
		}
		for k, name := range workload.INames {
			if x := c.I[k][i]; x != workload.NullI {
				b.SetNumber(at(name), float64(x))
			}
		}
		for k, name := range workload.SNames {
			b.SetString(at(name), c.Str[k][i])
		}
		b.SetBool(at("is_partner"), c.B[i])
		if fault := b.Commit(); fault != nil {
			panic(fault.GetMessage())
		}
		if b.Len() == rows || i == c.N-1 {
			frames = append(frames, b.Take())
		}
	}
	return frames
}

func TestWorkloadHasTheChecksumsOfTheLoopWrittenByHand(t *testing.T) {
	const n = 50_000
	columns := workload.Gen(n)
	program := compile(t, string(workload.ModelYAML))
	frames := workloadFrames(columns, program.Schema(), 1000)
	scorer := bind(t, program, frames...)

	want := workload.NewOut(n)
	workload.Fused(columns, want, 0, n)
	at := 0
	for _, f := range frames {
		result := scorer.Evaluate(f, engine.Options{AsOf: asOf})
		for i := range f.Len() {
			seg, tier, persona := digit(result.Segments[0], i), digit(result.Tiers[0], i), digit(result.Tiers[1], i)
			if seg != int(want.Seg[at]) || tier != int(want.Tier[at]) || persona != int(want.Persona[at]) {
				t.Fatalf("customer %s: segment %d tier %d persona %d, want %d %d %d", f.IDs[i], seg, tier, persona, want.Seg[at], want.Tier[at], want.Persona[at])
			}
			if got := result.Scores[0].Numbers[i]; math.Abs(got-want.Score[at]) > 1e-9 {
				t.Fatalf("customer %s: score %v, want %v", f.IDs[i], got, want.Score[at])
			}
			at++
		}
	}
	if at != n {
		t.Fatalf("%d customers were evaluated, want %d", at, n)
	}
}

func digit(column *frame.Column, i int) int {
	if !column.Valid.Get(i) {
		return 0
	}
	return int(column.String(i)[0] - '0')
}
