package engine_test

import (
	"errors"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// learning is a model that learns everything that there is to learn.
const learning = attributes + `
currency: {base: EUR, rates: [{currency: USD, date: 2026-01-01, rate: 0.5}, {currency: JPY, date: 2026-01-01, rate: 0.25}]}
segmentations: [{name: size, segments: [{name: Large, when: x > 5}, {name: Small, when: x > 1}], otherwise: Other, unknown: Unclassified}]
` + scoreXY + `
  - {name: r, criteria: [{name: r, expr: x, weight: 1, normalize: {percentile: {}}}, {name: q, expr: y, weight: 1, normalize: {percentile: {}}}]}
  - name: learned
    criteria:
      - {name: peers, expr: y, weight: 1, normalize: {percentile: {by: segments.size, ties: MID}}}
      - {name: weighted, expr: x, weight: 1, normalize: {percentile: {weight_by: y}}}
      - {name: both, expr: x, weight: 1, normalize: {percentile: {by: segments.size, weight_by: y, ties: HIGH}}}
      - {name: least, expr: x, weight: 1, normalize: {min_max: {}}}
      - {name: mean, expr: x, weight: 1, normalize: {z_score: {}}}
tierings:
  - name: l
    linear:
      score: v
      tiers:
        - {name: a, cut: {top_count: 1, min_score: 2, when: "convert(x, 'USD') > -1e9"}}
        - {name: b, cut: {cumulative_share: {of: y, share: 0.5, order: AMOUNT}}}
        - {name: c, cut: {top_share: 0.2, cumulative_share: {of: y, share: 0.9}}}
        - {name: e, cut: {min_score: 1, any: [{top_count: 1}, {cumulative_share: {of: y, share: 0.99, order: AMOUNT}, when: n > 0}, {min_score: 7}]}}
        - {name: d}
      tie_breakers: [{expr: n}, {expr: s}]
  - name: box
    matrix:
      x: {score: v, cuts: [{median: {}}, {min_score: 20}]}
      y: {score: r, cuts: [{percentile: {p: 90}}]}
      cells: [{x: 0, y: 0, name: A}, {x: 2, y: 1, name: B}]
`

func learners(t testing.TB) (*engine.Program, *frame.Frame, *echelonv1.Calibration) {
	program := compile(t, learning)
	people := owners(5, 1, 8, 2, 9, 3)
	for i, one := range people {
		one.attrs["n"], one.attrs["s"] = i%3, "text"
	}
	f := frameOf(t, program, people...)
	return program, f, calibrate(t, program, f)
}

func TestACalibrationOfAnotherModelIsRefused(t *testing.T) {
	// LINE-6
	program, _, calibration := learners(t)
	other := compile(t, learning+"engagements: [{name: digital}]\n")
	if _, err := other.Bind(calibration); !errors.Is(err, engine.ErrCalibrationMismatch) {
		t.Errorf("another model takes it: %v", err)
	}
	if _, err := program.Bind(calibration); err != nil {
		t.Errorf("its own model refuses it: %v", err)
	}
	plain := compile(t, ladder("{name: top, cut: {min_score: 1}}, {name: rest}", ""))
	if _, err := plain.Bind(calibration); !errors.Is(err, engine.ErrCalibrationMismatch) {
		t.Errorf("a model that needs none takes it: %v", err)
	}
}

func TestADamagedCalibrationIsRefused(t *testing.T) {
	// LINE-7
	type lines = echelonv1.TierLines
	type c = *echelonv1.Calibration
	ladder := func(c c) []*lines { return c.Tierings[0].Tiers }
	breakpoints := func(c c) *echelonv1.CriterionCalibration { return c.Scores[0].Criteria[0] }
	key := func(c c) *echelonv1.OrderKey { return ladder(c)[0].TopCount.Key }
	tests := map[string]func(c){
		"a score is gone":                      func(c c) { c.Scores = nil },
		"a score is there twice":               func(c c) { c.Scores = append(c.Scores, c.Scores[0]) },
		"a score has another name":             func(c c) { c.Scores[0].Score = "v" },
		"a score is nothing":                   func(c c) { c.Scores[0] = nil },
		"a criterion is gone":                  func(c c) { c.Scores[0].Criteria = c.Scores[0].Criteria[:1] },
		"a criterion is there twice":           func(c c) { c.Scores[0].Criteria = append(c.Scores[0].Criteria, c.Scores[0].Criteria[0]) },
		"criteria are in another order":        func(c c) { k := c.Scores[0].Criteria; k[0], k[1] = k[1], k[0] },
		"a breakpoint is gone":                 func(c c) { breakpoints(c).Breakpoints = breakpoints(c).Breakpoints[1:] },
		"breakpoints fall":                     func(c c) { breakpoints(c).Breakpoints[50] = 1e9 },
		"a breakpoint is not a number":         func(c c) { breakpoints(c).Breakpoints[50] = math.NaN() },
		"the first breakpoint is not a number": func(c c) { breakpoints(c).Breakpoints[0] = math.NaN() },
		"a breakpoint is infinite":             func(c c) { breakpoints(c).Breakpoints[100] = math.Inf(1) },
		"a tiering is gone":                    func(c c) { c.Tierings = c.Tierings[1:] },
		"tierings are in another order":        func(c c) { c.Tierings[0], c.Tierings[1] = c.Tierings[1], c.Tierings[0] },
		"a tier's lines are gone":              func(c c) { c.Tierings[0].Tiers = ladder(c)[1:] },
		"a tier's lines are nothing":           func(c c) { ladder(c)[0] = nil },
		"a tier has lines that it cannot have": func(c c) { c.Tierings[0].Tiers = append(ladder(c), &lines{Tier: "d"}) },
		"a tier has another name":              func(c c) { ladder(c)[0].Tier = "b" },
		"a line of any is gone":                func(c c) { ladder(c)[3].Any[0].TopCount = nil },
		"a cut of any is gone":                 func(c c) { ladder(c)[3].Any = ladder(c)[3].Any[1:] },
		"a cut of any is named":                func(c c) { ladder(c)[3].Any[0].Tier = "e" },
		"a cut has an any":                     func(c c) { ladder(c)[0].Any = ladder(c)[3].Any },
		"a line is gone":                       func(c c) { ladder(c)[0].TopCount = nil },
		"a line is of another field":           func(c c) { ladder(c)[0].TopCount, ladder(c)[0].TopShare = nil, ladder(c)[0].TopCount },
		"a line more than the cut has":         func(c c) { ladder(c)[0].TopShare = ladder(c)[0].TopCount },
		"a line of no kind":                    func(c c) { ladder(c)[0].TopCount.Kind = 0 },
		"a line of an unknown kind":            func(c c) { ladder(c)[0].TopCount.Kind = 9 },
		"a line without its key":               func(c c) { ladder(c)[0].TopCount.Key = nil },
		"a key without a tie":                  func(c c) { key(c).Ties = key(c).Ties[1:] },
		"a key with a tie more":                func(c c) { key(c).Ties = append(key(c).Ties, &echelonv1.TieValue{}) },
		"a key with a text for a number":       func(c c) { key(c).Ties[0] = &echelonv1.TieValue{Value: &echelonv1.TieValue_Text{Text: "x"}} },
		"a key whose tie is not a number":      func(c c) { key(c).Ties[0] = &echelonv1.TieValue{Value: &echelonv1.TieValue_Number{Number: math.NaN()}} },
		"a key whose score is not a number":    func(c c) { key(c).Score = math.NaN() },
		"a key whose score is infinite":        func(c c) { key(c).Score = math.Inf(1) },
		"an amount in a line by score":         func(c c) { key(c).Amount = proto.Float64(5) },
		"no amount in a line by amount":        func(c c) { ladder(c)[1].CumulativeShare.Key.Amount = nil },
		"an amount that is not a number":       func(c c) { ladder(c)[1].CumulativeShare.Key.Amount = proto.Float64(math.NaN()) },
		"a matrix without its lines":           func(c c) { c.Tierings[1].XLines = c.Tierings[1].XLines[:1] },
		"a matrix with a line more":            func(c c) { c.Tierings[1].YLines = append(c.Tierings[1].YLines, 1) },
		"a matrix line that is not a number":   func(c c) { c.Tierings[1].YLines[0] = math.NaN() },
		"a matrix line that is infinite":       func(c c) { c.Tierings[1].YLines[0] = math.Inf(1) },
		"a matrix line that the model moved":   func(c c) { c.Tierings[1].XLines[1] = 30 },
		"a matrix with a ladder's lines":       func(c c) { c.Tierings[1].Tiers = ladder(c) },
		"a ladder with a matrix' lines":        func(c c) { c.Tierings[0].XLines = []float64{1} },
		"fewer than no customers":              func(c c) { c.Tierings[0].Scored = -1 },
		"everything is gone":                   func(c c) { *c = echelonv1.Calibration{ModelFingerprint: c.ModelFingerprint} },
	}
	program, _, whole := learners(t)
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			damaged := clone(whole)
			damage(damaged)
			if _, err := program.Bind(damaged); !errors.Is(err, engine.ErrCalibrationMismatch) {
				t.Errorf("it is taken: %v", err)
			}
		})
	}
}

