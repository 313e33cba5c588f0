package engine_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// paths returns the first ladder's path of a customer among others.
func (s *study) path(one person) *echelonv1.TierPath {
	s.Helper()
	r := s.scorer.Evaluate(frameOf(s, s.program, one), engine.Options{AsOf: asOf, Explain: true, Path: true})
	return r.Assignment(0).GetExplanation().GetPaths()[0]
}

// told is a path in short: outcomes and words by attribute.
func told(path *echelonv1.TierPath) map[string]string {
	all := make(map[string]string)
	for _, step := range path.GetSteps() {
		all[step.GetAttribute()] = step.GetOutcome().String() + ": " + step.GetMessage()
	}
	return all
}

// many is a model in which attributes of all types decide.
const many = attributes + `
segmentations:
  - {name: size, segments: [{name: Large, when: n >= 100}], otherwise: Small}
derived:
  - {name: net, expr: x - y}
  - {name: odd, expr: "x * x"}
scores:
  - name: v
    criteria:
      - {name: net, expr: net, weight: 2, normalize: {linear: {min: 0, max: 100}}}
      - {name: seats, expr: n, weight: 1, normalize: {bands: {bands: [{value: 0}, {from: 10, value: 0.5}, {from: 50, value: 1}]}}}
      - {name: since, expr: days_since(d), weight: 1, normalize: {piecewise: {points: [{x: 0, y: 1}, {x: 100, y: 0}]}}}
      - {name: brand, expr: s, weight: 1, normalize: {lookup: {values: {known: 0.5, marquee: 1}, default: 0}}}
      - {name: partner, expr: b, weight: 1, normalize: {boolean: {}}}
tierings:
  - name: l
    linear: {score: v, tiers: [{name: high, cut: {min_score: 70}}, {name: mid, cut: {min_score: 50}}, {name: low}]}
`

func TestThePathToTheNextTier(t *testing.T) {
	// PATH-1, PATH-2, PATH-3, PATH-4
	s := evaluate(t, many)
	one := person{"a", attrs{"x": 80.0, "y": 20.0, "n": 20.0, "d": "2025-12-02", "s": "known", "b": false}}
	got := s.path(one)
	// 2·60 + 50 + 40 + 50 + 0 = 260 of 6: 43.3. For mid 40 more are needed.
	want := map[string]string{
		"x": "REACHES: to reach mid, raise x from 80 to 100",
		"y": "REACHES: to reach mid, lower y from 20 to 0",
		"n": "REACHES: to reach mid, raise n from 20 to 50",
		"d": "REACHES: to reach mid, move d from 2025-12-02 to 2026-01-11 or later",
		"s": "REACHES: to reach mid, change s from known to marquee",
		"b": "REACHES: to reach mid, change b from false to true",
	}
	if diff := cmp.Diff(want, told(got)); diff != "" {
		t.Errorf("the path differs (-want +got):\n%s", diff)
	}
	if got.GetTier() != "low" || got.GetTiering() != "l" || got.GetSteps()[0].GetTier() != "mid" || math.Abs(got.GetSteps()[0].GetTo().GetNumberValue()-100) > 1e-9 {
		t.Errorf("the path is told as %v", got)
	}
	one.attrs["x"], one.attrs["b"], one.attrs["d"] = 30.0, nil, nil
	want = map[string]string{
		// 2·10 + 50 + 50 of 4: 30.
		"x": "REACHES: to reach mid, raise x from 30 to 70",
		"y": "NONE: no value of y alone reaches a better tier",
		"n": "NONE: no value of n alone reaches a better tier",
		"d": "MISSING: d is missing: fill it in to see how far it is",
		"s": "NONE: no value of s alone reaches a better tier",
		"b": "NONE: no value of b alone reaches a better tier",
	}
	delete(want, "y")
	path := told(s.path(one))
	delete(path, "y")
	if diff := cmp.Diff(want, path); diff != "" {
		t.Errorf("the path differs (-want +got):\n%s", diff)
	}
}

