package engine_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// kin is a customer with a parent and an x, which may be missing.
func kin(id, parent string, x float64) person {
	one := person{id, attrs{}}
	if parent != "" {
		one.attrs["s"] = parent
	}
	if !math.IsNaN(x) {
		one.attrs["x"] = x
	}
	return one
}

// sums shows what families add up to as scores, which are null where there is nothing.
const sums = attributes + `
parent: s
derived: [{name: twice, expr: x * 2}, {name: whole, expr: family_sum(twice) + 0}]
scores:
  - {name: sum, criteria: [{name: c, expr: family_sum(x), weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
  - {name: max, criteria: [{name: c, expr: family_max(x), weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
  - {name: count, criteria: [{name: c, expr: family_count(), weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
  - {name: twice, criteria: [{name: c, expr: whole, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
`

func TestFamiliesAreAddedUp(t *testing.T) {
	// FAM-1: the whole tree, missing values skipped, nothing of nothing; the alone, the orphans and those on cycles are families of their own.
	s := evaluate(t, sums,
		kin("root", "", 10), kin("child", "root", 5), kin("grandchild", "child", missing), kin("other", "root", 7),
		kin("alone", "", 3), kin("orphan", "gone", 4), kin("self", "self", 6), kin("empty", "", missing), kin("void", "empty", missing),
		kin("x", "y", 8), kin("y", "x", 9), kin("z", "y", 1))
	want := map[string][4]float64{
		"root": {22, 10, 4, 44}, "child": {22, 10, 4, 44}, "grandchild": {22, 10, 4, 44}, "other": {22, 10, 4, 44},
		"alone": {3, 3, 1, 6}, "orphan": {4, 4, 1, 8}, "self": {6, 6, 1, 12}, "empty": {missing, missing, 2, missing}, "void": {missing, missing, 2, missing},
		"x": {8, 8, 1, 16}, "y": {10, 9, 2, 20}, "z": {10, 9, 2, 20},
	}
	for id, values := range want {
		for i, score := range []string{"sum", "max", "count", "twice"} {
			got := math.NaN()
			if v := s.assignment(id).GetScores()[i].Value; v != nil {
				got = *v
			}
			if !same(got, values[i]) {
				t.Errorf("%s of %s is %v, want %v", score, id, got, values[i])
			}
		}
	}
	if !slices.ContainsFunc(s.assignment("empty").GetReasons(), func(r *echelonv1.Reason) bool {
		return r.GetCode() == echelonv1.Reason_MISSING && r.GetItem() == "scores.sum" && r.GetAttribute() == "family_sum(x)"
	}) {
		t.Errorf("nothing to add up: %v", s.assignment("empty").GetReasons())
	}
	found := findingsOf(s.calibration)
	for _, says := range []string{`customers that name a parent that is not there, and so count as having none: 1 ("orphan" names "gone")`,
		`customers that name themselves as their parent, and so count as having none: 1 ("self" names "self")`,
		`customers that are on a cycle of parents, each of whom is a family of its own: 2 ("x" names "y", "y" names "x")`} {
		if !has(found, "parent", says) {
			t.Errorf("there is no finding %q in %v", says, found)
		}
	}
}

func TestAFamilyIsAllCustomersAndNotThePopulationAlone(t *testing.T) {
	// FAM-2
	s := evaluate(t, strings.Replace(sums, "parent: s", "parent: s\npopulation: family_sum(x) > 10 && b", 1),
		person{"root", attrs{"x": 10, "b": false}}, person{"child", attrs{"x": 5, "s": "root", "b": true}}, person{"alone", attrs{"x": 3, "b": true}})
	if got := s.score("child"); got != 15 {
		t.Errorf("the sum with a root that the model is not about is %v", got)
	}
	for _, id := range []string{"root", "alone"} {
		if !s.assignment(id).GetExcluded() {
			t.Errorf("%s is not excluded", id)
		}
	}
}

func TestAValueThatIsStaleIsNotAddedUp(t *testing.T) {
	// FAM-1
	aged := strings.Replace(sums, "{name: x, type: NUMBER}", "{name: x, type: NUMBER, observed_at: d, max_age_days: 30}", 1)
	s := evaluate(t, aged, person{"root", attrs{"x": 10, "d": "2026-01-30"}}, person{"child", attrs{"x": 5, "s": "root", "d": "2020-01-01"}},
		person{"alone", attrs{"x": 5, "d": "2020-01-01"}})
	if got := s.score("child"); got != 10 {
		t.Errorf("the sum is %v, want 10", got)
	}
	if got := s.assignment("alone").GetScores()[0].Value; got != nil {
		t.Errorf("the sum of a stale value alone is %v", *got)
	}
}

