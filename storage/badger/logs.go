package badger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4/y"
	"github.com/dgraph-io/ristretto/v2/z"
)

const (
	// logHeader is what precedes the first entry of a log.
	logHeader = 20
	// searched is how far beyond an entry that cannot be read the next one is looked for. Entries of tables in memory are shorter than a value that goes
	// to the value log and a key; where longer ones are damaged, reading them fails.
	searched = 1 << 20
	// pageSize is the least that is written to a disk at once, and pageEnd how much of its end tells whether it was.
	pageSize = 4 << 10
	pageEnd  = 64
)

// openLogs returns the logs that the database reads from beginning to end when it opens, and cuts: those of tables in memory, and the last of the
// value log.
func openLogs(dir string) ([]string, error) {
	logs, err := filepath.Glob(filepath.Join(dir, "*.mem"))
	if err != nil {
		return nil, err
	}
	values, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	if err != nil || len(values) == 0 {
		return logs, err
	}
	return append(logs, slices.Max(values)), nil // their names are numbers of one length
}

// checkLog looks for an entry that cannot be read though others follow it. A process that was killed leaves no such hole: entries are written one
// after the other. A machine that lost its power may, where a page of the last commit, which nobody was told of, did not reach the disk: that page
// is zero. Whatever else cannot be read was damaged after it was written.
func checkLog(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Size() <= logHeader {
		return err // a crash can leave an empty one, which opening mends
	}
	file, err := z.OpenMmapFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close(-1) }() // it was only read
	end := logHeader
	for n := entryAt(file.Data, end); n > 0; n = entryAt(file.Data, end) {
		end += n
	}
	next := end + 1
	for limit := min(len(file.Data), end+searched); next < limit && entryAt(file.Data, next) == 0; {
		next++
	}
	if entryAt(file.Data, next) == 0 || unwritten(file.Data, end, next) {
		return nil
	}
	return fmt.Errorf("what is at bytes %d to %d does not match its check sum, and later writes follow it", end, next)
}

// entryAt returns the length of the entry at a place of a log, 0 where there is none.
func entryAt(log []byte, at int) int {
	if at < 0 || at+2 >= len(log) || log[at+2] == 0 { // every entry has a key
		return 0
	}
	n := at + 2 // two bytes of flags
	var lengths [3]uint64
	for i := range lengths { // of the key, of the value, and when it expires
		x, size := binary.Uvarint(log[n:min(len(log), n+binary.MaxVarintLen64)])
		if size <= 0 {
			return 0
		}
		lengths[i] = x
		n += size
	}
	room := uint64(len(log) - n)
	if lengths[0] > 1<<16 || lengths[1] > room || lengths[0]+lengths[1]+crc32.Size > room {
		return 0
	}
	n += int(lengths[0] + lengths[1])
	if crc32.Checksum(log[at:n], y.CastagnoliCrcTable) != y.BytesToU32(log[n:n+crc32.Size]) {
		return 0
	}
	return n + crc32.Size - at
}

// unwritten reports whether, between an entry that cannot be read and the next one, a page was not written to its end.
func unwritten(log []byte, from, to int) bool {
	for at := from; at < to; {
		next := (at/pageSize + 1) * pageSize
		if next <= len(log) && len(bytes.Trim(log[max(at, next-pageEnd):next], "\x00")) == 0 {
			return true
		}
		at = next
	}
	return false
}
