package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/stability"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ladderWith is a ladder with cuts at 70 and 40 and a stability block; more is added to its first tier.
func ladderWith(stability, more string) string {
	return attributes + scoreX + `
tierings:
  - name: l
    stability: {` + stability + `}
    linear:
      score: v
      onboarding: {while: s == "new", tier: welcome}
      tiers: [{name: top, cut: {min_score: 70}` + more + `}, {name: mid, cut: {min_score: 40}}, {name: low, cut: {min_score: 20}}, {name: base}]
`
}

// on is a day of the tests.
func on(text string) time.Time {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return day
}

// past is what is known of a customer from before.
type past struct {
	tier, since, pending  string
	promotions, demotions int32
}

// columns are those of an evaluation of one customer by the first tiering.
func (p past) columns(t testing.TB, program *engine.Program) ([]*frame.Column, []*stability.Standings) {
	t.Helper()
	tiers, standings := make([]*frame.Column, 0, 2), make([]*stability.Standings, len(program.Model().GetTierings()))
	for range program.Model().GetTierings() {
		tiers = append(tiers, nil)
	}
	tiers[0] = previously(p.tier)
	if p.since != "" {
		standings[0] = stability.NewStandings(1)
		given := &echelonv1.Standing{Since: p.since, PendingSince: p.pending, Promotions: p.promotions, Demotions: p.demotions}
		if err := standings[0].Set(0, given); err != nil {
			t.Fatal(err)
		}
	}
	return tiers, standings
}

// next evaluates one customer on a day, by what is known of it from before; with a census it is the whole population.
func next(t testing.TB, program *engine.Program, day string, before past, a attrs, census bool) *echelonv1.Assignment {
	t.Helper()
	f := frameOf(t, program, person{"a", a})
	options := engine.Options{AsOf: on(day), Reasons: true}
	options.Previous, options.Standings = before.columns(t, program)
	scorer := bind(t, program, f)
	if census {
		c := program.NewCensus(program.Day(options.AsOf))
		c.Add(scorer.Evaluate(f, options))
		options.Admissions = c.Admissions()
	}
	return scorer.Evaluate(f, options).Assignment(0)
}

// verdictOf writes an outcome: the tier, the computed one where it is another, the hold and until when.
func verdictOf(a *echelonv1.Assignment) string {
	t := a.GetTiers()[0]
	text := tierOf(t)
	if t.ComputedTier != nil {
		text += " not " + t.GetComputedTier()
	}
	if t.GetHold() != echelonv1.Reason_UNSPECIFIED {
		text += ", " + t.GetHold().String()
	}
	if t.GetHeldUntil() != "" {
		text += " until " + t.GetHeldUntil()
	}
	return text
}

