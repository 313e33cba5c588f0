package kvstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/storage"
)

// An Update is tried this often, with pauses that double from the first to the longest, each cut at random so that rivals fall out of step.
const (
	maxAttempts  = 20
	firstPause   = 100 * time.Microsecond
	longestPause = 50 * time.Millisecond
)

// Store is a storage.Store over a DB.
type Store struct {
	db     DB
	schema schemaCache
	blocks blockCache
	// revisions are those of documents.
	revisions revisions

	mu      sync.Mutex // guards that nothing is opened once closed is set
	closed  atomic.Bool
	open    sync.WaitGroup
	closing sync.Once
	failed  error
}

var _ storage.Store = (*Store)(nil)

// Open makes a store of a DB, which is its own from then on, also where it fails. The folder is for errors.
func Open(db DB, dir string) (*Store, error) {
	if err := checkFormat(db, dir); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := beginSpan(db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	blocks, err := newBlockCache()
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{db: db, blocks: blocks}, nil
}

// Close implements storage.Store.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed.Store(true)
		s.mu.Unlock()
		s.open.Wait()
		s.blocks.blocks.Close()
		s.failed = s.db.Close()
	})
	return s.failed
}

// begin opens a transaction; end must be called when it was discarded.
func (s *Store) begin(ctx context.Context, write bool) (Txn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.closed.Load() {
		s.mu.Unlock()
		return nil, storage.ErrClosed
	}
	s.open.Add(1)
	s.mu.Unlock()
	return s.db.Begin(write), nil
}

func (s *Store) end(txn Txn) {
	txn.Discard()
	s.open.Done()
}

// View implements storage.Store.
func (s *Store) View(ctx context.Context) (storage.Reader, error) {
	txn, err := s.begin(ctx, false)
	if err != nil {
		return nil, err
	}
	return newReader(s, txn), nil
}

// Update implements storage.Store.
func (s *Store) Update(ctx context.Context, fn func(storage.Tx) error) error {
	update := update{revisions: &s.revisions}
	defer update.end()
	return s.update(ctx, func(txn Txn) error {
		tx := &tx{documents: documents{txn: txn}, store: s, update: &update}
		if err := fn(tx); err != nil {
			return err
		}
		return tx.failed
	})
}

// update is Update in terms of keys and values.
func (s *Store) update(ctx context.Context, fn func(Txn) error) error {
	for attempt := range maxAttempts {
		conflict, err := s.attempt(ctx, fn)
		if !conflict {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
	return storage.ErrConflict
}

// attempt calls fn once and commits. A conflict is told apart from an error of fn, which may be any.
func (s *Store) attempt(ctx context.Context, fn func(Txn) error) (conflict bool, err error) {
	txn, err := s.begin(ctx, true)
	if err != nil {
		return false, err
	}
	defer s.end(txn)
	if err := fn(txn); err != nil {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	err = txn.Commit()
	return errors.Is(err, storage.ErrConflict), err
}

func pause(ctx context.Context, attempt int) error {
	longest := min(firstPause<<attempt, longestPause)
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// PutCustomers implements storage.Store.
func (s *Store) PutCustomers(ctx context.Context, customers *frame.Frame, at time.Time) error {
	return s.Update(ctx, func(tx storage.Tx) error { return tx.PutCustomers(customers, at) })
}

// DeleteCustomer implements storage.Store.
func (s *Store) DeleteCustomer(ctx context.Context, id string) (existed bool, err error) {
	err = s.Update(ctx, func(tx storage.Tx) error {
		existed, err = tx.DeleteCustomer(id)
		return err
	})
	return existed && err == nil, err
}
