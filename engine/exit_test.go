package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// held is a ladder whose better tiers have exit rules of their own.
const held = attributes + scoreX + `
population: coalesce(s, "") != "former"
amount: y
tierings:
  - name: l
    linear:
      score: v
      onboarding: {while: s == "new", tier: welcome}
      tiers:
        - {name: top, cut: {min_score: 70, when: "n >= 2"}, exit: {any: [{below: 60}, {when: "n < 1"}]}, engagement: named}
        - {name: mid, cut: {min_score: 40}, exit: {below: 30, when: "b"}}
        - {name: low, cut: {min_score: 20}}
        - {name: base}
engagements: [{name: named}]
`

// previously returns the column of the tiers that customers were in, "" for none.
func previously(names ...string) *frame.Column {
	column := &frame.Column{Type: echelonv1.Attribute_STRING, Valid: frame.NewBitmap(len(names)), Codes: make([]uint32, len(names))}
	for row, name := range names {
		if name == "" {
			continue
		}
		column.Valid.Set(row, true)
		column.Codes[row] = uint32(len(column.Dict))
		column.Dict = append(column.Dict, name)
	}
	return column
}

// after evaluates one customer that was in a tier before.
func after(t testing.TB, program *engine.Program, previous string, a attrs) *echelonv1.Assignment {
	t.Helper()
	f := frameOf(t, program, person{"a", a})
	scorer := bind(t, program, f)
	r := scorer.Evaluate(f, engine.Options{AsOf: asOf, Reasons: true, Explain: true, Previous: []*frame.Column{previously(previous)}})
	sameWhenWritten(t, program.NewEncoder(), r)
	return r.Assignment(0)
}

func TestExitRulesHoldCustomersInTheirTier(t *testing.T) {
	// EXIT-5
	program := compile(t, held)
	tests := map[string]struct {
		was  string
		a    attrs
		want string
		// computed is what the cuts give where that is another tier.
		computed string
		reason   string
	}{
		"EXIT-1 above the exit's line":              {"top", attrs{"x": 65, "n": 2}, "top", "mid", "tiers.l: stays in top, and not in mid, since the exit rule of top does not hold: score v below 60, or n < 1"},
		"EXIT-1 the line itself is not below it":    {"top", attrs{"x": 60, "n": 2}, "top", "mid", "does not hold"},
		"EXIT-1 below it":                           {"top", attrs{"x": 59.9, "n": 2}, "mid", "", ""},
		"EXIT-1 however many tiers down":            {"top", attrs{"x": 5, "n": 2}, "base", "", ""},
		"EXIT-1 held over many tiers":               {"mid", attrs{"x": 5, "b": false}, "mid", "base", "does not hold: score v below 30 and b"},
		"EXIT-1 another condition of entry":         {"top", attrs{"x": 90, "n": 1}, "top", "mid", "does not hold"},
		"EXIT-1 one rule of any holds":              {"top", attrs{"x": 90, "n": 0}, "mid", "", ""},
		"EXIT-1 fields are both to hold":            {"mid", attrs{"x": 25, "b": true}, "low", "", ""},
		"EXIT-1 one field does not hold":            {"mid", attrs{"x": 35, "b": true}, "mid", "low", "does not hold"},
		"EXIT-1 only its own tier's rule":           {"top", attrs{"x": 35, "n": 2, "b": false}, "low", "", ""},
		"EXIT-2 the same tier":                      {"top", attrs{"x": 75, "n": 2}, "top", "", ""},
		"EXIT-2 a better one":                       {"mid", attrs{"x": 75, "n": 2}, "top", "", ""},
		"EXIT-2 a better one, many up":              {"base", attrs{"x": 75, "n": 2}, "top", "", ""},
		"EXIT-2 a tier without an exit rule":        {"low", attrs{"x": 5}, "base", "", ""},
		"EXIT-2 no tier":                            {"", attrs{"x": 65, "n": 2}, "mid", "", ""},
		"EXIT-3 a tier that there is no more":       {"platinum", attrs{"x": 65, "n": 2}, "mid", "", ""},
		"EXIT-3 the onboarding tier":                {"welcome", attrs{"x": 65, "n": 2}, "mid", "", ""},
		"EXIT-3 onboarded":                          {"top", attrs{"x": 65, "n": 2, "s": "new"}, "welcome", "", ""},
		"EXIT-3 no score":                           {"top", attrs{"n": 2}, null, "", ""},
		"EXIT-3 excluded":                           {"top", attrs{"x": 65, "n": 2, "s": "former"}, null, "", ""},
		"EXIT-4 a condition that cannot be read":    {"top", attrs{"x": 65}, "top", "mid", "tiers.l: stays in top, and not in mid, since the exit rule of top cannot be read: n is missing"},
		"EXIT-4 it does not matter, another holds":  {"top", attrs{"x": 55}, "mid", "", ""},
		"EXIT-4 it does not matter, another is not": {"mid", attrs{"x": 35}, "mid", "low", "does not hold"},
		"EXIT-4 it matters":                         {"mid", attrs{"x": 25}, "mid", "low", "cannot be read: b is missing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := after(t, program, test.was, test.a)
			out := a.GetTiers()[0]
			got := null
			if out.Tier != nil {
				got = out.GetTier()
			}
			if got != test.want || out.GetComputedTier() != test.computed {
				t.Errorf("it is in %s, computed %q, want %s, computed %q", got, out.GetComputedTier(), test.want, test.computed)
			}
			if (out.GetEngagement() == "named") != (got == "top") {
				t.Errorf("in %s it has the engagement %q", got, out.GetEngagement())
			}
			var said []string
			for _, r := range a.GetReasons() {
				if r.GetCode() == echelonv1.Reason_HELD_BY_EXIT_RULE {
					said = append(said, r.GetMessage())
				}
			}
			if test.reason == "" && len(said) > 0 || test.reason != "" && (len(said) != 1 || !strings.Contains(said[0], test.reason)) {
				t.Errorf("it says %q, want %q", said, test.reason)
			}
		})
	}
}

