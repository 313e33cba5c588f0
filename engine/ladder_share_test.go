package engine_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// owners returns customers a, b, c … of falling scores 99, 98 … that have these amounts y; NaN stands for a missing one.
func owners(amounts ...float64) []person {
	var people []person
	for i, amount := range amounts {
		one := person{string(rune('a' + i)), attrs{"x": 99 - i}}
		if !same(amount, missing) {
			one.attrs["y"] = amount
		}
		people = append(people, one)
	}
	return people
}

// members returns the customers of a tier, in one text.
func members(tiers map[string]string, tier string) string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(tiers)) {
		if tiers[id] == tier {
			ids = append(ids, id)
		}
	}
	return strings.Join(ids, "")
}

func TestCumulativeShares(t *testing.T) {
	const two = "{name: top, cut: {cumulative_share: {of: y, share: 0.5}}}, {name: mid, cut: {cumulative_share: {of: y, share: 0.8}}}, {name: rest}"
	one := func(cut string) string {
		return "{name: top, cut: {cumulative_share: {of: y, " + cut + "}}}, {name: rest}"
	}
	tests := map[string]struct {
		tiers    string
		people   []person
		top, mid string
	}{
		"SHARE-1 0.5 and then 0.8 are the first half and the next 30 %":    {two, owners(10, 10, 10, 10, 10, 10, 10, 10, 10, 10), "abcde", "fgh"},
		"SHARE-2 the one that crosses is inside":                           {two, owners(40, 20, 10, 20, 10), "ab", "cd"},
		"SHARE-2 one that reaches the share exactly ends it":               {two, owners(50, 30, 20), "a", "b"},
		"SHARE-2 one that crosses both lines is in the better tier":        {two, owners(90, 10), "a", ""},
		"SHARE-2 without anything before it the first one is always taken": {one("share: 0.000001"), owners(1, 1), "a", ""},
		"SHARE-4 a null amount counts 0":                                   {two, owners(missing, 50, missing, 30, 20), "ab", "cd"},
		"SHARE-4 zeros after the last amount are not needed":               {one("share: 1"), owners(1, 0, 2, 0, missing), "abc", ""},
		"SHARE-5 a negative amount counts 0":                               {two, owners(-1000, 50, 30, 20), "ab", "c"},
		"SHARE-6 a total of 0 takes none":                                  {two, owners(0, missing, -5), "", ""},
		"SHARE-8 0.3 of ten tenths are three of them":                      {one("share: 0.3"), owners(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1), "abc", ""},
		"SHARE-8 0.7 of ten tenths are seven of them":                      {one("share: 0.7"), owners(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1), "abcdefg", ""},
		"SHARE-8 a small amount is not lost beside a large one":            {one("share: 0.5"), owners(1e17, 1, 1, 1e17), "ab", ""},
		"SHARE-8 sums beyond the doubles are exact too":                    {one("share: 0.5"), owners(1.7e308, 1.7e308, 1.7e308, 1.7e308), "ab", ""},
		"SHARE-7 by AMOUNT the largest come first, whatever their score":   {one("share: 0.5, order: AMOUNT"), owners(10, 20, 30, 40), "cd", ""},
		"SHARE-7 among equal amounts the score decides":                    {one("share: 0.5, order: AMOUNT"), owners(25, 25, 25, 25), "ab", ""},
		"SHARE-7 by AMOUNT null and negative amounts come last":            {one("share: 1, order: AMOUNT"), owners(missing, -7, 1, 0), "c", ""},
		"MODEL-22 SCORE is the default order":                              {one("share: 0.3, order: SCORE"), owners(10, 20, 30, 40), "ab", ""},
		"SHARE-3 a cumulative share is ANDed with a condition":             {"{name: top, cut: {cumulative_share: {of: y, share: 0.5}, when: 'y > 10'}}, {name: rest}", owners(10, 30, 10, 50), "b", ""},
		"SHARE-1 it cumulates over those whom a better tier took":          {"{name: mid, cut: {top_count: 1}}, {name: top, cut: {cumulative_share: {of: y, share: 0.5}}}, {name: rest}", owners(40, 20, 20, 20), "b", "a"},
		"SHARE-1 customers without a score are in no total":                {two, append(owners(50, 30, 20), person{"z", attrs{"y": 1e9}}), "a", "b"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			tiers := evaluate(t, ladder(test.tiers, ""), test.people...).tiers()
			if top, mid := members(tiers, "top"), members(tiers, "mid"); top != test.top || mid != test.mid {
				t.Errorf("the tiers are %q and %q, want %q and %q", top, mid, test.top, test.mid)
			}
		})
	}
}

