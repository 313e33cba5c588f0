package badger

import (
	"log/slog"
	"time"
)

// Options are how a store is opened. The zero value is what most need.
type Options struct {
	// NoSync acknowledges writes before the disk has them: a crash of the process loses nothing, one of the machine may lose the last writes.
	NoSync bool
	// DiskReserve is how much space the disk keeps, in bytes: with less, writes are refused with storage.ErrDiskFull. 512 MiB where 0; negative for
	// none.
	DiskReserve int64
	// CleanEvery is the pause between attempts to free the space of what was replaced or deleted; 5 minutes where 0.
	CleanEvery time.Duration
	// Logger hears what the database says; slog.Default() where nil.
	Logger *slog.Logger

	// freeBytes returns the free space of the disk that holds a folder, false where that is not known. Tests replace it.
	freeBytes func(dir string) (int64, bool)
}

func (o Options) withDefaults() Options {
	if o.DiskReserve == 0 {
		o.DiskReserve = 512 << 20
	}
	if o.CleanEvery <= 0 {
		o.CleanEvery = 5 * time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.freeBytes == nil {
		o.freeBytes = freeBytes
	}
	return o
}
