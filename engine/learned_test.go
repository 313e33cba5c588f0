package engine_test

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/scoring"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// peers is a segmentation by s whose score ranks x within each segment; the second criterion keeps all customers scored.
func peers(percentile string) string {
	return `segmentations:
  - {name: size, segments: [{name: Large, when: s == 'l'}, {name: Small, when: s == 's'}], otherwise: Other, unknown: Unclassified}
  - {name: bare, segments: [{name: Large, when: s == 'l'}]}
` + normalized("x", "{percentile: {"+percentile+"}}")
}

// sized returns customers of a segment with these values of x.
func sized(segment string, values ...float64) []person {
	people := xs(values...)
	for i := range people {
		people[i].id = segment + people[i].id
		if segment != "?" {
			people[i].attrs["s"] = segment
		}
	}
	return people
}

func TestPercentilesAmongPeers(t *testing.T) {
	// PCT-9, PCT-10
	population := slices.Concat(sized("l", 100, 200, 300), sized("s", 1, 2, 3), sized("o", 7), sized("?", 20, 30, 40))
	s := evaluate(t, peers("by: segments.size"), population...)
	for id, want := range map[string]float64{
		"la": 0, "lb": 50, "lc": 100, "sa": 0, "sb": 50, "sc": 100, "oa": 0, "?a": 0, "?b": 50, "?c": 100,
	} {
		if got := s.score(id); got != want {
			t.Errorf("%s ranks %v, want %v", id, got, want)
		}
	}
	bare := evaluate(t, peers("by: segments.bare"), population...)
	for _, id := range []string{"sa", "?a"} {
		if codes := bare.codes(id, "scores.v"); !slices.Equal(codes, []string{"MISSING", "INCOMPLETE"}) || !same(bare.score(id), missing) {
			t.Errorf("without a segment %s scores %v: %v", id, bare.score(id), codes)
		}
	}
	few := evaluate(t, peers("by: segments.size"), sized("l", 100, 200)...).then(sized("s", 1)...)
	if codes := few.codes("sa", "scores.v"); !slices.Equal(codes, []string{"UNCALIBRATED", "INCOMPLETE"}) {
		t.Errorf("where nobody is a peer the reasons are %v", codes)
	}
	if r := few.assignment("sa").GetReasons()[0]; !strings.Contains(r.GetMessage(), "in the segment Small") {
		t.Errorf("the reason is %v", r)
	}
}

func TestARankAmongPeersIsTheRankOfTheSegmentAlone(t *testing.T) {
	// PCT-9: with any weights and ties.
	for _, options := range []string{"", "ties: MID", "ties: HIGH, weight_by: y"} {
		among, alone := compile(t, peers("by: segments.size, "+options)), compile(t, ranked(options))
		rapid.Check(t, func(t *rapid.T) {
			var people []person
			for _, one := range persons(randomPopulation(t, 40)) {
				one.attrs["s"] = rapid.SampledFrom([]string{"l", "s", "o"}).Draw(t, "s")
				people = append(people, one)
			}
			f := frameOf(tb(t), among, people...)
			got := bind(tb(t), among, f).Evaluate(f, engine.Options{AsOf: asOf})
			for _, segment := range []string{"l", "s", "o"} {
				var own []person
				for _, one := range people {
					if one.attrs["s"] == segment {
						own = append(own, one)
					}
				}
				mine := frameOf(tb(t), alone, own...)
				want := bind(tb(t), alone, mine).Evaluate(mine, engine.Options{AsOf: asOf})
				for i, one := range own {
					row := slices.Index(f.IDs, one.id)
					if got.Scores[0].Valid.Get(row) != want.Scores[0].Valid.Get(i) || got.Scores[0].Numbers[row] != want.Scores[0].Numbers[i] {
						t.Fatalf("%s ranks %v, want %v", one.id, got.Scores[0].Numbers[row], want.Scores[0].Numbers[i])
					}
				}
			}
		})
	}
}

