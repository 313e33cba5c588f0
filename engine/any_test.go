package engine_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
)

func TestCutsOfAny(t *testing.T) {
	tests := []struct {
		name, cut string
		x         []float64
		want      string
	}{
		{"LADDER-17 one of two", "any: [{min_score: 90}, {when: 'x < 20'}]", []float64{95, 50, 10}, "t—t"},
		{"LADDER-17 with what holds for each", "min_score: 15, any: [{min_score: 90}, {when: 'x < 20'}]", []float64{95, 50, 10, 17}, "t——t"},
		{"LADDER-17 a condition that cannot be read beside one that holds", "any: [{when: 'y > 1'}, {min_score: 90}]", []float64{95, 50}, "t—"},
		{"LADDER-18 counts overlap", "any: [{top_count: 1}, {min_score: 90}]", []float64{95, 93, 10}, "tt—"},
		{"LADDER-18 each count has its own candidates", "any: [{top_count: 1}, {top_count: 1, when: 'x < 50'}]", []float64{95, 60, 40, 30}, "t—t—"},
		{"LADDER-18 a share beside a count", "any: [{top_share: 0.25}, {cumulative_share: {of: x, share: 0.5}}]", []float64{40, 30, 20, 10}, "tt——"},
		{"LADDER-18 a condition for all bounds the candidates", "when: 'x < 90', any: [{top_count: 1}, {min_score: 100}]", []float64{95, 60, 40}, "—t—"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := evaluate(t, ladder("{name: t, cut: {"+test.cut+"}}, {name: —}", ""), xs(test.x...)...)
			got := ""
			for _, one := range xs(test.x...) {
				got += s.tier(one.id)
				alone := s.then(one)
				if alone.tier(one.id) != s.tier(one.id) {
					t.Errorf("alone %s is %s", one.id, alone.tier(one.id))
				}
			}
			if got != test.want {
				t.Errorf("the tiers are %s, want %s", got, test.want)
			}
		})
	}
}

