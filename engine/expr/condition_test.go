package expr

import (
	"fmt"
	"strings"
	"testing"
)

// show writes a condition for the tests.
func showCondition(c Condition) string {
	switch c := c.(type) {
	case And:
		return "(" + showCondition(c.Left) + " and " + showCondition(c.Right) + ")"
	case Or:
		return "(" + showCondition(c.Left) + " or " + showCondition(c.Right) + ")"
	case Not:
		return "not " + showCondition(c.Of)
	case If:
		return "if " + showCondition(c.Of) + " then " + showCondition(c.Then) + " else " + showCondition(c.Else)
	case Truth:
		return fmt.Sprint(bool(c))
	case Presence:
		return "there is " + c.Variable.Key
	case Opaque:
		return "?" + c.Key
	}
	compared := c.(Comparison)
	op := []string{"=", "≠", "<", "≤", ">", "≥", "in", "has"}[compared.Op]
	term := compared.Term.Key
	if !compared.Term.Variable {
		term = "[" + term + "]"
	}
	return fmt.Sprintf("%s %s %v", term, op, compared.Constants)
}

func TestConditionsAreReadAsFarAsTheyAreComparisons(t *testing.T) {
	tests := map[string]string{
		"arr > 1":                                   "arr > [1]",
		"1 > arr":                                   "arr < [1]",
		"2 * 3 - 1 <= arr":                          "arr ≥ [5]",
		"arr == -0.0":                               "arr = [0]",
		"arr != 1 / 4":                              "arr ≠ [0.25]",
		"arr == 1 / 0":                              "?arr == 1.0 / 0.0",
		"partner":                                   "partner = [true]",
		"partner == false":                          "partner = [false]",
		"!(partner && arr > 1) || arr < 0":          "(not (partner = [true] and arr > [1]) or arr < [0])",
		"partner ? arr > 1 : true":                  "if partner = [true] then arr > [1] else true",
		"region in ['a', 'b']":                      `region in ["a" "b"]`,
		"region in ['a', word]":                     `?region in ["a", word]`,
		"'a' in tags":                               `?"a" in tags`,
		"'x' in {'x': 1}":                           `?"x" in {"x": 1.0}`,
		"segments.size == 'SMB'":                    `segments.size = ["SMB"]`,
		"scores.value >= 50":                        "scores.value ≥ [50]",
		"present(arr)":                              "there is arr",
		"present(arr + 1)":                          "?present(arr + 1.0)",
		"coalesce(arr, 3) > 2":                      "if there is arr then arr > [2] else true",
		"4 < coalesce(arr, 3)":                      "if there is arr then arr > [4] else false",
		"coalesce(partner, true)":                   "if there is partner then partner = [true] else true",
		"coalesce(arr, products, 3) > 2":            "[coalesce(arr, products, 3.0)] > [2]",
		"arr * 2 > 1":                               "[arr * 2.0] > [1]",
		"days_since(last_order) > 30":               "[days_since(last_order, as_of)] > [30]",
		"last_order < date('2026-01-31')":           "last_order < [2026-01-31]",
		"seen >= timestamp('2026-01-31T00:00:00Z')": "seen ≥ [2026-01-31T00:00:00Z]",
		"as_of > timestamp('2026-01-31T00:00:00Z')": "[as_of] > [2026-01-31T00:00:00Z]",
		"arr == products":                           "?arr == products",
		"1 < 2":                                     "true",
		"'a' == 'b'":                                "false",
		"region.startsWith('a')":                    `?region.startsWith("a")`,
		"string(arr) == 'a'":                        `[string(arr)] = ["a"]`,
	}
	env := mustEnv(t)
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			x, problems := env.Compile(text)
			if x == nil {
				t.Fatal(problems)
			}
			if got := showCondition(x.Condition()); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestWhatIsOpaqueIsEqualOnlyToItself(t *testing.T) {
	env := mustEnv(t)
	key := func(text string) string {
		x, problems := env.Compile(text)
		if x == nil {
			t.Fatal(problems)
		}
		return x.Condition().(Opaque).Key
	}
	same, other := "tags.exists(a, a == 'x')", "tags.exists(a, a == 'y')"
	if first, again := key(same), key(same); first != again || first == key(other) {
		t.Errorf("%q, %q, %q", first, again, key(other))
	}
	if a, b := key("arr + 0.1 == products"), key("arr + 0.10000000000000002 == products"); a == b {
		t.Errorf("different numbers have one key: %s", a)
	}
	if x, _ := env.Compile("arr + 1"); x.Condition() != (Opaque{"arr + 1.0", 4}) {
		t.Errorf("a number is the condition %v", x.Condition())
	}
}

func TestComparisonsAreFoundWithinComputedValues(t *testing.T) {
	x, problems := mustEnv(t).Compile(`(region == "a" ? arr : {"k": region in ["b", "c"] ? 1 : 2}["k"]) + ("d" in tags ? 1 : 0) + min([word != "e" ? 1 : 2]) + (tags.exists(region, region == "f") ? 1 : 0)`)
	if x == nil {
		t.Fatal(problems)
	}
	var got []string
	for _, c := range x.Comparisons() {
		got = append(got, fmt.Sprint(showCondition(c), c.Offsets))
	}
	want := `region = ["a"][11] region in ["b" "c"][40 45] tags has ["d"][68] word ≠ ["e"][104]`
	if strings.Join(got, " ") != want {
		t.Errorf("got %s", strings.Join(got, " "))
	}
}

func mustEnv(t *testing.T) *Env {
	t.Helper()
	env, err := NewEnv(variables)
	if err != nil {
		t.Fatal(err)
	}
	return env
}
