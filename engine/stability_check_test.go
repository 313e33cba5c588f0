package engine_test

import (
	"strings"
	"testing"
)

func TestMistakesOfStability(t *testing.T) {
	// STABLE-12
	matrix := func(block string) string {
		return attributes + scoreXY + "tierings: [{name: box, stability: {" + block + "}, matrix: {x: {score: v, cuts: [{median: {}}]}, y: {score: w, cuts: [{median: {}}]}, cells: [{x: 0, y: 0, name: A}]}}]\n"
	}
	table := func(block string) string {
		return attributes + scoreX + "tierings: [{name: t, stability: {" + block + "}, table: {tiers: [{name: a}, {name: b}], rows: [{when: [{score: v, from: 50}], tier: a}, {when: [{score: v, below: 50}], tier: b}]}}]\n"
	}
	ladder := func(block string) string { return ladderWith(block, "") }
	const at = "tierings[0].stability"
	tests := map[string]struct{ text, path, says string }{
		"empty":                         {ladder(``), at, "it holds nobody"},
		"a period and nothing else":     {ladder(`review: {every: MONTH}`), at, "it holds nobody"},
		"a margin below 0":              {ladder(`promote_margin: -1`), at + ".promote_margin", "-1"},
		"a margin above 100":            {ladder(`demote_margin: 101`), at + ".demote_margin", "101"},
		"a negative dwell":              {ladder(`min_dwell_days: -1`), at + ".min_dwell_days", "-1 lies outside 0 to 36525"},
		"a grace of centuries":          {ladder(`grace_days: 99999`), at + ".grace_days", "99999 lies outside"},
		"an empty window":               {ladder(`review: {windows: [{}]}`), at + ".review.windows[0]", "either months or the days between two"},
		"months and days":               {ladder(`review: {demotions: [{months: [1], from: 01-01, to: 01-02}]}`), at + ".review.demotions[0]", "either months"},
		"a 13th month":                  {ladder(`review: {promotions: [{months: [1, 13]}]}`), at + ".review.promotions[0].months[1]", "there is no month 13"},
		"a 30th of February":            {ladder(`review: {windows: [{from: 02-30, to: 03-01}]}`), at + ".review.windows[0].from", `"02-30" is no day of the year`},
		"a window without end":          {ladder(`review: {windows: [{from: 02-01}]}`), at + ".review.windows[0].to", "is no day of the year"},
		"a freeze before nothing":       {ladder(`freeze: {days: 9}`), at + ".freeze.before", "missing or empty"},
		"a freeze before a number":      {ladder(`freeze: {before: x, days: 9}`), at + ".freeze.before", "a date is expected"},
		"a freeze before an unknown":    {ladder(`freeze: {before: renewal, days: 9}`), at + ".freeze.before", "undeclared attribute"},
		"a freeze of no days":           {ladder(`freeze: {before: d}`), at + ".freeze.days", "0 lies outside 1 to"},
		"a cap without limit":           {ladder(`max_moves: {}`), at + ".max_moves", "no limit"},
		"a cap of nobody":               {ladder(`max_moves: {count: 0}`), at + ".max_moves.count", "0 is less than 1"},
		"a cap of more than all":        {ladder(`max_moves: {share: 2}`), at + ".max_moves.share", "2 is not above 0 and at most 1"},
		"a guard of nothing":            {ladder(`guard: {}`), at + ".guard", "watches nothing"},
		"a guard that stops at nothing": {ladder(`guard: {stop: true}`), at + ".guard", "watches nothing"},
		"room in a tier that is not":    {ladder(`guard: {capacity: [{tier: tip, customers: 1}]}`), at + ".guard.capacity[0].tier", `there is no tier "tip"`},
		"room twice":                    {ladder(`guard: {capacity: [{tier: top, customers: 1}, {tier: top, customers: 2}]}`), at + ".guard.capacity[1].tier", "taken"},
		"no room":                       {ladder(`guard: {capacity: [{tier: top}]}`), at + ".guard.capacity[0].customers", "0 is less than 1"},
		"promotions in a matrix":        {matrix(`review: {promotions: [{months: [1]}]}`), at + ".review.promotions", "personas have no order"},
		"demotions in a matrix":         {matrix(`review: {demotions: [{months: [1]}]}`), at + ".review.demotions", "personas have no order"},
		"one tier in a matrix":          {matrix(`demote_one_tier: true`), at + ".demote_one_tier", "personas have no order"},
		"grace in a matrix":             {matrix(`grace_days: 3`), at + ".grace_days", "personas have no order"},
		"a guard of a matrix":           {matrix(`guard: {max_promoted_share: 0.1}`), at + ".guard", "personas have no order"},
		"margins in a table":            {table(`promote_margin: 2`), at + ".promote_margin", "a table has no lines"},
		"room in no tier of a table":    {table(`guard: {capacity: [{tier: a, customers: 1}, {tier: c, customers: 1}]}`), at + ".guard.capacity[1].tier", `there is no tier "c"`},
		"of a family": {strings.Replace("parent: s\n"+ladder(`min_dwell_days: 9`), "- name: l\n", "- name: l\n    decide_per: FAMILY\n", 1), at,
			"such a tiering has no stability"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			program, found := tryCompile(t, test.text)
			if program != nil || len(found.Mistakes()) != 1 || found.Mistakes()[0].Path != test.path || !strings.Contains(found.Mistakes()[0].Message, test.says) || found.Mistakes()[0].Place.Line == 0 {
				t.Errorf("it found %v, want %q at %s", found, test.says, test.path)
			}
		})
	}
	for _, exits := range []string{"", ", exit: {below: 60}"} {
		text := attributes + scoreX + "tierings: [{name: l, stability: {demote_margin: 3}, linear: {score: v, tiers: [{name: a, cut: {min_score: 70}" + exits + "}, {name: b}]}}]"
		if _, found := tryCompile(t, text); has(found, at+".demote_margin", "holds nobody") != (exits != "") {
			t.Errorf("with %q it found %v", exits, found)
		}
	}
	if program := compile(t, ladder(`max_moves: {count: 1}`)); !program.NeedsPrevious() || !program.HasStandings(0) || !program.CapsMoves() || program.NeedsCalibration() {
		t.Error("a cap needs what was before, and no calibration")
	}
}
