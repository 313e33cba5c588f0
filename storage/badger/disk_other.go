//go:build !linux && !darwin

package badger

import "io/fs"

// freeBytes is not known on this system; the reserve is not watched.
func freeBytes(string) (int64, bool) { return 0, false }

// held is not known: opening the folder tells it.
func held(string) bool { return false }

// allocated returns how long a file is.
func allocated(info fs.FileInfo) int64 { return info.Size() }
