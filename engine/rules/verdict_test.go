package rules_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/rules"
)

// people is what the tables' rules read.
func people(name string) rules.Domain {
	switch name {
	case "seats":
		return rules.Domain{Free: true, Whole: true}
	case "arr", "day", "at", "text", "tags":
		return rules.Domain{Free: true}
	case "region":
		return rules.Domain{Free: true, Values: []string{"EMEA", "APAC"}}
	case "must":
		return rules.Domain{Free: true, Required: true}
	case "scores.value":
		return rules.Domain{Min: 0, Max: 100}
	}
	return rules.Domain{}
}

// conditions compiles rules that read people's variables.
func conditions(t testing.TB, texts ...string) []expr.Condition {
	t.Helper()
	env, err := expr.NewEnv([]expr.Variable{
		{Name: "seats", Kind: expr.Number}, {Name: "arr", Kind: expr.Number}, {Name: "day", Kind: expr.Date}, {Name: "at", Kind: expr.Timestamp},
		{Name: "text", Kind: expr.String}, {Name: "tags", Kind: expr.List}, {Name: "region", Kind: expr.String}, {Name: "must", Kind: expr.Number},
		{Name: "scores.value", Kind: expr.Number}, {Name: "computed", Kind: expr.Number},
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []expr.Condition
	for _, text := range texts {
		list = append(list, mustCompile(t, env, text).Condition())
	}
	return list
}

func TestConditionsThatNobodyMeets(t *testing.T) {
	tests := map[string]bool{
		"arr > 5 && arr < 3":                                   true,
		"arr > 5 && arr < 6":                                   false,
		"seats > 5 && seats < 6":                               true,
		"seats == 2.5":                                         true,
		"seats > 9007199254740992":                             true,
		"seats >= 9007199254740992":                            false,
		"arr > 1.7976931348623157e308":                         true,
		"computed > 1 && computed <= 1":                        true,
		"arr * 2 > 1 && arr * 2 < 0":                           true,
		"arr * 2 > 1.7976931348623157e308":                     false,
		"arr * 2 != arr * 2 || arr / 0 != 1":                   false,
		"scores.value > 100":                                   true,
		"scores.value >= 100":                                  false,
		"scores.value < 0":                                     true,
		"region == 'emea'":                                     true,
		"region != 'EMEA' && region != 'APAC'":                 true,
		"text == 'a' && text == 'b'":                           true,
		"text > 'a' && text < 'a\\u0000'":                      true,
		"text < ''":                                            true,
		"text < 'a'":                                           false,
		"present(arr) && !present(arr)":                        true,
		"!present(arr) && arr > 1":                             true,
		"day > date('2026-01-01') && day < date('2026-01-02')": true,
		"day > date('2026-01-01') && day < date('2026-01-03')": false,
		"day < date('0001-01-01') || day > date('9999-12-31')": true,
		"at > timestamp('2026-01-01T00:00:00Z') && at < timestamp('2026-01-01T00:00:00.000001Z')": true,
		"at > timestamp('2026-01-01T00:00:00Z') && at < timestamp('2026-01-01T00:00:00.000002Z')": false,
		"days_since(day) > 90 && days_since(day) < 30":                                            true,
		"'a' in tags && !('a' in tags)":                                                           true,
		"'a' in tags && !('b' in tags)":                                                           false,
		"tags.exists(t, t == 'a') && !tags.exists(t, t == 'b')":                                   false,
		"present(tags) && !present(tags)":                                                         true,
		"arr == 0 && arr != -0.0":                                                                 true,
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			c := conditions(t, text)
			if got := rules.NewSpace(people, c...).Never(c[0]); got != want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestWitnessesAreWorthReading(t *testing.T) {
	tests := map[string]struct{ first, second, want string }{
		"at the line":                {"arr >= 100", "seats >= 10", "[{arr false 100} {seats false 10}]"},
		"between two lines":          {"arr > 100", "arr < 200", "[{arr false 101}]"},
		"one that is missing":        {"arr > 100 || !present(seats)", "!present(arr)", "[{arr true 0} {seats true 0}]"},
		"a text that is none":        {"text != 'a'", "text != 'other'", `[{text false "other-other"}]`},
		"a day":                      {"day > date('2026-01-01')", "day < date('2026-02-01')", "[{day false 2026-01-02}]"},
		"what is required is there":  {"must > 1 || !present(must)", "must < 3 || !present(must)", "[{must false 2}]"},
		"none where it is computed":  {"computed > 1", "computed > 2", "[]"},
		"none where it is a formula": {"arr * 2 > 1", "arr * 2 > 3", "[]"},
		"none if it must be missing": {"!present(must)", "!present(must) && arr > 1", "[]"},
		"what is computed is spared": {"arr > 1 || computed > 1", "arr > 2 || computed > 2", "[{arr false 3}]"},
		"everyone":                   {"true", "arr > 1 || true", "[]!"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := conditions(t, test.first, test.second)
			v := rules.NewSpace(people, c...).Unique(c)[1]
			got := "[]"
			if len(v.Overlaps) == 1 {
				got = fmt.Sprint(v.Overlaps[0].Witness)
				if len(v.Overlaps[0].Witness) == 0 {
					got = "[]!"
				}
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestWhatTakesARuleIsNamed(t *testing.T) {
	c := conditions(t, "arr > 100", "region == 'EMEA'", "region == 'APAC'", "arr > 200", "present(region) && seats > 1", "day < date('2026-01-01') && arr > 300", "seats > 5")
	var got []string
	for _, v := range rules.NewSpace(people, c...).First(c) {
		got = append(got, fmt.Sprint(v.TakenBy))
	}
	if want := "[] [] [] [0] [1 2] [0] []"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestPartsThatCannotBeLookedIntoAreListed(t *testing.T) {
	c := conditions(t, "arr > 1 && (computed > 2 || text.startsWith('a')) && (true ? arr * 2 > 1 : 'a' in tags) && !present(scores.value)")
	got := fmt.Sprint(rules.NewSpace(people, c...).Unclear(c[0]))
	if want := `[{computed 12} {text.startsWith("a") 33} {arr * 2.0 65} {"a" in tags 79} {scores.value 106}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// hard is n rules of which none can be compared with another in few steps.
func hard(n int) []string {
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprintf("(arr > %d || seats > %d) && (text != 'a%d' || region == 'EMEA') && (must > %d || arr < %d)", i, i, i, i, -i))
	}
	return texts
}

func TestTheWorkIsBounded(t *testing.T) {
	c := conditions(t, hard(400)...)
	start := time.Now()
	undecided := 0
	for _, v := range rules.NewSpace(people, c...).Unique(c) {
		if v.Undecided {
			undecided++
		}
	}
	t.Logf("%d rules in %v, %d undecided", len(c), time.Since(start), undecided)
	if undecided == 0 || undecided == len(c) {
		t.Errorf("%d are undecided", undecided)
	}
	one := conditions(t, strings.Join(hard(60), " && "))
	if rules.NewSpace(people, one...).Never(one[0]) {
		t.Error("what was not worked out is said to be impossible")
	}
}

func BenchmarkFirst200Rules(b *testing.B) {
	var texts []string
	for i := range 200 {
		texts = append(texts, fmt.Sprintf("arr >= %d && seats >= %d || region == 'EMEA' && arr >= %d", 400-i, 300-i, 900-i))
	}
	c := conditions(b, texts...)
	for b.Loop() {
		rules.NewSpace(people, c...).First(c)
	}
}
