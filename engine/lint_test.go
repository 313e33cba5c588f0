package engine_test

import (
	"strings"
	"testing"

	"github.com/echelonhq/echelon/engine/diag"
)

// two is a score without anything to warn of.
const twoCriteria = `
scores:
  - name: v
    min_completeness: 0.5
    criteria:
      - {name: x, expr: x, weight: 1, normalize: {linear: {min: 0, max: 100}}}
      - {name: y, expr: y, weight: 1, normalize: {linear: {min: 0, max: 100}}}
`

func TestLint(t *testing.T) {
	segments := func(names string) string { return attributes + "segmentations: [{name: size, " + names + "}]\n" }
	tiers := func(list string) string {
		return attributes + twoCriteria + "tierings: [{name: l, linear: {score: v, tiers: [" + list + "]}}]\n" + `engagements:
  - {name: few, roles: [{role: csm, ownership: DEDICATED, capacity: {driver: ACCOUNTS, per_rep: 15}}]}
  - {name: many, roles: [{role: csm, ownership: POOLED, capacity: {driver: ACCOUNTS, per_rep: 150}}]}
  - {name: equal, roles: [{role: csm, ownership: POOLED, capacity: {driver: ACCOUNTS, per_rep: 15}}]}
  - {name: hours, roles: [{role: csm, ownership: POOLED, capacity: {driver: HOURS, per_rep: 1}}]}
  - {name: nobody, touch: TECH}
`
	}
	scores := func(rest string) string { return attributes + "scores: [{name: v, " + rest + "}]\n" }
	const (
		x = "{name: x, expr: x, weight: 1, normalize: {linear: {min: 0, max: 1}}}"
		y = "{name: y, expr: y, weight: 1, normalize: {linear: {min: 0, max: 1}}}"
	)
	tests := map[string]struct{ text, path, says string }{
		"LINT-1 a touch word in a segment's name":     {segments("segments: [{name: High-Touch, when: b}]"), "segmentations[0].segments[0].name", "High-Touch"},
		"LINT-1 white glove":                          {segments("segments: [{name: A, when: b}, {name: the white glove ones, when: x > 1}]"), "segmentations[0].segments[1].name", "white glove"},
		"LINT-1 a touch word in otherwise":            {segments("segments: [{name: A, when: b}], otherwise: tech-touch"), "segmentations[0].otherwise", "tech-touch"},
		"LINT-1 a touch word in unknown":              {segments("segments: [{name: A, when: b}], unknown: Low touch"), "segmentations[0].unknown", "Low touch"},
		"LINT-1 other names are fine":                 {segments("segments: [{name: Mid-Market, when: b}, {name: Touchstone, when: x > 1}], otherwise: SMB"), "", ""},
		"LINT-2 a segment word in a tier's name":      {tiers("{name: Enterprise, cut: {min_score: 1}}, {name: digital}"), "tierings[0].linear.tiers[0].name", "Enterprise"},
		"LINT-2 a segment word in the last tier":      {tiers("{name: field, cut: {min_score: 1}}, {name: SMB accounts}"), "tierings[0].linear.tiers[1].name", "SMB"},
		"LINT-2 tier words are fine":                  {tiers("{name: high-touch, cut: {min_score: 1}}, {name: tech-touch}"), "", ""},
		"LINT-3 a score of one criterion":             {scores("criteria: [" + x + "]"), "scores[0]", "only one criterion"},
		"LINT-4 REDISTRIBUTE without a minimum":       {scores("criteria: [" + x + ", " + y + "]"), "scores[0]", "redistributes"},
		"LINT-4 with a minimum it is fine":            {scores("min_completeness: 0.5, criteria: [" + x + ", " + y + "]"), "", ""},
		"LINT-4 another policy is fine":               {scores("missing: ZERO, criteria: [" + x + ", " + y + "]"), "", ""},
		"LINT-6 reps of a worse tier cover fewer":     {tiers("{name: a, cut: {min_score: 1}, engagement: many}, {name: b, engagement: few}"), "tierings[0].linear.tiers[1].engagement", "csm"},
		"LINT-6 reps of a worse tier cover as many":   {tiers("{name: a, cut: {min_score: 1}, engagement: few}, {name: b, engagement: equal}"), "tierings[0].linear.tiers[1].engagement", "no more"},
		"LINT-6 a tier between that has none":         {tiers("{name: a, cut: {min_score: 50}, engagement: many}, {name: c, cut: {min_score: 1}, engagement: nobody}, {name: b, engagement: few}"), "tierings[0].linear.tiers[2].engagement", "better tier"},
		"LINT-6 reps of a worse tier cover more":      {tiers("{name: a, cut: {min_score: 1}, engagement: few}, {name: b, engagement: many}"), "", ""},
		"LINT-6 other drivers are not compared":       {tiers("{name: a, cut: {min_score: 1}, engagement: many}, {name: b, engagement: hours}"), "", ""},
		"LINT-7 a tier below another's line":          {tiers("{name: a, cut: {min_score: 1}}, {name: b, cut: {min_score: 2}}, {name: c}"), "tierings[0].linear.tiers[1].cut", `tier "b" is empty`},
		"LINT-7 a tier below another's, in its order": {tiers("{name: a, cut: {min_score: 2}}, {name: b, cut: {min_score: 1}}, {name: c}"), "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			program, found := tryCompile(t, test.text)
			if program == nil || found.HasMistakes() {
				t.Fatalf("it does not compile: %v", found)
			}
			if test.path == "" {
				if len(found) > 0 {
					t.Errorf("it warns: %v", found)
				}
				return
			}
			if len(found) != 1 || found[0].Path != test.path || !strings.Contains(found[0].Message, test.says) || found[0].Remedy == "" || found[0].Place.Line == 0 {
				t.Errorf("it warns %v, want %q at %s", found, test.says, test.path)
			}
		})
	}
}

func TestEveryCellWithoutANameIsAWarning(t *testing.T) {
	// LINT-5
	_, found := tryCompile(t, box("{min_score: 20}, {min_score: 60}", "{min_score: 50}", "{x: 0, y: 0, name: A}, {x: 2, y: 1, name: B}, {x: 1, y: 1, name: C}, {x: 2, y: 0, name: B}"))
	var cells diag.List
	for _, f := range found {
		if f.Path == "tierings[0].matrix.cells" {
			cells = append(cells, f)
		}
	}
	if len(cells) != 2 || !strings.Contains(cells[0].Message, "x 0, y 1") || !strings.Contains(cells[1].Message, "x 1, y 0") {
		t.Errorf("it warns %v", cells)
	}
}

func TestTheWorkloadsModelHasTheWarningsThatItDeserves(t *testing.T) {
	// LINT-3, LINT-4: warnings do not keep a model from being used.
	program, found := tryCompile(t, workloadModel)
	if program == nil || found.HasMistakes() || len(found) != 3 {
		t.Errorf("it finds %v", found)
	}
	if has(found, "scores[0]", "redistributes") != true || has(found, "scores[1]", "only one") != true || has(found, "scores[2]", "only one") != true {
		t.Errorf("it finds %v", found)
	}
}
