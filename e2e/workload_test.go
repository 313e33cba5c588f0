package e2e

import (
	"testing"
	"time"

	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/internal/workload"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxServerMemory is what the server may hold while workload W goes through it.
const maxServerMemory = 600 << 20

func TestOneMillionCustomersOfWorkloadWGoThroughTheServer(t *testing.T) {
	const n = 1_000_000
	ctx := soon(t, 20*time.Minute)
	model, _, found := modelfile.Parse("model.yaml", workload.ModelYAML)
	if found.HasMistakes() {
		t.Fatal(found)
	}
	columns := workload.Gen(n)
	server := serve(t, "--data", t.TempDir())
	c := server.dial()
	all := each(n, func(i int) *echelonv1.Customer { return workload.Customer(columns, i) })

	evaluator := &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Inline{Inline: model}, AsOf: asOf}
	calibration, refused, err := c.Calibrate(ctx, evaluator, all)
	if err != nil || len(refused) > 0 {
		t.Fatal(err, refused)
	}
	evaluator.Calibration = &echelonv1.Evaluator_InlineCalibration{InlineCalibration: calibration}
	out, at := workload.NewOut(n), 0
	for outcome, err := range c.BulkAssign(ctx, &echelonv1.BulkAssignHeader{Evaluator: evaluator, OmitReasons: true}, all) {
		if err != nil {
			t.Fatal(err)
		}
		a := outcome.Assignment
		if a.GetCustomerId() != columns.ID[at] {
			t.Fatalf("customer %d is %q, want %q", at, a.GetCustomerId(), columns.ID[at])
		}
		out.Seg[at], out.Score[at] = digit(a.GetSegments()[0].GetSegment()), a.GetScores()[0].GetValue()
		out.Tier[at], out.Persona[at] = digit(a.GetTiers()[0].GetTier()), digit(a.GetTiers()[1].GetTier())
		at++
	}
	if at != n {
		t.Fatalf("%d customers came back, want %d", at, n)
	}
	if got, want := out.Sums().String(), workload.Million.String(); got != want {
		t.Errorf("the checksums are %s, want %s", got, want)
	}
	peak := server.peakMemory()
	t.Logf("checksums %s; the server's peak memory was %d MiB", out.Sums(), peak>>20)
	if peak > maxServerMemory {
		t.Errorf("the server's memory rose to %d MiB, at most %d are allowed", peak>>20, int64(maxServerMemory)>>20)
	}
}

// digit returns the number that W's segments, tiers and personas have as names; none is 0.
func digit(name string) uint8 {
	if name == "" {
		return 0
	}
	return name[0] - '0'
}
