package badger

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/echelonhq/echelon/storage"
)

// diskLookEvery is how often the free space is looked at: the reserve has to last for what is written meanwhile.
const diskLookEvery = time.Second

// diskWatch knows whether the disk has less space than the reserve. The database maps its files into memory, and writing to a mapped file on a full
// disk ends the process: no error could be returned then.
type diskWatch struct {
	dir     string
	reserve int64
	free    func(dir string) (int64, bool)
	seen    atomic.Pointer[error]
}

// usedBytes returns how much space the files of a folder take.
func usedBytes(dir string) int64 {
	// A file that has gone meanwhile takes none.
	entries, _ := os.ReadDir(dir)
	used := int64(0)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			used += allocated(info)
		}
	}
	return used
}

// look reads the free space, for err, and returns what err does from now on.
func (w *diskWatch) look() error {
	var err error
	if free, known := w.free(w.dir); known && free < w.reserve {
		err = fmt.Errorf("%w: the disk of %s has %s left, and %s are kept in reserve: free space, or move the folder to a larger disk",
			storage.ErrDiskFull, w.dir, humanize.IBytes(uint64(free)), humanize.IBytes(uint64(w.reserve)))
	}
	w.seen.Store(&err)
	return err
}

// err returns why nothing may be written, nil if it may.
func (w *diskWatch) err() error { return *w.seen.Load() }
