package compare_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/compare"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

var (
	ladder = compare.Side{Name: "ladder", Tiers: []string{"high", "mid", "low"}, Ranks: []int{1, 2, 3}}
	box    = compare.Side{Name: "box", Tiers: []string{"star", "grow", "keep", "rest"}, Ranks: []int{1, 2, 2, 3}}
)

// texts returns a column; "" is no text.
func texts(list ...string) *frame.Column {
	c := &frame.Column{Type: echelonv1.Attribute_STRING, Valid: frame.NewBitmap(len(list)), Codes: make([]uint32, len(list))}
	for i, text := range list {
		c.Valid.Set(i, text != "")
		c.Codes[i] = uint32(len(c.Dict))
		c.Dict = append(c.Dict, text)
	}
	return c
}

func numbers(list ...float64) *frame.Column {
	c := &frame.Column{Type: echelonv1.Attribute_NUMBER, Valid: frame.NewBitmap(len(list)), Numbers: list}
	for i := range list {
		c.Valid.Set(i, true)
	}
	return c
}

func TestALadderAndABoxOnTheSameCustomers(t *testing.T) {
	c := compare.New(ladder, box, 3)
	excluded := frame.NewBitmap(7)
	excluded.Set(6, true)
	c.Add(compare.Block{
		IDs: []string{"a", "b", "c", "d", "e", "f", "g"}, A: texts("high", "mid", "low", "high", "", "", "high"),
		B: texts("star", "keep", "grow", "rest", "rest", "", "rest"), Amounts: numbers(10, 20, 30, 40, 50, 60, 70), Excluded: excluded,
		Why: func(row int) (string, string) { return "a" + strconv.Itoa(row), "b" + strconv.Itoa(row) },
	})
	r := c.Report()
	if r.Customers != 6 || r.Both != 4 || r.Agree != 2 || r.HigherA != 1 || r.HigherB != 1 || r.Different != 3 {
		t.Errorf("it counts %+v", r)
	}
	// Ranks of the four: 1 2 3 1 and 1 2 2 3. By chance (2·1 + 1·2 + 1·1)/16 agree.
	if *r.Agreement != 0.5 || math.Abs(*r.Kappa-(0.5-5.0/16)/(1-5.0/16)) > 1e-15 {
		t.Errorf("agreement %g, kappa %g", *r.Agreement, *r.Kappa)
	}
	if got := r.Cells[0][3]; got != (compare.Cell{Customers: 1, Amount: 40}) {
		t.Errorf("high and rest are %+v", got)
	}
	want := []compare.Difference{
		{ID: "d", A: "high", B: "rest", WhyA: "a3", WhyB: "b3", Ranks: 2, Amount: 40},
		{ID: "e", B: "rest", WhyA: "a4", WhyB: "b4", Ranks: 1, Amount: 50},
		{ID: "c", A: "low", B: "grow", WhyA: "a2", WhyB: "b2", Ranks: 1, Amount: 30},
	}
	if diff := cmp.Diff(want, r.Differ); diff != "" {
		t.Errorf("who differs differs (-want +got):\n%s", diff)
	}
}

func TestOfNobodyAndOfOneTierThereIsNoAgreementBeyondChance(t *testing.T) {
	none := compare.New(ladder, box, 3).Report()
	if none.Agreement != nil || none.Kappa != nil || len(none.Cells) != 4 || len(none.Cells[0]) != 5 {
		t.Errorf("of nobody it reports %+v", none)
	}
	one := compare.New(ladder, ladder, 3)
	one.Add(compare.Block{IDs: []string{"a", "b"}, A: texts("mid", "mid"), B: texts("mid", "mid")})
	if r := one.Report(); *r.Agreement != 1 || r.Kappa != nil {
		t.Errorf("of one tier it reports %+v", r)
	}
}

func TestBlocksAndTheirOrderDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type customer struct {
			id, a, b string
			amount   float64
		}
		n := rapid.IntRange(1, 40).Draw(t, "customers")
		people := make([]customer, n)
		for i := range people {
			people[i] = customer{
				"c" + strconv.Itoa(i), rapid.SampledFrom(append([]string{""}, ladder.Tiers...)).Draw(t, "a"),
				rapid.SampledFrom(append([]string{""}, box.Tiers...)).Draw(t, "b"), float64(rapid.IntRange(-1, 3).Draw(t, "amount")) * 0.1,
			}
		}
		report := func(people []customer, size int) *compare.Report {
			c := compare.New(ladder, box, 5)
			for len(people) > 0 {
				k := min(size, len(people))
				var ids, a, b []string
				var amounts []float64
				for _, one := range people[:k] {
					ids, a, b, amounts = append(ids, one.id), append(a, one.a), append(b, one.b), append(amounts, one.amount)
				}
				c.Add(compare.Block{IDs: ids, A: texts(a...), B: texts(b...), Amounts: numbers(amounts...)})
				people = people[k:]
			}
			return c.Report()
		}
		want := report(people, n)
		got := report(rapid.Permutation(people).Draw(t, "order"), rapid.IntRange(1, n).Draw(t, "size"))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("it differs (-whole +blocks):\n%s", diff)
		}
		if r := want; r.Agree+r.HigherA+r.HigherB != r.Both || r.Customers != int64(n) {
			t.Fatalf("the books do not balance: %+v", r)
		}
	})
}