func TestALineWithoutItsKeyIsRefused(t *testing.T) {
	// LINE-7: where there is no tie breaker a missing key must be noticed too.
	program := compile(t, ladder("{name: top, cut: {top_count: 1}}, {name: rest}", ""))
	calibration := calibrate(t, program, frameOf(t, program, xs(1, 2)...))
	calibration.Tierings[0].Tiers[0].TopCount.Key = nil
	if _, err := program.Bind(calibration); !errors.Is(err, engine.ErrCalibrationMismatch) {
		t.Errorf("it is taken: %v", err)
	}
}

// FuzzBind changes the bytes of a calibration: what comes of it is refused or serves, and never stops the program.
func FuzzBind(f *testing.F) {
	// LINE-7
	program, people, calibration := learners(f)
	wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(calibration)
	if err != nil {
		f.Fatal(err)
	}
	for at := 0; at < len(wire); at += 1 + len(wire)/60 {
		f.Add(at, byte(0xff), at+8)
		f.Add(at, byte(0x01), at)
	}
	f.Fuzz(func(t *testing.T, at int, flip byte, end int) {
		damaged := append([]byte(nil), wire...)
		if at >= 0 && at < len(damaged) {
			damaged[at] ^= flip
		}
		if end > at && at >= 0 && end < len(damaged) {
			damaged = append(damaged[:at+1], damaged[end:]...)
		}
		received := &echelonv1.Calibration{}
		if proto.Unmarshal(damaged, received) != nil {
			return
		}
		scorer, err := program.Bind(received)
		if err != nil {
			if !errors.Is(err, engine.ErrCalibrationMismatch) {
				t.Errorf("the error is %v", err)
			}
			return
		}
		r := scorer.Evaluate(people, engine.Options{AsOf: asOf, Reasons: true, Explain: true})
		for i := range r.IDs {
			if a := r.Assignment(i); len(a.GetTiers()) != 2 || a.GetTiers()[0].Tier == nil {
				t.Errorf("the assignment is %v", a)
			}
		}
	})
}
