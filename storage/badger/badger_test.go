package badger

import (
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/storagetest"
)

// quiet are options for tests: nothing is said, no space is kept, and the cleaner is always at work.
func quiet() Options {
	return Options{Logger: slog.New(slog.DiscardHandler), DiskReserve: -1, CleanEvery: time.Millisecond}
}

// open opens a folder for a test; it is closed when the test ends, and must leave no goroutine.
func open(t *testing.T, dir string, options Options) *Store {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	store, err := Open(dir, options)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return store
}

func TestStore(t *testing.T) {
	var dir string
	storagetest.Run(t, storagetest.Subject{
		Open: func(t *testing.T) storage.Store {
			dir = t.TempDir()
			return open(t, dir, quiet())
		},
		Reopen: func(t *testing.T) storage.Store { return open(t, dir, quiet()) },
		Compact: func(t *testing.T, store storage.Store) storage.Store {
			if err := store.Close(); err != nil { // which writes what is in memory to a file of its own
				t.Fatalf("close: %v", err)
			}
			again := open(t, dir, quiet())
			if err := again.db.Flatten(2); err != nil {
				t.Fatalf("flatten: %v", err)
			}
			return again
		},
	})
}
