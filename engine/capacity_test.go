package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// covered is a ladder whose better tiers are as large as the reps of their engagements can cover.
const covered = attributes + scoreX + `
amount: y
engagements:
  - {name: named, roles: [{role: csm, ownership: DEDICATED, reps: 1.5, capacity: {driver: ACCOUNTS, per_rep: 1.4}}, {role: coach, ownership: POOLED}]}
  - {name: pooled, roles: [{role: csm, ownership: POOLED, reps: 2, capacity: {driver: HOURS, per_rep: 10}}, {role: rep, ownership: POOLED, reps: 3, capacity: {driver: AMOUNT, per_rep: 5}}]}
tierings:
  - name: l
    linear:
      score: v
`

func TestATierIsAsLargeAsItsCapacity(t *testing.T) {
	// LADDER-224, LADDER-225, LADDER-226
	people := xs(90, 80, 70, 60, 50, 40)
	for i, hours := range []any{1.0, 1.0, 12.0, nil, -3.0, 8.5} {
		if hours != nil {
			people[i].attrs["y"] = hours
		}
	}
	s := evaluate(t, covered+`
      tiers:
        - {name: high, engagement: named, cut: {capacity: {}}}
        - {name: mid, engagement: pooled, cut: {capacity: {role: csm, of: y}, min_score: 45}}
        - {name: low}
`, people...)
	// 1.5 reps of 1.4 customers are 2. Of 20 hours c takes 12, d and e nothing.
	want := map[string]string{"a": "high", "b": "high", "c": "mid", "d": "mid", "e": "mid", "f": "low"}
	if diff := cmp.Diff(want, s.tiers()); diff != "" {
		t.Errorf("the tiers differ (-want +got):\n%s", diff)
	}
	if got := s.reason("a", "tiers.l").GetMessage(); got != "tiers.l: high, within the capacity of 1.5 csm × 1.4 customers, by score v" {
		t.Errorf("the reason says %q", got)
	}
	if !has(findingsOf(s.calibration), "tierings[0].linear.tiers[1].cut.capacity.of", "1 customers have a negative y") {
		t.Errorf("it finds %v", s.calibration.GetFindings())
	}
	full := evaluate(t, covered+`
      tiers:
        - {name: high, engagement: pooled, cut: {capacity: {role: rep}}}
        - {name: low}
`, people...)
	// Of an amount of 15 the first three would take 14, and the next who takes anything 8.5 more.
	want = map[string]string{"a": "high", "b": "high", "c": "high", "d": "high", "e": "high", "f": "low"}
	if diff := cmp.Diff(want, full.tiers()); diff != "" {
		t.Errorf("the tiers differ (-want +got):\n%s", diff)
	}
	if later := full.then(xs(51, 49)...); later.tier("a") != "high" || later.tier("b") != "low" {
		t.Errorf("between runs the line does not hold: %v", later.tiers())
	}
}

func TestACapacityOfCustomersIsACount(t *testing.T) {
	// LADDER-224: whatever else the cut asks for, and also within an any.
	rapid.Check(t, func(t *rapid.T) {
		model, residents := randomLadder(t), randomPopulation(t, 40)
		counted := clone(model)
		for i, tier := range counted.GetTierings()[0].GetLinear().GetTiers() {
			if tier.GetCut() == nil {
				continue
			}
			count := rapid.Int64Range(1, 9).Draw(t, "count")
			tier.Cut.TopCount = &count
			reps := float64(count) / 4
			as := model.GetTierings()[0].GetLinear().GetTiers()[i]
			as.Engagement, as.Cut.TopCount, as.Cut.Capacity = "e"+tier.GetName()[5:], nil, &echelonv1.CapacityCut{}
			model.Engagements = append(model.Engagements, &echelonv1.Engagement{Name: as.Engagement, Roles: []*echelonv1.Role{{
				Role: "csm", Ownership: echelonv1.Role_POOLED, Reps: &reps, Capacity: &echelonv1.Capacity{Driver: echelonv1.Capacity_ACCOUNTS, PerRep: 4},
			}}})
		}
		program := compiled(t, model)
		f := frameOf(tb(t), program, persons(residents)...)
		s := &study{TB: tb(t), program: program, scorer: bind(tb(t), program, f)}
		s.see(f)
		if diff := cmp.Diff(referenceTiers(counted, residents), s.tiers()); diff != "" {
			t.Fatalf("the tiers differ (-reference +engine):\n%s", diff)
		}
	})
}