func TestEachRuleOfStabilityHolds(t *testing.T) {
	// STABLE-1 to STABLE-9
	tests := map[string]struct {
		stability, more, day string
		before               past
		a                    attrs
		want                 string
		// says is part of a reason's message.
		says string
	}{
		"STABLE-1 who was nowhere is held by nothing":       {`promote_margin: 5, min_dwell_days: 90`, "", "2026-03-01", past{}, attrs{"x": 71}, "top", ""},
		"STABLE-1 nor by a tier that there is no more":      {`promote_margin: 5`, "", "2026-03-01", past{tier: "gone", since: "2026-02-01"}, attrs{"x": 71}, "top", ""},
		"STABLE-1 newcomers leave as they should":           {`promote_margin: 5, min_dwell_days: 90`, "", "2026-03-01", past{tier: "welcome", since: "2026-02-28"}, attrs{"x": 71}, "top", ""},
		"STABLE-1 and come as they should":                  {`min_dwell_days: 90`, "", "2026-03-01", past{tier: "top", since: "2026-02-28"}, attrs{"x": 71, "s": "new"}, "welcome", ""},
		"STABLE-1 nor without a score":                      {`min_dwell_days: 90`, "", "2026-03-01", past{tier: "top", since: "2026-02-28"}, attrs{}, null, ""},
		"STABLE-2 not far enough above the line":            {`promote_margin: 2`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 71.9}, "mid not top, HELD_BY_MARGIN", "stays in mid, and not in top, since its score is not 2 points past the line"},
		"STABLE-2 far enough":                               {`promote_margin: 2`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 72}, "top", ""},
		"STABLE-2 as far up as it is past the lines":        {`promote_margin: 2`, "", "2026-03-01", past{tier: "base", since: "2025-01-01"}, attrs{"x": 71}, "mid not top, HELD_BY_MARGIN", "comes to mid, and not to top"},
		"STABLE-2 not far enough below":                     {`demote_margin: 3`, "", "2026-03-01", past{tier: "top", since: "2025-01-01"}, attrs{"x": 67}, "top not mid, HELD_BY_MARGIN", "since its score is not 3 points below the line"},
		"STABLE-2 far enough below":                         {`demote_margin: 3`, "", "2026-03-01", past{tier: "top", since: "2025-01-01"}, attrs{"x": 66.9}, "mid", ""},
		"STABLE-2 as far down as it is past the lines":      {`demote_margin: 3`, "", "2026-03-01", past{tier: "top", since: "2025-01-01"}, attrs{"x": 38}, "mid not low, HELD_BY_MARGIN", "comes to mid"},
		"STABLE-2 the other margin does not hold":           {`demote_margin: 3`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 70}, "top", ""},
		"STABLE-3 not long enough there":                    {`min_dwell_days: 180`, "", "2026-03-01", past{tier: "mid", since: "2026-01-01"}, attrs{"x": 90}, "mid not top, HELD_BY_DWELL until 2026-06-30", "it came there on 2026-01-01, and stays 180 days, until 2026-06-30"},
		"STABLE-3 the last day":                             {`min_dwell_days: 180`, "", "2026-06-29", past{tier: "mid", since: "2026-01-01"}, attrs{"x": 10}, "mid not base, HELD_BY_DWELL until 2026-06-30", ""},
		"STABLE-3 long enough":                              {`min_dwell_days: 180`, "", "2026-06-30", past{tier: "mid", since: "2026-01-01"}, attrs{"x": 10}, "base", ""},
		"STABLE-3 nobody knows since when":                  {`min_dwell_days: 180`, "", "2026-03-01", past{tier: "mid"}, attrs{"x": 10}, "base", "min_dwell_days does not hold it in mid, since it is not known since when it is there"},
		"STABLE-4 no window is open":                        {`review: {windows: [{months: [1]}]}`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 90}, "mid not top, HELD_BY_WINDOW until 2027-01-01", "the next window of promotions opens on 2027-01-01"},
		"STABLE-4 one is":                                   {`review: {windows: [{months: [1, 3]}]}`, "", "2026-03-31", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 90}, "top", ""},
		"STABLE-4 demotions in January":                     {`review: {demotions: [{months: [1]}]}`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 10}, "mid not base, HELD_BY_WINDOW until 2027-01-01", "the next window of demotions"},
		"STABLE-4 promotions go on":                         {`review: {demotions: [{months: [1]}]}`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 90}, "top", ""},
		"STABLE-4 windows of their own for promotions":      {`review: {windows: [{months: [3]}], promotions: [{months: [5]}]}`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 90}, "mid not top, HELD_BY_WINDOW until 2026-05-01", ""},
		"STABLE-4 over the turn of the year":                {`review: {windows: [{from: 12-15, to: 01-10}]}`, "", "2027-01-10", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 90}, "top", ""},
		"STABLE-4 the day after it":                         {`review: {windows: [{from: 12-15, to: 01-10}]}`, "", "2027-01-11", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 90}, "mid not top, HELD_BY_WINDOW until 2027-12-15", ""},
		"STABLE-4 leap days":                                {`review: {windows: [{from: 02-29, to: 02-29}]}`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 90}, "mid not top, HELD_BY_WINDOW until 2028-02-29", ""},
		"STABLE-5 before the date":                          {`freeze: {before: d, days: 90}`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 10, "d": "2026-05-30"}, "mid not base, HELD_BY_FREEZE until 2026-05-30", "demotions are frozen for the 90 days before d, which is 2026-05-30"},
		"STABLE-5 earlier":                                  {`freeze: {before: d, days: 90}`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 10, "d": "2026-05-31"}, "base", ""},
		"STABLE-5 the day before":                           {`freeze: {before: d, days: 90}`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 10, "d": "2026-03-02"}, "mid not base, HELD_BY_FREEZE until 2026-03-02", ""},
		"STABLE-5 the day itself":                           {`freeze: {before: d, days: 90}`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 10, "d": "2026-03-01"}, "base", ""},
		"STABLE-5 promotions go on":                         {`freeze: {before: d, days: 90}`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 90, "d": "2026-03-02"}, "top", ""},
		"STABLE-5 without a date":                           {`freeze: {before: d, days: 90}`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 10}, "base", ""},
		"STABLE-6 it is announced":                          {`grace_days: 30`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 10}, "mid not base, HELD_BY_GRACE until 2026-03-31", "the demotion was announced on 2026-03-01, and takes effect on 2026-03-31"},
		"STABLE-6 it was announced":                         {`grace_days: 30`, "", "2026-03-30", past{tier: "mid", since: "2025-01-01", pending: "2026-03-01"}, attrs{"x": 10}, "mid not base, HELD_BY_GRACE until 2026-03-31", ""},
		"STABLE-6 it takes effect":                          {`grace_days: 30`, "", "2026-03-31", past{tier: "mid", since: "2025-01-01", pending: "2026-03-01"}, attrs{"x": 10}, "base", ""},
		"STABLE-6 promotions are at once":                   {`grace_days: 30`, "", "2026-03-01", past{tier: "mid", since: "2025-01-01"}, attrs{"x": 90}, "top", ""},
		"STABLE-7 one tier at a time":                       {`demote_one_tier: true, review: {every: QUARTER}`, "", "2026-03-01", past{tier: "top", since: "2025-01-01"}, attrs{"x": 10}, "mid not base, HELD_BY_STEP until 2026-04-01", "it falls by one tier in a review period, and the next begins on 2026-04-01"},
		"STABLE-7 not twice in a period":                    {`demote_one_tier: true, review: {every: QUARTER}`, "", "2026-03-31", past{tier: "mid", since: "2026-03-01", demotions: 1}, attrs{"x": 10}, "mid not base, HELD_BY_STEP until 2026-04-01", "it fell by a tier in this review period"},
		"STABLE-7 again in the next":                        {`demote_one_tier: true, review: {every: QUARTER}`, "", "2026-04-01", past{tier: "mid", since: "2026-03-01", demotions: 1}, attrs{"x": 10}, "low not base, HELD_BY_STEP until 2026-07-01", ""},
		"STABLE-7 the last step":                            {`demote_one_tier: true, review: {every: MONTH}`, "", "2026-04-01", past{tier: "low", since: "2026-03-01", demotions: 1}, attrs{"x": 10}, "base", ""},
		"STABLE-8 above exit rules stands the freeze":       {`freeze: {before: d, days: 9}`, ", exit: {below: 60}", "2026-03-01", past{tier: "top", since: "2025-01-01"}, attrs{"x": 10, "d": "2026-03-02"}, "top not base, HELD_BY_FREEZE until 2026-03-02", ""},
		"STABLE-8 above the freeze stand windows":           {`freeze: {before: d, days: 9}, review: {windows: [{months: [1]}]}`, "", "2026-03-01", past{tier: "top", since: "2025-01-01"}, attrs{"x": 10, "d": "2026-03-02"}, "top not base, HELD_BY_WINDOW until 2027-01-01", "demotions are frozen"},
		"STABLE-8 an exit rule that holds sets dwell aside": {`min_dwell_days: 180`, ", exit: {below: 60}", "2026-03-01", past{tier: "top", since: "2026-02-01"}, attrs{"x": 59}, "mid", ""},
		"STABLE-8 and margins":                              {`demote_margin: 20`, ", exit: {below: 60}", "2026-03-01", past{tier: "top", since: "2026-02-01"}, attrs{"x": 59}, "mid", ""},
		"STABLE-8 one that does not holds past both":        {`min_dwell_days: 9, demote_margin: 2`, ", exit: {below: 60}", "2026-03-01", past{tier: "top", since: "2025-02-01"}, attrs{"x": 65}, "top not mid, HELD_BY_EXIT_RULE", ""},
		"STABLE-8 above margins stands dwell":               {`min_dwell_days: 180, demote_margin: 5`, "", "2026-03-01", past{tier: "top", since: "2026-02-01"}, attrs{"x": 68}, "top not mid, HELD_BY_DWELL until 2026-07-31", "not 5 points below"},
		"STABLE-8 above caps stand margins":                 {`promote_margin: 5, max_moves: {count: 1}`, "", "2026-03-01", past{tier: "mid", since: "2025-02-01"}, attrs{"x": 72}, "mid not top, HELD_BY_MARGIN", ""},
		"STABLE-8 above caps stands grace":                  {`grace_days: 5, max_moves: {count: 1}`, "", "2026-03-01", past{tier: "mid", since: "2025-02-01"}, attrs{"x": 2}, "mid not base, HELD_BY_GRACE until 2026-03-06", ""},
		"STABLE-8 grace runs while a window is closed":      {`grace_days: 30, review: {windows: [{months: [5]}]}`, "", "2026-05-01", past{tier: "mid", since: "2025-02-01", pending: "2026-03-01"}, attrs{"x": 2}, "base", ""},
		"STABLE-9 who moves is counted from today":          {`min_dwell_days: 9`, "", "2026-03-01", past{tier: "mid", since: "2025-02-01"}, attrs{"x": 90}, "top", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			program := compile(t, ladderWith(test.stability, test.more))
			a := next(t, program, test.day, test.before, test.a, false)
			if got := verdictOf(a); got != test.want {
				t.Errorf("it is %s, want %s", got, test.want)
			}
			var said []string
			for _, r := range a.GetReasons() {
				said = append(said, r.GetMessage())
			}
			if !strings.Contains(strings.Join(said, "\n"), test.says) {
				t.Errorf("it says %q, want %q", said, test.says)
			}
			out := a.GetTiers()[0]
			if out.GetHold() != echelonv1.Reason_UNSPECIFIED && len(said) < 2 {
				t.Errorf("it is held, and says only %q", said)
			}
			switch since := out.GetStanding().GetSince(); {
			case out.Tier == nil:
			case out.GetTier() != test.before.tier && since != test.day:
				t.Errorf("it came to %s on %s and is there since %q", out.GetTier(), test.day, since)
			case out.GetTier() == test.before.tier && since != test.before.since:
				t.Errorf("it stays in %s and is there since %q, before since %q", out.GetTier(), since, test.before.since)
			}
		})
	}
}

