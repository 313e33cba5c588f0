package briefing

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

func TestAConcentrationIsThatOfTheBook(t *testing.T) {
	for _, test := range []struct {
		name         string
		amounts      []float64
		gini         float64
		half, eighty int64
		tenth        float64
	}{
		{"all bring the same", []float64{5, 5, 5, 5}, 0, 2, 4, 0.1},
		{"one brings everything", []float64{0, 0, 9, 0}, 0.75, 1, 1, 0.4},
		{"a half of the first and the rest of two", []float64{20, 50, 30}, 0.2, 1, 2, 0.15},
		{"below zero counts zero", []float64{-7, 10}, 0.5, 1, 1, 0.2},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := concentrationOf(test.amounts)
			if math.Abs(c.Gini-test.gini) > 1e-12 || c.Half != test.half || c.Eighty != test.eighty || math.Abs(c.TopTenth-test.tenth) > 1e-12 {
				t.Errorf("gini %v, half %d, eighty %d, tenth %v; want %v, %d, %d, %v",
					c.Gini, c.Half, c.Eighty, c.TopTenth, test.gini, test.half, test.eighty, test.tenth)
			}
		})
	}
	for _, nothing := range [][]float64{nil, {0, 0}, {-1}} {
		if c := concentrationOf(nothing); c != nil {
			t.Errorf("%v has a concentration: %+v", nothing, c)
		}
	}
}

func TestACurveRisesLessAndLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amounts := rapid.SliceOfN(rapid.Float64Range(0, 1e6), 1, 300).Draw(t, "amounts")
		c := concentrationOf(amounts)
		if c == nil {
			return
		}
		if len(c.Curve) != curveSteps+1 || c.Curve[0] != 0 || c.Curve[curveSteps] != 1 || c.Gini < -1e-9 || c.Gini >= 1 {
			t.Fatalf("%d points from %v to %v, gini %v", len(c.Curve), c.Curve[0], c.Curve[len(c.Curve)-1], c.Gini)
		}
		for i := 1; i < len(c.Curve)-1; i++ {
			if before, after := c.Curve[i]-c.Curve[i-1], c.Curve[i+1]-c.Curve[i]; before < -1e-9 || after > before+1e-9 {
				t.Fatalf("at %d %% it rises by %v and then by %v", i, before, after)
			}
		}
	})
}

func TestTopKeepsTheFirstInWhateverOrderTheyCome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOf(rapid.IntRange(0, 50)).Draw(t, "all")
		most := rapid.IntRange(1, 10).Draw(t, "most")
		kept := newTop(most, func(a, b int) bool { return a > b })
		for _, one := range all {
			kept.add(one)
		}
		want := slices.SortedFunc(slices.Values(all), func(a, b int) int { return cmp.Compare(b, a) })
		want = want[:min(most, len(want))]
		if got := kept.list(); got.All != int64(len(all)) || !slices.Equal(got.Shown, want) || got.Hidden() != int64(len(all)-len(want)) {
			t.Fatalf("%d of %v, of whom %d are shown as %v", most, all, got.All, got.Shown)
		}
	})
}

func TestASampleIsTheSameWhoeverComesFirst(t *testing.T) {
	sample := func(ids []int) []Dot {
		box := &Box{X: Axis{Score: "x"}, Y: Axis{Score: "y"}}
		s := newSampler(box)
		for _, id := range ids {
			x := float64(id)
			s.add(&echelonv1.Assignment{CustomerId: string(rune(id)), Scores: []*echelonv1.ScoreOutcome{{Score: "x", Value: &x}, {Score: "y", Value: &x}}}, x)
		}
		s.add(&echelonv1.Assignment{CustomerId: "unscored", Scores: []*echelonv1.ScoreOutcome{{Score: "x"}}}, 1)
		s.finish()
		if box.All != int64(len(ids)) || len(box.Dots) != min(len(ids), maxDots) {
			t.Fatalf("%d dots of %d, of %d customers", len(box.Dots), box.All, len(ids))
		}
		return box.Dots
	}
	ids := make([]int, 3*maxDots)
	for i := range ids {
		ids[i] = 0x4e00 + i
	}
	forwards := sample(ids)
	slices.Reverse(ids)
	if !slices.Equal(forwards, sample(ids)) {
		t.Error("the sample depends on the order")
	}
	middle := 0
	for _, dot := range forwards {
		if dot.X < 0x4e00+1.5*maxDots {
			middle++
		}
	}
	if middle < maxDots*2/5 || middle > maxDots*3/5 {
		t.Errorf("%d of %d are of the first half: no fair sample", middle, maxDots)
	}
}

func TestNumbersAreWrittenForPeople(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{count(1234567), "1,234,567"}, {count(-1234), "-1,234"}, {count(999), "999"}, {short(36480247), "36.5 million"}, {short(999_600), "1.0 million"},
		{short(1.5e12), "1.5 trillion"}, {short(123e9), "123 billion"}, {short(0), "0"}, {short(18.5), "18.50"}, {short(-2e6), "-2.0 million"},
		{amount(1234.6, 5000), "1,235"}, {amount(-0.5, 10), "-0.50"}, {share(int64(1), int64(3)), "33.3 %"}, {share(1.0, 0.0), "–"},
		{plural(1, "customer", "customers"), "1 customer"}, {plural(2000, "customer", "customers"), "2,000 customers"},
		{text("=1+1"), "'=1+1"}, {text("-Sea"), "'-Sea"}, {text("@x"), "'@x"}, {text("\tx"), "'\tx"}, {text("a=b"), "a=b"}, {text(""), ""},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

func TestEveryCodeHasWords(t *testing.T) {
	for code, name := range echelonv1.Move_Cause_name {
		if words := causeWords(echelonv1.Move_Cause(code)); code != 0 && words == name {
			t.Errorf("the cause %s has no words", name)
		}
	}
	for code, name := range echelonv1.ReviewReason_Kind_name {
		if words := kindWords(echelonv1.ReviewReason_Kind(code)); code != 0 && words == name {
			t.Errorf("the reason %s has no words", name)
		}
	}
}
