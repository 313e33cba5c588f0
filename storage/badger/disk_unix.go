//go:build linux || darwin

package badger

import "golang.org/x/sys/unix"

// freeBytes returns the space that is left for this user on the disk of a folder.
func freeBytes(dir string) (int64, bool) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, false
	}
	return int64(stat.Bavail) * int64(stat.Bsize), true
}
