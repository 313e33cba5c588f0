package server

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// turns knows how long a turn of decoding or evaluating takes, and how many wait for theirs.
type turns struct {
	waiting atomic.Int64
	// mean is the moving average of what turns took, in nanoseconds.
	mean atomic.Int64
}

// turnsRemembered is over how many turns about the average goes.
const turnsRemembered = 16

// took notes how long a turn was. Of two that end at the same time one may be forgotten.
func (t *turns) took(d time.Duration) {
	mean := t.mean.Load()
	if mean == 0 {
		mean = int64(d)
	}
	t.mean.Store(mean + (int64(d)-mean)/turnsRemembered)
}

// until returns when about a turn would be over that begins after so many others, of which slots go on at once.
func (t *turns) until(ahead int64, slots int) time.Duration {
	return time.Duration(t.mean.Load() * (ahead/int64(slots) + 1))
}

// evaluation waits until a batch may be decoded or evaluated. Those that come are served in their order, so that each is done soon once it is begun,
// and what is small, such as a refusal, does not wait behind all of them. Who would wait for longer than its deadline is told so at once: what is
// evaluated for nobody is taken from others. OVERLOADED.
func (l *load) evaluation(ctx context.Context) (done func(), err error) {
	ahead := l.turns.waiting.Add(1) - 1
	// Where nobody waits the turn is worth a try, however long others took.
	if deadline, limited := ctx.Deadline(); limited && ahead > 0 && l.turns.until(ahead, l.limits.MaxEvaluations) > time.Until(deadline) {
		l.turns.waiting.Add(-1)
		return nil, l.refuse(limitEvaluations, overloaded("so much waits to be evaluated that the answer would come after your deadline", retryCall))
	}
	leave, err := l.pool.Take(ctx, 1, account(limitEvaluations, "", int64(l.limits.MaxEvaluations)))
	l.turns.waiting.Add(-1)
	if err != nil {
		return nil, context.Cause(ctx)
	}
	// The end of a turn begins the next one, so that under load they would go on without a gap, and reading, refusing and answering, which take
	// microseconds, come to their turn only every ten milliseconds. Then windows of flow control, which need an answer to open, close everywhere: streams
	// stand still, and what is computed arrives too late. So whatever can go on goes first.
	runtime.Gosched()
	if ctx.Err() != nil {
		leave()
		return nil, context.Cause(ctx)
	}
	begun := time.Now()
	return sync.OnceFunc(func() {
		l.turns.took(time.Since(begun))
		leave()
	}), nil
}
