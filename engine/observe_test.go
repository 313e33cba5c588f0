package engine_test

import (
	"slices"
	"testing"

	"github.com/echelonhq/echelon/engine"
)

func TestAnObserverHearsOfEachBatchAndChangesNothing(t *testing.T) {
	program := compile(t, learning)
	people := xs(1, 2, 3, 4, 5)
	f := frameOf(t, program, people...)
	scorer := bind(t, program, f)
	var heard []string
	observed := scorer.Evaluate(f, engine.Options{Reasons: true, Observe: func(rows int) func() {
		if rows != f.Len() {
			t.Errorf("it hears of %d rows, and there are %d", rows, f.Len())
		}
		heard = append(heard, "begins")
		return func() { heard = append(heard, "ended") }
	}})
	if !slices.Equal(heard, []string{"begins", "ended"}) {
		t.Errorf("it heard %q", heard)
	}
	alone := scorer.Evaluate(f, engine.Options{Reasons: true})
	for row := range f.Len() {
		if bytesOf(t, observed.Assignment(row)) != bytesOf(t, alone.Assignment(row)) {
			t.Errorf("the assignment of row %d differs", row)
		}
	}
}
