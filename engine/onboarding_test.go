package engine_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// onboarding is a ladder whose newcomers are those with n below 90.
const onboarding = ", unscored: rest, onboarding: {while: n < 90, tier: welcome, engagement: digital}"

func TestNewcomersAreBesideTheLadder(t *testing.T) {
	// LADDER-21, LADDER-22
	s := evaluate(t, ladder("{name: top, cut: {top_share: 0.5}}, {name: rest}", onboarding)+"engagements: [{name: digital}]\n",
		person{"a", attrs{"x": 90, "n": 10}}, person{"b", attrs{"x": 80, "n": 100}}, person{"c", attrs{"x": 70, "n": 200}},
		person{"d", attrs{"n": 1}}, person{"e", attrs{"n": 100}}, person{"f", attrs{"x": 60}}, person{"g", attrs{"x": 50, "n": 90}})
	for id, want := range map[string]string{"a": "welcome", "b": "top", "c": "top", "d": "welcome", "e": "rest", "f": "rest", "g": "rest"} {
		if got := s.tier(id); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
	if n := s.calibration.GetTierings()[0].GetScored(); n != 4 {
		t.Errorf("%d customers were scored, want 4", n)
	}
	a := s.assignment("a")
	if r := s.reason("a", "tiers.l"); r.GetCode() != echelonv1.Reason_DECIDED || r.GetMessage() != "tiers.l: welcome, while n < 90" {
		t.Errorf("the reason is %v", r)
	}
	if a.GetTiers()[0].GetEngagement() != "digital" || len(a.GetExplanation().GetTiers()[0].GetCuts()) != 1 || !a.GetExplanation().GetTiers()[0].GetCuts()[0].GetMet() {
		t.Errorf("the assignment is %v", a)
	}
	if codes := s.codes("f", "tiers.l"); len(codes) != 2 || codes[0] != "MISSING" {
		t.Errorf("the reasons are %v", codes)
	}
	tally := engine.NewTally(s.program)
	tally.Add(s.result)
	table := tally.Summary().GetTierings()[0].GetTiers()
	if len(table) != 3 || table[2].GetTier() != "welcome" || table[2].GetCustomers() != 2 || table[2].GetUnscored() != 0 || table[1].GetUnscored() != 1 {
		t.Errorf("the table is %v", table)
	}
}

func TestTheLadderIsThatOfTheOthersAlone(t *testing.T) {
	// LADDER-21, LINE-1, SAME-1
	const tiers = "{name: top, cut: {top_count: 3}}, {name: mid, cut: {cumulative_share: {of: y, share: 0.7}}}, {name: rest}"
	with, without := compile(t, ladder(tiers, ", onboarding: {while: b, tier: welcome}")), compile(t, ladder(tiers, ""))
	rapid.Check(t, func(t *rapid.T) {
		people := persons(randomPopulation(t, 25))
		var old []person
		for _, one := range people {
			if one.attrs["b"] = rapid.Bool().Draw(t, "b"); one.attrs["b"] == false {
				old = append(old, one)
			}
		}
		want := calibrate(tb(t), without, frameOf(tb(t), without, old...))
		lines := calibrate(tb(t), with, framesOf(tb(t), with, 3, rapid.Permutation(people).Draw(t, "order")...)...)
		if got := lines.GetTierings()[0]; bytesOf(tb(t), got) != bytesOf(tb(t), want.GetTierings()[0]) {
			t.Fatalf("the lines are %v, want %v", got, want.GetTierings()[0])
		}
		scorer, other := bindTo(tb(t), with, lines), bindTo(tb(t), without, want)
		for _, one := range people {
			got := scorer.Evaluate(frameOf(tb(t), with, one), engine.Options{AsOf: asOf})
			expected := "welcome"
			if one.attrs["b"] == false {
				expected = name(other.Evaluate(frameOf(tb(t), without, one), engine.Options{AsOf: asOf}).Tiers[0], 0)
			}
			if name(got.Tiers[0], 0) != expected {
				t.Fatalf("%s is %s, want %s", one.id, name(got.Tiers[0], 0), expected)
			}
		}
	})
}

func TestMistakesOfOnboarding(t *testing.T) {
	for _, test := range []struct{ name, onboarding, path, says string }{
		{"LADDER-23 a tier of the ladder", "{while: b, tier: rest}", ".tier", "is a tier of the ladder"},
		{"MODEL-14 no condition", "{tier: welcome}", ".while", "missing or empty"},
		{"MODEL-14 no tier", "{while: b}", ".tier", "missing or empty"},
		{"MODEL-14 no boolean", "{while: x, tier: welcome}", ".while", "a boolean is expected"},
		{"MODEL-17 no such engagement", "{while: b, tier: welcome, engagement: no}", ".engagement", "there is no engagement"},
		{"MODEL-12 a circle", "{while: tiers.l == 'top', tier: welcome}", "", "tiers.l → tiers.l"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, found := tryCompile(t, ladder("{name: top, cut: {min_score: 1}}, {name: rest}", ", onboarding: "+test.onboarding))
			path := "tierings[0].linear.onboarding" + test.path
			if test.path == "" {
				path = "tierings[0]"
			}
			if !has(found, path, test.says) {
				t.Errorf("it finds %v", found)
			}
		})
	}
}
