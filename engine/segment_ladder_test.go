package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// bySize is a model of a ladder within the segments of a size, which s says; of another s there is no segment.
const bySize = attributes + scoreX + `
segmentations:
  - name: size
    segments: [{name: Large, when: "s == 'l'"}, {name: Medium, when: "s == 'm'"}, {name: Small, when: "s == 's'"}]
tierings:
  - name: l
    linear:
      score: v
      by: segments.size
`

// ofSize returns customers a, b, c … of a size with these values of x, whose ids begin with the size.
func ofSize(size string, values ...float64) []person {
	people := xs(values...)
	for i := range people {
		people[i].id = size + people[i].id
		people[i].attrs["s"] = size
	}
	return people
}

func TestCutsAreDrawnWithinEachSegment(t *testing.T) {
	// LADDER-220, LADDER-221, LADDER-223
	s := evaluate(t, bySize+`
      tiers: [{name: field}, {name: high, cut: {top_share: 0.5}}, {name: mid, cut: {min_score: 20}}, {name: low}]
      per_segment:
        - {segment: Large, tiers: [{name: field, cut: {top_count: 1}}, {name: high, cut: {min_score: 50}}, {name: low}]}
        - {segment: Small, tiers: [{name: low}]}
`, slices.Concat(ofSize("l", 40, 90, 60, 10), ofSize("m", 40, 9, 30), ofSize("s", 99), ofSize("?", 99), ofSize("m", missing)[:0])...)
	want := map[string]string{
		"la": "low", "lb": "field", "lc": "high", "ld": "low",
		"ma": "high", "mb": "low", "mc": "high",
		"sa": "low", "?a": null,
	}
	if diff := cmp.Diff(want, s.tiers()); diff != "" {
		t.Errorf("the tiers differ (-want +got):\n%s", diff)
	}
	if got := s.reason("?a", "tiers.l"); got.GetCode() != echelonv1.Reason_NO_SEGMENT || !strings.Contains(got.GetMessage(), "segments.size is null") {
		t.Errorf("who has no segment is told %v", got)
	}
	if got := s.reason("ma", "tiers.l").GetMessage(); got != "tiers.l: high, among the first 50 % by score v, within Medium" {
		t.Errorf("the reason says %q", got)
	}
	explained := s.assignment("lc").GetExplanation().GetTiers()[0]
	if explained.GetSegment() != "Large" || len(explained.GetCuts()) != 2 || explained.GetCuts()[1].GetName() != "high" {
		t.Errorf("the ladder of the segment is not explained: %v", explained)
	}
	later := s.then(slices.Concat(ofSize("l", 90.5, 89), ofSize("m", 30, 29))...)
	// The line of the medium ones is mc with 30: ma comes before it by its id.
	if diff := cmp.Diff(map[string]string{"la": "field", "lb": "high", "ma": "high", "mb": "mid"}, later.tiers()); diff != "" {
		t.Errorf("between runs the tiers differ (-want +got):\n%s", diff)
	}
}

func TestWhoHasNoSegmentIsCountedLikeWhoHasNoScore(t *testing.T) {
	// LADDER-221
	model := bySize + `
      tiers: [{name: high, cut: {top_share: 0.5}, exit: {below: 5}}, {name: low}]
      unscored: low
`
	s := evaluate(t, model, slices.Concat(ofSize("l", 40, missing), ofSize("?", 99))...)
	if diff := cmp.Diff(map[string]string{"la": "high", "lb": "low", "?a": "low"}, s.tiers()); diff != "" {
		t.Errorf("the tiers differ (-want +got):\n%s", diff)
	}
	tally := engine.NewTally(s.program)
	tally.Add(s.result)
	low := tally.Summary().GetTierings()[0].GetTiers()[1]
	if low.GetCustomers() != 2 || low.GetUnscored() != 2 {
		t.Errorf("the table has %v, want both counted as unscored", low)
	}
	f := frameOf(t, s.program, ofSize("?", 99)...)
	held := s.scorer.Evaluate(f, engine.Options{AsOf: asOf, Previous: []*frame.Column{previously("high")}})
	if got := name(held.Tiers[0], 0); got != "low" {
		t.Errorf("without a segment a customer is held in %q", got)
	}
}

