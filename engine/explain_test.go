package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestAScoreIsExplainedByItsCriteria(t *testing.T) {
	// WHY-1, SCORE-2, SCORE-13
	s := evaluate(t, three("    missing: NEUTRAL\n"), person{"one", attrs{"x": 80, "n": 150}})
	want := &echelonv1.ScoreExplanation{
		Score: "v", Value: proto.Float64(75), Completeness: 0.7,
		Criteria: []*echelonv1.CriterionExplanation{
			{Criterion: "x", Expr: "x", Input: structpb.NewNumberValue(80), Normalized: proto.Float64(80), Weight: 50, WeightPercent: 50, Contribution: 40, Rank: 1},
			{
				Criterion: "y", Expr: "y", Input: structpb.NewNullValue(), Normalized: proto.Float64(50), Weight: 30, WeightPercent: 30, Contribution: 15, Rank: 3,
				Unreadable: &echelonv1.Reason{Code: echelonv1.Reason_MISSING, Item: "scores.v", Part: "y", Attribute: "y", Message: "scores.v, y: y is missing"},
			},
			{Criterion: "n", Expr: "n", Input: structpb.NewNumberValue(150), Normalized: proto.Float64(100), Weight: 20, WeightPercent: 20, Contribution: 20, Rank: 2},
		},
	}
	if diff := cmp.Diff(want, s.assignment("one").GetExplanation().GetScores()[0], protocmp.Transform()); diff != "" {
		t.Errorf("the explanation differs (-want +got):\n%s", diff)
	}
}

func TestACriterionThatIsLeftOutWeighsNothing(t *testing.T) {
	// WHY-1, SCORE-3
	s := evaluate(t, three(""), person{"one", attrs{"x": 80, "n": 10}})
	criteria := s.assignment("one").GetExplanation().GetScores()[0].GetCriteria()
	if left := criteria[1]; left.Normalized != nil || left.GetWeightPercent() != 0 || left.GetContribution() != 0 || left.GetUnreadable() == nil {
		t.Errorf("what was left out is explained by %v", left)
	}
	if got := criteria[0].GetWeightPercent(); got != 50.0/70*100 {
		t.Errorf("the first weighs %v %%", got)
	}
}

func TestATierIsExplainedByTheCutsThatWereTried(t *testing.T) {
	// WHY-3
	s := evaluate(t, ladder("{name: top, cut: {top_count: 1}}, {name: mid, cut: {min_score: 50, when: 'y > 1'}}, {name: share, cut: {cumulative_share: {of: y, share: 0.9, order: AMOUNT}}}, {name: rest}", ""),
		person{"a", attrs{"x": 90}}, person{"b", attrs{"x": 60, "y": 5}}, person{"c", attrs{"x": 60}}, person{"d", attrs{"x": 40, "y": 7}}, person{"e", nil})
	want := &echelonv1.TierExplanation{
		Tiering: "l", Tier: proto.String("share"),
		Cuts: []*echelonv1.CutExplanation{
			{Name: "top", Conditions: []*echelonv1.CutCondition{{Condition: "among the first 1 by score v", Line: proto.Float64(90), Value: proto.Float64(40)}}},
			{Name: "mid", Conditions: []*echelonv1.CutCondition{
				{Condition: "score v at least 50", Line: proto.Float64(50), Value: proto.Float64(40)}, {Condition: "y > 1", Met: true},
			}},
			{Name: "share", Met: true, Conditions: []*echelonv1.CutCondition{
				{Condition: "within the first 90 % of y by amount", Met: true, Line: proto.Float64(5), Value: proto.Float64(7)},
			}},
		},
	}
	if diff := cmp.Diff(want, s.assignment("d").GetExplanation().GetTiers()[0], protocmp.Transform()); diff != "" {
		t.Errorf("the explanation differs (-want +got):\n%s", diff)
	}
	for id, says := range map[string]string{
		"a": "tiers.l: top, among the first 1 by score v",
		"b": "tiers.l: mid, score v at least 50 and y > 1",
		"d": "tiers.l: share, within the first 90 % of y by amount",
		"e": "tiers.l: UNSCORED, since scores.v is null",
	} {
		if got := s.reason(id, "tiers.l").GetMessage(); got != says {
			t.Errorf("%s has the reason %q, want %q", id, got, says)
		}
	}
	// WHY-4: a better cut that could not be read is told before what decided.
	if codes := s.codes("c", "tiers.l"); !slices.Equal(codes, []string{"MISSING", "LAST_TIER"}) {
		t.Errorf("the reasons of c are %v", codes)
	}
	if tried := s.assignment("c").GetExplanation().GetTiers()[0].GetCuts(); len(tried) != 4 || tried[1].GetConditions()[1].GetUnreadable().GetAttribute() != "y" || !tried[3].GetMet() {
		t.Errorf("c is explained by %v", tried)
	}
	if e := s.assignment("e").GetExplanation().GetTiers()[0]; e.Tier != nil || len(e.GetCuts()) != 0 {
		t.Errorf("e is explained by %v", e)
	}
}

