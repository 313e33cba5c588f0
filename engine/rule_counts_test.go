package engine_test

import (
	"strings"
	"testing"

	"github.com/echelonhq/echelon/engine/diag"
)

func TestCustomersShowWhichRulesTheyMeet(t *testing.T) {
	// LINT-16
	program := compile(t, attributes+scoreXY+`
segmentations:
  - name: first
    segments: [{name: A, when: "x / 1 >= 10"}, {name: B, when: "x * 1 >= 20"}, {name: C, when: "x + 0 > 90"}, {name: D, when: "y / 1 > 0"}]
  - name: apart
    hit_policy: UNIQUE
    segments: [{name: P, when: "x / 1 >= 20"}, {name: Q, when: "y / 1 > 0"}, {name: R, when: "x + y > 20"}]
tierings:
  - name: l
    linear: {score: v, tiers: [{name: a, cut: {when: "x + 0 > 90"}}, {name: b, cut: {top_count: 1}}, {name: c}]}
  - name: p
    matrix: {x: {score: v, cuts: [{median: {}, when: "x / 1 > 70"}]}, y: {score: w, cuts: [{median: {}}]}, cells: [{name: Z, x: 0, y: 0}]}
`)
	people := []person{{"a", attrs{"x": 5.0}}, {"b", attrs{"x": 25.0, "y": 1.0}}, {"c", attrs{"y": 2.0}}, {"d", attrs{"x": 30.0, "y": 3.0}}}
	frames := framesOf(t, program, 3, people...)
	counts := bind(t, program, frames...).CountRules()
	if found := counts.Findings("nowhere", nil); len(found) > 0 {
		t.Errorf("nobody shows %v", found)
	}
	counts.Add(frames[0], []int{2, 3, 5}, asOf)
	counts.Add(frames[1], []int{6}, asOf)
	want := []string{
		"segmentations[0].segments[1].when: earlier rules take all customers in x.csv who meet the condition, 2 of 4",
		"segmentations[0].segments[2].when: of 4 customers in x.csv none meets the condition",
		`segmentations[1].segments[1].when: "P" and "Q" both match 2 customers in x.csv, the first is "b" in line 3`,
		`segmentations[1].segments[2].when: "P" and "R" both match 2 customers in x.csv, the first is "b" in line 3`,
		"tierings[0].linear.tiers[0].cut.when: of 4 customers in x.csv none meets the condition",
		"tierings[1].matrix.x.cuts[0].when: of 4 customers in x.csv none meets the condition",
	}
	if got := saidBy(counts.Findings("x.csv", nil)); got != strings.Join(want, "\n") {
		t.Errorf("they show\n%s", got)
	}
	before := diag.List{{Path: "segmentations[0].segments[1].when"}, {Path: "segmentations[1].segments[1].when"}, {Path: "tierings[0].linear.tiers[0].cut.when"}}
	if got := saidBy(counts.Findings("x.csv", before)); got != strings.Join([]string{want[1], want[2], want[3], want[5]}, "\n") {
		t.Errorf("beside what is known they show\n%s", got)
	}
	again := bind(t, program, frames...).CountRules()
	again.Add(frames[0], nil, asOf)
	if found := again.Findings("the store", nil); !has(found, "segmentations[1]", `"P" and "Q" both match 1 customer in the store, the first is "b"`) {
		t.Errorf("without lines they show\n%s", saidBy(found))
	}
}

func TestCustomersOutsideThePopulationShowNothing(t *testing.T) {
	// LINT-16
	program := compile(t, attributes+"population: x < 10\nsegmentations: [{name: s, segments: [{name: A, when: y / 1 > 1}]}]\n")
	f := frameOf(t, program, person{"a", attrs{"x": 50.0, "y": 5.0}}, person{"b", attrs{"x": 1.0, "y": 0.0}})
	counts := bind(t, program, f).CountRules()
	counts.Add(f, nil, asOf)
	if got := saidBy(counts.Findings("x.csv", nil)); got != "segmentations[0].segments[0].when: of 1 customer in x.csv none meets the condition" {
		t.Errorf("they show\n%s", got)
	}
}

// saidBy returns what findings say, one a line; each must be a warning that says what to do.
func saidBy(found diag.List) string {
	var lines []string
	for _, f := range found {
		if f.Severity != diag.Warning || f.Remedy == "" {
			lines = append(lines, "not a warning with a remedy:")
		}
		lines = append(lines, f.Path+": "+f.Message)
	}
	return strings.Join(lines, "\n")
}