func TestWhatIsNotMonotoneIsNotAnalysed(t *testing.T) {
	// PATH-5
	for name, test := range map[string]struct{ criterion, tier, want string }{
		"a parabola":                  {"expr: x * x / 100", "", "NOT_ANALYSED"},
		"a difference of both":        {"expr: 'x - min(x, 5)'", "", "NOT_ANALYSED"},
		"a logarithm":                 {"expr: log(x)", "", "NOT_ANALYSED"},
		"what is divided by it":       {"expr: y / x", "", "NOT_ANALYSED"},
		"a choice by it":              {"expr: 'x > 5 ? y : 3'", "", "NOT_ANALYSED"},
		"a rising condition":          {"expr: y", "when: x > 50", "REACHES"},
		"an equation":                 {"expr: y", "when: x == 50", "NOT_ANALYSED"},
		"falling by one and rising":   {"expr: x", "when: x < 10", "NOT_ANALYSED"},
		"what is turned twice":        {"expr: 100 - (0 - x) * -1 - 2 * x + 300, invert: true", "", "REACHES"},
		"divided by a number":         {"expr: x / y", "", "REACHES"},
		"a choice by something else":  {"expr: 'b ? x : x * 2'", "", "REACHES"},
		"whether it is there":         {"expr: 'present(x) && x > 10 ? y : 0'", "", "NOT_ANALYSED"},
		"what it does not depend on":  {"expr: y", "", ""},
		"rounded and coalesced to it": {"expr: 'max(round(x), floor(x), ceil(y * 0))'", "", "REACHES"},
	} {
		t.Run(name, func(t *testing.T) {
			cut := "min_score: 60"
			if test.tier != "" {
				cut = test.tier
			}
			s := evaluate(t, attributes+"scores: [{name: v, criteria: [{name: c, weight: 1, normalize: {linear: {min: 0, max: 100}}, "+test.criterion+"}]}]\n"+
				"tierings: [{name: l, linear: {score: v, tiers: [{name: high, cut: {"+cut+"}}, {name: low}]}}]\n")
			path := s.path(person{"a", attrs{"x": 20.0, "y": 1.0, "b": true}})
			got := ""
			for _, step := range path.GetSteps() {
				if step.GetAttribute() == "x" {
					got = step.GetOutcome().String()
				}
			}
			if got != test.want {
				t.Errorf("it is %q, want %q: %v", got, test.want, path)
			}
		})
	}
}

func TestSegmentsPopulationsAndAgesAreNoPath(t *testing.T) {
	// PATH-5, PATH-6
	ranked := `
scores: [{name: v, criteria: [{name: c, weight: 1, expr: x, normalize: {linear: {min: 0, max: 100}}}]}]
`
	for name, test := range map[string]struct {
		text, attribute, outcome, note string
		one                            attrs
	}{
		"a ladder by what decides the segment": {"segmentations: [{name: size, segments: [{name: Large, when: n > 5}], otherwise: Small}]\n" +
			"tierings: [{name: l, linear: {score: v, by: segments.size, tiers: [{name: high, cut: {min_score: 60}}, {name: low}]}}]", "n", "NOT_ANALYSED", "", attrs{"x": 5.0, "n": 3.0}},
		"who leaves the population":      {"population: x < 50\ntierings: [{name: l, linear: {score: v, tiers: [{name: high, cut: {min_score: 60}}, {name: low}]}}]", "x", "NOT_ANALYSED", "", attrs{"x": 5.0}},
		"the best tier":                  {"tierings: [{name: l, linear: {score: v, tiers: [{name: high, cut: {min_score: 60}}, {name: low}]}}]", "", "", "is in the best tier", attrs{"x": 65.0}},
		"the better of one level":        {"tierings: [{name: l, linear: {score: v, tiers: [{name: high, level: 1, cut: {min_score: 60}}, {name: low, level: 1}]}}]", "", "", "is in the best tier", attrs{"x": 5.0}},
		"no score":                       {"tierings: [{name: l, linear: {score: v, tiers: [{name: high, cut: {min_score: 60}}, {name: low}]}}]", "", "", "stands in no cut", attrs{}},
		"a newcomer":                     {"tierings: [{name: l, linear: {score: v, onboarding: {while: b, tier: new}, tiers: [{name: high, cut: {min_score: 60}}, {name: low}]}}]", "", "", "newcomers", attrs{"x": 5.0, "b": true}},
		"a list of texts":                {"tierings: [{name: l, linear: {score: v, tiers: [{name: high, cut: {when: \"'a' in tags\"}}, {name: low}]}}]", "tags", "NOT_ANALYSED", "", attrs{"x": 5.0, "tags": []any{}}},
		"a text of which none is listed": {"tierings: [{name: l, linear: {score: v, tiers: [{name: high, cut: {when: \"s == 'a'\"}}, {name: low}]}}]", "s", "NOT_ANALYSED", "", attrs{"x": 5.0, "s": "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := evaluate(t, attributes+ranked+test.text+"\n")
			path := s.path(person{"a", test.one})
			if !strings.Contains(path.GetNote(), test.note) || (path.GetNote() == "") != (test.note == "") {
				t.Errorf("the note says %q", path.GetNote())
			}
			found := slices.ContainsFunc(path.GetSteps(), func(step *echelonv1.PathStep) bool {
				return step.GetAttribute() == test.attribute && step.GetOutcome().String() == test.outcome
			})
			if test.attribute != "" && !found {
				t.Errorf("the path is %v", path)
			}
		})
	}
	excluded := evaluate(t, attributes+ranked+"population: x < 50\ntierings: [{name: l, linear: {score: v, tiers: [{name: low}]}}]\n")
	r := excluded.scorer.Evaluate(frameOf(t, excluded.program, xs(60)...), engine.Options{AsOf: asOf, Explain: true, Path: true})
	if paths := r.Assignment(0).GetExplanation().GetPaths(); len(paths) > 0 {
		t.Errorf("who is excluded has the path %v", paths)
	}
}