func TestAnExitRuleIsExplained(t *testing.T) {
	// EXIT-5
	program := compile(t, held)
	a := after(t, program, "top", attrs{"x": 65})
	e := a.GetExplanation().GetTiers()[0]
	if e.GetTier() != "mid" || e.GetCuts()[len(e.GetCuts())-1].GetName() != "mid" {
		t.Errorf("the cuts give %q: %v", e.GetTier(), e.GetCuts())
	}
	line, value := 60.0, 65.0
	want := &echelonv1.CutExplanation{Name: "top", Any: []*echelonv1.CutExplanation{
		{Conditions: []*echelonv1.CutCondition{{Condition: "score v below 60", Line: &line, Value: &value}}},
		{Conditions: []*echelonv1.CutCondition{{Condition: "n < 1", Unreadable: &echelonv1.Reason{
			Code: echelonv1.Reason_MISSING, Item: "tiers.l", Attribute: "n", Message: "tiers.l: n is missing"}}}},
	}}
	if diff := cmp.Diff(want, e.GetExit(), protocmp.Transform()); diff != "" {
		t.Errorf("the exit rule (-want +got):\n%s", diff)
	}
	for name, one := range map[string]*echelonv1.Assignment{
		"left": after(t, program, "top", attrs{"x": 55}), "was nowhere": after(t, program, "", attrs{"x": 65}), "is better": after(t, program, "mid", attrs{"x": 75, "n": 2}),
	} {
		exit := one.GetExplanation().GetTiers()[0].GetExit()
		if exit.GetMet() != (name == "left") || (exit != nil) != (name == "left") {
			t.Errorf("who %s has the exit rule %v", name, exit)
		}
	}
}

