package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ladder writes a model with a ladder along x; the tiers are given as YAML, and what else the ladder has.
func ladder(tiers, rest string) string {
	return attributes + scoreX + "\ntierings: [{name: l, linear: {score: v, tiers: [" + tiers + "]" + rest + "}}]\n"
}

func TestCutsOfALadder(t *testing.T) {
	tests := map[string]struct {
		tiers, rest string
		people      []person
		want        map[string]string
	}{
		"LADDER-7 min_score takes the line itself": {
			"{name: top, cut: {min_score: 50}}, {name: rest}", "", xs(50, 49.99999999999999, 100),
			map[string]string{"a": "top", "b": "rest", "c": "top"},
		},
		"LADDER-13 the last tier takes whom no cut took": {
			"{name: top, cut: {min_score: 90}}, {name: mid, cut: {min_score: 50}}, {name: rest}", "", xs(95, 60, 10),
			map[string]string{"a": "top", "b": "mid", "c": "rest"},
		},
		"LADDER-13 a ladder of one tier takes everyone": {
			"{name: all}", "", xs(95, 0), map[string]string{"a": "all", "b": "all"},
		},
		"LADDER-8 a condition that cannot be read does not hold": {
			"{name: top, cut: {when: 'y > 1'}}, {name: not, cut: {when: '!(y > 1)'}}, {name: rest}", "",
			[]person{{"a", attrs{"x": 1, "y": 2}}, {"b", attrs{"x": 1, "y": 1}}, {"c", attrs{"x": 1}}},
			map[string]string{"a": "top", "b": "not", "c": "rest"},
		},
		"LADDER-7 the fields of a cut must all hold": {
			"{name: top, cut: {min_score: 50, when: b}}, {name: rest}", "",
			[]person{{"a", attrs{"x": 50, "b": true}}, {"b", attrs{"x": 50, "b": false}}, {"c", attrs{"x": 49, "b": true}}, {"d", attrs{"x": 50}}},
			map[string]string{"a": "top", "b": "rest", "c": "rest", "d": "rest"},
		},
		"LADDER-2 a customer without a score meets no cut": {
			"{name: top, cut: {when: b}}, {name: rest}", "", []person{{"a", attrs{"b": true}}, {"b", attrs{"x": 1, "b": true}}},
			map[string]string{"a": null, "b": "top"},
		},
		"LADDER-3 without a score it gets the unscored tier": {
			"{name: top, cut: {when: b}}, {name: mid, cut: {min_score: 50}}, {name: rest}", ", unscored: mid",
			[]person{{"a", attrs{"b": true}}, {"b", attrs{"x": 1}}}, map[string]string{"a": "mid", "b": "rest"},
		},
		"LADDER-9 top_count takes that many in order": {
			"{name: top, cut: {top_count: 2}}, {name: rest}", "", xs(1, 3, 2, missing, 0),
			map[string]string{"a": "rest", "b": "top", "c": "top", "d": null, "e": "rest"},
		},
		"LADDER-9 top_count passes over whom a better tier took": {
			"{name: top, cut: {when: b}}, {name: mid, cut: {top_count: 2}}, {name: rest}", "",
			[]person{{"a", attrs{"x": 9, "b": true}}, {"b", attrs{"x": 8}}, {"c", attrs{"x": 7, "b": true}}, {"d", attrs{"x": 6}}, {"e", attrs{"x": 5}}},
			map[string]string{"a": "top", "b": "mid", "c": "top", "d": "mid", "e": "rest"},
		},
		"LADDER-9 top_count counts only those who meet when and min_score": {
			"{name: top, cut: {top_count: 2, when: b, min_score: 6}}, {name: rest}", "",
			[]person{{"a", attrs{"x": 9}}, {"b", attrs{"x": 8, "b": true}}, {"c", attrs{"x": 7, "b": false}}, {"d", attrs{"x": 6, "b": true}}, {"e", attrs{"x": 6, "b": true}}, {"f", attrs{"x": 5, "b": true}}},
			map[string]string{"a": "rest", "b": "top", "c": "rest", "d": "top", "e": "rest", "f": "rest"},
		},
		"LADDER-10 among ties the id decides, and the count is exact": {
			"{name: top, cut: {top_count: 2}}, {name: rest}", "", xs(5, 5, 5, 5),
			map[string]string{"a": "top", "b": "top", "c": "rest", "d": "rest"},
		},
		"LADDER-11 top_share is rounded up": {
			"{name: top, cut: {top_share: 0.34}}, {name: rest}", "", xs(1, 2, 3), map[string]string{"a": "rest", "b": "top", "c": "top"},
		},
		"LADDER-11 top_share is of all scored customers, taken from the rest": {
			"{name: top, cut: {top_share: 0.5}}, {name: mid, cut: {top_share: 0.25}}, {name: rest}", "", xs(4, 3, 2, 1, missing, missing),
			map[string]string{"a": "top", "b": "top", "c": "mid", "d": "rest", "e": null, "f": null},
		},
		"LADDER-7 top_count and top_share in one cut must both hold": {
			"{name: top, cut: {top_count: 3, top_share: 0.2}}, {name: mid, cut: {top_count: 1, top_share: 0.9}}, {name: rest}", "", xs(5, 4, 3, 2, 1),
			map[string]string{"a": "top", "b": "mid", "c": "rest", "d": "rest", "e": "rest"},
		},
		"LADDER-9 a count is not filled up with whom another field of the cut leaves": {
			"{name: top, cut: {top_count: 2, cumulative_share: {of: y, share: 0.1}}}, {name: rest}", "",
			[]person{{"a", attrs{"x": 9, "y": 50}}, {"b", attrs{"x": 8, "y": 50}}, {"c", attrs{"x": 7, "y": 0}}},
			map[string]string{"a": "top", "b": "rest", "c": "rest"},
		},
		"LADDER-14 a count that nobody else wants takes all who meet the rest": {
			"{name: top, cut: {top_count: 10, min_score: 5}}, {name: rest}", "", xs(9, 5, 4), map[string]string{"a": "top", "b": "top", "c": "rest"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := evaluate(t, ladder(test.tiers, test.rest), test.people...)
			if diff := cmp.Diff(test.want, s.tiers()); diff != "" {
				t.Errorf("the tiers differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheOrderOfALadder(t *testing.T) {
	// LADDER-5, LADDER-6: each row is in the order that the ladder must find; the cut takes the first ones.
	tests := map[string]struct {
		breakers string
		order    []person
	}{
		"score descending": {"", []person{{"c", attrs{"x": 3}}, {"b", attrs{"x": 2}}, {"a", attrs{"x": 1}}}},
		"ids ascending by bytes": {"", []person{
			{"", nil}, {"A", attrs{"x": 1}}, {"B", attrs{"x": 1}}, {"a", attrs{"x": 1}}, {"a10", attrs{"x": 1}}, {"a9", attrs{"x": 1}},
			{"é", attrs{"x": 1}}, {"\uffff", attrs{"x": 1}}, {"😀", attrs{"x": 1}},
		}[1:]},
		"descending is the default, missing last": {"[{expr: y}]", []person{
			{"d", attrs{"x": 1, "y": 9}}, {"c", attrs{"x": 1, "y": 0}}, {"b", attrs{"x": 1, "y": -1}}, {"a", attrs{"x": 1}},
		}},
		"ascending, missing last": {"[{expr: y, order: ASC}]", []person{
			{"d", attrs{"x": 1, "y": -1}}, {"c", attrs{"x": 1, "y": 0}}, {"b", attrs{"x": 1, "y": 9}}, {"a", attrs{"x": 1}},
		}},
		"ascending, infinite and not a number last": {"[{expr: n / y, order: ASC}]", []person{
			{"d", attrs{"x": 1, "n": -1, "y": 1}}, {"c", attrs{"x": 1, "n": 3, "y": 1}}, {"a", attrs{"x": 1, "n": -1, "y": 0}}, {"b", attrs{"x": 1, "n": 0, "y": 0}},
		}},
		"descending, infinite last": {"[{expr: n / y}]", []person{
			{"d", attrs{"x": 1, "n": 3, "y": 1}}, {"c", attrs{"x": 1, "n": -1, "y": 1}}, {"a", attrs{"x": 1, "n": 1, "y": 0}}, {"b", attrs{"x": 1}},
		}},
		"by text, ascending by code point": {"[{expr: s, order: ASC}]", []person{
			{"e", attrs{"x": 1, "s": ""}}, {"d", attrs{"x": 1, "s": "Z"}}, {"c", attrs{"x": 1, "s": "a"}}, {"b", attrs{"x": 1, "s": "é"}}, {"a", attrs{"x": 1}},
		}},
		"by boolean, true first": {"[{expr: b}]", []person{{"c", attrs{"x": 1, "b": true}}, {"b", attrs{"x": 1, "b": false}}, {"a", attrs{"x": 1}}}},
		"by date, the earliest first": {"[{expr: d, order: ASC}]", []person{
			{"c", attrs{"x": 1, "d": "1969-12-31"}}, {"b", attrs{"x": 1, "d": "2026-01-01"}}, {"a", attrs{"x": 1}},
		}},
		"by timestamp, the latest first": {"[{expr: t}]", []person{
			{"c", attrs{"x": 1, "t": "2026-01-01T00:00:00.000001Z"}}, {"b", attrs{"x": 1, "t": "2026-01-01T00:00:00Z"}}, {"a", attrs{"x": 1}},
		}},
		"a later tie breaker where the earlier is equal or missing in both": {"[{expr: y}, {expr: n, order: ASC}]", []person{
			{"d", attrs{"x": 1, "y": 2, "n": 1}}, {"c", attrs{"x": 1, "y": 2, "n": 5}}, {"b", attrs{"x": 1, "n": 2}}, {"a", attrs{"x": 1, "n": 3}},
		}},
		"score before tie breakers":    {"[{expr: y}]", []person{{"b", attrs{"x": 2, "y": 0}}, {"a", attrs{"x": 1, "y": 9}}}},
		"negative zero ties with zero": {"[{expr: y}]", []person{{"a", attrs{"x": 1, "y": 0}}, {"b", attrs{"x": 1, "y": negativeZero}}, {"c", attrs{"x": 1, "y": 0}}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rest := ""
			if test.breakers != "" {
				rest = ", tie_breakers: " + test.breakers
			}
			for count := 1; count < len(test.order); count++ {
				s := evaluate(t, ladder("{name: top, cut: {top_count: "+string(rune('0'+count))+"}}, {name: rest}", rest), test.order...)
				for i, one := range test.order {
					if want := map[bool]string{true: "top", false: "rest"}[i < count]; s.tier(one.id) != want {
						t.Errorf("of the first %d, %q is in %q, want %q", count, one.id, s.tier(one.id), want)
					}
				}
			}
		})
	}
}

func TestBetweenRunsTheLineHoldsAndNotTheCount(t *testing.T) {
	tests := map[string]struct {
		tiers, rest string
		population  []person
		later       []person
		want        map[string]string
	}{
		"LINE-8 everyone at or above the line is in": {
			"{name: top, cut: {top_count: 2}}, {name: rest}", "", xs(9, 5, 4),
			[]person{{"z", attrs{"x": 99}}, {"y", attrs{"x": 5.1}}, {"aa", attrs{"x": 5}}, {"c", attrs{"x": 5}}, {"b", attrs{"x": 4.999}}},
			map[string]string{"z": "top", "y": "top", "aa": "top", "c": "rest", "b": "rest"},
		},
		"LADDER-15 the line is the whole key, tie breakers and id": {
			"{name: top, cut: {top_count: 1}}, {name: rest}", ", tie_breakers: [{expr: y}]",
			[]person{{"m", attrs{"x": 5, "y": 7}}, {"n", attrs{"x": 5, "y": 7}}},
			[]person{{"a", attrs{"x": 5, "y": 6}}, {"z", attrs{"x": 5, "y": 8}}, {"l", attrs{"x": 5, "y": 7}}, {"n", attrs{"x": 5, "y": 7}}, {"b", attrs{"x": 5}}},
			map[string]string{"a": "rest", "z": "top", "l": "top", "n": "rest", "b": "rest"},
		},
		"LADDER-14 a count whose candidates ran out has no line": {
			"{name: top, cut: {top_count: 3, min_score: 5}}, {name: rest}", "", xs(9, 5, 4),
			[]person{{"z", attrs{"x": 5}}, {"y", attrs{"x": 4.99}}}, map[string]string{"z": "top", "y": "rest"},
		},
		"LADDER-14 a share whose candidates ran out has no line": {
			"{name: top, cut: {top_share: 1, when: b}}, {name: rest}", "", []person{{"a", attrs{"x": 9, "b": true}}, {"b", attrs{"x": 8}}},
			[]person{{"z", attrs{"x": 1, "b": true}}, {"y", attrs{"x": 100}}}, map[string]string{"z": "top", "y": "rest"},
		},
		"LADDER-14 a count that was just filled has a line": {
			"{name: top, cut: {top_count: 2}}, {name: rest}", "", xs(9, 5), []person{{"z", attrs{"x": 4}}}, map[string]string{"z": "rest"},
		},
		"SHARE-9 a cumulative share keeps its last key where all were taken": {
			"{name: top, cut: {cumulative_share: {of: y, share: 1}}}, {name: rest}", "",
			[]person{{"a", attrs{"x": 9, "y": 1}}, {"b", attrs{"x": 5, "y": 1}}},
			[]person{{"z", attrs{"x": 5}}, {"aa", attrs{"x": 5, "y": 0}}, {"y", attrs{"x": 6}}}, map[string]string{"z": "rest", "aa": "top", "y": "top"},
		},
		"SHARE-9 a cumulative share that took nobody takes nobody": {
			"{name: top, cut: {cumulative_share: {of: y, share: 1}}}, {name: rest}", "", xs(9, 5),
			[]person{{"z", attrs{"x": 100, "y": 100}}}, map[string]string{"z": "rest"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := evaluate(t, ladder(test.tiers, test.rest), test.population...).then(test.later...)
			if diff := cmp.Diff(test.want, s.tiers()); diff != "" {
				t.Errorf("the tiers differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnscoredCustomersSaySo(t *testing.T) {
	// LADDER-3
	for _, rest := range []string{"", ", unscored: rest"} {
		s := evaluate(t, ladder("{name: top, cut: {min_score: 50}}, {name: rest}", rest), xs(missing)...)
		if r := s.reason("a", "tiers.l"); r.GetCode().String() != "UNSCORED" || r.GetMessage() != "tiers.l: UNSCORED, since scores.v is null" {
			t.Errorf("the reason is %v", r)
		}
	}
}
