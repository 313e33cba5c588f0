package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/modelfile"
)

func TestCycles(t *testing.T) {
	// MODEL-12
	tests := map[string]struct {
		text, path, says string
	}{
		"a derived attribute of itself": {
			attributes + "derived: [{name: z, expr: z + 1}]\nsegmentations: [{name: a, segments: [{name: A, when: b}]}]\n",
			"derived[0]", "z → z",
		},
		"two derived attributes of each other": {
			attributes + "derived: [{name: z, expr: q + 1}, {name: q, expr: x + z}]\nsegmentations: [{name: a, segments: [{name: A, when: b}]}]\n",
			"derived[0]", "z → q → z",
		},
		"a segment of a tier of a score of the segment": {
			attributes + `
segmentations: [{name: a, segments: [{name: A, when: "tiers.l == 'top'"}]}]
scores: [{name: v, criteria: [{name: c, expr: segments.a, weight: 1, normalize: {lookup: {values: {A: 1}}}}]}]
tierings: [{name: l, linear: {score: v, tiers: [{name: top, cut: {min_score: 1}}, {name: rest}]}}]
`, "segmentations[0]", "segments.a → tiers.l → scores.v → segments.a",
		},
		"a tie breaker of its own tiering": {
			attributes + scoreX + "tierings: [{name: l, linear: {score: v, tiers: [{name: top, cut: {top_count: 1}}, {name: rest}], tie_breakers: [{expr: tiers.l}]}}]\n",
			"tierings[0]", "tiers.l → tiers.l",
		},
		"an amount of a share of its own tiering": {
			attributes + scoreX + "tierings: [{name: l, linear: {score: v, tiers: [{name: top, cut: {cumulative_share: {of: \"tiers.l == 'top' ? 1 : 0\", share: 0.5}}}, {name: rest}]}}]\n",
			"tierings[0]", "tiers.l → tiers.l",
		},
		"a cut of a matrix of the matrix itself": {
			attributes + scoreXY + "tierings: [{name: l, matrix: {x: {score: v, cuts: [{min_score: 1, when: \"tiers.l == 'A'\"}]}, y: {score: w, cuts: [{min_score: 1}]}, cells: [{x: 0, y: 0, name: A}]}}]\n",
			"tierings[0]", "tiers.l → tiers.l",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			program, found := tryCompile(t, test.text)
			if program != nil || len(found.Mistakes()) != 1 || found[0].Path != test.path || found[0].Message != test.says || found[0].Place.Line == 0 {
				t.Errorf("it finds %v, want %s: %s", found, test.path, test.says)
			}
		})
	}
}