// perFamily decides per family: the two best families, by the score of their roots.
const perFamily = attributes + `
parent: s
` + `
scores:
  - {name: v, criteria: [{name: x, expr: x, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
tierings:
  - {name: t, decide_per: FAMILY, linear: {score: v, tiers: [{name: top, level: 1, engagement: care, cut: {top_count: 2}}, {name: low, level: 2}]}}
  - {name: own, linear: {score: v, tiers: [{name: top, cut: {top_count: 2}}, {name: low}]}}
segmentations:
  - {name: seen, segments: [{name: high, when: tiers.t == 'top'}], otherwise: other}
engagements: [{name: care}]
`

func TestTheRootDecidesForItsFamily(t *testing.T) {
	// FAM-3, FAM-4
	s := evaluate(t, perFamily,
		kin("a", "", 50), kin("a1", "a", 90), kin("a2", "a1", missing), kin("b", "", 60), kin("b1", "b", 5), kin("c", "", 40), kin("c1", "c", 95), kin("d", "", 10))
	want := map[string]string{"a": "top", "a1": "top", "a2": "top", "b": "top", "b1": "top", "c": "low", "c1": "low", "d": "low"}
	for id, tier := range want {
		if got := s.tier(id); got != tier {
			t.Errorf("%s is %s, want %s", id, got, tier)
		}
		if got, high := s.segment(id), tier == "top"; (got == "high") != high {
			t.Errorf("a segment that reads the tier of %s is %s", id, got)
		}
	}
	if scored := s.calibration.GetTierings()[0].GetScored(); scored != 4 {
		t.Errorf("the cut counts %d families, want 4", scored)
	}
	if scored := s.calibration.GetTierings()[1].GetScored(); scored != 7 {
		t.Errorf("the cut of the other tiering counts %d customers, want 7", scored)
	}
	own := map[string]string{"a1": "top", "a2": null, "b1": "low", "c1": "top"}
	for id := range want {
		outcome := s.assignment(id).GetTiers()[0]
		tier, inherits := own[id]
		got := null
		if outcome.OwnTier != nil {
			got = outcome.GetOwnTier()
		}
		if outcome.GetInherited() != inherits || inherits && got != tier || !inherits && outcome.OwnTier != nil {
			t.Errorf("%s inherits %v, its own is %s; want %v and %s", id, outcome.GetInherited(), got, inherits, tier)
		}
		if (outcome.GetEngagement() == "care") != (want[id] == "top") || outcome.GetLevel() != map[string]int32{"top": 1, "low": 2}[want[id]] {
			t.Errorf("%s gets %v", id, outcome)
		}
	}
	tally := engine.NewTally(s.program)
	tally.Add(s.result)
	summary := tally.Summary()
	if table := summary.GetTierings()[0]; summary.GetFamilies() != 4 || table.GetTiers()[0].GetCustomers() != 5 || table.GetTiers()[0].GetUnscored() != 0 {
		t.Errorf("the tables count customers, and the families apart: %v", summary)
	}
	r := s.reason("c1", "tiers.t")
	if codes := s.codes("c1", "tiers.t"); !slices.Equal(codes, []string{"INHERITED"}) || r.GetPart() != "low" ||
		r.GetMessage() != `tiers.t: INHERITED low from "c", the root of its family; its own is top` {
		t.Errorf("the reasons of c1: %v %v", codes, r)
	}
}

