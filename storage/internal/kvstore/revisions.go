package kvstore

import (
	"slices"
	"sync/atomic"

	"github.com/echelonhq/echelon/storage"
)

// revisions tell for each kind of documents whether any were written meanwhile.
type revisions [256]revision

type revision struct {
	// writing is how many updates write documents of the kind, and written how many did.
	writing atomic.Int64
	written atomic.Uint64
}

// of returns the revision of a kind; false while it changes.
func (r *revisions) of(kind storage.Kind) (uint64, bool) {
	// Whoever sees a commit comes after the beginning of its update. So where none is under way now, those whose commits can be seen were counted.
	if r[kind].writing.Load() != 0 {
		return 0, false
	}
	return r[kind].written.Load(), true
}

// update is the kinds that an update writes documents of.
type update struct {
	revisions *revisions
	kinds     []storage.Kind
}

// writes notes that the update is about to write a document.
func (u *update) writes(kind storage.Kind) {
	if !slices.Contains(u.kinds, kind) {
		u.revisions[kind].writing.Add(1)
		u.kinds = append(u.kinds, kind)
	}
}

// end ends the update, however it went: where it failed nobody can tell what was written.
func (u *update) end() {
	for _, kind := range u.kinds {
		u.revisions[kind].written.Add(1)
		u.revisions[kind].writing.Add(-1)
	}
}

// Revision implements storage.Store.
func (s *Store) Revision(kind storage.Kind) (uint64, bool) {
	if s.closed.Load() {
		return 0, false
	}
	return s.revisions.of(kind)
}
