package runs

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// watchEvery is how often a watch looks how far a run is.
const watchEvery = 250 * time.Millisecond

// cancelled is why the context of a run that was cancelled is over.
type cancelled struct {
	// by is the context of the call that cancelled it.
	by context.Context
}

// Error implements error.
func (*cancelled) Error() string { return "the run was cancelled" }

// cancelledBy returns the context of the call that cancelled a run, whose context is given; false where nobody did.
func cancelledBy(ctx context.Context) (context.Context, bool) {
	var c *cancelled
	if !errors.As(context.Cause(ctx), &c) {
		return nil, false
	}
	return c.by, true
}

// Phase is what a run does.
type Phase int

// The phases of a run.
const (
	// Ended means that it does nothing any more.
	Ended Phase = iota
	// Calibrating goes through the customers once or several times.
	Calibrating
	// Evaluating goes through them once, or twice where caps are to be judged.
	Evaluating
)

// Progress is how far a run is.
type Progress struct {
	// Run is the run.
	Run *echelonv1.Run
	// Phase is what it does, Done how many customers it went through in it (calibrating, in this pass), Total how many there are: in the first pass, as many
	// as there were for the run before, or more.
	Phase       Phase
	Done, Total int64
	// Rate is how many customers a second it goes through, 0 where not known, and Remaining how long the phase, or the pass, takes at it still,
	// negative where not known.
	Rate      float64
	Remaining time.Duration
}

// progress follows a run that is under way.
type progress struct {
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when how it ended was recorded
	count  func() int64  // counts the customers, once

	mu        sync.Mutex
	phase     Phase
	since     time.Time // of the phase or the pass
	done      int64
	evaluated int64
	// total is how many customers there are, or were when all were gone through last; negative where that is not known.
	total int64
}

// begin begins a phase, or a pass of it.
func (p *progress) begin(phase Phase) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase, p.since, p.done = phase, time.Now(), 0
}

// add notes that a batch was gone through, of which some customers were evaluated.
func (p *progress) add(customers, evaluated int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += int64(customers)
	p.evaluated += int64(evaluated)
}

// whole notes that the pass went through all customers, and returns how many there are.
func (p *progress) whole() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = p.done
	return p.total
}

// customers returns how many customers there are, which is counted where nobody went through them yet: counting takes longer than a pass may take.
func (p *progress) customers() int64 {
	p.mu.Lock()
	total := p.total
	p.mu.Unlock()
	if total < 0 {
		return p.count()
	}
	return total
}

// look returns how far the run is.
func (p *progress) look(run *echelonv1.Run, total int64) Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	run.Evaluated = p.evaluated
	seen := Progress{Run: run, Phase: p.phase, Done: p.done, Total: max(total, p.done), Remaining: -1}
	if elapsed := time.Since(p.since).Seconds(); p.done > 0 && elapsed > 0 {
		seen.Rate = float64(p.done) / elapsed
		if total > 0 {
			seen.Remaining = time.Duration(float64(max(0, total-p.done)) / seen.Rate * float64(time.Second))
		}
	}
	return seen
}

// enter notes that a run is under way, until leave.
func (m *Manager) enter(id string, view storage.Reader) (context.Context, *progress) {
	ctx, cancel := context.WithCancelCause(m.ctx)
	p := &progress{cancel: cancel, ended: make(chan struct{}), phase: Calibrating, since: time.Now(), total: m.population.Load()}
	p.count = sync.OnceValue(func() int64 {
		n := int64(0)
		for _, err := range view.CustomerKeys(ctx, "") {
			if err != nil {
				return 0 // the run ended meanwhile
			}
			n++
		}
		return n
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.active[id] = p
	return ctx, p
}

func (m *Manager) leave(id string, p *progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.active, id)
	p.cancel(nil)
	close(p.ended)
}

func (m *Manager) underWay(id string) *progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.active[id]
}

// Watch goes through how far a run is: at once, whenever it went on, and a last time when it has ended. RUN_NOT_FOUND,
// SHUTTING_DOWN.
func (m *Manager) Watch(ctx context.Context, id string) iter.Seq2[Progress, error] {
	return func(yield func(Progress, error) bool) {
		ticker := time.NewTicker(watchEvery)
		defer ticker.Stop()
		last := Progress{Done: -1}
		for {
			// What is under way is asked first: a run that is not, and was not recorded as ended, will not be.
			p := m.underWay(id)
			run, err := m.Get(ctx, id)
			if err != nil {
				yield(Progress{}, err)
				return
			}
			if run.GetState() == echelonv1.Run_RUNNING && p == nil {
				yield(Progress{}, errStops(id))
				return
			}
			if run.GetState() != echelonv1.Run_RUNNING {
				yield(Progress{Run: run, Done: run.GetEvaluated(), Total: run.GetEvaluated(), Remaining: -1}, nil)
				return
			}
			seen := p.look(run, p.customers())
			if seen.Done != last.Done || seen.Phase != last.Phase {
				if last = seen; !yield(seen, nil) {
					return
				}
			}
			select {
			case <-ctx.Done():
				yield(Progress{}, context.Cause(ctx))
				return
			case <-p.ended:
			case <-ticker.C:
			}
		}
	}
}

// Cancel ends a run that is under way, and returns it once that is stored, so that no server goes on with it. RUN_NOT_FOUND, RUN_STATE, SHUTTING_DOWN.
func (m *Manager) Cancel(ctx context.Context, id string) (*echelonv1.Run, error) {
	p := m.underWay(id)
	if p != nil {
		p.cancel(&cancelled{by: ctx})
		select {
		case <-p.ended:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	run, err := m.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if run.GetState() == echelonv1.Run_RUNNING || p != nil && m.unrecordedEnd(id) != nil {
		return nil, errStops(id)
	}
	if p == nil || run.GetState() != echelonv1.Run_CANCELLED {
		return nil, fault.New(echelonv1.ErrorReason_RUN_STATE, "the run %q is %s: only one that is RUNNING can be cancelled", id, run.GetState())
	}
	return run, nil
}
