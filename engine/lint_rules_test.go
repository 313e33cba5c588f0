package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/echelonhq/echelon/engine/diag"
)

// someRules is a model whose rules read seats, region and what is derived from them.
const someRules = `
name: m
attributes:
  - {name: seats, type: INTEGER}
  - {name: arr, type: NUMBER}
  - {name: region, type: STRING, values: [EMEA, APAC, AMER]}
  - {name: tags, type: STRING_LIST, values: [pilot, partner]}
  - {name: seen, type: DATE, required: true}
derived:
  - {name: large, expr: "seats >= 100 || arr > 50"}
  - {name: per_seat, expr: arr / seats}
`

func TestRulesThatMatchNobodyOrTheSame(t *testing.T) {
	size := func(rest string) string { return someRules + "segmentations: [{name: size, " + rest + "}]\n" }
	both := func(rest, second string) string {
		return someRules + "segmentations: [{name: size, segments: [{name: Enterprise, when: large}], otherwise: SMB}, {name: second, " + rest + ", segments: [" + second + "]}]\n"
	}
	const when = "segmentations[0].segments[%d].when"
	tests := map[string]struct{ text, path, says string }{
		"LINT-8 two sides exclude each other":        {size(`segments: [{name: A, when: "seats > 5 && seats < 6"}]`), fmt.Sprintf(when, 0), "nobody can meet the condition"},
		"LINT-8 and so through a derived attribute":  {size(`segments: [{name: A, when: "large && seats < 100 && arr <= 50"}]`), fmt.Sprintf(when, 0), "nobody"},
		"LINT-8 a score is at most 100":              {attributes + twoCriteria + `segmentations: [{name: s, segments: [{name: A, when: "scores.v > 100"}]}]`, fmt.Sprintf(when, 0), "nobody"},
		"LINT-8 what can be met is fine":             {size(`segments: [{name: A, when: "arr > 5 && arr < 6"}]`), "", ""},
		"LINT-9 an earlier rule takes all":           {size(`segments: [{name: A, when: "seats >= 10"}, {name: B, when: "seats >= 100"}]`), fmt.Sprintf(when, 1), `the earlier rule "A" takes everyone`},
		"LINT-9 two together":                        {size(`segments: [{name: A, when: "seats >= 10"}, {name: X, when: "arr > 7"}, {name: B, when: "seats < 10"}, {name: C, when: "present(seats) && region == 'EMEA'"}]`), fmt.Sprintf(when, 3), `the earlier rules "A" and "B" together take everyone`},
		"LINT-9 computed values too":                 {size(`segments: [{name: A, when: "days_since(seen) > 30"}, {name: B, when: "days_since(seen) > 90"}]`), fmt.Sprintf(when, 1), `"A" takes`},
		"LINT-9 the missing are left":                {size(`segments: [{name: A, when: "seats >= 10"}, {name: B, when: "seats < 10"}, {name: C, when: "region == 'EMEA'"}]`), "", ""},
		"LINT-9 an unreadable rule takes nobody":     {size(`segments: [{name: A, when: "seats >= 10 && arr > 0"}, {name: B, when: "seats >= 10"}]`), "", ""},
		"LINT-10 both can match":                     {size(`hit_policy: UNIQUE, segments: [{name: A, when: "seats >= 10"}, {name: B, when: "region == 'EMEA'"}]`), fmt.Sprintf(when, 1), `"A" and "B" can both match, which is a CONFLICT and no segment: a customer with seats 10, region "EMEA"`},
		"LINT-10 with whom else":                     {size(`hit_policy: UNIQUE, segments: [{name: A, when: "seats >= 10"}, {name: B, when: "seats < 10"}, {name: C, when: "arr > 1"}]`), fmt.Sprintf(when, 2), `it overlaps with "B" too`},
		"LINT-10 as something is missing":            {size(`hit_policy: UNIQUE, segments: [{name: A, when: "!present(seats)"}, {name: B, when: "coalesce(seats, 0) < 1"}]`), fmt.Sprintf(when, 1), "a customer with no seats"},
		"LINT-10 rules apart are fine":               {size(`hit_policy: UNIQUE, segments: [{name: A, when: "seats >= 10"}, {name: B, when: "seats < 10"}, {name: C, when: "!present(seats)"}]`), "", ""},
		"LINT-10 computed rules are not judged":      {size(`hit_policy: UNIQUE, segments: [{name: A, when: "per_seat > 10"}, {name: B, when: "per_seat > 5"}]`), "", ""},
		"LINT-11 rules match everyone":               {size(`segments: [{name: A, when: "seats >= 10"}, {name: B, when: "coalesce(seats, 0) < 10"}], otherwise: C`), "segmentations[0].otherwise", "the rules match everyone"},
		"LINT-11 and the others are unknown":         {size(`segments: [{name: A, when: "seats >= 10"}, {name: B, when: "seats < 10"}], otherwise: C, unknown: D`), "segmentations[0].otherwise", `the others are "D"`},
		"LINT-11 the missing fall to otherwise":      {size(`segments: [{name: A, when: "seats >= 10"}, {name: B, when: "seats < 10"}], otherwise: C`), "", ""},
		"LINT-11 what is required may be stale":      {size(`segments: [{name: A, when: "seen >= date('2020-01-01')"}, {name: B, when: "seen < date('2020-01-01')"}], otherwise: C`), "", ""},
		"LINT-13 a value that is misspelt":           {size(`segments: [{name: A, when: "region == 'EMAE'"}]`), fmt.Sprintf(when, 0), `region is never "EMAE"`},
		"LINT-13 one of several":                     {size(`segments: [{name: A, when: "region in ['EMEA', 'APAK']"}]`), fmt.Sprintf(when, 0), `region is never "APAK"`},
		"LINT-13 an item of a list":                  {size(`segments: [{name: A, when: "'pilott' in tags"}]`), fmt.Sprintf(when, 0), `tags never has "pilott"`},
		"LINT-13 a segment":                          {both("hit_policy: FIRST", `{name: A, when: "segments.size == 'Enterprize'"}`), "segmentations[1].segments[0].when", `segments.size is never "Enterprize"`},
		"LINT-13 otherwise is a segment, too":        {both("hit_policy: FIRST", `{name: A, when: "segments.size == 'SMB'"}`), "", ""},
		"LINT-15 a function is no finding by itself": {size(`segments: [{name: A, when: "size(region) > 4"}, {name: B, when: "region.contains('E')"}]`), "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { oneWarning(t, test.text, test.path, test.says) })
	}
}

// oneWarning checks that a model compiles, and warns of one thing at a path, or of nothing where that is empty.
func oneWarning(t *testing.T, text, path, says string) {
	t.Helper()
	program, found := tryCompile(t, text)
	switch {
	case program == nil || found.HasMistakes():
		t.Fatalf("it does not compile: %v", found)
	case path == "" && len(found) > 0:
		t.Errorf("it warns: %v", found)
	case path == "":
	case len(found) != 1 || found[0].Path != path || !strings.Contains(found[0].Message, says) || found[0].Remedy == "" || found[0].Place.Line == 0:
		t.Errorf("it warns %v, want %q at %s", found, says, path)
	}
}

func TestCutsThatNobodyMeets(t *testing.T) {
	ladder := func(tiers string) string {
		return attributes + twoCriteria + "tierings: [{name: l, linear: {score: v, tiers: [" + tiers + ", {name: last}]}}]\n"
	}
	matrix := func(cut string) string {
		cells := "cells: [{name: A, x: 0, y: 0}, {name: B, x: 1, y: 0}, {name: C, x: 0, y: 1}, {name: D, x: 1, y: 1}]"
		return attributes + twoCriteria + "tierings: [{name: l, matrix: {x: {score: v, cuts: [" + cut + "]}, y: {score: v, cuts: [{median: {}}]}, " + cells + "}}]\n"
	}
	const cut = "tierings[0].linear.tiers[%d].cut"
	tests := map[string]struct{ text, path, says string }{
		"LINT-12 a condition that contradicts itself":  {ladder(`{name: a, cut: {when: "x > 1 && x < 1"}}`), fmt.Sprintf(cut, 0), "nobody can meet the cut"},
		"LINT-12 or the score that is asked for":       {ladder(`{name: a, cut: {min_score: 60, when: "scores.v < 50"}}`), fmt.Sprintf(cut, 0), "nobody"},
		"LINT-12 a better tier takes all":              {ladder(`{name: a, cut: {when: "x > 1"}}, {name: b, cut: {when: "x > 2", top_count: 5}}`), fmt.Sprintf(cut, 1), `the better tier "a" takes everyone who would meet it`},
		"LINT-12 scores and conditions together":       {ladder(`{name: a, cut: {when: "b", min_score: 50}}, {name: b, cut: {when: "b", min_score: 60}}`), fmt.Sprintf(cut, 1), `"a" takes`},
		"LINT-12 a tier by number leaves others":       {ladder(`{name: a, cut: {when: "x > 1", top_count: 5}}, {name: b, cut: {when: "x > 2"}}`), "", ""},
		"LINT-12 another condition is fine":            {ladder(`{name: a, cut: {when: "b", min_score: 50}}, {name: b, cut: {min_score: 60}}`), "", ""},
		"LINT-12 of a matrix":                          {matrix(`{min_score: 60, when: "scores.v < 60"}`), "tierings[0].matrix.x.cuts[0].when", "nobody can meet the cut"},
		"LINT-12 of a matrix, by its condition alone":  {matrix(`{median: {}, when: "x > 1 && x < 0"}`), "tierings[0].matrix.x.cuts[0].when", "nobody can meet the cut"},
		"LINT-12 a line that stands above is fine too": {matrix(`{min_score: 60, when: "scores.v < 70"}`), "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { oneWarning(t, test.text, test.path, test.says) })
	}
}

func TestRulesAreThoseOfThePopulation(t *testing.T) {
	about := func(rest string) string {
		return someRules + "population: \"seats < 50\"\nsegmentations: [{name: size, " + rest + "}]\n"
	}
	stale := strings.Replace(someRules, "{name: seats, type: INTEGER}", "{name: seats, type: INTEGER, observed_at: seen, max_age_days: 30}", 1)
	tests := map[string]struct{ text, path, says string }{
		"LINT-8 those outside do not count":   {about(`segments: [{name: A, when: "seats > 60"}]`), "segmentations[0].segments[0].when", "nobody of the population can meet the condition"},
		"LINT-9 nor do they here":             {about(`segments: [{name: A, when: "seats > 10"}, {name: B, when: "seats > 5 && seats != 6 && seats != 7 && seats != 8 && seats != 9 && seats != 10"}]`), "segmentations[0].segments[1].when", `"A" takes`},
		"LINT-10 nor do they overlap":         {about(`hit_policy: UNIQUE, segments: [{name: A, when: "seats > 60 || seats == 1"}, {name: B, when: "seats > 70 || seats == 2"}]`), "", ""},
		"LINT-10 a stale value is no witness": {stale + `segmentations: [{name: s, hit_policy: UNIQUE, segments: [{name: A, when: "seats > 5"}, {name: B, when: "seen < date('2000-01-01')"}]}]`, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { oneWarning(t, test.text, test.path, test.says) })
	}
}

func TestTheConstantThatIsWrongIsPointedAt(t *testing.T) {
	// LINT-13
	_, found := tryCompile(t, someRules+`segmentations: [{name: s, segments: [{name: A, when: "seats > 1 && region in ['EMEA', 'APAK']"}]}]`)
	if len(found) != 1 || found[0].Remedy != `did you mean "APAC"?` || found[0].Offset != strings.Index("seats > 1 && region in ['EMEA', 'APAK']", "'APAK'") {
		t.Errorf("it warns %+v", found)
	}
}

func TestWhatIsNotAnalysedIsListed(t *testing.T) {
	// LINT-15
	program := compile(t, someRules+twoScores+`
segmentations:
  - name: s
    segments:
      - {name: A, when: "large && seats > 3"}
      - {name: B, when: "per_seat > 1 && (region.contains('E') || per_seat < 9)"}
      - {name: C, when: "seats > 1 && seats < 1 && per_seat > 1"}
tierings:
  - {name: l, linear: {score: v, tiers: [{name: a, cut: {when: "days_since(seen) > 3"}}, {name: last}]}}
  - {name: p, matrix: {x: {score: v, cuts: [{min_score: 5, when: "per_seat > 7"}]}, y: {score: v, cuts: [{median: {}}]}, cells: [{name: A, x: 0, y: 0}]}}
`)
	var got []string
	for _, f := range program.NotAnalysed() {
		got = append(got, f.Path+": "+f.Message)
		if f.Severity != diag.Warning || f.Offset < 0 {
			t.Errorf("%+v", f)
		}
	}
	const why = ", which is more than an attribute compared with constants"
	want := []string{
		"segmentations[0].segments[1].when: analysed in part: it depends on per_seat" + why,
		`segmentations[0].segments[1].when: analysed in part: it depends on region.contains("E")` + why,
		"tierings[0].linear.tiers[0].cut.when: analysed in part: it depends on days_since(seen)" + why,
		"tierings[1].matrix.x.cuts[0].when: analysed in part: it depends on per_seat" + why,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// twoScores is a score of what someRules has.
const twoScores = `
scores:
  - name: v
    min_completeness: 0.5
    criteria:
      - {name: x, expr: seats, weight: 1, normalize: {linear: {min: 0, max: 100}}}
      - {name: y, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 100}}}
`