// referenceWeighted is the breakpoints of weighted values by their definition, in fractions.
func referenceWeighted(values, weights []float64) []float64 {
	type pair struct{ value, weight float64 }
	var pairs []pair
	total := new(big.Rat)
	for i := range values {
		if weights[i] > 0 {
			pairs = append(pairs, pair{values[i], weights[i]})
			total.Add(total, new(big.Rat).SetFloat64(weights[i]))
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if a.value != b.value {
			return int(math.Copysign(1, a.value-b.value))
		}
		return int(math.Copysign(1, a.weight-b.weight))
	})
	if len(pairs) == 0 {
		return nil
	}
	total.Sub(total, new(big.Rat).SetFloat64(pairs[len(pairs)-1].weight))
	var out []float64
	for k := range 101 {
		bound := new(big.Rat).Mul(total, big.NewRat(int64(k), 100))
		sum := new(big.Rat)
		for _, p := range pairs {
			if sum.Add(sum, new(big.Rat).SetFloat64(p.weight)); sum.Cmp(bound) > 0 {
				out = append(out, p.value)
				break
			}
		}
	}
	return out
}

func TestWeightedBreakpointsAreThoseOfTheReference(t *testing.T) {
	// PCT-11, PCT-12
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 2, 3, 20, 127, 128, 129, 300}).Draw(t, "n")
		value := rapid.OneOf(rapid.Float64Range(-10, 10), rapid.Map(rapid.IntRange(-3, 3), func(i int) float64 { return float64(i) }))
		weight := rapid.SampledFrom([]float64{0, 0.1, 0.2, 1, 1e-300, 1e300, 3})
		values, weights := make([]float64, n), make([]float64, n)
		equal := make([]float64, n)
		for i := range n {
			values[i], weights[i], equal[i] = value.Draw(t, "value"), weight.Draw(t, "weight"), 0.3
		}
		if got, want := scoring.WeightedBreakpoints(values, weights), referenceWeighted(values, weights); !slices.Equal(got, want) {
			t.Fatalf("the breakpoints are %v, want %v", got, want)
		}
		if got, want := scoring.WeightedBreakpoints(values, equal), scoring.Breakpoints(slices.Clone(values)); !slices.Equal(got, want) {
			t.Fatalf("of equal weights the breakpoints are %v, want %v", got, want)
		}
	})
}

func TestWeightsThatAreMissingOrNegativeCountNothing(t *testing.T) {
	// PCT-11, PCT-13
	s := evaluate(t, ranked("weight_by: y"),
		person{"a", attrs{"x": 1, "y": 8}}, person{"b", attrs{"x": 2, "y": 1}}, person{"c", attrs{"x": 3, "y": 1}},
		person{"d", attrs{"x": 4}}, person{"e", attrs{"x": 5, "y": -1}})
	for id, want := range map[string]float64{"a": 0, "b": 89, "c": 100, "d": 100, "e": 100} {
		if got := s.score(id); got != want {
			t.Errorf("%s ranks %v, want %v", id, got, want)
		}
	}
	if found := findingsOf(s.calibration); !has(found, "scores[0].criteria[0].normalize.percentile.weight_by", "1 customers have a negative y") {
		t.Errorf("it finds %v", found)
	}
	none := evaluate(t, ranked("weight_by: y"), xs(1, 2)...)
	if codes := none.codes("a", "scores.v"); !slices.Contains(codes, "UNCALIBRATED") {
		t.Errorf("where all weigh nothing the reasons are %v", codes)
	}
}