func TestSharesAreOfTheDecimalThatWasWritten(t *testing.T) {
	// LADDER-12: in doubles 0.07 · 100 is above 7, and so on.
	for _, test := range []struct {
		share   string
		n, want int
	}{{"0.07", 100, 7}, {"0.14", 50, 7}, {"0.29", 100, 29}, {"0.1", 30, 3}, {"0.1", 31, 4}, {"1", 3, 3}, {"0.001", 3, 1}, {"0.55", 20, 11}, {"5e-1", 3, 2}} {
		t.Run(fmt.Sprintf("%s of %d", test.share, test.n), func(t *testing.T) {
			var people []person
			for i := range test.n {
				people = append(people, person{fmt.Sprintf("%03d", i), attrs{"x": 50}})
			}
			s := evaluate(t, ladder("{name: top, cut: {top_share: "+test.share+"}}, {name: rest}", ""), people...)
			got := 0
			for _, tier := range s.tiers() {
				if tier == "top" {
					got++
				}
			}
			if got != test.want {
				t.Errorf("it takes %d, want %d", got, test.want)
			}
		})
	}
}

func TestALadderOfManyCuts(t *testing.T) {
	// LADDER-7, SHARE-3: all kinds of cuts in one ladder, worked out by hand.
	tiers := `
      {name: named, cut: {when: "s == 'named'"}},
      {name: pareto, cut: {cumulative_share: {of: y, share: 0.5}, min_score: 90}},
      {name: first, cut: {top_count: 2, when: "s != 'small'"}},
      {name: fifth, cut: {top_share: 0.2}},
      {name: solid, cut: {min_score: 92}},
      {name: rest}`
	people := owners(10, 20, 30, 40, 0, 0, 0, 0, missing, 0)
	for i, s := range []string{"", "named", "", "", "small", "", "", "", "", ""} {
		people[i].attrs["s"] = s
	}
	people = append(people, person{"z", attrs{"s": "named"}})
	s := evaluate(t, ladder(tiers, ""), people...)
	// The first half of 100 ends with c: a, c (b is named). Then d and f (e is small), then e and g, then h of 92, i has 91.
	want := map[string]string{
		"a": "pareto", "b": "named", "c": "pareto", "d": "first", "e": "fifth", "f": "first", "g": "fifth", "h": "solid", "i": "rest", "j": "rest", "z": null,
	}
	if diff := cmp.Diff(want, s.tiers()); diff != "" {
		t.Errorf("the tiers differ (-want +got):\n%s", diff)
	}
}

func TestNegativeAmountsAreAFinding(t *testing.T) {
	// SHARE-5
	s := evaluate(t, ladder("{name: top, cut: {cumulative_share: {of: y, share: 0.5}}}, {name: rest}", ""),
		append(owners(-1, 5, -2, missing, 0), person{"z", attrs{"y": -9}})...)
	var got []string
	for _, f := range s.calibration.GetFindings() {
		got = append(got, f.GetSeverity().String()+" "+f.GetPath()+" "+f.GetMessage())
	}
	want := []string{"WARNING tierings[0].linear.tiers[0].cut.cumulative_share.of 2 customers have a negative y, which counts as 0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the findings differ (-want +got):\n%s", diff)
	}
}
