package engine_test

import (
	"math"
	"testing"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/workload"
)

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
	// SAME-6
	const n = 50_000
	columns := workload.Gen(n)
	program := compile(t, workloadModel)
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