func TestTiersOfOneLevelAreNoneWorseThanAnother(t *testing.T) {
	// EXIT-2
	program := compile(t, attributes+scoreX+`
tierings:
  - name: l
    linear:
      score: v
      tiers:
        - {name: cloud, level: 1, cut: {min_score: 50, when: b}, exit: {below: 10}}
        - {name: strategic, level: 1, cut: {min_score: 50}, exit: {below: 10}}
        - {name: rest, level: 2}
`)
	for _, test := range []struct {
		was, want string
		a         attrs
	}{
		{"cloud", "strategic", attrs{"x": 60, "b": false}}, {"strategic", "cloud", attrs{"x": 60, "b": true}}, {"strategic", "strategic", attrs{"x": 40, "b": true}},
		{"cloud", "cloud", attrs{"x": 40, "b": false}}, {"cloud", "rest", attrs{"x": 9, "b": true}},
	} {
		out := after(t, program, test.was, test.a).GetTiers()[0]
		if out.GetTier() != test.want || out.GetLevel() != map[string]int32{"cloud": 1, "strategic": 1, "rest": 2}[test.want] {
			t.Errorf("%s, %v: %v, want %s", test.was, test.a, out, test.want)
		}
	}
}

func TestExpressionsReadTheComputedTier(t *testing.T) {
	// EXIT-6
	program := compile(t, held+`
segmentations: [{name: care, segments: [{name: Much, when: "tiers.l == 'top'"}], otherwise: Little}]
`)
	a := after(t, program, "top", attrs{"x": 65, "n": 2})
	if a.GetTiers()[0].GetTier() != "top" || a.GetSegments()[0].GetSegment() != "Little" {
		t.Errorf("the segment sees a tier that is not computed: %v", a)
	}
	// An exit rule may read all outcomes, its own tier's too.
	own := compile(t, strings.Replace(held, `{below: 30, when: "b"}`, `{when: "tiers.l == 'base'"}`, 1))
	for x, want := range map[int]string{25: "mid", 5: "base"} {
		if got := after(t, own, "mid", attrs{"x": x}).GetTiers()[0].GetTier(); got != want {
			t.Errorf("at %d it is in %s, want %s", x, got, want)
		}
	}
}

