//go:build linux || darwin

package badger

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// freeBytes returns the space that is left for this user on the disk of a folder.
func freeBytes(dir string) (int64, bool) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, false
	}
	return int64(stat.Bavail) * int64(stat.Bsize), true
}

// held reports whether another process, or this one, has the folder open: the database locks it as long.
func held(dir string) bool {
	folder, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer func() { _ = folder.Close() }() // which ends the lock too
	return unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK
}

// allocated returns how much space a file takes: those of the database are longer than what is written of them.
func allocated(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return stat.Blocks * 512
	}
	return info.Size()
}
