package engine_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"
)

// policies are cuts by score alone, of several kinds.
var policies = map[string]string{
	"shares of segments": bySize + `
      tie_breakers: [{expr: y}]
      tiers: [{name: high, cut: {top_share: 0.2}}, {name: mid, cut: {cumulative_share: {of: "coalesce(y, 1)", share: 0.7}}}, {name: low}]
      per_segment: [{segment: Small, tiers: [{name: mid, cut: {top_count: 2}}, {name: low}]}]
`,
	"capacities": covered + `
      tiers:
        - {name: high, engagement: named, cut: {capacity: {}}}
        - {name: mid, engagement: pooled, cut: {capacity: {role: csm, of: y}}}
        - {name: low}
`,
	"natural breaks": bySize + `
      tiers: [{name: high, cut: {natural_break: {}}}, {name: mid, cut: {natural_break: {}}}, {name: low}]
`,
}

func TestAHigherScoreIsNeverALowerTierInAnyOrderOfTheCustomers(t *testing.T) {
	// LADDER-220, LADDER-224, LADDER-225, LADDER-228, LINE-1
	for name, text := range policies {
		program := compile(t, text)
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			var people []person
			for i := range rapid.IntRange(0, 40).Draw(t, "customers") {
				people = append(people, person{string(rune('A' + i)), attrs{
					"x": float64(rapid.IntRange(0, 12).Draw(t, "x")) * 8.25, "y": float64(rapid.IntRange(0, 8).Draw(t, "y")) * 0.7,
					"s": rapid.SampledFrom([]string{"l", "m", "s"}).Draw(t, "s"),
				}})
			}
			whole := calibrate(tb(t), program, frameOf(tb(t), program, people...))
			shuffled := rapid.Permutation(people).Draw(t, "order")
			parts := calibrate(tb(t), program, framesOf(tb(t), program, rapid.IntRange(1, 9).Draw(t, "rows"), shuffled...)...)
			if diff := cmp.Diff(whole, parts, protocmp.Transform()); diff != "" {
				t.Fatalf("another order gives other lines:\n%s", diff)
			}
			s := &study{TB: tb(t), program: program, scorer: bindTo(tb(t), program, whole)}
			s.see(frameOf(tb(t), program, people...))
			place := func(p person) int { return slices.Index(program.TierNames(0), s.tier(p.id)) }
			for _, a := range people {
				for _, b := range people {
					if (name == "capacities" || a.attrs["s"] == b.attrs["s"]) && a.attrs["x"].(float64) > b.attrs["x"].(float64) && place(a) > place(b) {
						t.Fatalf("%v is in %q, and %v in %q", a, s.tier(a.id), b, s.tier(b.id))
					}
				}
			}
		}))
	}
}
