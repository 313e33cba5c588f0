package badger

import (
	"bytes"
	"math"
	"slices"

	"github.com/echelonhq/echelon/storage/internal/kvstore"
)

const (
	// maxSplits is how many splits there are at most.
	maxSplits = 4096
	// looks is at how many places keys are looked at to learn what they are made of, and lookedAt how many there.
	looks, lookedAt = 32, 8
)

// Splits implements kvstore.Txn. The database knows where its tables begin and end, which may be of many megabytes: between two of those keys others are
// made up, evenly among all that the characters of some keys could make. Ranges may come out uneven by that, which only costs some waiting.
func (t *txn) Splits(prefix []byte, size int64) [][]byte {
	first, last, ok := t.ends(prefix)
	if !ok || bytes.Equal(first, last) {
		return nil
	}
	keys := [][]byte{first, last}
	stored := int64(memTableSize / 2) // what lies in memory is of unknown size
	for _, table := range t.db.Tables() {
		if bytes.Compare(table.Right, first) < 0 || bytes.Compare(table.Left, last) > 0 {
			continue
		}
		stored += int64(table.OnDiskSize)
		for _, key := range [][]byte{table.Left, table.Right} {
			if bytes.Compare(key, first) > 0 && bytes.Compare(key, last) < 0 && len(key) > versionBytes {
				keys = append(keys, bytes.Clone(key[:len(key)-versionBytes]))
			}
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	keys = slices.CompactFunc(keys, bytes.Equal)
	parts := int(min(stored/max(1, size), maxSplits))/(len(keys)-1) + 1
	characters := t.characters(prefix, first, last)
	var splits [][]byte
	for i := 1; i < len(keys); i++ {
		splits = append(append(splits, characters.between(keys[i-1], keys[i], parts)...), keys[i])
	}
	return splits
}

// versionBytes is the length of the version behind a key of the database's tables.
const versionBytes = 8

// ends returns the first and the last key with a prefix.
func (t *txn) ends(prefix []byte) (first, last []byte, ok bool) {
	for item := range t.Scan(kvstore.Range{Prefix: prefix, KeysOnly: true}) {
		first = bytes.Clone(item.Key)
		break
	}
	for item := range t.Scan(kvstore.Range{Prefix: prefix, KeysOnly: true, Descending: true}) {
		last = bytes.Clone(item.Key)
		break
	}
	return first, last, first != nil && last != nil
}

// characters are the bytes that keys are made of, ascending.
type characters []byte

// characters looks at some keys.
func (t *txn) characters(prefix, first, last []byte) characters {
	every := make(characters, math.MaxUint8+1)
	for i := range every {
		every[i] = byte(i)
	}
	var seen [math.MaxUint8 + 1]bool
	shared := sharedBytes(first, last)
	for _, from := range append(every.between(first, last, looks), first, last) {
		looked := 0
		for item := range t.Scan(kvstore.Range{Prefix: prefix, From: from, KeysOnly: true}) {
			for _, b := range item.Key[min(shared, len(item.Key)):] {
				seen[b] = true
			}
			if looked++; looked == lookedAt {
				break
			}
		}
	}
	var some characters
	for b, in := range seen {
		if in {
			some = append(some, byte(b))
		}
	}
	return some
}

func sharedBytes(a, b []byte) int {
	shared := 0
	for shared < len(a) && shared < len(b) && a[shared] == b[shared] {
		shared++
	}
	return shared
}

// between returns keys that part a range into so many, evenly among those that the characters can make, ascending.
func (c characters) between(from, to []byte, parts int) [][]byte {
	shared := sharedBytes(from, to)
	low, high := c.number(from[shared:]), c.number(to[shared:])
	if high <= low {
		return nil
	}
	step := (high - low) / uint64(parts)
	var keys [][]byte
	for i := 1; i < parts && step > 0; i++ {
		keys = append(keys, c.append(bytes.Clone(from[:shared]), low+uint64(i)*step))
	}
	return keys
}

// length is how many characters make a number of less than 2^56.
func (c characters) length() int {
	if len(c) < 2 {
		return 0
	}
	return int(56 / math.Log2(float64(len(c))))
}

// number returns the beginning of a text as a number that orders as texts do, each character a digit. One that is none of them counts as the one before.
func (c characters) number(text []byte) uint64 {
	n := uint64(0)
	for i := range c.length() {
		n *= uint64(len(c))
		if i < len(text) {
			place, found := slices.BinarySearch(c, text[i])
			if !found && place > 0 {
				place--
			}
			n += uint64(place)
		}
	}
	return n
}

// append appends the text of a number.
func (c characters) append(to []byte, n uint64) []byte {
	start := len(to)
	for range c.length() {
		to = append(to, c[n%uint64(len(c))])
		n /= uint64(len(c))
	}
	slices.Reverse(to[start:])
	return to
}