// randomSegments draws a ladder by size: three tiers of its own for some segments, the random ladder's for the others.
func randomSegments(t *rapid.T) *echelonv1.Model {
	model := randomLadder(t)
	model.Segmentations = []*echelonv1.Segmentation{{Name: "size", Segments: []*echelonv1.Segment{
		{Name: "none", When: "s == ''"}, {Name: "a", When: "s == 'a'"}, {Name: "B", When: "s == 'B'"},
	}}}
	linear := model.GetTierings()[0].GetLinear()
	linear.By = "segments.size"
	for _, segment := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"none", "a", "B"}), rapid.ID[string]).Draw(t, "own") {
		own := &echelonv1.SegmentLadder{Segment: segment}
		for i, tier := range linear.GetTiers() {
			if i == len(linear.GetTiers())-1 {
				own.Tiers = append(own.Tiers, &echelonv1.SegmentTier{Name: tier.GetName()})
			} else if rapid.Bool().Draw(t, "named") {
				own.Tiers = append(own.Tiers, &echelonv1.SegmentTier{Name: tier.GetName(), Cut: randomCut(t)})
			}
		}
		linear.PerSegment = append(linear.PerSegment, own)
	}
	return model
}

// ladderOf returns the model of one segment of a random one alone: its ladder, of those whom the segment's text says.
func ladderOf(model *echelonv1.Model, segment string) *echelonv1.Model {
	alone := clone(model)
	linear := alone.GetTierings()[0].GetLinear()
	for _, own := range linear.GetPerSegment() {
		if own.GetSegment() != segment {
			continue
		}
		linear.Tiers = nil
		for _, tier := range own.GetTiers() {
			linear.Tiers = append(linear.Tiers, &echelonv1.Tier{Name: tier.GetName(), Cut: tier.GetCut()})
		}
	}
	linear.By, linear.PerSegment, linear.Unscored = "", nil, ""
	return alone
}

func TestASegmentsLadderIsThatOfItsCustomersAlone(t *testing.T) {
	// LADDER-220, LADDER-222, LINE-1, LINE-2: whatever the order of the customers and the size of the batches.
	rapid.Check(t, func(t *rapid.T) {
		model, residents := randomSegments(t), randomPopulation(t, 40)
		want := make(map[string]string)
		for _, r := range residents {
			want[r.id] = null
			if unscored := model.GetTierings()[0].GetLinear().GetUnscored(); unscored != "" {
				want[r.id] = unscored
			}
		}
		for text, segment := range map[string]string{"": "none", "a": "a", "B": "B"} {
			members := slices.DeleteFunc(slices.Clone(residents), func(r resident) bool { return r.score == nil || r.text == nil || *r.text != text })
			for id, tier := range referenceTiers(ladderOf(model, segment), members) {
				want[id] = tier
			}
		}
		program := compiled(t, model)
		people := rapid.Permutation(persons(residents)).Draw(t, "order")
		frames := framesOf(tb(t), program, rapid.IntRange(1, 50).Draw(t, "rows"), people...)
		calibration := calibrate(tb(t), program, frames...)
		wire, err := proto.Marshal(calibration)
		if err != nil {
			t.Fatal(err)
		}
		received := &echelonv1.Calibration{}
		if err := proto.Unmarshal(wire, received); err != nil {
			t.Fatal(err)
		}
		s := &study{TB: tb(t), program: program, scorer: bindTo(tb(t), program, received)}
		got := make(map[string]string)
		for _, one := range people {
			s.see(frameOf(tb(t), program, one))
			got[one.id] = s.tier(one.id)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("the tiers differ (-reference +engine):\n%s", diff)
		}
	})
}

