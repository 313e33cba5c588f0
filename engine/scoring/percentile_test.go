package scoring_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/scoring"
)

func TestBreakpointsAreTakenFromTheSortedValues(t *testing.T) {
	// PCT-1
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64(), 1, 400).Draw(t, "values")
		sorted := slices.Sorted(slices.Values(values))
		got := scoring.Breakpoints(values)
		if len(got) != 101 {
			t.Fatalf("there are %d breakpoints", len(got))
		}
		for k, u := range got {
			if want := sorted[k*(len(sorted)-1)/100]; u != want {
				t.Fatalf("breakpoint %d is %v, want %v", k, u, want)
			}
		}
	})
}

func TestOfNoValuesThereAreNoBreakpoints(t *testing.T) {
	// PCT-8
	if got := scoring.Breakpoints(nil); got != nil {
		t.Errorf("the breakpoints are %v", got)
	}
}
