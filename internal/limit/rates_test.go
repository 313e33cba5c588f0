package limit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/echelonhq/echelon/internal/limit"
)

// clock is a time that tests move.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func newRates(perSecond float64, callers int) (*limit.Rates, *clock) {
	c := &clock{time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	return limit.NewRates(limit.RatesConfig{PerSecond: perSecond, Burst: 100, Callers: callers, Now: c.now}), c
}

func TestARateIsKeptRowByRow(t *testing.T) {
	r, c := newRates(10, 5)
	for _, step := range []struct {
		n        int
		patience time.Duration
		wait     time.Duration
		ok       bool
	}{
		{100, 0, 0, true},                              // the burst
		{1, 0, 100 * time.Millisecond, false},          // one more is not there yet
		{1, time.Second, 100 * time.Millisecond, true}, // who is patient has it then
		{20, time.Second, 2100 * time.Millisecond, false},
		{20, 3 * time.Second, 2100 * time.Millisecond, true}, // what was refused took nothing
		{0, 0, 0, true},
	} {
		if wait, ok := r.Take("a", step.n, step.patience); wait != step.wait || ok != step.ok {
			t.Errorf("%d rows: %s, %v; want %s, %v", step.n, wait, ok, step.wait, step.ok)
		}
	}
	if _, ok := r.Take("b", 100, 0); !ok {
		t.Error("the rate of one is that of another")
	}
	c.Time = c.Add(time.Hour)
	if wait, ok := r.Take("a", 1000, 0); !ok {
		t.Errorf("more than the burst does not go as the burst: %s", wait)
	}
	if _, ok := r.Take("a", 1, 0); ok {
		t.Error("an hour fills the bucket beyond the burst")
	}
}

func TestWithoutARateNobodyWaits(t *testing.T) {
	r, _ := newRates(0, 5)
	for range 1000 {
		if wait, ok := r.Take("a", 1_000_000, 0); wait != 0 || !ok {
			t.Fatal(wait, ok)
		}
	}
}

func TestSoManyCallersAreRememberedAndNoMore(t *testing.T) {
	r, _ := newRates(1, 3)
	for i := range 100 {
		r.Take("regular", 1, 0)
		r.Take(fmt.Sprint("c", i), 100, 0)
	}
	if n := r.Callers(); n != 3 {
		t.Errorf("%d callers are remembered", n)
	}
	if _, ok := r.Take("c99", 1, 0); ok {
		t.Error("one who was here last is forgotten")
	}
	if _, ok := r.Take("regular", 1, 0); ok {
		t.Error("one who comes all the time is forgotten")
	}
}
