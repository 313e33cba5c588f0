package limit

import (
	"container/list"
	"context"
	"fmt"
	"sync"
)

// Pool lends out units of something, such as slots or bytes, and never more at once than its accounts allow. It may be used by several goroutines.
type Pool struct {
	mu   sync.Mutex
	used map[string]int64
	// waiting are the *waiters, in the order in which they came.
	waiting *list.List
	// taken are the accounts that the waiters wait for: nobody who came later is served from them.
	taken map[string]bool
}

// Account is something that units are lent from: all of the pool, a kind of work, a caller. Whoever takes units takes them from several at once.
type Account struct {
	Name string
	// Limit is the most units that it lends at once. One that lends nothing at the time lends more, so that whatever is larger than it goes alone.
	Limit int64
}

// NewPool returns a pool that lends nothing yet.
func NewPool() *Pool {
	return &Pool{used: make(map[string]int64), waiting: list.New(), taken: make(map[string]bool)}
}

// FullError says which account has no units left.
type FullError struct {
	Account Account
}

// Error implements error.
func (e *FullError) Error() string {
	return fmt.Sprintf("%s: all %d are in use", e.Account.Name, e.Account.Limit)
}

// waiter is somebody who waits for units.
type waiter struct {
	n        int64
	accounts []Account
	served   chan struct{}
}

// Try takes n units from all accounts, or from none of them and returns a FullError. What is returned gives them back, once however often it is
// called.
func (p *Pool) Try(n int64, accounts ...Account) (giveBack func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if full := p.full(n, accounts); full != nil {
		return nil, &FullError{*full}
	}
	p.take(n, accounts)
	return p.giveBack(n, accounts), nil
}

// Take is Try that waits, in the order of those who came, until there are units or ctx is over; the error is a FullError then, too. Who waits for
// an account of its own keeps nobody else waiting.
func (p *Pool) Take(ctx context.Context, n int64, accounts ...Account) (giveBack func(), err error) {
	p.mu.Lock()
	full := p.full(n, accounts)
	if full == nil {
		p.take(n, accounts)
		p.mu.Unlock()
		return p.giveBack(n, accounts), nil
	}
	p.taken[full.Name] = true
	w := &waiter{n: n, accounts: accounts, served: make(chan struct{})}
	place := p.waiting.PushBack(w)
	p.mu.Unlock()
	select {
	case <-w.served:
		return p.giveBack(n, accounts), nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-w.served:
		return p.giveBack(n, accounts), nil
	default:
	}
	p.waiting.Remove(place)
	p.serve()
	return nil, &FullError{*full}
}

// Used returns how many units an account lends.
func (p *Pool) Used(account string) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.used[account]
}

// Wanted reports whether somebody waits for units of an account.
func (p *Pool) Wanted(account string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken[account]
}

// full returns the first account that does not have n units for somebody who comes now, or nil.
func (p *Pool) full(n int64, accounts []Account) *Account {
	for _, a := range accounts {
		if used := p.used[a.Name]; p.taken[a.Name] || used > 0 && used+n > a.Limit {
			return &a
		}
	}
	return nil
}

func (p *Pool) take(n int64, accounts []Account) {
	for _, a := range accounts {
		p.used[a.Name] += n
	}
}

func (p *Pool) giveBack(n int64, accounts []Account) func() {
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, a := range accounts {
			if p.used[a.Name] -= n; p.used[a.Name] == 0 {
				delete(p.used, a.Name)
			}
		}
		p.serve()
	})
}

// serve serves those who wait, as far as there is something, and notes what the others wait for.
func (p *Pool) serve() {
	clear(p.taken)
	for place := p.waiting.Front(); place != nil; {
		w, next := place.Value.(*waiter), place.Next()
		if full := p.full(w.n, w.accounts); full != nil {
			p.taken[full.Name] = true
		} else {
			p.take(w.n, w.accounts)
			p.waiting.Remove(place)
			close(w.served)
		}
		place = next
	}
}
