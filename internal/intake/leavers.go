package intake

import (
	"sync"

	"github.com/echelonhq/echelon/internal/feed"
	"github.com/echelonhq/echelon/storage"
)

// leavers are the ids of customers that are deleted while somebody asks for them, by the beginnings of their tombstones' hashes: tombstones do not tell
// them. They are noted before the commit, so that whoever sees the tombstone knows the id.
type leavers struct {
	mu    sync.Mutex
	ids   map[[16]byte]string
	asked int
}

// note notes a customer that is about to be deleted.
func (l *leavers) note(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked == 0 {
		return
	}
	if l.ids == nil {
		l.ids = make(map[[16]byte]string)
	}
	l.ids[[16]byte([]byte(storage.TombstoneHash(id)))] = id
}

// Leavers returns what names the customers that this process deletes from now on, until stop is called, at some hundred bytes each.
func (i *Intake) Leavers() (leaver feed.Leaver, stop func()) {
	l := &i.leavers
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	leaver = func(hash [16]byte) (string, bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		id, known := l.ids[hash]
		return id, known
	}
	return leaver, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.asked--; l.asked == 0 {
			l.ids = nil
		}
	}
}
