package engine_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/workload"
)

// Batches of several programs and sizes are evaluated in one memory, one after another, each as in memory of its own.
func TestABatchDoesNotDependOnWhatWasEvaluatedInItsMemoryBefore(t *testing.T) {
	columns := workload.Gen(600)
	w, learns := compile(t, workloadModel), compile(t, learning)
	sizes := []int{600, 70, 1}
	batches := make(map[int][]*frame.Frame, len(sizes))
	for _, rows := range sizes {
		batches[rows] = workloadFrames(columns, w.Schema(), rows)
	}
	scorer := bind(t, w, batches[600]...)
	var workspace engine.Workspace
	compare := func(t *rapid.T, scorer *engine.Scorer, f *frame.Frame) {
		options := engine.Options{AsOf: asOf, Reasons: rapid.Bool().Draw(t, "reasons"), Explain: rapid.Bool().Draw(t, "explain"), Amounts: true}
		options.Path = options.Explain && f.Len() < 3
		want := scorer.Evaluate(f, options)
		options.Workspace = &workspace
		got := scorer.Evaluate(f, options)
		for i := range f.Len() {
			if bytesOf(tb(t), got.Assignment(i)) != bytesOf(tb(t), want.Assignment(i)) {
				t.Fatalf("%s of %d is %v, and by itself %v", f.IDs[i], f.Len(), got.Assignment(i), want.Assignment(i))
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		people := persons(randomPopulation(t, 20))
		learned := bindTo(tb(t), learns, calibrate(tb(t), learns, frameOf(tb(t), learns, people...)))
		for range 4 {
			if rapid.Bool().Draw(t, "learned") {
				for _, f := range framesOf(tb(t), learns, rapid.IntRange(1, 9).Draw(t, "rows"), people...) {
					compare(t, learned, f)
				}
				continue
			}
			of := batches[rapid.SampledFrom(sizes).Draw(t, "size")]
			compare(t, scorer, of[rapid.IntRange(0, len(of)-1).Draw(t, "batch")])
		}
	})
}
