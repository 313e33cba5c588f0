//go:build !linux && !darwin

package badger

// freeBytes is not known on this system; the reserve is not watched.
func freeBytes(string) (int64, bool) { return 0, false }