func TestOverridesStandAboveAllThatHolds(t *testing.T) {
	// STABLE-8: over a freeze, and what is in force beneath goes on as though there were none.
	program := compile(t, ladderWith(`freeze: {before: d, days: 90}, min_dwell_days: 30`, ""))
	f := frameOf(t, program, person{"a", attrs{"x": 10, "d": "2026-03-02"}})
	options := engine.Options{AsOf: on("2026-03-01"), Reasons: true, Overrides: [][]engine.Override{{{Tiering: "l", Tier: "low", Actor: "ana", Reason: "known"}}}}
	options.Previous, options.Standings = past{tier: "top", since: "2025-01-01"}.columns(t, program)
	result := bind(t, program, f).Evaluate(f, options)
	a := result.Assignment(0)
	if got := verdictOf(a); got != "low not base, OVERRIDE" {
		t.Errorf("it is %s", got)
	}
	if got := result.Settled[0].String(0); got != "top" || a.GetTiers()[0].GetStanding().GetSince() != "2025-01-01" {
		t.Errorf("beneath it is in %s, %v", got, a.GetTiers()[0].GetStanding())
	}
}

func TestTheModelsZoneTellsTheDay(t *testing.T) {
	// STABLE-4
	program := compile(t, "time_zone: America/New_York\n"+ladderWith(`review: {windows: [{months: [1]}]}`, ""))
	f := frameOf(t, program, person{"a", attrs{"x": 90}})
	for at, want := range map[string]string{
		"2026-01-01T04:59:59Z": "mid not top, HELD_BY_WINDOW until 2026-01-01", "2026-01-01T05:00:00Z": "top", "2026-02-01T04:59:59Z": "top",
		"2026-02-01T05:00:00Z": "mid not top, HELD_BY_WINDOW until 2027-01-01",
	} {
		instant, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		options := engine.Options{AsOf: instant}
		options.Previous, options.Standings = past{tier: "mid", since: "2025-01-01"}.columns(t, program)
		if got := verdictOf(bind(t, program, f).Evaluate(f, options).Assignment(0)); got != want {
			t.Errorf("at %s it is %s, want %s", at, got, want)
		}
	}
}