func TestAWorseTierCountsWhomAnAnyLeft(t *testing.T) {
	// LADDER-9, LADDER-18
	s := evaluate(t, ladder("{name: top, cut: {any: [{top_count: 1}, {when: 'x < 20'}]}}, {name: mid, cut: {top_count: 2}}, {name: rest}", ""),
		xs(90, 80, 70, 60, 10)...)
	for id, want := range map[string]string{"a": "top", "b": "mid", "c": "mid", "d": "rest", "e": "top"} {
		if got := s.tier(id); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
}

func TestAnAnyOfOneCutIsThatCut(t *testing.T) {
	// LADDER-17, LADDER-18, LINE-1, LINE-2
	cuts := []string{"top_count: 3", "top_share: 0.3, min_score: 20", "cumulative_share: {of: y, share: 0.4}", "cumulative_share: {of: y, share: 0.4, order: AMOUNT}, when: n > 1"}
	for _, cut := range cuts {
		plain := compile(t, ladder("{name: top, cut: {"+cut+"}}, {name: mid, cut: {top_count: 2}}, {name: rest}", ""))
		any := compile(t, ladder("{name: top, cut: {any: [{"+cut+"}]}}, {name: mid, cut: {any: [{top_count: 2}]}}, {name: rest}", ""))
		rapid.Check(t, func(t *rapid.T) {
			people := persons(randomPopulation(t, 25))
			f, g := frameOf(tb(t), plain, people...), frameOf(tb(t), any, people...)
			scorer := bindTo(tb(t), any, clone(calibrate(tb(t), any, framesOf(tb(t), any, 4, rapid.Permutation(people).Draw(t, "order")...)...)))
			want := bind(tb(t), plain, f).Evaluate(f, engine.Options{AsOf: asOf})
			got := scorer.Evaluate(g, engine.Options{AsOf: asOf})
			for i, id := range f.IDs {
				if name(got.Tiers[0], i) != name(want.Tiers[0], i) {
					t.Fatalf("%s is %s, want %s", id, name(got.Tiers[0], i), name(want.Tiers[0], i))
				}
				alone := scorer.Evaluate(frameOf(tb(t), any, people[i]), engine.Options{AsOf: asOf})
				if name(alone.Tiers[0], 0) != name(want.Tiers[0], i) {
					t.Fatalf("alone %s is %s", id, name(alone.Tiers[0], 0))
				}
			}
		})
	}
}

func TestAnAnyIsExplainedByAllItsCuts(t *testing.T) {
	// WHY-3, LADDER-17
	s := evaluate(t, ladder("{name: top, cut: {min_score: 5, any: [{when: 'y > 1'}, {top_count: 1}]}}, {name: rest}", ""), xs(90, 80)...)
	const words = "tiers.l: top, score v at least 5 and (y > 1, or among the first 1 by score v)"
	if r := s.reason("a", "tiers.l"); r.GetMessage() != words {
		t.Errorf("the reason is %v", r)
	}
	if codes := s.codes("b", "tiers.l"); !slices.Equal(codes, []string{"MISSING", "LAST_TIER"}) {
		t.Errorf("the reasons are %v", codes)
	}
	cut := s.assignment("b").GetExplanation().GetTiers()[0].GetCuts()[0]
	if cut.GetMet() || len(cut.GetConditions()) != 1 || len(cut.GetAny()) != 2 || cut.GetAny()[0].GetConditions()[0].GetUnreadable().GetAttribute() != "y" ||
		cut.GetAny()[1].GetConditions()[0].GetLine() != 90 {
		t.Errorf("the explanation is %v", cut)
	}
}

func TestMistakesOfAnyAndLevels(t *testing.T) {
	for _, test := range []struct{ name, tiers, path, says string }{
		{"LADDER-19 a count beside any", "{name: a, cut: {top_count: 1, any: [{min_score: 1}]}}, {name: b}", "tierings[0].linear.tiers[0].cut.any", "only min_score and when"},
		{"LADDER-19 any in any", "{name: a, cut: {any: [{any: [{min_score: 1}]}]}}, {name: b}", "tierings[0].linear.tiers[0].cut.any[0].any", "an any of its own"},
		{"LADDER-1 an empty cut of any", "{name: a, cut: {any: [{}]}}, {name: b}", "tierings[0].linear.tiers[0].cut.any[0]", "empty"},
		{"MODEL-14 a condition of any", "{name: a, cut: {any: [{when: x}]}}, {name: b}", "tierings[0].linear.tiers[0].cut.any[0].when", "a boolean is expected"},
		{"LADDER-20 some levels", "{name: a, level: 1, cut: {min_score: 1}}, {name: b}", "tierings[0].linear.tiers[1].level", "others have none"},
		{"LADDER-20 a level of 0", "{name: a, level: 0, cut: {min_score: 1}}, {name: b, level: 1}", "tierings[0].linear.tiers[0].level", "0 is no level"},
		{"LADDER-20 levels that fall", "{name: a, level: 2, cut: {min_score: 1}}, {name: b, level: 1}", "tierings[0].linear.tiers[1].level", "which is worse"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, found := tryCompile(t, ladder(test.tiers, "")); !has(found, test.path, test.says) {
				t.Errorf("it finds %v", found)
			}
		})
	}
}

func TestTiersOfTwoTracksShareALevel(t *testing.T) {
	// LADDER-20, LINT-6
	const tracks = `{name: Tier 1 Cloud, level: 1, cut: {min_score: 80, when: b}, engagement: one}, {name: Tier 1 Strategic, level: 1, cut: {min_score: 80}, engagement: two},
          {name: Tier 2, level: 2, engagement: three}`
	const engagements = `
engagements:
  - {name: one, roles: [{role: csm, ownership: DEDICATED, capacity: {driver: ACCOUNTS, per_rep: 10}}]}
  - {name: two, roles: [{role: csm, ownership: DEDICATED, capacity: {driver: ACCOUNTS, per_rep: 5}}]}
  - {name: three, roles: [{role: csm, ownership: DEDICATED, capacity: {driver: ACCOUNTS, per_rep: 50}}]}
`
	text := ladder(tracks, "") + engagements
	s := evaluate(t, text, person{"a", attrs{"x": 90, "b": true}}, person{"b", attrs{"x": 90, "b": false}}, person{"c", attrs{"x": 1}}, person{"d", nil})
	for id, want := range map[string]int32{"a": 1, "b": 1, "c": 2, "d": 0} {
		outcome := s.assignment(id).GetTiers()[0]
		if outcome.GetLevel() != want || (outcome.Level == nil) != (want == 0) {
			t.Errorf("%s is %v, want level %d", id, outcome, want)
		}
	}
	if _, found := tryCompile(t, text); has(found, "tierings[0]", "covers no more") {
		t.Errorf("tiers of one level are compared: %v", found)
	}
}