func TestMinMaxAndZScore(t *testing.T) {
	tests := []struct {
		name, normalize string
		population      []float64
		x, want         float64
	}{
		{"NORM-15 the least is 0", "{min_max: {}}", []float64{10, 20, 50}, 10, 0},
		{"NORM-15 the greatest is 100", "{min_max: {}}", []float64{10, 20, 50}, 50, 100},
		{"NORM-15 between them it is a line", "{min_max: {}}", []float64{10, 20, 50}, 20, 25},
		{"NORM-15 below the least it is 0", "{min_max: {}}", []float64{10, 20, 50}, -5, 0},
		{"NORM-15 above the greatest it is 100", "{min_max: {}}", []float64{10, 20, 50}, 60, 100},
		{"NORM-17 of one value it is 50", "{min_max: {}}", []float64{7, 7}, 7, 50},
		{"NORM-17 below one value it is 0", "{min_max: {}}", []float64{7, 7}, 6, 0},
		{"NORM-17 above one value it is 100", "{min_max: {}}", []float64{7, 7}, 8, 100},
		{"NORM-15 the largest doubles are no trouble", "{min_max: {}}", []float64{-math.MaxFloat64, math.MaxFloat64}, 0, 50},
		{"NORM-18 of no value it cannot be read", "{min_max: {}}", []float64{missing}, 7, missing},
		{"NORM-16 the mean is 50", "{z_score: {}}", []float64{2, 4, 4, 4, 5, 5, 7, 9}, 5, 50},
		{"NORM-16 a deviation of three is 100", "{z_score: {}}", []float64{2, 4, 4, 4, 5, 5, 7, 9}, 11, 100},
		{"NORM-16 three below it is 0", "{z_score: {}}", []float64{2, 4, 4, 4, 5, 5, 7, 9}, -1, 0},
		{"NORM-16 beyond three it stays", "{z_score: {}}", []float64{2, 4, 4, 4, 5, 5, 7, 9}, 100, 100},
		{"NORM-16 half of three", "{z_score: {}}", []float64{2, 4, 4, 4, 5, 5, 7, 9}, 8, 75},
		{"NORM-17 without deviation the mean is 50", "{z_score: {}}", []float64{0.1, 0.1, 0.1}, 0.1, 50},
		{"NORM-17 without deviation less is 0", "{z_score: {}}", []float64{0.1, 0.1, 0.1}, 0, 0},
		{"NORM-17 without deviation more is 100", "{z_score: {}}", []float64{0.1, 0.1, 0.1}, 1, 100},
		{"NORM-16 the largest doubles are no trouble", "{z_score: {}}", []float64{-math.MaxFloat64, math.MaxFloat64}, 0, 50},
		{"NORM-16 the smallest squares are not lost", "{z_score: {}}", []float64{-1e-300, 1e-300}, 3e-300, 100},
		{"NORM-18 of no value there is no mean", "{z_score: {}}", nil, 7, missing},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := evaluate(t, normalized("x", test.normalize), xs(test.population...)...).then(xs(test.x)...)
			if got := s.score("a"); !same(got, test.want) {
				t.Errorf("%v is %v, want %v", test.x, got, test.want)
			}
			if math.IsNaN(test.want) {
				if codes := s.codes("a", "scores.v"); !slices.Equal(codes, []string{"UNCALIBRATED", "INCOMPLETE"}) {
					t.Errorf("the reasons are %v", codes)
				}
			}
		})
	}
}

func TestTheMeanAndTheDeviationAreExact(t *testing.T) {
	// NORM-16: against sums in fractions, in any order.
	program := compile(t, normalized("x", "{z_score: {}}"))
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-1e6, 1e6), rapid.SampledFrom([]float64{1e15, -1e15, 0.1, 1e-9})), 1, 30).Draw(t, "values")
		kept := calibrate(tb(t), program, framesOf(tb(t), program, 7, numbered(values)...)...).GetScores()[0].GetCriteria()[0]
		n := big.NewRat(int64(len(values)), 1)
		sum, squares := new(big.Rat), new(big.Rat)
		for _, x := range values {
			sum.Add(sum, new(big.Rat).SetFloat64(x))
		}
		mean := new(big.Rat).Quo(sum, n)
		for _, x := range values {
			d := new(big.Rat).Sub(new(big.Rat).SetFloat64(x), mean)
			squares.Add(squares, d.Mul(d, d))
		}
		if want, _ := mean.Float64(); kept.GetMean() != want {
			t.Fatalf("the mean is %v, want %v", kept.GetMean(), want)
		}
		// A double would lose the squares of the smallest numbers.
		variance := new(big.Float).SetPrec(200).SetRat(squares.Quo(squares, n))
		if want, _ := variance.Sqrt(variance).Float64(); math.Abs(kept.GetSd()-want) > 1e-12*want+1e-12*math.Abs(kept.GetMean()) {
			t.Fatalf("the deviation is %v, want %v", kept.GetSd(), want)
		}
	})
}

