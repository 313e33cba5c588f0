package limit

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates bounds how many units a second each of many callers takes: each has a bucket of Burst units that fills by PerSecond. It may be used by
// several goroutines.
type Rates struct {
	config RatesConfig

	mu sync.Mutex
	// buckets are the *buckets, the one used last in front; places are they by their caller.
	buckets *list.List
	places  map[string]*list.Element
}

// RatesConfig says how fast callers may be.
type RatesConfig struct {
	// PerSecond is how many units a caller may take a second; 0 or less does not bound it.
	PerSecond float64
	// Burst is how many it may take at once after a while without any.
	Burst int
	// Callers is how many are remembered. One more, and who was away for the longest begins with a full bucket again.
	Callers int
	// Now tells the time; time.Now where nil.
	Now func() time.Time
}

type bucket struct {
	caller  string
	limiter *rate.Limiter
}

// NewRates returns rates that nobody has used.
func NewRates(config RatesConfig) *Rates {
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Rates{config: config, buckets: list.New(), places: make(map[string]*list.Element)}
}

// Take takes n units, more than Burst as if they were Burst, and returns how long the caller must wait before it uses them. Where that were longer
// than patience nothing is taken, ok is false, and wait is when to try again.
func (r *Rates) Take(caller string, n int, patience time.Duration) (wait time.Duration, ok bool) {
	if r.config.PerSecond <= 0 || n <= 0 {
		return 0, true
	}
	now := r.config.Now()
	taken := r.of(caller).ReserveN(now, min(n, r.config.Burst))
	if wait = taken.DelayFrom(now); wait > patience {
		taken.CancelAt(now)
		return wait, false
	}
	return wait, true
}

// of returns the bucket of a caller.
func (r *Rates) of(caller string) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	if place, known := r.places[caller]; known {
		r.buckets.MoveToFront(place)
		return place.Value.(*bucket).limiter
	}
	if r.buckets.Len() >= r.config.Callers {
		oldest := r.buckets.Back()
		r.buckets.Remove(oldest)
		delete(r.places, oldest.Value.(*bucket).caller)
	}
	b := &bucket{caller, rate.NewLimiter(rate.Limit(r.config.PerSecond), r.config.Burst)}
	r.places[caller] = r.buckets.PushFront(b)
	return b.limiter
}

// Callers returns how many are remembered.
func (r *Rates) Callers() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buckets.Len()
}
