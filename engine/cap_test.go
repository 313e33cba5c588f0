package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/stability"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// base is a population that goes from run to run.
type base struct {
	program *engine.Program
	tiers   map[string]string
	known   map[string]*echelonv1.Standing
	last    *echelonv1.Summary
	all     map[string]*echelonv1.Assignment
}

func newBase(program *engine.Program) *base {
	return &base{program: program, tiers: map[string]string{}, known: map[string]*echelonv1.Standing{}}
}

// options tells what is in force of customers.
func (b *base) options(ids []string) engine.Options {
	name := b.program.Model().GetTierings()[0].GetName()
	var customers []*echelonv1.Customer
	for _, id := range ids {
		one := &echelonv1.Customer{Id: id}
		if b.tiers[id] != "" {
			one.PreviousTiers = map[string]string{name: b.tiers[id]}
			one.PreviousStandings = map[string]*echelonv1.Standing{name: b.known[id]}
		}
		customers = append(customers, one)
	}
	return engine.Options{Previous: frame.PreviousColumns(customers, []string{name}), Standings: b.program.StandingsOf(customers), Reasons: true}
}

// run evaluates the population in batches on a day, as a run does, and publishes it. It returns who moved.
func (b *base) run(t testing.TB, day string, rows int, people ...person) (moved []string) {
	t.Helper()
	frames := framesOf(t, b.program, rows, people...)
	scorer := bind(t, b.program, frames...)
	census := b.program.NewCensus(b.program.Day(on(day)))
	evaluate := func(f *frame.Frame, admissions []*stability.Admission) *engine.Result {
		options := b.options(f.IDs)
		options.AsOf, options.Admissions = on(day), admissions
		return scorer.Evaluate(f, options)
	}
	for _, f := range frames {
		census.Add(evaluate(f, nil))
	}
	tally := engine.NewTally(b.program)
	b.all = make(map[string]*echelonv1.Assignment)
	var results []*engine.Result
	for _, f := range frames {
		results = append(results, evaluate(f, census.Admissions()))
		tally.Add(results[len(results)-1])
	}
	b.last = tally.Summary()
	for _, r := range results {
		for i, id := range r.IDs {
			a := r.Assignment(i)
			b.all[id] = a
			out := a.GetTiers()[0]
			if was := b.tiers[id]; was != "" && was != out.GetTier() {
				moved = append(moved, id)
			}
			b.tiers[id], b.known[id] = out.GetTier(), out.GetStanding()
		}
	}
	slices.Sort(moved)
	return moved
}