// what is in force follows from what was, what is computed and the rule of the tier that it was in alone.
func TestTiersInForceAreThoseOfTheReference(t *testing.T) {
	// EXIT-1, EXIT-2, EXIT-5, EXIT-7
	names := []string{"t0", "t1", "t2", "t3", "t4"}
	rapid.Check(t, func(t *rapid.T) {
		var tiers []string
		exits := make([]float64, 4)
		for i := range 4 {
			tier := fmt.Sprintf("{name: t%d, cut: {top_count: 2, min_score: %d}", i, 80-20*i)
			if exits[i] = float64(rapid.IntRange(0, 90-20*i).Draw(t, "exit")); exits[i] > 0 {
				tier += fmt.Sprintf(", exit: {below: %v}", exits[i])
			}
			tiers = append(tiers, tier+"}")
		}
		program := compile(tb(t), attributes+scoreX+"amount: x\ntierings: [{name: l, linear: {score: v, tiers: ["+strings.Join(tiers, ", ")+", {name: t4}]}}]")
		n := rapid.IntRange(1, 20).Draw(t, "customers")
		var people []person
		var was []string
		for i := range n {
			one := person{fmt.Sprintf("c%02d", i), attrs{}}
			if rapid.IntRange(0, 9).Draw(t, "scored") > 0 {
				one.attrs["x"] = float64(rapid.IntRange(0, 100).Draw(t, "x"))
			}
			people = append(people, one)
			was = append(was, rapid.SampledFrom(append([]string{"", "gone"}, names...)).Draw(t, "previous"))
		}
		f := frameOf(tb(t), program, people...)
		scorer := bind(tb(t), program, f)
		options := engine.Options{AsOf: asOf, Reasons: true, Amounts: true}
		computed := scorer.Evaluate(f, options)
		options.Previous = []*frame.Column{previously(was...)}
		got := scorer.Evaluate(f, options)

		place := func(name string) int {
			for i, one := range names {
				if one == name {
					return i
				}
			}
			return -1
		}
		var inForce []string
		for row := range n {
			cuts := name(computed.Tiers[0], row)
			want, from := cuts, place(was[row])
			if from >= 0 && from < 4 && cuts != null && place(cuts) > from && exits[from] > 0 && computed.Scores[0].Numbers[row] >= exits[from] {
				want = was[row]
			}
			a := got.Assignment(row)
			if name(got.Tiers[0], row) != want || (a.GetTiers()[0].ComputedTier != nil) != (want != cuts) {
				t.Fatalf("customer %d was in %q, has %v and is computed %s: %v", row, was[row], people[row].attrs, cuts, a)
			}
			if want != cuts && a.GetTiers()[0].GetComputedTier() != cuts {
				t.Fatalf("its computed tier is %s: %v", cuts, a)
			}
			inForce = append(inForce, strings.Replace(want, null, "", 1))
		}
		// What is in force now stays in force: evaluating again changes nothing.
		options.Previous = []*frame.Column{previously(inForce...)}
		again := scorer.Evaluate(f, options)
		for row := range n {
			if diff := cmp.Diff(got.Assignment(row), again.Assignment(row), protocmp.Transform()); diff != "" {
				t.Fatalf("again customer %d is another (-first +again):\n%s", row, diff)
			}
		}
		var assignments []*echelonv1.Assignment
		for row := range n {
			assignments = append(assignments, got.Assignment(row))
		}
		back, err := program.ResultOf(assignments)
		if err != nil {
			t.Fatal(err)
		}
		for row := range n {
			if diff := cmp.Diff(got.Assignment(row).GetTiers(), back.Assignment(row).GetTiers(), protocmp.Transform()); diff != "" {
				t.Fatalf("put back into columns (-before +after):\n%s", diff)
			}
		}
		back.Amounts = got.Amounts
		first, second := engine.NewTally(program), engine.NewTally(program)
		first.Add(got)
		second.Add(back)
		if diff := cmp.Diff(first.Summary(), second.Summary(), protocmp.Transform()); diff != "" {
			t.Fatalf("the tables differ:\n%s", diff)
		}
		sums := first.Summary()
		for i, row := range sums.GetTierings()[0].GetTiers() {
			var in, held, cut int64
			for k := range n {
				if name(got.Tiers[0], k) == row.GetTier() {
					in++
					if name(computed.Tiers[0], k) != row.GetTier() {
						held++
					}
				}
				if name(computed.Tiers[0], k) == row.GetTier() {
					cut++
				}
			}
			exits := program.LooksBack(0)
			if row.GetCustomers() != in || row.GetHeld() != held || (row.Computed != nil) != exits || exits && row.GetComputed() != cut {
				t.Fatalf("the row %d is %v: %d in it, %d held, %d computed", i, row, in, held, cut)
			}
		}
	})
}

func TestACalibrationKnowsNoHistory(t *testing.T) {
	// EXIT-6: what is learned is learned of computed tiers; counts are exact for them.
	program := compile(t, attributes+scoreX+`
tierings: [{name: l, linear: {score: v, tiers: [{name: top, cut: {top_count: 1}, exit: {below: 5}}, {name: rest}]}}]
`)
	f := frameOf(t, program, xs(10, 20, 30)...)
	scorer := bind(t, program, f)
	r := scorer.Evaluate(f, engine.Options{AsOf: asOf, Previous: []*frame.Column{previously("top", "", "top")}})
	if got := []string{name(r.Tiers[0], 0), name(r.Tiers[0], 1), name(r.Tiers[0], 2)}; !cmp.Equal(got, []string{"top", "rest", "top"}) {
		t.Errorf("the tiers are %v", got)
	}
	tally := engine.NewTally(program)
	tally.Add(r)
	if row := tally.Summary().GetTierings()[0].GetTiers()[0]; row.GetCustomers() != 2 || row.GetHeld() != 1 || row.GetComputed() != 1 {
		t.Errorf("the best tier's row is %v", row)
	}
}