func TestAPersonaIsExplainedByBothAxes(t *testing.T) {
	// WHY-3, MATRIX-1, MATRIX-6
	s := evaluate(t, box("{min_score: 80}, {median: {}}", "{percentile: {p: 25}, when: b}", "{x: 1, y: 1, name: Good}"),
		person{"a", attrs{"x": 60, "y": 40, "b": true}}, person{"b", attrs{"x": 20, "y": 20}}, person{"c", attrs{"x": 20}})
	a := s.assignment("a").GetExplanation().GetTiers()[0]
	if a.GetTier() != "Good" || a.GetXLevel() != 1 || a.GetYLevel() != 1 || len(a.GetCuts()) != 3 {
		t.Fatalf("a is explained by %v", a)
	}
	var met []bool
	var lines []float64
	for _, cut := range a.GetCuts() {
		met = append(met, cut.GetMet())
		lines = append(lines, cut.GetConditions()[0].GetLine())
	}
	if !slices.Equal(met, []bool{false, true, true}) || !slices.Equal(lines, []float64{80, 20, 25}) {
		t.Errorf("the cuts are met %v at %v", met, lines)
	}
	c := s.assignment("c").GetExplanation().GetTiers()[0]
	if c.Tier != nil || c.YLevel != nil || c.GetXLevel() != 1 {
		t.Errorf("c is explained by %v", c)
	}
	for id, says := range map[string]string{
		"a": "tiers.l: Good, level 1 of v and level 1 of w",
		"c": "tiers.l: no persona, since scores.w is null",
	} {
		if got := s.reason(id, "tiers.l").GetMessage(); got != says {
			t.Errorf("%s has the reason %q, want %q", id, got, says)
		}
	}
	if codes := s.codes("b", "tiers.l"); !slices.Equal(codes, []string{"MISSING", "NO_PERSONA"}) {
		t.Errorf("the reasons of b are %v", codes)
	}
}

func TestNothingIsExplainedThatWasNotAskedFor(t *testing.T) {
	// WHY-5
	program := compile(t, three("    missing: FAIL\n"))
	f := frameOf(t, program, person{"one", attrs{"x": 1}})
	r := bindTo(t, program, nil).Evaluate(f, engine.Options{AsOf: asOf})
	if a := r.Assignment(0); a.Reasons != nil || a.Explanation != nil || r.Amounts != nil {
		t.Errorf("the assignment is %v", a)
	}
}

func TestReasonsDoNotDependOnTheBatch(t *testing.T) {
	// WHY-4, SAME-2
	text := three("    missing: FAIL\n") + "segmentations: [{name: size, segments: [{name: A, when: x > 1}, {name: B, when: y > 1}]}]\n"
	people := []person{{"a", attrs{"x": 1}}, {"b", attrs{"y": 1}}, {"c", nil}, {"d", attrs{"x": 2, "y": 2, "n": 2}}}
	all := evaluate(t, text, people...)
	for _, one := range people {
		alone := all.then(one)
		if got, want := reasonText(alone.assignment(one.id).GetReasons()), reasonText(all.assignment(one.id).GetReasons()); got != want {
			t.Errorf("alone %s has the reasons %q, among all %q", one.id, got, want)
		}
	}
	if got := reasonText(all.assignment("c").GetReasons()); !strings.HasPrefix(got, "segments.size, A: x is missing; segments.size, B: y is missing; scores.v, x: x is missing; ") {
		t.Errorf("the reasons are %q", got)
	}
}