// nearer returns the value of an attribute that is one step nearer to where the customer is.
func nearer(t *rapid.T, from, to *structpb.Value, kind echelonv1.Attribute_Type) any {
	switch kind {
	case echelonv1.Attribute_NUMBER:
		return math.Nextafter(to.GetNumberValue(), from.GetNumberValue())
	case echelonv1.Attribute_INTEGER:
		return to.GetNumberValue() + math.Copysign(1, from.GetNumberValue()-to.GetNumberValue())
	}
	day, err := frame.ParseDate(to.GetStringValue())
	old, err2 := frame.ParseDate(from.GetStringValue())
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	if old > day {
		return frame.FormatDate(day + 1)
	}
	return frame.FormatDate(day - 1)
}

func TestAStepReachesTheTierAndASmallerOneDoesNot(t *testing.T) {
	// PATH-2, PATH-3: against the engine itself, with frozen lines of a population too.
	model := `
name: m
attributes: [{name: x, type: NUMBER}, {name: n, type: INTEGER}, {name: d, type: DATE}, {name: b, type: BOOLEAN}, {name: s, type: STRING, values: [p, q, r]}]
segmentations: [{name: size, segments: [{name: Large, when: "s == 'p'"}], otherwise: Small}]
scores:
  - name: v
    criteria:
      - {name: x, expr: x, weight: 3, normalize: {percentile: {by: segments.size}}}
      - {name: rest, expr: "0 - x + n * 0.5", weight: 1, normalize: {z_score: {}}, invert: true}
      - {name: n, expr: n, weight: 2, normalize: {min_max: {}}}
      - {name: d, expr: days_since(d), weight: 1, normalize: {linear: {min: 0, max: 400}}, invert: true}
      - {name: b, expr: b, weight: 1, normalize: {boolean: {}}}
tierings:
  - name: l
    linear:
      score: v
      tie_breakers: [{expr: x}]
      tiers: [{name: high, cut: {top_share: 0.1}}, {name: mid, cut: {top_share: 0.3, when: "x > 5 || b"}}, {name: low}]
`
	program := compile(t, model)
	rapid.Check(t, func(t *rapid.T) {
		var people []person
		for i := range rapid.IntRange(5, 30).Draw(t, "customers") {
			people = append(people, person{string(rune('A' + i)), attrs{
				"x": rapid.OneOf(rapid.Float64Range(-10, 100), rapid.Just(7.0)).Draw(t, "x"), "n": float64(rapid.IntRange(-5, 50).Draw(t, "n")),
				"d": frame.FormatDate(int64(20000 + rapid.IntRange(0, 400).Draw(t, "d"))), "b": rapid.Bool().Draw(t, "b"),
				"s": rapid.SampledFrom([]string{"p", "q", "r"}).Draw(t, "s"),
			}})
		}
		s := &study{TB: tb(t), program: program, scorer: bind(tb(t), program, frameOf(tb(t), program, people...))}
		one := people[rapid.IntRange(0, len(people)-1).Draw(t, "who")]
		path := s.path(one)
		order := program.TierNames(0)
		for _, step := range path.GetSteps() {
			with := func(x any) string {
				changed := person{one.id, attrs{}}
				for name, old := range one.attrs {
					changed.attrs[name] = old
				}
				changed.attrs[step.GetAttribute()] = x
				s.see(frameOf(tb(t), program, changed))
				return s.tier(one.id)
			}
			place, _ := program.Schema().Index(step.GetAttribute())
			kind := program.Schema().Field(place).Type
			switch step.GetOutcome() {
			case echelonv1.PathStep_REACHES:
				got := with(step.GetTo().AsInterface())
				if got != step.GetTier() || slices.Index(order, got) >= slices.Index(order, path.GetTier()) {
					t.Fatalf("with %v the customer is in %q", step, got)
				}
				if kind == echelonv1.Attribute_BOOLEAN || kind == echelonv1.Attribute_STRING {
					continue
				}
				if got := with(nearer(t, step.GetFrom(), step.GetTo(), kind)); slices.Index(order, got) < slices.Index(order, path.GetTier()) {
					t.Fatalf("a smaller change than %v reaches %q", step, got)
				}
			case echelonv1.PathStep_NONE:
				for _, x := range map[echelonv1.Attribute_Type][]any{
					echelonv1.Attribute_NUMBER: {-1e9, -3.0, 0.0, 12.0, 1e9}, echelonv1.Attribute_INTEGER: {-1e9, 0.0, 7.0, 1e9}, echelonv1.Attribute_BOOLEAN: {true, false},
					echelonv1.Attribute_DATE: {"1990-01-01", "2025-06-01", "2090-01-01"}, echelonv1.Attribute_STRING: {"p", "q", "r"},
				}[kind] {
					if got := with(x); slices.Index(order, got) < slices.Index(order, path.GetTier()) {
						t.Fatalf("%v alone reaches %q, and none is said to: %v", x, got, step)
					}
				}
			}
		}
	})
}