func TestMistakesOfLaddersOfSegments(t *testing.T) {
	// LADDER-222
	tiers := "      tiers: [{name: field}, {name: high, cut: {top_share: 0.5}}, {name: low}]\n"
	own := func(text string) string { return bySize + tiers + "      per_segment: [" + text + "]\n" }
	for name, test := range map[string]struct{ text, path, says string }{
		"a tier without a cut that no segment has": {bySize + tiers, "tierings[0].linear.tiers[0]", "only the last tier has no cut"},
		"by something that is no segmentation":     {strings.Replace(own("{segment: Large, tiers: [{name: low}]}"), "by: segments.size", "by: s", 1), "tierings[0].linear.by", "is no segmentation"},
		"by a segmentation that there is not":      {strings.Replace(own("{segment: Large, tiers: [{name: low}]}"), "by: segments.size", "by: segments.sice", 1), "tierings[0].linear.by", `segmentation "sice"`},
		"segments without by":                      {strings.Replace(own("{segment: Large, tiers: [{name: low}]}"), "by: segments.size", "", 1), "tierings[0].linear.per_segment", "not of which segmentation"},
		"a segment that there is not":              {own("{segment: Larg, tiers: [{name: low}]}"), "tierings[0].linear.per_segment[0].segment", `has no segment "Larg"`},
		"a segment twice":                          {own("{segment: Large, tiers: [{name: low}]}, {segment: Large, tiers: [{name: low}]}"), "tierings[0].linear.per_segment[1].segment", "is taken by"},
		"no segment":                               {own("{tiers: [{name: low}]}"), "tierings[0].linear.per_segment[0].segment", "missing"},
		"no tiers":                                 {own("{segment: Large}"), "tierings[0].linear.per_segment[0].tiers", "no tiers"},
		"a tier that the ladder has not":           {own("{segment: Large, tiers: [{name: hihg, cut: {min_score: 5}}, {name: low}]}"), "tierings[0].linear.per_segment[0].tiers[0].name", `no tier "hihg"`},
		"tiers in another order":                   {own("{segment: Large, tiers: [{name: high, cut: {min_score: 5}}, {name: field}]}"), "tierings[0].linear.per_segment[0].tiers[1].name", "is not worse than"},
		"a cut of the last tier":                   {own("{segment: Large, tiers: [{name: field, cut: {min_score: 5}}]}"), "tierings[0].linear.per_segment[0].tiers[0].cut", "has no cut"},
		"no cut of another":                        {own("{segment: Large, tiers: [{name: field}, {name: low}]}"), "tierings[0].linear.per_segment[0].tiers[0]", "only the last tier"},
		"a condition that does not compile":        {own("{segment: Large, tiers: [{name: field, cut: {when: 'sice > 5'}}, {name: low}]}"), "tierings[0].linear.per_segment[0].tiers[0].cut.when", "sice"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, found := tryCompile(t, test.text); !found.HasMistakes() || !has(found, test.path, test.says) {
				t.Errorf("it finds %v", found)
			}
		})
	}
}

func TestLintLooksIntoLaddersOfSegments(t *testing.T) {
	// LINT-7, LINT-12, LINT-220
	tiers := "      tiers: [{name: high, cut: {min_score: 50}}, {name: low}]\n      per_segment:\n"
	for name, test := range map[string]struct{ text, path, says string }{
		"a cut of another segment":   {"        - {segment: Large, tiers: [{name: high, cut: {when: \"segments.size == 'Small'\"}}, {name: low}]}\n", "tierings[0].linear.per_segment[0].tiers[0].cut", "can meet the cut"},
		"a cut that nobody is under": {"        - {segment: Large, tiers: [{name: low}]}\n        - {segment: Medium, tiers: [{name: low}]}\n        - {segment: Small, tiers: [{name: low}]}\n", "tierings[0].linear.tiers[0].cut", "each segment of size has a ladder of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, found := tryCompile(t, bySize+tiers+test.text); found.HasMistakes() || !has(found, test.path, test.says) {
				t.Errorf("it finds %v", found)
			}
		})
	}
	empty := evaluate(t, bySize+`
      tiers: [{name: high, cut: {top_count: 1}}, {name: mid, cut: {min_score: 50}}, {name: low}]
`, slices.Concat(ofSize("l", 40, 30), ofSize("m", 80, 70))...)
	found := findingsOf(empty.calibration)
	for path, says := range map[string]string{
		"tierings[0].linear.tiers[1].cut": `tier "mid" is empty in the segment "Large"`,
		"tierings[0].linear.by":           `nobody with a score is in the segment "Small"`,
	} {
		if !has(found, path, says) {
			t.Errorf("it does not find %q: %v", says, found)
		}
	}
	if has(found, "tierings[0]", `empty in the segment "Medium"`) {
		t.Errorf("it finds what is not so: %v", found)
	}
}
