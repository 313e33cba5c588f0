package intake_test

import (
	"context"
	"testing"
	"time"

	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/storage/memory"
)

// stable is the model with a ladder whose stability is given.
func (r *rig) stable(stability string) {
	r.Helper()
	m, _, found := modelfile.Parse("model.yaml", []byte(`
name: m
amount: x
attributes: [{name: x, type: NUMBER}, {name: since, type: TIMESTAMP}, {name: kind, type: STRING, values: [a, b]}]
scores: [{name: v, criteria: [{name: x, expr: x, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}]
tierings:
  - name: coverage
    `+stability+`
    linear: {score: v, tiers: [{name: high, cut: {min_score: 70}}, {name: mid, cut: {min_score: 40}}, {name: low}]}
`))
	if found.HasMistakes() {
		r.Fatal(found)
	}
	_, err := r.catalog.Create(context.Background(), m)
	r.must(err)
	_, err = r.catalog.Activate(context.Background(), "m", 0)
	r.must(err)
}

// is looks at what readers see of a customer: tier, hold, until when, and since when.
func (r *rig) is(id, want string) {
	r.Helper()
	a, reason := r.shown(id)
	if a == nil {
		r.Fatalf("%s: %s", id, reason)
	}
	t := a.GetTiers()[0]
	got := t.GetTier()
	if t.ComputedTier != nil {
		got += " not " + t.GetComputedTier() + ", " + t.GetHold().String()
	}
	if t.GetHeldUntil() != "" {
		got += " until " + t.GetHeldUntil()
	}
	if got += ", since " + t.GetStanding().GetSince(); got != want {
		r.Errorf("%s is %s, want %s", id, got, want)
	}
}

func TestAMoveThatACapHasToJudgeWaitsForTheRun(t *testing.T) {
	// CAP-5
	now := noon
	r := newRig(t, memory.New(), func() time.Time { return now })
	defer r.close()
	r.stable("stability: {max_moves: {count: 1}, review: {every: MONTH}}")
	put := func(assign bool, id string, x float64) {
		_, err := r.put(assign, one(id, &x, "a"))
		r.must(err)
	}
	put(false, "a", 50)
	put(false, "b", 50)
	put(false, "c", 50)
	r.published()
	now = now.AddDate(0, 0, 10)
	put(true, "a", 75)
	put(true, "b", 80)
	put(true, "new", 90)
	r.is("a", "mid not high, PENDING_RUN, since 2026-01-31")
	r.is("b", "mid not high, PENDING_RUN, since 2026-01-31")
	r.is("new", "high, since 2026-02-10")
	now = now.AddDate(0, 0, 1)
	run := r.start()
	r.finish(run.GetId())
	put(false, "c", 99) // after the run read it: publishing evaluates it anew
	_, err := r.runs.Publish(context.Background(), run.GetId())
	r.must(err)
	r.is("a", "mid not high, HELD_BY_CAP until 2026-03-01, since 2026-01-31")
	r.is("b", "high, since 2026-02-11")
	r.is("c", "mid not high, PENDING_RUN, since 2026-01-31")
	r.published()
	r.is("c", "mid not high, HELD_BY_CAP until 2026-03-01, since 2026-01-31")
	now = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	r.published()
	r.is("c", "high, since 2026-03-01")
	r.is("a", "mid not high, HELD_BY_CAP until 2026-04-01, since 2026-01-31")
}

func TestWritesAndRunsKnowSinceWhen(t *testing.T) {
	// STABLE-3, STABLE-6, STABLE-9
	now := noon
	r := newRig(t, memory.New(), func() time.Time { return now })
	defer r.close()
	r.stable("")
	put := func(assign bool, id string, x float64) {
		_, err := r.put(assign, one(id, &x, "a"))
		r.must(err)
	}
	put(false, "a", 50)
	put(false, "b", 50)
	r.published()
	r.stable("stability: {min_dwell_days: 30, grace_days: 20}")
	now = now.AddDate(0, 0, 10)
	put(false, "a", 75)
	r.published()
	r.is("a", "mid not high, HELD_BY_DWELL until 2026-03-02, since 2026-01-31") // there since it was published first, as far as anybody knows
	now = now.AddDate(0, 0, 20)
	put(true, "b", 10)
	r.is("b", "mid not low, HELD_BY_GRACE until 2026-03-22, since 2026-01-31") // in an overlay
	put(true, "a", 80)
	r.is("a", "high, since 2026-03-02")
	now = now.AddDate(0, 0, 5)
	r.published()
	r.is("b", "mid not low, HELD_BY_GRACE until 2026-03-22, since 2026-01-31")
	put(true, "a", 20)
	r.is("a", "high not low, HELD_BY_DWELL until 2026-04-01, since 2026-03-02")
	now = time.Date(2026, 3, 22, 0, 0, 0, 0, time.UTC)
	r.published()
	r.is("b", "low, since 2026-03-22")
	r.is("a", "high not low, HELD_BY_DWELL until 2026-04-01, since 2026-03-02")
	now = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	r.published()
	r.is("a", "low, since 2026-04-01") // its demotion was announced on 2026-03-07, and the grace ran while the dwell held
	if _, err := r.runs.RollBack(context.Background(), "m"); err != nil {
		t.Fatal(err)
	}
	r.is("a", "high not low, HELD_BY_DWELL until 2026-04-01, since 2026-03-02")
}