func TestMarginsHoldAroundLinesThatAreLearned(t *testing.T) {
	// STABLE-2
	program := compile(t, attributes+scoreX+`
tierings: [{name: l, stability: {promote_margin: 10, demote_margin: 10}, linear: {score: v, tiers: [{name: top, cut: {top_count: 2}}, {name: rest}]}}]`)
	f := frameOf(t, program, xs(90, 80, 75, 69.5)...)
	options := engine.Options{AsOf: asOf, Previous: []*frame.Column{previously("rest", "rest", "top", "top")}}
	result := bind(t, program, f).Evaluate(f, options)
	for row, want := range []string{"top", "rest not top, HELD_BY_MARGIN", "top not rest, HELD_BY_MARGIN", "rest"} {
		if got := verdictOf(result.Assignment(row)); got != want {
			t.Errorf("customer %d is %s, want %s", row, got, want)
		}
	}
}

func TestMarginsOfAMatrixHoldEachAxis(t *testing.T) {
	// STABLE-10
	program := compile(t, attributes+scoreXY+`
tierings:
  - name: box
    stability: {promote_margin: 5, demote_margin: 10}
    matrix:
      x: {score: v, cuts: [{min_score: 50}, {min_score: 80}]}
      y: {score: w, cuts: [{min_score: 50}]}
      cells: [{x: 0, y: 0, name: Few}, {x: 1, y: 0, name: Some}, {x: 2, y: 0, name: Some}, {x: 0, y: 1, name: Grow}, {x: 1, y: 1, name: Star}, {x: 2, y: 1, name: Star}]
`)
	for _, test := range []struct {
		was  string
		x, y float64
		want string
	}{
		{"", 52, 10, "Some"},
		{"Few", 52, 10, "Few not Some, HELD_BY_MARGIN"},
		{"Few", 55, 10, "Some"},
		{"Some", 41, 10, "Some not Few, HELD_BY_MARGIN"},
		{"Some", 39, 10, "Few"},
		{"Few", 54, 52, "Few not Star, HELD_BY_MARGIN"},
		{"Few", 60, 52, "Some not Star, HELD_BY_MARGIN"},
		{"Few", 52, 60, "Grow not Star, HELD_BY_MARGIN"},
		{"Some", 82, 10, "Some"},
		{"Some", 41, 45, "Some not Few, HELD_BY_MARGIN"},
		{"Star", 71, 41, "Star not Some, HELD_BY_MARGIN"},
		{"gone", 52, 10, "Some"},
	} {
		t.Run(fmt.Sprint(test), func(t *testing.T) {
			a := next(t, program, "2026-03-01", past{tier: test.was, since: "2025-01-01"}, attrs{"x": test.x, "y": test.y}, false)
			if got := verdictOf(a); got != test.want {
				t.Errorf("it is %s, want %s", got, test.want)
			}
			if kept := a.GetTiers()[0].GetTier(); kept != test.was {
				again := next(t, program, "2026-03-01", past{tier: kept, since: "2026-03-01"}, attrs{"x": test.x, "y": test.y}, false)
				if again.GetTiers()[0].GetTier() != kept {
					t.Errorf("a second time it is %s", verdictOf(again))
				}
			}
		})
	}
}

