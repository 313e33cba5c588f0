package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// tri is a truth that may not be known: 0 is false, 1 unknown, 2 true; so that and is the least and or the greatest.
type tri int

// leaf draws an exit rule without an any: its text, and what it is for a score, b and n.
func leaf(t *rapid.T) (string, func(score float64, b, n tri) tri) {
	var parts []string
	below := float64(rapid.SampledFrom([]int{0, 30, 60}).Draw(t, "below"))
	when := rapid.SampledFrom([]string{"", "b", "n < 1"}).Draw(t, "when")
	if below == 0 && when == "" {
		below = 45
	}
	if below > 0 {
		parts = append(parts, fmt.Sprintf("below: %v", below))
	}
	if when != "" {
		parts = append(parts, fmt.Sprintf("when: %q", when))
	}
	return strings.Join(parts, ", "), func(score float64, b, n tri) tri {
		all := tri(2)
		if below > 0 && score >= below {
			all = 0
		}
		switch when {
		case "b":
			all = min(all, b)
		case "n < 1":
			all = min(all, n)
		}
		return all
	}
}

// An exit rule is a condition of three values: a customer leaves where it is true, and where it is unknown the reason names what is missing.
func TestExitRulesOfManyFieldsAreThoseOfTheReference(t *testing.T) {
	// EXIT-1, EXIT-4, EXIT-8
	rapid.Check(t, func(t *rapid.T) {
		text, outer := leaf(t)
		var inner []func(float64, tri, tri) tri
		var several []string
		for range rapid.IntRange(0, 3).Draw(t, "any") {
			one, is := leaf(t)
			several, inner = append(several, "{"+one+"}"), append(inner, is)
		}
		if len(several) > 0 {
			text += ", any: [" + strings.Join(several, ", ") + "]"
		}
		program := compile(tb(t), attributes+scoreX+"tierings: [{name: l, linear: {score: v, tiers: [{name: top, cut: {min_score: 101e-2, when: s == 'top'}, exit: {"+text+"}}, {name: base}]}}]")

		score := float64(rapid.SampledFrom([]int{0, 29, 30, 45, 59, 60, 100}).Draw(t, "score"))
		b, n := tri(rapid.IntRange(0, 2).Draw(t, "b")), tri(rapid.IntRange(0, 2).Draw(t, "n"))
		a := attrs{"x": score}
		if b != 1 {
			a["b"] = b == 2
		}
		if n != 1 {
			a["n"] = float64(1 - n/2)
		}
		want := outer(score, b, n)
		if len(inner) > 0 {
			one := tri(0)
			for _, is := range inner {
				one = max(one, is(score, b, n))
			}
			want = min(want, one)
		}

		got := after(tb(t), program, "top", a)
		tier, attribute := got.GetTiers()[0].GetTier(), ""
		for _, r := range got.GetReasons() {
			if r.GetCode() == echelonv1.Reason_HELD_BY_EXIT_RULE {
				attribute = r.GetAttribute()
			}
		}
		if (tier == "base") != (want == 2) || (attribute != "") != (want == 1) {
			t.Fatalf("exit {%s} of %v is %d: it is in %s, and %q is missing", text, a, want, tier, attribute)
		}
		if missing := map[string]tri{"b": b, "n": n}; attribute != "" && missing[attribute] != 1 {
			t.Fatalf("exit {%s} of %v: %s is not missing", text, a, attribute)
		}
		if met := got.GetExplanation().GetTiers()[0].GetExit().GetMet(); met != (want == 2) {
			t.Fatalf("exit {%s} of %v is explained as met: %t", text, a, met)
		}
	})
}
