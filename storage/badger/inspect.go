package badger

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/internal/kvstore"
)

var (
	_ storage.Backuper = (*Store)(nil)
	_ storage.Disk     = (*Store)(nil)
)

// DiskState implements storage.Disk.
func (s *Store) DiskState() storage.DiskState { return diskState(s.database) }

func diskState(d *database) storage.DiskState {
	state := storage.DiskState{Reserve: max(0, d.disk.reserve), Err: d.disk.err()}
	state.Free, state.Known = d.disk.free(d.disk.dir)
	state.Used = usedBytes(d.disk.dir)
	return state
}

// Inspect reads everything in a folder that no server holds, and says what is there and what is damaged. What the server does first when it starts
// after a crash happens here too; beyond that nothing is changed. The error is one of Open's, or a *storage.CorruptError where so much is damaged
// that the rest cannot be read.
func Inspect(ctx context.Context, dir string, options Options) (*storage.Inspection, error) {
	options = options.withDefaults()
	if _, err := os.Stat(dir); err != nil {
		return nil, openError(dir, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, openError(dir, err)
	}
	if len(entries) == 0 {
		return nil, &storage.FormatError{Dir: dir, Supported: kvstore.Format}
	}
	if err := prepare(dir); err != nil {
		return nil, openError(dir, err)
	}
	disk := &diskWatch{dir: dir, reserve: options.DiskReserve, free: options.freeBytes}
	full := disk.look() // which hinders only who writes
	db, err := openChecked(dir, options)
	if err != nil {
		return nil, openError(dir, err)
	}
	d := newDatabase(db, disk, options)
	found, err := inspect(ctx, d)
	if found != nil {
		found.Disk = diskState(d)
		found.Disk.Err = full
	}
	return found, errors.Join(err, d.Close())
}

func inspect(ctx context.Context, d *database) (found *storage.Inspection, err error) {
	defer func() {
		// The database trusts the rest of its files, and stumbles where they are damaged.
		if panicked := recover(); panicked != nil {
			found, err = nil, &storage.CorruptError{What: "a file in the folder " + d.disk.dir, Err: fmt.Errorf("reading it fails: %v", panicked)}
		}
	}()
	return kvstore.Inspect(ctx, d, d.disk.dir)
}
