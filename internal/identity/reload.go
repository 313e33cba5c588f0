package identity

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookAgain is how long a file that was looked at is not looked at again.
const lookAgain = time.Second

// reloaded is a value that stands in files and is read again when they change. A change that cannot be read is logged, and the value stays. The
// files are looked at when the value is asked for, so there is nothing to stop.
type reloaded[T any] struct {
	what  string
	files []string
	read  func() (T, error)
	log   *slog.Logger
	// pause is how long files that were looked at are not looked at again.
	pause time.Duration

	mu     sync.Mutex
	value  T
	stamps []os.FileInfo
	looked time.Time
}

// reload reads a value for the first time.
func reload[T any](what string, files []string, pause time.Duration, log *slog.Logger, read func() (T, error)) (*reloaded[T], error) {
	r := &reloaded[T]{what: what, files: files, read: read, log: log, pause: pause}
	stamps, err := r.stat()
	if err != nil {
		return nil, err
	}
	if r.value, err = read(); err != nil {
		return nil, err
	}
	r.stamps, r.looked = stamps, time.Now()
	return r, nil
}

// get returns the value as it stands in the files, or as it was when they could be read last.
func (r *reloaded[T]) get() T {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.looked) < r.pause {
		return r.value
	}
	r.looked = time.Now()
	// The stamps are taken before the files are read: what is written in between shows at the next look.
	stamps, err := r.stat()
	if err != nil {
		if r.stamps != nil {
			r.log.Error("cannot be read again, and stays as it was", "what", r.what, "error", err)
		}
		r.stamps = nil
		return r.value
	}
	if same(stamps, r.stamps) {
		return r.value
	}
	r.stamps = stamps
	value, err := r.read()
	if err != nil {
		r.log.Error("cannot be read again, and stays as it was", "what", r.what, "error", err)
		return r.value
	}
	r.value = value
	r.log.Info("read again, since it changed", "what", r.what)
	return value
}

func (r *reloaded[T]) stat() ([]os.FileInfo, error) {
	stamps := make([]os.FileInfo, len(r.files))
	for i, file := range r.files {
		info, err := os.Stat(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.what, err)
		}
		stamps[i] = info
	}
	return stamps, nil
}

func same(a, b []os.FileInfo) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()) {
			return false
		}
	}
	return true
}