func TestDamagedMeasuresAreRefused(t *testing.T) {
	// LINE-7
	type k = *echelonv1.CriterionCalibration
	program, _, whole := learners(t)
	tests := map[string]func(c []k){
		"peers are gone":                    func(c []k) { c[0].Peers = nil },
		"a segment is gone":                 func(c []k) { c[0].Peers = c[0].Peers[1:] },
		"segments are in another order":     func(c []k) { p := c[0].Peers; p[0], p[1] = p[1], p[0] },
		"peers' breakpoints fall":           func(c []k) { c[0].Peers[0].Breakpoints[50] = 1e9 },
		"peers and all":                     func(c []k) { c[0].Breakpoints = c[1].Breakpoints },
		"all and peers":                     func(c []k) { c[1].Peers = c[0].Peers },
		"a percentile with a least value":   func(c []k) { c[1].Min = proto.Float64(1) },
		"a percentile with a deviation":     func(c []k) { c[1].Sd = proto.Float64(1) },
		"a least value without a greatest":  func(c []k) { c[3].Max = nil },
		"a greatest below the least":        func(c []k) { c[3].Max = proto.Float64(-1e9) },
		"a least value that is no number":   func(c []k) { c[3].Min = proto.Float64(math.NaN()) },
		"an infinite greatest value":        func(c []k) { c[3].Max = proto.Float64(math.Inf(1)) },
		"a mean for a least value":          func(c []k) { c[3].Mean, c[3].Min = c[3].Min, nil },
		"a least value with breakpoints":    func(c []k) { c[3].Breakpoints = c[1].Breakpoints },
		"a mean without a deviation":        func(c []k) { c[4].Sd = nil },
		"a deviation below 0":               func(c []k) { c[4].Sd = proto.Float64(-1) },
		"a deviation that is no number":     func(c []k) { c[4].Sd = proto.Float64(math.NaN()) },
		"a mean that is infinite":           func(c []k) { c[4].Mean = proto.Float64(math.Inf(-1)) },
		"a mean with a least value as well": func(c []k) { c[4].Min, c[4].Max = proto.Float64(0), proto.Float64(1) },
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			damaged := clone(whole)
			damage(damaged.Scores[1].Criteria)
			if _, err := program.Bind(damaged); !errors.Is(err, engine.ErrCalibrationMismatch) {
				t.Errorf("it is taken: %v", err)
			}
		})
	}
}

func TestMistakesOfPeersAndWeights(t *testing.T) {
	// PCT-14
	for percentile, says := range map[string]string{
		"by: s":                           "is no segmentation",
		"by: scores.v":                    "",
		"by: segments.nothing":            `there is no segmentation "nothing"`,
		"by: \"segments.size + 'x'\"":     "is no segmentation",
		"by: x":                           "a string is expected",
		"weight_by: s":                    "a number is expected",
		"weight_by: nobody":               "undeclared attribute",
		"weight_by: scores.v":             "scores.v → scores.v",
		"by: segments.size, weight_by: b": "a number is expected",
	} {
		t.Run(percentile, func(t *testing.T) {
			if _, found := tryCompile(t, peers(percentile)); !has(found, "scores[0]", says) {
				t.Errorf("it finds %v", found)
			}
		})
	}
}
