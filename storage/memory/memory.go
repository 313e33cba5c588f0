package memory

import (
	"bytes"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/internal/kvstore"
)

// New returns an empty store.
func New() storage.Store {
	db := &db{}
	db.newest.Store(&state{tree: newTree()})
	store, err := kvstore.Open(db, "memory")
	if err != nil {
		panic(err) // an empty map in memory is always a new store
	}
	return store
}

// tree is an ordered map. A tree that was published is never changed: it is copied, which shares what stays the same.
type tree = btree.BTreeG[kvstore.Item]

func newTree() *tree {
	less := func(a, b kvstore.Item) bool { return bytes.Compare(a.Key, b.Key) < 0 }
	return btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})
}

// state is the store at one commit.
type state struct {
	tree   *tree
	commit uint64
}

// db is a kvstore.DB.
type db struct {
	mu     sync.Mutex // guards commits, and copying of trees that were published
	newest atomic.Pointer[state]
}

// Begin implements kvstore.DB.
func (d *db) Begin(write bool) kvstore.Txn {
	base := d.newest.Load()
	if !write {
		return &txn{db: d, base: base, tree: base.tree}
	}
	return &txn{db: d, base: base, tree: d.copy(base.tree), reads: make(map[string]uint64), writes: make(map[string]change)}
}

func (d *db) copy(t *tree) *tree {
	d.mu.Lock()
	defer d.mu.Unlock()
	return t.Copy()
}

// Close implements kvstore.DB.
func (d *db) Close() error {
	d.newest.Store(&state{tree: newTree()})
	return nil
}

// txn is a kvstore.Txn. One that writes has a tree of its own, so that it sees what it wrote.
type txn struct {
	db     *db
	base   *state
	tree   *tree
	reads  map[string]uint64 // the version of each key that was read; 0 where there was none
	writes map[string]change
}

// change is what a transaction does to a key.
type change struct {
	value   []byte
	deleted bool
}

// ReadPoint implements kvstore.Txn.
func (t *txn) ReadPoint() uint64 { return t.base.commit }

// Get implements kvstore.Txn.
func (t *txn) Get(key []byte) (kvstore.Item, bool, error) {
	item, found := t.tree.Get(kvstore.Item{Key: key})
	t.note(key, item.Version)
	return item, found, nil
}

// note remembers, in a transaction that writes, that a key was read which it had not written itself.
func (t *txn) note(key []byte, version uint64) {
	if t.writes == nil {
		return
	}
	if _, own := t.writes[string(key)]; !own {
		t.reads[string(key)] = version
	}
}

// Scan implements kvstore.Txn.
func (t *txn) Scan(r kvstore.Range) iter.Seq2[kvstore.Item, error] {
	return func(yield func(kvstore.Item, error) bool) {
		it := t.tree.Iter()
		defer it.Release()
		for ok := first(&it, r); ok; ok = next(&it, r) {
			item := it.Item()
			if !bytes.HasPrefix(item.Key, r.Prefix) || r.Until != nil && bytes.Compare(item.Key, r.Until) >= 0 {
				return
			}
			if r.Since > 0 && item.Version <= r.Since {
				continue
			}
			t.note(item.Key, item.Version)
			if !yield(item, nil) {
				return
			}
		}
	}
}

// splitKeys is how many keys lie between two splits: bytes are not counted.
const splitKeys = 4096

// Splits implements kvstore.Txn.
func (t *txn) Splits(prefix []byte, _ int64) [][]byte {
	var splits [][]byte
	for i := splitKeys; i < t.tree.Len(); i += splitKeys {
		if item, ok := t.tree.GetAt(i); ok && bytes.HasPrefix(item.Key, prefix) {
			splits = append(splits, item.Key)
		}
	}
	return splits
}

// first moves to where a range begins.
func first(it *btree.IterG[kvstore.Item], r kvstore.Range) bool {
	from := r.From
	if !r.Descending {
		if from == nil {
			from = r.Prefix
		}
		return it.Seek(kvstore.Item{Key: from})
	}
	if from == nil {
		from = kvstore.End(r.Prefix)
	}
	if it.Seek(kvstore.Item{Key: from}) {
		return it.Prev()
	}
	return it.Last()
}

func next(it *btree.IterG[kvstore.Item], r kvstore.Range) bool {
	if r.Descending {
		return it.Prev()
	}
	return it.Next()
}

// Set implements kvstore.Txn.
func (t *txn) Set(key, value []byte) error {
	t.tree.Set(kvstore.Item{Key: key, Value: value})
	t.writes[string(key)] = change{value: value}
	return nil
}

// Delete implements kvstore.Txn.
func (t *txn) Delete(key []byte) error {
	t.tree.Delete(kvstore.Item{Key: key})
	t.writes[string(key)] = change{deleted: true}
	return nil
}

// Commit implements kvstore.Txn.
func (t *txn) Commit() error {
	if len(t.writes) == 0 {
		return nil
	}
	t.db.mu.Lock()
	defer t.db.mu.Unlock()
	newest := t.db.newest.Load()
	for key, version := range t.reads {
		if item, _ := newest.tree.Get(kvstore.Item{Key: []byte(key)}); item.Version != version {
			return storage.ErrConflict
		}
	}
	next := &state{tree: newest.tree.Copy(), commit: newest.commit + 1}
	for key, change := range t.writes {
		item := kvstore.Item{Key: []byte(key), Value: change.value, Version: next.commit}
		if change.deleted {
			next.tree.Delete(item)
		} else {
			next.tree.Set(item)
		}
	}
	t.db.newest.Store(next)
	return nil
}

// Discard implements kvstore.Txn.
func (t *txn) Discard() {}
