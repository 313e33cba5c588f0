package badger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"

	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/internal/kvstore"
)

// cleanRatio is the share of a value log's file that must be garbage for it to be rewritten.
const cleanRatio = 0.5

// database is a kvstore.DB.
type database struct {
	db   *badgerdb.DB
	disk *diskWatch
	log  *slog.Logger
	stop context.CancelFunc
	work sync.WaitGroup
	// cleanings and cleaned count attempts to free space, and the files that were rewritten.
	cleanings, cleaned atomic.Uint64
}

func newDatabase(db *badgerdb.DB, disk *diskWatch, options Options) *database {
	ctx, stop := context.WithCancel(context.Background())
	d := &database{db: db, disk: disk, log: options.Logger, stop: stop}
	d.work.Go(func() { every(ctx, options.CleanEvery, func() { d.clean(ctx) }) })
	d.work.Go(func() { every(ctx, diskLookEvery, func() { _ = disk.look() }) }) // writes ask for what it saw
	return d
}

// every calls fn in intervals until ctx is over.
func every(ctx context.Context, interval time.Duration, fn func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			fn()
		}
	}
}

// clean frees the files of the value log that are mostly garbage, one after the other. That there is none any more is the common answer, and that
// the cleaner is refused means that the database is closing.
func (d *database) clean(ctx context.Context) {
	d.cleanings.Add(1)
	for ctx.Err() == nil {
		switch err := d.db.RunValueLogGC(cleanRatio); {
		case err == nil:
			d.cleaned.Add(1)
		case errors.Is(err, badgerdb.ErrNoRewrite), errors.Is(err, badgerdb.ErrRejected):
			return
		default:
			d.log.Warn("the space of replaced values could not be freed; it is tried again later", "folder", d.disk.dir, "error", err)
			return
		}
	}
}

// Begin implements kvstore.DB.
func (d *database) Begin(write bool) kvstore.Txn {
	return &txn{Txn: d.db.NewTransaction(write), db: d.db, disk: d.disk}
}

// Close implements kvstore.DB.
func (d *database) Close() error {
	d.stop()
	d.work.Wait()
	if err := d.db.Close(); err != nil {
		return fmt.Errorf("storage: the folder %s could not be closed in order, check the disk: %w", d.disk.dir, err)
	}
	return nil
}

// txn is a kvstore.Txn.
type txn struct {
	*badgerdb.Txn
	db   *badgerdb.DB
	disk *diskWatch
	// entries are those that were made and not used yet, and made is how many were.
	entries []badgerdb.Entry
	made    int
}

// ReadPoint implements kvstore.Txn.
func (t *txn) ReadPoint() uint64 { return t.ReadTs() }

// Get implements kvstore.Txn.
func (t *txn) Get(key []byte) (kvstore.Item, bool, error) {
	item, err := t.Txn.Get(key)
	if errors.Is(err, badgerdb.ErrKeyNotFound) {
		return kvstore.Item{}, false, nil
	}
	if err != nil {
		return kvstore.Item{}, false, readError(err)
	}
	value, err := item.ValueCopy(nil)
	if err != nil {
		return kvstore.Item{}, false, readError(err)
	}
	return kvstore.Item{Key: key, Value: value, Version: item.Version()}, true, nil
}

// Scan implements kvstore.Txn. Values are not fetched ahead: all of them are read in order, and prefetching goroutines cost more than they save.
func (t *txn) Scan(r kvstore.Range) iter.Seq2[kvstore.Item, error] {
	return func(yield func(kvstore.Item, error) bool) {
		options := badgerdb.IteratorOptions{Reverse: r.Descending, SinceTs: r.Since}
		if !r.Descending {
			options.Prefix = r.Prefix // descending it would end at the key that the scan begins before
		}
		it := t.NewIterator(options)
		defer it.Close()
		var buffer []byte
		for start(it, r); it.ValidForPrefix(r.Prefix); it.Next() {
			item := it.Item()
			if r.Until != nil && bytes.Compare(item.Key(), r.Until) >= 0 {
				return
			}
			var value []byte
			if !r.KeysOnly && item.Version() > r.ValuesAfter {
				var err error
				if buffer, err = item.ValueCopy(buffer[:0]); err != nil {
					yield(kvstore.Item{}, readError(err))
					return
				}
				value = buffer
			}
			if !yield(kvstore.Item{Key: item.Key(), Value: value, Version: item.Version()}, nil) {
				return
			}
		}
	}
}

// start moves to where a range begins.
func start(it *badgerdb.Iterator, r kvstore.Range) {
	from := r.From
	if !r.Descending {
		if from == nil {
			from = r.Prefix
		}
		it.Seek(from)
		return
	}
	if from == nil {
		from = kvstore.End(r.Prefix)
	}
	it.Seek(from)
	if it.Valid() && bytes.Equal(it.Item().Key(), from) {
		it.Next()
	}
}

// Set implements kvstore.Txn.
func (t *txn) Set(key, value []byte) error {
	if len(t.entries) == 0 {
		t.entries = make([]badgerdb.Entry, min(2*t.made+1, entriesAtOnce))
		t.made += len(t.entries)
	}
	entry := &t.entries[0]
	t.entries = t.entries[1:]
	entry.Key, entry.Value = key, value
	return writeError(t.SetEntry(entry))
}

// entriesAtOnce is how many entries of a transaction are made at once, at most.
const entriesAtOnce = 128

// Delete implements kvstore.Txn.
func (t *txn) Delete(key []byte) error { return writeError(t.Txn.Delete(key)) }

// Commit implements kvstore.Txn.
func (t *txn) Commit() error {
	if err := t.disk.err(); err != nil {
		return err
	}
	return writeError(t.Txn.Commit())
}

func readError(err error) error {
	return fmt.Errorf("storage: the disk cannot be read, check it or restore a backup: %w", err)
}

func writeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, badgerdb.ErrConflict):
		return storage.ErrConflict
	case errors.Is(err, badgerdb.ErrTxnTooBig):
		return storage.ErrTooLarge
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: free space, or move the folder to a larger disk (%w)", storage.ErrDiskFull, err)
	case isReadOnly(err):
		return fmt.Errorf("%w: give this user the right to write it (%w)", storage.ErrReadOnly, err)
	}
	return fmt.Errorf("storage: nothing was written: %w", err)
}