func TestMistakesOfExitRules(t *testing.T) {
	// EXIT-8
	with := func(tiers string) string {
		return attributes + scoreX + "tierings: [{name: l, linear: {score: v, tiers: [" + tiers + "]}}]\n"
	}
	exit := func(rule string) string {
		return with("{name: a, cut: {min_score: 50}, exit: " + rule + "}, {name: b}")
	}
	tests := map[string]struct{ text, path, says string }{
		"empty":                  {exit("{}"), "tierings[0].linear.tiers[0].exit", "nobody would ever leave"},
		"below nothing":          {exit("{below: 0}"), "tierings[0].linear.tiers[0].exit.below", "no score is below 0"},
		"below too much":         {exit("{below: 100.5}"), "tierings[0].linear.tiers[0].exit.below", "no score is below 100.5, or every one is"},
		"a number as condition":  {exit("{when: x}"), "tierings[0].linear.tiers[0].exit.when", "a boolean is expected"},
		"an unknown attribute":   {exit("{when: z > 1}"), "tierings[0].linear.tiers[0].exit.when", "undeclared attribute"},
		"an any in an any":       {exit("{any: [{any: [{below: 5}]}]}"), "tierings[0].linear.tiers[0].exit.any[0].any", "an any of its own"},
		"an empty rule of any":   {exit("{any: [{below: 5}, {}]}"), "tierings[0].linear.tiers[0].exit.any[1]", "empty"},
		"a condition within any": {exit("{any: [{below: 5}, {when: z}]}"), "tierings[0].linear.tiers[0].exit.any[1].when", "undeclared"},
		"on the last tier":       {with("{name: a, cut: {min_score: 50}}, {name: b, exit: {below: 5}}"), "tierings[0].linear.tiers[1].exit", "the last tier"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			program, found := tryCompile(t, test.text)
			if program != nil || len(found.Mistakes()) != 1 || found.Mistakes()[0].Path != test.path || !strings.Contains(found.Mistakes()[0].Message, test.says) || found.Mistakes()[0].Place.Line == 0 {
				t.Errorf("it found %v, want %q at %s", found, test.says, test.path)
			}
		})
	}
	for rule, warns := range map[string]bool{
		"{below: 50}": true, "{below: 60}": true, "{below: 40}": false, "{below: 60, when: b}": false, "{any: [{below: 60}, {when: b}]}": false, "{when: b}": false,
	} {
		if _, found := tryCompile(t, exit(rule)); has(found, "tierings[0].linear.tiers[0].exit.below", "holds nobody") != warns {
			t.Errorf("EXIT-9 %s: %v", rule, found)
		}
	}
	if program := compile(t, exit("{below: 40}")); !program.NeedsPrevious() || !program.LooksBack(0) || program.NeedsCalibration() {
		t.Error("an exit rule needs what was before, and no calibration")
	}
}

func TestAComputedTierIsOnlyOfATieringWithExitRules(t *testing.T) {
	program := compile(t, attributes+scoreX+"tierings: [{name: l, linear: {score: v, tiers: [{name: a, cut: {min_score: 50}}, {name: b}]}}]")
	name := "a"
	a := bindTo(t, program, nil).Evaluate(frameOf(t, program, xs(1)...), engine.Options{AsOf: asOf}).Assignment(0)
	a.Tiers[0].ComputedTier = &name
	if _, err := program.ResultOf([]*echelonv1.Assignment{a}); err == nil || !strings.Contains(err.Error(), "computed tier") {
		t.Errorf("the error is %v", err)
	}
}
