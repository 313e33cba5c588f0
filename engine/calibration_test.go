package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
)

func TestEmptyTiersAreFoundAndBothNamed(t *testing.T) {
	const lower = "lower its line, or remove the tier"
	tests := map[string]struct {
		tiers  string
		people []person
		want   string
	}{
		"LINE-3 a worse tier with a higher score line": {
			"{name: high, cut: {min_score: 40}}, {name: low, cut: {min_score: 60}}, {name: rest}", xs(50),
			`tier "low" is empty: its line lies at or above that of the better tier "high"`,
		},
		"LINE-3 a worse tier at the same line": {
			"{name: high, cut: {min_score: 40}}, {name: low, cut: {min_score: 40}}, {name: rest}", xs(50),
			`tier "low" is empty: its line lies at or above that of the better tier "high"`,
		},
		"LINE-3 a worse tier with a smaller share": {
			"{name: high, cut: {cumulative_share: {of: y, share: 0.8}}}, {name: low, cut: {cumulative_share: {of: y, share: 0.5}}}, {name: rest}", owners(5, 3, 2, 0),
			`tier "low" is empty: its line lies at or above that of the better tier "high"`,
		},
		"LINE-3 a score line above a learned one": {
			"{name: high, cut: {top_count: 3}}, {name: mid, cut: {min_score: 10}}, {name: low, cut: {min_score: 99}}, {name: rest}", xs(90, 80, 70, 60),
			`tier "low" is empty: its line lies at or above that of the better tier "high"`,
		},
		"LINE-3 a lower line is no finding": {
			"{name: high, cut: {top_count: 2}}, {name: mid, cut: {top_count: 1}}, {name: low, cut: {min_score: 10}}, {name: rest}", xs(90, 80, 70, 60), "",
		},
		"LINE-3 a line of the better tier's own score is no finding where ids differ": {
			"{name: high, cut: {top_count: 2}}, {name: low, cut: {min_score: 50}}, {name: rest}", xs(50, 50, 50), "",
		},
		"LINE-3 a better tier with a condition leaves somebody": {
			"{name: high, cut: {min_score: 40, when: b}}, {name: low, cut: {min_score: 60}}, {name: rest}", xs(50), "",
		},
		"LINE-3 a better tier that takes nobody leaves everybody": {
			"{name: high, cut: {min_score: 40, cumulative_share: {of: y, share: 0.5}}}, {name: low, cut: {min_score: 60}}, {name: rest}", xs(50, 70), "",
		},
		"LINE-4 a line by amount above is not compared with score lines": {
			"{name: high, cut: {cumulative_share: {of: y, share: 0.9, order: AMOUNT}}}, {name: low, cut: {min_score: 99}}, {name: rest}", owners(5, 3, 2), "",
		},
		"LINE-4 a line by amount below is not compared with score lines": {
			"{name: high, cut: {min_score: 98}}, {name: low, cut: {cumulative_share: {of: y, share: 0.1, order: AMOUNT}}}, {name: rest}", owners(5, 3, 2), "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			program, found := tryCompile(t, ladder(test.tiers, ""))
			found = found.Warnings()
			if calibration := calibrate(t, program, frameOf(t, program, test.people...)); calibration != nil {
				found = append(found, findingsOf(calibration)...)
			}
			var got []string
			for _, f := range found {
				if f.Remedy == lower {
					got = append(got, f.Message)
				}
			}
			var want []string
			if test.want != "" {
				want = []string{test.want}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the findings differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatAnEmptyTierFindingSaysIsTrue(t *testing.T) {
	// LINE-3: a tier that is called empty has no customer, of the population or later.
	s := evaluate(t, ladder("{name: high, cut: {cumulative_share: {of: y, share: 0.8}}}, {name: low, cut: {cumulative_share: {of: y, share: 0.5}}}, {name: rest}", ""),
		owners(5, 3, 2, 0)...)
	if !has(findingsOf(s.calibration), "tierings[0].linear.tiers[1].cut", "is empty") {
		t.Fatalf("it is not found: %v", s.calibration.GetFindings())
	}
	for score := 0.0; score <= 100; score += 0.5 {
		if got := s.then(person{"m", attrs{"x": score}}).tier("m"); got == "low" {
			t.Errorf("a customer of score %v is in it", score)
		}
	}
}

func TestCriteriaThatManyLackAreAFinding(t *testing.T) {
	// CAL-2
	for lacking, want := range map[int]bool{0: false, 1: false, 2: true, 4: true} {
		t.Run(fmt.Sprintf("%d of 4", lacking), func(t *testing.T) {
			people := xs(1, 2, 3, 4)
			for i := range people {
				people[i].attrs["y"] = 1
				if i < lacking {
					delete(people[i].attrs, "y")
				}
			}
			s := evaluate(t, three(""), people...)
			says := fmt.Sprintf(`%d of 4 customers lack the criterion "y"`, lacking)
			if got := has(findingsOf(s.calibration), "scores[0].criteria[1]", says); got != want {
				t.Errorf("the finding is %v, want %v: %v", got, want, s.calibration.GetFindings())
			}
		})
	}
}

func TestACalibrationSaysWhatItIsOf(t *testing.T) {
	// CAL-4
	s := evaluate(t, ladder("{name: top, cut: {top_count: 1}}, {name: rest}", ""), xs(1, 2, missing)...)
	c := s.calibration
	if c.GetModelFingerprint() != s.program.Fingerprint() || c.GetCustomers() != 3 || !c.GetAsOf().AsTime().Equal(asOf) || c.GetTierings()[0].GetScored() != 2 {
		t.Errorf("the calibration is %v", c)
	}
	m := evaluate(t, box("{median: {}}", "{min_score: 5}", "{x: 0, y: 0, name: A}"), xy("a", 1, 1), xy("b", 1, missing), xy("c", missing, missing))
	if got := m.calibration.GetTierings()[0].GetScored(); got != 1 {
		t.Errorf("%d customers have a score on both axes, want 1", got)
	}
}

func TestAPopulationThatFailsIsNoCalibration(t *testing.T) {
	// CAL-3
	program := compile(t, ladder("{name: top, cut: {top_count: 1}}, {name: rest}", ""))
	f := frameOf(t, program, xs(1)...)
	broken := errors.New("the file broke off")
	t.Run("because it cannot be read", func(t *testing.T) {
		_, err := program.Calibrate(context.Background(), func(yield func(*frame.Frame, error) bool) { _ = yield(f, nil) && yield(nil, broken) }, asOf)
		if !errors.Is(err, broken) {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("because it was cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := program.Calibrate(ctx, func(yield func(*frame.Frame, error) bool) {
			for i := 0; yield(f, nil); i++ {
				if i == 3 {
					cancel()
				}
			}
		}, asOf)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestAnEmptyPopulationCanBeLearnedFrom(t *testing.T) {
	// CAL-5
	model := attributes + scoreXY + `
  - {name: r, criteria: [{name: r, expr: x, weight: 1, normalize: {percentile: {}}}]}
tierings:
  - {name: l, linear: {score: v, tiers: [{name: a, cut: {top_count: 1}}, {name: b, cut: {top_share: 0.5}}, {name: c, cut: {cumulative_share: {of: y, share: 0.5}}}, {name: d}]}}
  - {name: box, matrix: {x: {score: v, cuts: [{median: {}}]}, y: {score: r, cuts: [{percentile: {p: 90}}]}, cells: [{x: 0, y: 0, name: A}]}}
`
	s := evaluate(t, model)
	if len(s.calibration.GetFindings()) > 0 {
		t.Errorf("it finds %v", s.calibration.GetFindings())
	}
	later := s.then(person{"m", attrs{"x": 50, "y": 50}}, person{"n", nil})
	if later.score("m") != 50 || later.tier("n") != null {
		t.Errorf("a later customer has the score %v and another the tier %q", later.score("m"), later.tier("n"))
	}
	if later.result.Scores[2].Valid.Get(0) {
		t.Error("a later customer is ranked among nobody")
	}
}

func TestWhatNeedsACalibration(t *testing.T) {
	// LINE-5
	tests := map[string]struct {
		text string
		want bool
	}{
		"a percentile":                 {ranked(""), true},
		"a count":                      {ladder("{name: top, cut: {top_count: 1}}, {name: rest}", ""), true},
		"a share":                      {ladder("{name: top, cut: {top_share: 0.1}}, {name: rest}", ""), true},
		"a cumulative share":           {ladder("{name: top, cut: {cumulative_share: {of: y, share: 0.1}}}, {name: rest}", ""), true},
		"a median":                     {box("{median: {}}", "{min_score: 1}", "{x: 0, y: 0, name: A}"), true},
		"a percentile of an axis":      {box("{min_score: 1}", "{percentile: {p: 0}}", "{x: 0, y: 0, name: A}"), true},
		"scores and conditions do not": {ladder("{name: top, cut: {min_score: 1, when: b}}, {name: rest}", ""), false},
		"segments do not":              {segmentation(""), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			program := compile(t, test.text)
			if program.NeedsCalibration() != test.want {
				t.Errorf("it needs one: %v", program.NeedsCalibration())
			}
			if _, err := program.Bind(nil); errors.Is(err, engine.ErrCalibrationRequired) != test.want {
				t.Errorf("without one the error is %v", err)
			}
		})
	}
}