func TestARootThatTheModelIsNotAboutDecidesNothing(t *testing.T) {
	// FAM-5: its children decide for themselves, and count; an unscored root hands down that it has no tier.
	s := evaluate(t, strings.Replace(perFamily, "parent: s", "parent: s\npopulation: b", 1),
		person{"a", attrs{"x": 99, "b": false}}, person{"a1", attrs{"x": 80, "b": true, "s": "a"}}, person{"a2", attrs{"x": 20, "b": true, "s": "a"}},
		person{"u", attrs{"b": true}}, person{"u1", attrs{"x": 70, "b": true, "s": "u"}}, person{"z", attrs{"x": 60, "b": true}})
	want := map[string]string{"a": null, "a1": "top", "a2": "low", "u": null, "u1": null, "z": "top"}
	if got := s.tiers(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if outcome := s.assignment("u1").GetTiers()[0]; !outcome.GetInherited() || outcome.GetOwnTier() == "" {
		t.Errorf("u1: %v", outcome)
	}
	if scored := s.calibration.GetTierings()[0].GetScored(); scored != 3 {
		t.Errorf("the cut counts %d, want a1, a2 and z", scored)
	}
}

func TestAMatrixDecidesPerFamily(t *testing.T) {
	// FAM-3
	s := evaluate(t, attributes+"parent: s\n"+scoreXY+`
tierings:
  - name: t
    decide_per: FAMILY
    matrix:
      x: {score: v, cuts: [{median: {}}]}
      y: {score: w, cuts: [{min_score: 50}]}
      cells: [{x: 1, y: 1, name: best}, {x: 0, y: 1, name: good}, {x: 0, y: 0, name: rest}]
`,
		person{"a", attrs{"x": 10, "y": 60}}, person{"a1", attrs{"x": 90, "y": 90, "s": "a"}}, person{"a2", attrs{"x": 95, "y": 0, "s": "a"}},
		person{"b", attrs{"x": 30, "y": 60}}, person{"c", attrs{"x": 20, "y": 10}})
	want := map[string]string{"a": "good", "a1": "good", "a2": "good", "b": "best", "c": null}
	if got := s.tiers(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v (the median of 10, 20 and 30 is 20)", got, want)
	}
	if got := s.assignment("a2").GetTiers()[0]; got.OwnTier != nil || !got.GetInherited() {
		t.Errorf("a2 computes no persona by itself: %v", got)
	}
}

func TestMistakesOfFamilies(t *testing.T) {
	// FAM-6
	score := func(expr string) string {
		return "\nscores: [{name: v, criteria: [{name: c, expr: \"" + expr + "\", weight: 1, normalize: {linear: {min: 0, max: 1}}}]}]\n"
	}
	at := "scores[0].criteria[0].expr"
	tests := map[string]struct{ text, path, says string }{
		"no such parent":         {attributes + "parent: ss" + score("x"), "parent", `there is no attribute "ss"`},
		"a number as the parent": {attributes + "parent: x" + score("x"), "parent", `"x" is NUMBER, and an id is a text`},
		"families without one":   {attributes + score("family_sum(x)"), at, "the model has no families for family_sum"},
		"a count without one":    {attributes + score("family_count()"), at, "the model has no families for family_count"},
		"per family with exit rules": {attributes + scoreX + "\nparent: s\ntierings: [{name: t, decide_per: FAMILY, linear: {score: v, tiers: [{name: a, cut: {min_score: 5}, exit: {below: 3}}, {name: b}]}}]", "tierings[0].decide_per",
			"exit rules hold single customers"},
		"per family without one": {attributes + scoreX + "\ntierings: [{name: t, decide_per: FAMILY, linear: {score: v, tiers: [{name: a}]}}]", "tierings[0].decide_per",
			"the model has no families"},
		"a text":                 {attributes + "parent: s" + score("family_sum(s)"), at, "family_sum adds up numbers, and s is a string"},
		"an expression":          {attributes + "parent: s" + score("family_sum(x * 2)"), at, "takes the name of an attribute"},
		"no argument":            {attributes + "parent: s" + score("family_max()"), at, "family_max takes 1 argument, not 0"},
		"an argument too many":   {attributes + "parent: s" + score("family_count(x)"), at, "family_count takes 0 arguments, not 1"},
		"an unknown attribute":   {attributes + "parent: s" + score("family_sum(xx)"), at, `undeclared attribute "xx"`},
		"a family of families":   {attributes + "parent: s\nderived: [{name: k, expr: family_sum(x)}]" + score("family_sum(k)"), "derived[0].expr", "which reads families itself"},
		"a sum of itself":        {attributes + "parent: s\nderived: [{name: k, expr: family_sum(k)}]" + score("k"), "derived[0]", "k → k"},
		"a family of outcomes":   {attributes + "parent: s\nderived: [{name: k, expr: scores.v}]\n" + strings.TrimSpace(score("x")) + "\namount: family_sum(k)", "derived[0].expr", "needs scores.v"},
		"the argument of a loop": {attributes + "parent: s" + score("[1].exists(q, family_sum(q) > 1) ? 1 : 0"), at, "takes the name of an attribute"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			program, found := tryCompile(t, test.text)
			if program != nil || !has(found, test.path, test.says) {
				t.Errorf("found %v, want %q at %s", found, test.says, test.path)
			}
		})
	}
}

// allOfFamilies reads families in every place that can.
const allOfFamilies = attributes + `
parent: s
population: "!b || family_count() > 1"
amount: family_sum(x)
derived: [{name: k, expr: "x * 0.1 + family_max(x)"}]
segmentations: [{name: size, segments: [{name: many, when: family_count() > 2}], otherwise: few}]
scores:
  - {name: v, criteria: [{name: k, expr: k, weight: 1, normalize: {percentile: {by: segments.size}}}, {name: y, expr: family_sum(y), weight: 2, normalize: {min_max: {}}}]}
  - {name: w, criteria: [{name: y, expr: "y + n", weight: 1, normalize: {percentile: {}}}]}
tierings:
  - {name: t, decide_per: FAMILY, linear: {score: v, tiers: [{name: high, cut: {top_share: 0.3}}, {name: mid, cut: {cumulative_share: {of: family_sum(x), share: 0.7}}}, {name: low}]}}
  - {name: q, decide_per: FAMILY, matrix: {x: {score: v, cuts: [{median: {}}]}, y: {score: w, cuts: [{percentile: {p: 30}, when: "tiers.t != 'low'"}]}, cells: [{x: 1, y: 1, name: best}, {x: 0, y: 0, name: rest}]}}
  - {name: plain, linear: {score: w, tiers: [{name: high, cut: {top_count: 3, when: "tiers.t == 'high'"}}, {name: low}]}}
`