func TestEveryMistakeIsFoundAtOnce(t *testing.T) {
	// MODEL-15: mistakes of form, of names, of expressions and of the graph, each once and with a place, in the order of the file.
	text := attributes + `
derived:
  - {name: one, expr: two + 1}
  - {name: two, expr: one * 2}
  - {name: three, expr: x +}
  - {name: four, expr: three + 1}
  - {name: five, expr: x * emplyees}
segmentations:
  - {name: size, segments: [{name: A, when: "xx > 1"}, {name: B, when: "four > 1"}, {name: C, when: "s > 1"}]}
scores:
  - {name: v, criteria: [{name: c, expr: one, weight: -1, normalize: {linear: {min: 1, max: 0}}}]}
tierings:
  - {name: l, linear: {score: w, tiers: [{name: top, cut: {when: "y"}}, {name: rest}]}}
`
	program, found := tryCompile(t, text)
	if program != nil {
		t.Fatal("it is taken")
	}
	for _, want := range []string{
		"derived[0]", "derived[2].expr", "derived[4].expr", "segmentations[0].segments[0].when", "segmentations[0].segments[2].when",
		"scores[0].criteria[0].weight", "scores[0].criteria[0].normalize.linear", "tierings[0].linear.score", "tierings[0].linear.tiers[0].cut.when",
	} {
		n := 0
		for _, f := range found.Mistakes() {
			if f.Path == want {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d mistakes at %s, want one", n, want)
		}
	}
	if has(found, "derived[1]", "") || has(found, "derived[3]", "") || has(found, "segmentations[0].segments[1]", "") {
		t.Error("a mistake is told again where it is read")
	}
	last := 0
	for _, f := range found {
		if f.Place.Line < last || f.Place.Line == 0 || f.Place.Column == 0 || f.Source == "" {
			t.Errorf("a finding stands at %v", f.Place)
		}
		last = f.Place.Line
	}
}

func TestAMistakeShowsItsPlaceAndItsRemedy(t *testing.T) {
	// MODEL-13, MODEL-15
	text := "name: m\nattributes: [{name: employees, type: NUMBER}]\nsegmentations:\n  - name: size\n    segments:\n      - {name: A, when: \"1 > 0 && emplyees > 5\"}\n"
	_, found := tryCompile(t, text)
	var b strings.Builder
	if err := found.Format(&b, 0); err != nil {
		t.Fatal(err)
	}
	const want = `model.yaml:6:35: segmentations[0].segments[0].when: undeclared attribute "emplyees" (did you mean "employees"?)
  6 |       - {name: A, when: "1 > 0 && emplyees > 5"}
    |                                   ^
`
	if b.String() != want {
		t.Errorf("it says\n%s\nwant\n%s", b.String(), want)
	}
}

func TestDerivedAttributesStandInAnyOrder(t *testing.T) {
	// MODEL-11: any order of the same declarations gives the same values.
	declared := []string{
		"{name: e, expr: 'd1 + c1'}", "{name: d1, expr: 'c1 * 2'}", "{name: c1, expr: 'a1 + (b1 ? 1 : 0)'}", "{name: b1, expr: 'a1 > 1'}", "{name: a1, expr: x + 1}",
	}
	rapid.Check(t, func(t *rapid.T) {
		shuffled := rapid.Permutation(declared).Draw(t, "order")
		s := evaluate(tb(t), attributes+"derived: ["+strings.Join(shuffled, ", ")+"]\n"+strings.Replace(scoreX, "expr: x", "expr: e", 1), xs(4)...)
		if got := s.score("a"); got != 18 {
			t.Fatalf("in the order %v the score is %v, want 18", shuffled, got)
		}
	})
}

func TestItemsMayReadEachOther(t *testing.T) {
	// MODEL-11: a segment of a tier of a score of a segment, all declared against their order.
	s := evaluate(t, attributes+`
amount: "tiers.box == 'High' ? 10 : 1"
derived:
  - {name: label, expr: "tiers.l + '/' + segments.size + '/' + string(round(scores.v))"}
segmentations:
  - {name: last, segments: [{name: Found, when: "label == 'top/Large/90' && tiers.box == 'High'"}], otherwise: Lost}
  - {name: size, segments: [{name: Large, when: x > 50}], otherwise: Small}
scores:
  - {name: w, criteria: [{name: c, expr: "tiers.l == 'top'", weight: 1, normalize: {boolean: {}}}]}
  - {name: v, criteria: [{name: c, expr: segments.size, weight: 1, normalize: {lookup: {values: {Large: 0.9, Small: 0.1}}}}]}
tierings:
  - {name: box, matrix: {x: {score: w, cuts: [{median: {}}]}, y: {score: v, cuts: [{min_score: 50}]}, cells: [{x: 1, y: 1, name: High}]}}
  - {name: l, linear: {score: v, tiers: [{name: top, cut: {top_count: 1}}, {name: rest}]}}
`, xs(60, 70, 1)...)
	for id, want := range map[string]string{"a": "Found", "b": "Lost", "c": "Lost"} {
		if got := s.segment(id); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
	if got := s.result.Amounts.Numbers; !slices.Equal(got, []float64{10, 10, 0}) {
		t.Errorf("the amounts are %v", got)
	}
}

func TestItemsMayHaveAnyName(t *testing.T) {
	// MODEL-2, MODEL-3: only attributes may not be called by a reserved word. An item of that name works, or the model is a mistake; nothing else
	// may suffer.
	for _, word := range []string{"in", "true", "null", "for", "as_of", "segments", "scores", "tiers", "size", "min", "x"} {
		t.Run(word, func(t *testing.T) {
			text := strings.ReplaceAll(attributes+`
segmentations: [{name: NAME, segments: [{name: A, when: "x > 50"}], otherwise: B}]
scores: [{name: NAME, criteria: [{name: c, expr: x, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}]
tierings: [{name: NAME, linear: {score: NAME, tiers: [{name: top, cut: {min_score: 50, when: "x > 50"}}, {name: rest}]}}]
`, "NAME", fmt.Sprintf("%q", word))
			model, _, found := modelfile.Parse("model.yaml", []byte(text))
			if found.HasMistakes() {
				t.Fatal(found)
			}
			program, found := engine.Compile(model)
			if found.HasMistakes() {
				if !slices.ContainsFunc(found.Mistakes(), func(f finding) bool { return strings.HasSuffix(f.Path, ".name") }) {
					t.Errorf("another mistake was found: %v", found)
				}
				return
			}
			defer func() {
				if cause := recover(); cause != nil {
					t.Errorf("it panics: %v", cause)
				}
			}()
			s := &study{TB: t, program: program, scorer: bindTo(t, program, nil)}
			s.see(frameOf(t, program, xs(60, 40)...))
			if s.segment("a") != "A" || s.score("a") != 60 || s.tier("a") != "top" || s.segment("b") != "B" || s.score("b") != 40 || s.tier("b") != "rest" {
				t.Errorf("a is %v, b is %v", s.assignment("a"), s.assignment("b"))
			}
		})
	}
}

func TestDriving(t *testing.T) {
	// MODEL-16
	plain := "{name: NAME, linear: {score: v, tiers: [{name: all}]}}"
	drives := strings.Replace(plain, "linear", "drives_coverage: true, linear", 1)
	for name, test := range map[string]struct {
		tierings []string
		want     int
	}{
		"the one that says so":      {[]string{plain, drives, plain}, 1},
		"the first where none does": {[]string{plain, plain}, 0},
		"none where there is none":  {nil, -1},
	} {
		t.Run(name, func(t *testing.T) {
			var list []string
			for i, one := range test.tierings {
				list = append(list, strings.Replace(one, "NAME", fmt.Sprintf("t%d", i), 1))
			}
			if got := compile(t, attributes+scoreX+"tierings: ["+strings.Join(list, ", ")+"]\n").Driving(); got != test.want {
				t.Errorf("tiering %d drives, want %d", got, test.want)
			}
		})
	}
}
