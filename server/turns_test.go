package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// loadOfOne is a load that evaluates one batch at a time.
func loadOfOne(t *testing.T) *load {
	t.Helper()
	config := Config{}.withDefaults()
	config.MaxEvaluations = 1
	l, err := newLoad(config)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWhoWouldWaitForLongerThanItsDeadlineIsRefusedAtOnce(t *testing.T) {
	l := loadOfOne(t)
	l.turns.took(time.Hour)
	end, err := l.evaluation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan func())
	go func() {
		end, err := l.evaluation(t.Context())
		if err != nil {
			t.Error(err)
		}
		served <- end
	}()
	for !l.pool.Wanted(limitEvaluations) {
		time.Sleep(time.Millisecond)
	}
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = l.evaluation(soon)
	if f := faultOf(err); !fault.Is(err, echelonv1.ErrorReason_OVERLOADED) || f.Metadata["limit"] != limitEvaluations || f.Retry <= 0 {
		t.Errorf("two turns of an hour are before it, and it is told %v", err)
	}
	end()
	(<-served)()
	if n := l.turns.waiting.Load(); n != 0 || l.pool.Used(limitEvaluations) != 0 {
		t.Errorf("%d wait, and %d turns are taken", n, l.pool.Used(limitEvaluations))
	}
}

// A server that was slow once would refuse for ever, if nobody could show it that it is not any more.
func TestWhereNobodyWaitsATurnIsTriedHoweverLongOthersTook(t *testing.T) {
	l := loadOfOne(t)
	l.turns.took(time.Hour)
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	end, err := l.evaluation(soon)
	if err != nil {
		t.Fatal(err)
	}
	end()
	end()
	if mean := l.turns.until(0, 1); mean >= time.Hour {
		t.Errorf("after a short turn one takes %s still", mean)
	}
}

func TestACallThatIsOverGetsNoTurn(t *testing.T) {
	l := loadOfOne(t)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.evaluation(over); !errors.Is(err, context.Canceled) {
		t.Errorf("it is told %v", err)
	}
	if n := l.pool.Used(limitEvaluations); n != 0 {
		t.Errorf("%d turns are taken", n)
	}
}

func TestTurnsAreSharedBySlots(t *testing.T) {
	var turns turns
	turns.took(time.Second)
	for _, c := range []struct {
		ahead int64
		slots int
		want  time.Duration
	}{{0, 1, time.Second}, {1, 1, 2 * time.Second}, {1, 2, time.Second}, {9, 2, 5 * time.Second}} {
		if got := turns.until(c.ahead, c.slots); got != c.want {
			t.Errorf("behind %d of %d slots it takes %s, want %s", c.ahead, c.slots, got, c.want)
		}
	}
}

func TestACrowdOfRefusalsIsALineNowAndThen(t *testing.T) {
	var text bytes.Buffer
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := newRefusals(slog.New(slog.NewTextHandler(&text, nil)), func() time.Time { return now })
	for range 1000 {
		r.note(limitCalls)
	}
	r.note(limitBytes)
	now = now.Add(refusalsEvery)
	r.note(limitCalls)
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	for i, want := range []string{"limit=calls refused=1", "limit=bytes refused=1", "limit=calls refused=1000"} {
		if i >= len(lines) || !strings.HasSuffix(lines[i], want) {
			t.Fatalf("the log says %q, want %q in line %d", lines, want, i+1)
		}
	}
	if len(lines) != 3 {
		t.Errorf("the log has %d lines, want 3", len(lines))
	}
}
