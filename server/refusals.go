package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// refusalsEvery is how often, at most, the log tells of refusals by the same limit.
const refusalsEvery = 10 * time.Second

// refusals tells the log what limits refuse: a line now and then, and not one for each of a crowd, which would cost more than to refuse it.
type refusals struct {
	log *slog.Logger
	now func() time.Time

	mu sync.Mutex
	of map[string]*refusedBy
}

// refusedBy is what one limit refused.
type refusedBy struct {
	told  time.Time
	since int // refused since then
}

func newRefusals(log *slog.Logger, now func() time.Time) *refusals {
	return &refusals{log: log, now: now, of: make(map[string]*refusedBy)}
}

// note notes a refusal.
func (r *refusals) note(limit string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	by := r.of[limit]
	if by == nil {
		by = &refusedBy{}
		r.of[limit] = by
	}
	by.since++
	if now := r.now(); now.Sub(by.told) >= refusalsEvery {
		r.log.Warn("more is asked for than a limit allows, and what is above it is refused; echelon_limit_shed_total counts it", "limit", limit, "refused", by.since)
		*by = refusedBy{told: now}
	}
}

// refusedOnArrival reports whether a call was one of a crowd that a limit refused before it was looked at.
func refusedOnArrival(ctx context.Context) bool {
	a, ok := ctx.Value(arrivalKey{}).(*arrival)
	return ok && fault.Is(a.err, echelonv1.ErrorReason_OVERLOADED)
}
