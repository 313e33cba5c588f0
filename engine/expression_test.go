package engine_test

import (
	"fmt"
	"strconv"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// derivedModel declares z as a derived attribute, with one segmentation since a model must decide something.
func derivedModel(expr string) string {
	return attributes + "derived:\n  - {name: z, expr: " + strconv.Quote(expr) + "}\nsegmentations: [{name: any, segments: [{name: A, when: 'present(z)'}]}]\n"
}

// someone has a value of every attribute but y.
var someone = attrs{
	"x": 600, "n": 3, "s": "Zürich", "b": true, "d": "2026-01-01", "t": "2026-01-29T12:00:00Z", "tags": []any{"gold", "eu"},
}

func TestExpressions(t *testing.T) {
	const unreadable = "unreadable"
	tests := []struct {
		rule, expr string
		want       any
	}{
		{"EXPR-1", "x * 2 > 1000", true},
		{"EXPR-1", "x == 600", true},
		{"EXPR-1", "(b ? 1 : 0.5) * x", 600.0},
		{"EXPR-1", "tags[size(tags) - 1]", "eu"},
		{"EXPR-1", "tags[0.5]", unreadable},
		{"EXPR-1", "n / 2", 1.5},
		{"EXPR-1", "7 / 2", 3.5},
		{"EXPR-1", "n == 3.0 && size(s) == 6.0", true},
		{"EXPR-1", "9007199254740992 + 1 == 9007199254740992", true},
		{"EXPR-1", "x in [1, 600]", true},
		{"EXPR-2", "size('aé😀')", 3.0},
		{"EXPR-2", "'Z' < 'a' && 'z' < 'é' && '\uffff' < '😀'", true},
		{"EXPR-3", "min(1, 0.0 / 0.0) == min(1, 0.0 / 0.0)", false},
		{"EXPR-3", "max(0.0 / 0.0, 5)", unreadable},
		{"EXPR-3", "round(0.5) + round(1.5) + round(2.5)", 6.0},
		{"EXPR-3", "round(-0.5) + round(-1.5)", -3.0},
		{"EXPR-3", "round(0.49999999999999994)", 0.0},
		{"EXPR-3", "log10(1000) == 3 && log10(0.0001) == -4 && log10(1e15) == 15 && log10(0.1) == -1", true},
		{"EXPR-4", "x / 0.0 > 1.0", true},
		{"EXPR-4", "1 / (x / 0)", 0.0},
		{"EXPR-4", "0.0 / 0.0 == 0.0 / 0.0", false},
		{"EXPR-5", "x / 0", unreadable},
		{"EXPR-5", "0 / 0", unreadable},
		{"EXPR-5", "sqrt(-1)", unreadable},
		{"EXPR-5", "log(0)", unreadable},
		{"EXPR-6", "present(y)", false},
		{"EXPR-6", "present(x)", true},
		{"EXPR-6", "present(y + 1 > 2 ? x : y)", false},
		{"EXPR-6", "coalesce(y, 7)", 7.0},
		{"EXPR-6", "coalesce(x, 7)", 600.0},
		{"EXPR-6", "coalesce(y * 2, y, n)", 3.0},
		{"EXPR-6", "coalesce(y, y)", unreadable},
		{"EXPR-7", "present(tags[5])", unreadable},
		{"EXPR-7", "coalesce(tags[5], 'x')", unreadable},
		{"EXPR-7", "coalesce(x / 0, 1) > 1", true},
		{"EXPR-8", "y > 1 || x > 1", true},
		{"EXPR-8", "x > 1 || y > 1", true},
		{"EXPR-8", "y > 1 && x > 1000", false},
		{"EXPR-8", "x > 1000 && y > 1", false},
		{"EXPR-8", "tags[5] == 'x' || x > 1", true},
		{"EXPR-8", "y > 1 && x > 1", unreadable},
		{"EXPR-8", "y > 1 || x > 1000", unreadable},
		{"EXPR-9", "!(y > 1)", unreadable},
		{"EXPR-9", "x + y", unreadable},
		{"EXPR-9", "y == y", unreadable},
		{"EXPR-9", "y in [1, 2]", unreadable},
		{"EXPR-9", "x > 1 ? 2 : y", 2.0},
		{"EXPR-14", "d < date('2026-01-31') && t < timestamp('2026-01-31T00:00:00Z') && t < as_of", true},
		{"EXPR-14", "date(as_of) == date('2026-01-31')", true},
		{"TIME-1", "days_since(d)", 30.0},
		{"TIME-1", "days_until(d)", -30.0},
		{"TIME-1", "days_until(date('2026-03-01'))", 29.0},
		{"TIME-2", "days_since(t)", 1.0},
		{"TIME-2", "days_until(t)", -2.0},
		{"TIME-2", "days_since(timestamp('2026-01-31T00:00:00.000001Z'))", -1.0},
		{"TIME-2", "days_until(timestamp('2026-01-31T23:59:59Z'))", 0.0},
	}
	for _, test := range tests {
		t.Run(test.rule+" "+test.expr, func(t *testing.T) {
			s := evaluate(t, derivedModel(test.expr), person{"one", someone})
			got := s.assignment("one").GetExplanation().GetDerived().GetFields()["z"].AsInterface()
			want := test.want
			if want == unreadable {
				want = nil
			}
			if got != want {
				t.Errorf("it is %v, want %v", got, test.want)
			}
		})
	}
}

func TestAMissingValueIsNotOutsideOfAnEmptyList(t *testing.T) {
	// EXPR-9: it cannot be read there either, unless an empty list is a mistake anyway.
	program, found := tryCompile(t, derivedModel("!(y in [])"))
	if found.HasMistakes() {
		return
	}
	s := &study{TB: t, program: program, scorer: bindTo(t, program, nil)}
	s.see(frameOf(t, program, person{"one", someone}))
	if got := s.assignment("one").GetExplanation().GetDerived().GetFields()["z"].AsInterface(); got != nil {
		t.Errorf("it is %v, want unreadable", got)
	}
}

func TestTheLeftOfTwoErrorsPrevails(t *testing.T) {
	// EXPR-9
	for expr, want := range map[string]string{
		"y + tags[5]":                   "y",
		"tags[5] + y":                   "",
		"y > 1 && q > 1":                "y",
		"q > 1 || y > 1":                "q",
		"string(q) + string(y)":         "q",
		"present(tags[5]) || y > 1":     "",
		"coalesce(q, y) > 1":            "q",
		"min(q, y) > 1 ? 1 / 0 : y":     "q",
		"[1, 2][y] + q":                 "y",
		"coalesce(y, [1, 2][5], q) > 1": "y",
	} {
		t.Run(expr, func(t *testing.T) {
			text := attributes + "  - {name: q, type: NUMBER}\nderived:\n  - {name: z, expr: " + strconv.Quote(withText(expr)) +
				"}\nsegmentations: [{name: any, segments: [{name: A, when: 'present(z)'}]}]\n"
			s := evaluate(t, text, person{"one", attrs{"tags": []any{"gold"}}})
			r := s.reason("one", "derived.z")
			if r.GetAttribute() != want || (r.GetCode() == echelonv1.Reason_MISSING) != (want != "") {
				t.Errorf("the reason is %v, want that %q is missing", r, want)
			}
		})
	}
}

// withText makes the sums with a text of the table above well-typed: y stands for its text beside one.
func withText(expr string) string {
	switch expr {
	case "y + tags[5]":
		return "string(y) + tags[5]"
	case "tags[5] + y":
		return "tags[5] + string(y)"
	}
	return expr
}

func TestWhatIsNullIsMissingToItsReaders(t *testing.T) {
	// EXPR-12: each of these items is null for a customer without attributes, and so seen by present and coalesce alone.
	const model = attributes + `
segmentations:
  - {name: size, segments: [{name: Large, when: x > 100}]}
  - name: seen
    segments:
      - {name: error, when: "%s"}
    otherwise: "no"
    unknown: missing
scores:
  - {name: v, criteria: [{name: x, expr: x, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}
tierings:
  - {name: ladder, linear: {score: v, tiers: [{name: top, cut: {min_score: 50}}, {name: rest}]}}
  - {name: box, matrix: {x: {score: v, cuts: [{min_score: 50}]}, y: {score: v, cuts: [{min_score: 50}]}, cells: [{x: 0, y: 0, name: Small}]}}
`
	for _, item := range []string{"segments.size", "scores.v", "tiers.ladder", "tiers.box"} {
		for condition, want := range map[string]string{
			"present(" + item + ")":              "no",
			"!present(" + item + ")":             "error",
			item + " == " + item:                 "missing",
			item + " != " + item:                 "missing",
			item + " < " + item:                  "missing",
			"present(" + item + "+" + item + ")": "no",
		} {
			t.Run(condition, func(t *testing.T) {
				s := evaluate(t, fmt.Sprintf(model, condition), person{"one", nil})
				if got := name(s.result.Segments[1], 0); got != want {
					t.Errorf("the condition is %q, want %q", got, want)
				}
			})
		}
	}
}

func TestAnUnreadableDerivedAttributeIsMissingToItsReaders(t *testing.T) {
	const model = attributes + `
derived:
  - {name: sum, expr: "coalesce(inf, 1) + coalesce(nan, 10) + coalesce(gone, 100) + coalesce(outside, 1000)"}
  - {name: inf, expr: "x / 0"}
  - {name: nan, expr: "0 / 0"}
  - {name: gone, expr: "y * 2"}
  - {name: outside, expr: "double(tags[5])"}
  - {name: all, expr: "string(present(inf)) + string(present(nan)) + string(present(gone)) + string(present(outside))"}
segmentations:
  - {name: any, segments: [{name: A, when: "inf > 1"}], unknown: Missing}
`
	// EXPR-13, MODEL-11
	s := evaluate(t, model, person{"one", someone})
	fields := s.assignment("one").GetExplanation().GetDerived().GetFields()
	if got := fields["sum"].GetNumberValue(); got != 1111 {
		t.Errorf("the sum is %v, want 1111", got)
	}
	if got := fields["all"].GetStringValue(); got != "falsefalsefalsefalse" {
		t.Errorf("presence is %q", got)
	}
	for _, name := range []string{"inf", "nan", "gone", "outside"} {
		if _, isNull := fields[name].GetKind().(*structpb.Value_NullValue); !isNull {
			t.Errorf("%s is %v, want null", name, fields[name])
		}
	}
	if s.segment("one") != "Missing" {
		t.Errorf("the segment is %q", s.segment("one"))
	}
	// WHY-4: the cause is told where it arises, and its reader says which attribute it lacks.
	for item, want := range map[string]string{
		"derived.inf":     "derived.inf: the result is infinite",
		"derived.nan":     "derived.nan: the result is not a number",
		"derived.gone":    "derived.gone: y is missing",
		"derived.outside": "derived.outside: index 5 is out of range: the list has 2 items",
		"segments.any":    "segments.any, A: inf is missing",
	} {
		if got := s.reason("one", item).GetMessage(); got != want {
			t.Errorf("%s has the reason %q, want %q", item, got, want)
		}
	}
}

func TestAMissingAttributeIsNeitherZeroNorNeutral(t *testing.T) {
	// MISS-1, MISS-2
	for name, one := range map[string]attrs{"absent": {}, "null": {"x": nil, "s": nil, "b": nil, "tags": nil}} {
		t.Run(name, func(t *testing.T) {
			s := evaluate(t, attributes+`
segmentations:
  - name: any
    segments:
      - {name: zero, when: "x == 0"}
      - {name: not zero, when: "x != 0"}
      - {name: empty, when: "s == '' || size(tags) == 0"}
      - {name: "false", when: "!b"}
    otherwise: other
    unknown: missing
`+scoreX, person{"one", one})
			if got := s.segment("one"); got != "missing" {
				t.Errorf("the segment is %q", got)
			}
			if got := s.score("one"); !same(got, missing) {
				t.Errorf("the score is %v, want none", got)
			}
		})
	}
}