func TestCapsAdmitTheClearestMoves(t *testing.T) {
	// CAP-1, CAP-2, CAP-3
	program := compile(t, ladderWith(`max_moves: {count: 3}, review: {every: QUARTER}`, ""))
	b := newBase(program)
	b.run(t, "2026-01-01", 2, xs(75, 75, 75, 75, 50, 50, 50)...)
	later := xs(69, 60, 65, 65, 79, 71, 75)
	if moved := b.run(t, "2026-02-01", 3, later...); strings.Join(moved, "") != "bce" {
		t.Errorf("the furthest past their lines are b by 10, e by 9, and c before d and g by 5: %v moved", moved)
	}
	for id, want := range map[string]string{"d": "top not mid, HELD_BY_CAP until 2026-04-01", "f": "mid not top, HELD_BY_CAP until 2026-04-01", "b": "mid"} {
		if got := verdictOf(b.all[id]); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
	review := b.last.GetTierings()[0].GetReview()
	if review.GetPromotions() != 1 || review.GetDemotions() != 2 || review.GetMaxMoves() != 3 || review.GetFrom() != "2026-01-01" || review.GetTo() != "2026-03-31" {
		t.Errorf("the moves are %v", review)
	}
	if moved := b.run(t, "2026-03-31", 3, later...); len(moved) > 0 {
		t.Errorf("the moves of the period are spent, and %v moved", moved)
	}
	if moved := b.run(t, "2026-04-01", 3, later...); strings.Join(moved, "") != "adg" {
		t.Errorf("in the next period %v moved", moved)
	}
}

func TestACapOfAShareIsItsFloor(t *testing.T) {
	// CAP-1
	for share, want := range map[string]int{"0.29": 2, "0.3": 3, "0.1": 1, "0.05": 0, "1": 10} {
		program := compile(t, ladderWith(`max_moves: {share: `+share+`, count: 10}`, ""))
		b := newBase(program)
		b.run(t, "2026-01-01", 4, xs(50, 50, 50, 50, 50, 50, 50, 50, 50, 50)...)
		if moved := b.run(t, "2026-02-01", 4, xs(75, 75, 75, 75, 75, 75, 75, 75, 75, 75)...); len(moved) != want || !slices.IsSorted(moved) || want > 0 && moved[0] != "a" {
			t.Errorf("of 10 a share of %s moves, which is %d: %v moved", share, want, moved)
		}
	}
}

func TestTheGuardReportsAndStopsPromotions(t *testing.T) {
	// CAP-4
	for stop, want := range map[string]int{"false": 4, "true": 2} {
		program := compile(t, ladderWith(`guard: {max_promoted_share: 0.25, stop: `+stop+`, capacity: [{tier: top, customers: 3}]}`, ""))
		b := newBase(program)
		b.run(t, "2026-01-01", 3, xs(50, 50, 50, 50, 50, 50, 75, 75)...)
		moved := b.run(t, "2026-02-01", 3, xs(75, 76, 77, 78, 50, 50, 60, 75)...)
		if len(moved) != want+1 {
			t.Errorf("with stop %s %v moved, want %d promotions and one demotion", stop, moved, want)
		}
		var said []string
		for _, f := range program.GuardFindings(b.last) {
			said = append(said, f.GetPath()+": "+f.GetMessage())
		}
		all := strings.Join(said, "\n")
		if got := strings.Contains(all, "tierings[0].stability.guard.max_promoted_share: 4 customers were promoted from 2026-01-01 to 2026-12-31, more than the 2 that 25 % of 8 are"); got != (stop == "false") {
			t.Errorf("with stop %s it finds %q", stop, all)
		}
		if got := strings.Contains(all, `the tier "top" has 5 customers, and room for 3`); got != (stop == "false") {
			t.Errorf("with stop %s it finds %q", stop, all)
		}
	}
}

func TestAGuardKeepsTheRoomOfATier(t *testing.T) {
	// CAP-4
	program := compile(t, ladderWith(`guard: {stop: true, capacity: [{tier: top, customers: 2}, {tier: mid, customers: 3}]}`, ""))
	b := newBase(program)
	b.run(t, "2026-01-01", 3, xs(75, 75, 50, 50, 50, 30)...)
	// b leaves the top, and d, further past its line than c, has its room; b comes to the middle, whatever room that has, so that f finds none.
	later := xs(75, 65, 71, 80, 50, 45)
	if moved := b.run(t, "2026-02-01", 2, later...); strings.Join(moved, "") != "bd" {
		t.Errorf("%v moved", moved)
	}
	for id, want := range map[string]string{"c": "mid not top, HELD_BY_CAP", "d": "top", "f": "low not mid, HELD_BY_CAP"} {
		if got := verdictOf(b.all[id]); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
	if !strings.Contains(fmt.Sprint(b.all["c"].GetReasons()), "top has no room for more customers") {
		t.Errorf("it says %v", b.all["c"].GetReasons())
	}
	if moved := b.run(t, "2026-02-01", 5, later...); len(moved) > 0 {
		t.Errorf("a second run moves %v", moved)
	}
}

func TestWithoutACensusMovesArePending(t *testing.T) {
	// CAP-5
	program := compile(t, ladderWith(`max_moves: {count: 100}`, ""))
	before := past{tier: "mid", since: "2025-01-01"}
	if got := verdictOf(next(t, program, "2026-03-01", before, attrs{"x": 90}, false)); got != "mid not top, PENDING_RUN" {
		t.Errorf("it is %s", got)
	}
	if got := verdictOf(next(t, program, "2026-03-01", before, attrs{"x": 90}, true)); got != "top" {
		t.Errorf("in a run it is %s", got)
	}
	if got := verdictOf(next(t, program, "2026-03-01", past{}, attrs{"x": 90}, false)); got != "top" {
		t.Errorf("a newcomer is %s", got)
	}
}

// blocks draws a stability block.
func blocks(t *rapid.T) string {
	var parts []string
	for _, one := range []string{
		"promote_margin: 3", "demote_margin: 4", "min_dwell_days: 40", "demote_one_tier: true", "grace_days: 20", "max_moves: {count: 4}", "max_moves: {share: 0.1}",
		"guard: {max_promoted_share: 0.1, stop: true}", "guard: {stop: true, capacity: [{tier: mid, customers: 6}, {tier: top, customers: 4}]}", "freeze: {before: d, days: 60}",
	} {
		name, _, _ := strings.Cut(one, ":")
		if rapid.Bool().Draw(t, one) && !slices.ContainsFunc(parts, func(p string) bool { return strings.HasPrefix(p, name) }) {
			parts = append(parts, one)
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "promote_margin: 3")
	}
	windows := rapid.SampledFrom([]string{"", ", windows: [{months: [2, 3, 7]}]", ", demotions: [{from: 02-10, to: 04-10}]"}).Draw(t, "windows")
	parts = append(parts, "review: {every: "+rapid.SampledFrom([]string{"YEAR", "QUARTER", "MONTH"}).Draw(t, "every")+windows+"}")
	return strings.Join(parts, ", ")
}

func crowd(t *rapid.T, n int) []person {
	var people []person
	for i := range n {
		a := attrs{"d": fmt.Sprintf("2026-%02d-15", rapid.IntRange(1, 12).Draw(t, "month"))}
		if x := rapid.IntRange(-3, 50).Draw(t, "x"); x >= 0 {
			a["x"] = float64(2 * x)
		}
		if rapid.IntRange(0, 9).Draw(t, "new") == 0 {
			a["s"] = "new"
		}
		people = append(people, person{fmt.Sprintf("c%02d", i), a})
	}
	return people
}

func TestARunIsTheSameInAnyOrderAndMovesNobodyTwice(t *testing.T) {
	// CAP-2, CAP-3, STABLE-3, STABLE-9, STABLE-11
	rapid.Check(t, func(t *rapid.T) {
		block := blocks(t)
		program, found := tryCompile(tb(t), ladderWith(block, rapid.SampledFrom([]string{"", ", level: 1"}).Draw(t, "levels")))
		if found.HasMistakes() {
			program = compile(tb(t), ladderWith(block, ""))
		}
		b, shuffled := newBase(program), newBase(program)
		moves := make(map[string]string)
		for _, day := range []string{"2026-01-31", "2026-02-28", "2026-03-31", "2026-07-01"} {
			people := crowd(t, 30)
			moved := b.run(tb(t), day, rapid.IntRange(1, 31).Draw(t, "rows"), people...)
			other := rapid.Permutation(people).Draw(t, "order")
			if again := shuffled.run(tb(t), day, rapid.IntRange(1, 31).Draw(t, "rows"), other...); !slices.Equal(again, moved) {
				t.Fatalf("with %s on %s %v moved, and in another order %v", block, day, moved, again)
			}
			earned := 0
			for _, id := range moved {
				if s := b.all[id].GetTiers()[0].GetStanding(); s.GetPromotions()+s.GetDemotions()+s.GetOtherMoves() > 0 {
					earned++
					if last := moves[id]; strings.Contains(block, "min_dwell_days") && last != "" && on(day).Sub(on(last)).Hours() < 40*24 {
						t.Fatalf("with %s %s moved on %s and on %s", block, id, last, day)
					}
				}
				moves[id] = day
			}
			// A share of a base that shrinks may be less than what was spent before.
			if r := b.last.GetTierings()[0].GetReview(); r.MaxMoves != nil && earned > 0 && r.GetPromotions()+r.GetDemotions()+r.GetOtherMoves() > r.GetMaxMoves() {
				t.Fatalf("with %s on %s %d move, and there are more moves than may be: %v", block, day, earned, r)
			}
			for id, a := range b.all {
				if out := a.GetTiers()[0]; out.ComputedTier != nil && (out.GetHold() == echelonv1.Reason_UNSPECIFIED || !explained(a, out.GetHold())) {
					t.Fatalf("with %s on %s %s is held, and nothing says why: %v", block, day, id, a)
				}
			}
			if again := b.run(tb(t), day, 7, people...); len(again) > 0 {
				t.Fatalf("with %s a second run on %s moves %v", block, day, again)
			}
		}
	})
}

// explained reports whether a reason of an assignment has a code and names a computed tier.
func explained(a *echelonv1.Assignment, code echelonv1.Reason_Code) bool {
	return slices.ContainsFunc(a.GetReasons(), func(r *echelonv1.Reason) bool {
		return r.GetCode() == code && strings.Contains(r.GetMessage(), a.GetTiers()[0].GetComputedTier())
	})
}