func TestMistakesOfCapacities(t *testing.T) {
	// LADDER-227, MODEL-18
	tier := func(text string) string {
		return covered + "      tiers: [{name: high, " + text + "}, {name: low}]\n"
	}
	path := "tierings[0].linear.tiers[0].cut.capacity"
	for name, test := range map[string]struct{ text, path, says string }{
		"a tier without an engagement":     {tier("cut: {capacity: {}}"), path, "no engagement"},
		"one of several roles":             {tier("engagement: pooled, cut: {capacity: {}}"), path + ".role", "several roles"},
		"a role that there is not":         {tier("engagement: pooled, cut: {capacity: {role: csn}}"), path + ".role", `no role "csn"`},
		"a role without reps":              {tier("engagement: named, cut: {capacity: {role: coach}}"), path + ".role", `no role "coach"`},
		"no role with reps":                {strings.ReplaceAll(tier("engagement: named, cut: {capacity: {}}"), "reps: 1.5, ", ""), path, "no role of the engagement"},
		"hours of which nobody says":       {tier("engagement: pooled, cut: {capacity: {role: csm}}"), path + ".of", "HOURS"},
		"an amount that the model has not": {strings.Replace(tier("engagement: pooled, cut: {capacity: {role: rep}}"), "amount: y\n", "", 1), path + ".of", "AMOUNT"},
		"customers that take more than 1":  {tier("engagement: named, cut: {capacity: {of: y}}"), path + ".of", "each as 1"},
		"what a text takes":                {tier("engagement: pooled, cut: {capacity: {role: csm, of: s}}"), path + ".of", "a number is expected"},
		"a capacity of each segment": {strings.Replace(tier("engagement: named, cut: {capacity: {}}"), "score: v\n", "score: v\n      by: segments.size\n", 1) +
			"segmentations: [{name: size, segments: [{name: Large, when: x > 1}], otherwise: Small}]\n", path, "each segment counts its own"},
		"no reps":       {strings.Replace(tier("engagement: named, cut: {capacity: {}}"), "reps: 1.5", "reps: 0", 1), "engagements[0].roles[0].reps", "not above 0"},
		"a cycle":       {strings.Replace(tier("engagement: pooled, cut: {capacity: {role: rep}}"), "amount: y\n", "amount: \"tiers.l == 'low' ? 1 : 2\"\n", 1), "tierings[0]", "tiers.l → tiers.l"},
		"breaks of any": {tier("cut: {any: [{natural_break: {}}, {min_score: 4}]}"), "tierings[0].linear.tiers[0].cut.any[0].natural_break", "all of the ladder"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, found := tryCompile(t, test.text); !found.HasMistakes() || !has(found, test.path, test.says) {
				t.Errorf("it finds %v", found)
			}
		})
	}
}

func TestTiersAreDividedAtNaturalBreaks(t *testing.T) {
	// LADDER-228, LADDER-229
	model := attributes + scoreX + `
tierings:
  - name: l
    linear:
      score: v
      tiers:
        - {name: high, cut: {natural_break: {}}}
        - {name: mid, cut: {natural_break: {}, when: "n != 0"}}
        - {name: low}
`
	s := evaluate(t, model, xs(92, 10, 11, 90, 50, 12, 49, 52, 90, missing)...)
	want := map[string]string{"a": "high", "d": "high", "i": "high", "e": "low", "g": "low", "h": "low", "b": "low", "c": "low", "f": "low", "j": null}
	if diff := cmp.Diff(want, s.tiers()); diff != "" {
		t.Errorf("the tiers differ (-want +got):\n%s", diff)
	}
	people := xs(49, 48.9, 90, 89.9)
	for i := range people {
		people[i].attrs["n"] = 1.0
	}
	later := s.then(people...)
	if diff := cmp.Diff(map[string]string{"a": "mid", "b": "low", "c": "high", "d": "mid"}, later.tiers()); diff != "" {
		t.Errorf("between runs the tiers differ (-want +got):\n%s", diff)
	}
	cut := s.assignment("b").GetExplanation().GetTiers()[0].GetCuts()[0].GetConditions()[0]
	if cut.GetLine() != 90 || cut.GetValue() != 10 || cut.GetMet() || cut.GetCondition() != "above a natural break of score v" {
		t.Errorf("the break is explained as %v", cut)
	}
	few := evaluate(t, model, xs(5, 5, 5)...)
	if got := slices.Sorted(func(yield func(string) bool) {
		for _, f := range few.calibration.GetFindings() {
			if !yield(f.GetPath()) {
				return
			}
		}
	}); !slices.Contains(got, "tierings[0].linear.tiers[0].cut.natural_break") || few.tier("a") != "low" {
		t.Errorf("of one score it finds %v and puts it into %q", got, few.tier("a"))
	}
}