// TestFamiliesAreTheSameInEveryOrderAndAlone also puts each customer alone before the frozen families: it must get what it got among the others.
func TestFamiliesAreTheSameInEveryOrderAndAlone(t *testing.T) {
	// FAM-7
	program := compile(t, allOfFamilies)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 14).Draw(t, "customers")
		var people []person
		for i := range n {
			one := person{fmt.Sprintf("c%02d", i), attrs{"b": rapid.Bool().Draw(t, "b")}}
			for _, name := range []string{"x", "y"} {
				if rapid.IntRange(0, 4).Draw(t, "there") > 0 {
					one.attrs[name] = rapid.SampledFrom([]float64{0, 0.1, 0.2, 0.3, 1e16, -1e16, 7, negativeZero}).Draw(t, name)
				}
			}
			one.attrs["n"] = float64(rapid.IntRange(0, 5).Draw(t, "n"))
			if rapid.IntRange(0, 3).Draw(t, "has a parent") > 0 {
				one.attrs["s"] = fmt.Sprintf("c%02d", rapid.IntRange(0, n).Draw(t, "parent"))
			}
			people = append(people, one)
		}
		calibration := calibrate(tb(t), program, frameOf(tb(t), program, people...))
		shuffled := rapid.Permutation(people).Draw(t, "order")
		again := calibrate(tb(t), program, framesOf(tb(t), program, rapid.IntRange(1, 5).Draw(t, "rows"), shuffled...)...)
		if bytesOf(tb(t), again) != bytesOf(tb(t), calibration) {
			t.Fatalf("the calibrations differ:\n%s", cmp.Diff(calibration, again, protocmp.Transform()))
		}
		scorer := bindTo(tb(t), program, calibration)
		options := engine.Options{AsOf: asOf, Reasons: true, Explain: true, Amounts: true}
		all := scorer.Evaluate(frameOf(tb(t), program, people...), options)
		for i, one := range people {
			alone := scorer.Evaluate(frameOf(tb(t), program, one), options)
			if bytesOf(tb(t), alone.Assignment(0)) != bytesOf(tb(t), all.Assignment(i)) {
				t.Fatalf("%s alone differs:\n%s", one.id, cmp.Diff(all.Assignment(i), alone.Assignment(0), protocmp.Transform()))
			}
			// The part of the families that a snapshot keeps beside it does as well as the whole.
			part, ok := program.Families(alone.Families())
			if !ok {
				t.Fatal("the families of one customer are not read")
			}
			with := options
			with.Families = part
			if frozen := scorer.Evaluate(frameOf(tb(t), program, one), with); bytesOf(tb(t), frozen.Assignment(0)) != bytesOf(tb(t), all.Assignment(i)) {
				t.Fatalf("%s by its own part of the families differs:\n%s", one.id, cmp.Diff(all.Assignment(i), frozen.Assignment(0), protocmp.Transform()))
			}
		}
	})
}

func TestBetweenRunsFamiliesAreFrozen(t *testing.T) {
	// FAM-8
	s := evaluate(t, sums, kin("root", "", 10), kin("child", "root", 5), kin("alone", "", 3))
	s = s.then(kin("child", "root", 500), kin("newcomer", "child", 70), kin("stranger", "nobody", 4), kin("alone", "", 30), kin("moved", "alone", 2))
	for id, want := range map[string]float64{"child": 15, "newcomer": 15, "stranger": 4, "alone": 30, "moved": 2} {
		if got := s.score(id); got != want {
			t.Errorf("the sum of %s is %v, want %v", id, got, want)
		}
	}
}

func TestACalibrationWithFamiliesThatDoNotFitIsRefused(t *testing.T) {
	program := compile(t, perFamily)
	calibration := calibrate(t, program, frameOf(t, program, kin("a", "", 1), kin("b", "a", 2)))
	calibration.Families.Tiers[0].Codes[0] = 99
	if _, err := program.Bind(calibration); err != engine.ErrCalibrationMismatch {
		t.Errorf("got %v", err)
	}
	calibration.Families = nil
	scorer := bindTo(t, program, calibration)
	defer func() {
		if recover() == nil {
			t.Error("an evaluation without families gives an outcome that no run would give")
		}
	}()
	scorer.Evaluate(frameOf(t, program, kin("a", "", 1)), engine.Options{AsOf: asOf})
}
