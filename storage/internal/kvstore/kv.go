package kvstore

import "iter"

// DB is an ordered map of bytes. Its methods may be called by several goroutines; none is called after Close.
type DB interface {
	// Begin opens a transaction that sees the newest commit. It must be discarded.
	Begin(write bool) Txn
	// Close ends the map. All transactions were discarded before.
	Close() error
}

// Txn is one transaction. One that reads only may be used by several goroutines. Keys and values that it is given are its own from then on.
type Txn interface {
	// ReadPoint is the commit that is seen.
	ReadPoint() uint64
	// Get returns what is stored under a key, and whether anything is. In one that writes it counts as read.
	Get(key []byte) (Item, bool, error)
	// Scan goes through a range of keys. In one that writes, what it yields counts as read. An item is valid until the next one.
	Scan(r Range) iter.Seq2[Item, error]
	// Splits returns keys that part those with a prefix into ranges of about as many bytes each, ascending, where the map knows some: they need not be
	// keys that are stored, nor all begin with the prefix.
	Splits(prefix []byte, bytes int64) [][]byte
	// Set stores a value under a key; storage.ErrTooLarge if the transaction cannot hold it.
	Set(key, value []byte) error
	// Delete removes a key.
	Delete(key []byte) error
	// Commit makes the writes durable, all or none; storage.ErrConflict if what was read has been written meanwhile.
	Commit() error
	// Discard ends the transaction. After Commit it does nothing.
	Discard()
}

// Item is a key and what is stored under it. Neither may be changed.
type Item struct {
	Key     []byte
	Value   []byte
	Version uint64
}

// Range is keys in their order.
type Range struct {
	// Prefix is what the keys begin with; empty for all keys, ascending.
	Prefix []byte
	// From is where the range begins, if not nil: ascending at this key or the next, descending at the last key before it.
	From []byte
	// Until is where the range ends, before this key, if not nil; ascending only.
	Until []byte
	// Descending goes from the last key to the first.
	Descending bool
	// KeysOnly leaves the values out.
	KeysOnly bool
	// ValuesAfter leaves out the values that were written at this commit or before.
	ValuesAfter uint64
	// Since leaves out the items that were written at this commit or before; what is old is passed by, not read.
	Since uint64
}

// After returns the smallest key after the given one.
func After(key []byte) []byte { return append(key[:len(key):len(key)], 0) }

// End returns the smallest key after all that begin with the prefix, which is not 0xff throughout.
func End(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for end[len(end)-1] == 0xff {
		end = end[:len(end)-1]
	}
	end[len(end)-1]++
	return end
}