func TestEveryChangeOfAPersonaIsAMove(t *testing.T) {
	// STABLE-10
	for block, want := range map[string]string{
		`min_dwell_days: 365`:                   "Low not High, HELD_BY_DWELL until 2026-06-01",
		`review: {windows: [{months: [9]}]}`:    "Low not High, HELD_BY_WINDOW until 2026-09-01",
		`freeze: {before: d, days: 30}`:         "Low not High, HELD_BY_FREEZE until 2026-03-02",
		`max_moves: {count: 1}`:                 "Low not High, PENDING_RUN",
		`min_dwell_days: 10, promote_margin: 1`: "High",
	} {
		program := compile(t, attributes+scoreXY+`
tierings: [{name: box, stability: {`+block+`}, matrix: {x: {score: v, cuts: [{median: {}}]}, y: {score: w, cuts: [{min_score: 0}]}, cells: [{x: 0, y: 1, name: Low}, {x: 1, y: 1, name: High}]}}]`)
		f := frameOf(t, program, person{"a", attrs{"x": 90, "y": 9, "d": "2026-03-02"}}, person{"b", attrs{"x": 10, "y": 9}})
		options := engine.Options{AsOf: on("2026-03-01"), Previous: []*frame.Column{previously("Low", "Low")}, Standings: []*stability.Standings{stability.NewStandings(2)}}
		options.Standings[0].Since[0] = int32(program.Day(on("2025-06-01")))
		if got := verdictOf(bind(t, program, f).Evaluate(f, options).Assignment(0)); got != want {
			t.Errorf("with %s it is %s, want %s", block, got, want)
		}
	}
}

func TestTheTiersOfATableHaveAnOrder(t *testing.T) {
	// STABLE-4, STABLE-7, CAP-2
	const rows = "rows: [{when: [{score: v, from: 80}], tier: a}, {when: [{score: v, from: 50, below: 80}], tier: b}, {when: [{score: v, below: 50}], tier: c}]"
	for block, want := range map[string]string{
		`review: {demotions: [{months: [1]}]}`: "a not c, HELD_BY_WINDOW until 2027-01-01",
		`demote_one_tier: true`:                "b not c, HELD_BY_STEP until 2027-01-01",
		`max_moves: {count: 1}`:                "a not c, PENDING_RUN",
	} {
		program := compile(t, attributes+scoreX+"tierings: [{name: t, stability: {"+block+"}, table: {tiers: [{name: a}, {name: b}, {name: c}], "+rows+"}}]")
		if got := verdictOf(next(t, program, "2026-03-01", past{tier: "a", since: "2025-01-01"}, attrs{"x": 10}, false)); got != want {
			t.Errorf("with %s it is %s, want %s", block, got, want)
		}
	}
}
