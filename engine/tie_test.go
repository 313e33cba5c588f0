package engine_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// late is a ladder whose top tier is the one customer of those with equal scores whose instant is the latest.
var late = ladder("{name: top, cut: {top_count: 1}}, {name: rest}", ", tie_breakers: [{expr: t}]")

// In the year 2300 a double has no room for microseconds.
func TestAnInstantBreaksTiesToTheMicrosecondInEveryYear(t *testing.T) {
	// LADDER-5, LINE-1, LINE-2
	people := []person{
		{"a", attrs{"x": 1, "t": "2300-01-01T00:00:00.000001Z"}},
		{"b", attrs{"x": 1, "t": "2300-01-01T00:00:00.000002Z"}},
		{"c", attrs{"x": 1, "t": "9999-12-31T23:59:59.999997Z"}},
		{"d", attrs{"x": 1, "t": "9999-12-31T23:59:59.999998Z"}},
	}
	for _, best := range []int{1, 3} {
		among := people[:best+1]
		program := compile(t, late)
		calibration := calibrate(t, program, frameOf(t, program, among...))
		data, err := proto.Marshal(calibration)
		if err != nil {
			t.Fatal(err)
		}
		stored := &echelonv1.Calibration{}
		if err := proto.Unmarshal(data, stored); err != nil {
			t.Fatal(err)
		}
		scorer := bindTo(t, program, stored)
		for i, one := range among {
			f := frameOf(t, program, one)
			got := name(scorer.Evaluate(f, engine.Options{AsOf: asOf}).Tiers[0], 0)
			want := "rest"
			if i == best {
				want = "top"
			}
			if got != want {
				t.Errorf("among %d, %s gets %q, want %q", len(among), one.id, got, want)
			}
		}
	}
}

// Calibrations that were stored before instants had a field of their own hold them as doubles.
func TestALineOfAnOlderCalibrationHolds(t *testing.T) {
	// LINE-2
	program := compile(t, late)
	f := frameOf(t, program, person{"a", attrs{"x": 1, "t": "2026-01-31T00:00:00Z"}}, person{"b", attrs{"x": 1, "t": "2026-01-30T00:00:00Z"}})
	older := calibrate(t, program, f)
	key := older.GetTierings()[0].GetTiers()[0].GetTopCount().GetKey()
	whole := key.GetTies()[0].GetInteger()
	if whole == 0 {
		t.Fatalf("the line is %v", key)
	}
	key.Ties[0] = &echelonv1.TieValue{Value: &echelonv1.TieValue_Number{Number: float64(whole)}}
	result := bindTo(t, program, older).Evaluate(f, engine.Options{AsOf: asOf})
	if a, b := name(result.Tiers[0], 0), name(result.Tiers[0], 1); a != "top" || b != "rest" {
		t.Errorf("a gets %q and b %q", a, b)
	}
}

func TestWhatAnOlderProgramStoredMeansWhatItMeant(t *testing.T) {
	// MATRIX-8
	model := clone(compile(t, box("{percentile: {p: 0}}", "{min_score: 50}", "{x: 0, y: 0, name: A}, {x: 1, y: 1, name: B}")).Model())
	m := model.GetTierings()[0].GetMatrix()
	m.GetX().GetCuts()[0].GetPercentile().P, m.GetCells()[0].X, m.GetCells()[0].Y = nil, nil, nil
	program, found := engine.CompileStored(model)
	if program == nil || found.HasMistakes() {
		t.Fatalf("it does not compile: %v", found)
	}
	if _, found := engine.Compile(model); !has(found, "tierings[0].matrix.cells[0].x", "not 0") || !has(found, "tierings[0].matrix.x.cuts[0].percentile.p", "not 0") {
		t.Errorf("today it is found %v", found)
	}
	f := frameOf(t, program, xy("a", 10, 10), xy("b", 20, 90))
	result := bind(t, program, f).Evaluate(f, engine.Options{AsOf: asOf})
	if a, b := name(result.Tiers[0], 0), name(result.Tiers[0], 1); a != null || b != "B" {
		t.Errorf("a gets %q and b %q", a, b)
	}
}
