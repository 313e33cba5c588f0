package kvstore

import (
	"context"
	"iter"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/storage"
)

// checkEvery is after how many keys a scan looks whether it should end.
const checkEvery = 1024

// reader is a view. Its transaction is discarded when it is closed and the last call that uses it is over.
type reader struct {
	store     *Store
	txn       Txn
	readPoint storage.Commit

	mu     sync.Mutex
	closed bool
	users  int
}

var _ storage.Reader = (*reader)(nil)

func newReader(store *Store, txn Txn) *reader {
	return &reader{store: store, txn: txn, readPoint: storage.Commit(txn.ReadPoint())}
}

// use keeps the transaction alive until the call of done.
func (r *reader) use() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.store.closed.Load() {
		return storage.ErrClosed
	}
	r.users++
	return nil
}

func (r *reader) done() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.users--
	r.discardIfUnused()
}

// Close implements storage.Reader.
func (r *reader) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		r.discardIfUnused()
	}
}

func (r *reader) discardIfUnused() {
	if r.closed && r.users == 0 {
		r.store.end(r.txn)
	}
}

// ended returns why a scan should end, nil if it should not.
func (r *reader) ended(ctx context.Context) error {
	r.mu.Lock()
	closed := r.closed
	r.mu.Unlock()
	if closed || r.store.closed.Load() {
		return storage.ErrClosed
	}
	return ctx.Err()
}

// scan goes through a range of keys while the reader is open and ctx is not over.
func (r *reader) scan(ctx context.Context, keys Range) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		if err := r.use(); err != nil {
			yield(Item{}, err)
			return
		}
		defer r.done()
		n := 0
		for item, err := range r.txn.Scan(keys) {
			if err == nil && n%checkEvery == 0 {
				err = r.ended(ctx)
			}
			n++
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// ReadPoint implements storage.Reader.
func (r *reader) ReadPoint() storage.Commit { return r.readPoint }

// Document implements storage.Documents.
func (r *reader) Document(kind storage.Kind, key string, into proto.Message) error {
	if err := r.use(); err != nil {
		return err
	}
	defer r.done()
	return documents{txn: r.txn}.Document(kind, key, into)
}

// Documents implements storage.Documents.
func (r *reader) Documents(kind storage.Kind, scan storage.DocumentScan) iter.Seq2[storage.Document, error] {
	return func(yield func(storage.Document, error) bool) {
		if err := r.use(); err != nil {
			yield(storage.Document{}, err)
			return
		}
		defer r.done()
		for document, err := range (documents{txn: r.txn}).Documents(kind, scan) {
			if err == nil {
				err = r.ended(context.Background())
			}
			if !yield(document, err) || err != nil {
				return
			}
		}
	}
}

// CustomerKeys implements storage.Reader.
func (r *reader) CustomerKeys(ctx context.Context, after string) iter.Seq2[storage.CustomerKey, error] {
	return func(yield func(storage.CustomerKey, error) bool) {
		keys := customersAfter(after)
		keys.KeysOnly = true
		for item, err := range r.scan(ctx, keys) {
			if err != nil {
				yield(storage.CustomerKey{}, err)
				return
			}
			if !yield(storage.CustomerKey{ID: string(item.Key[1:]), Version: storage.Commit(item.Version)}, nil) {
				return
			}
		}
	}
}

// Customer implements storage.Reader.
func (r *reader) Customer(id string, view *frame.Schema) (*storage.CustomerBatch, error) {
	if err := r.use(); err != nil {
		return nil, err
	}
	defer r.done()
	rows, err := r.rows(view, 1)
	if err != nil {
		return nil, err
	}
	if id == "" || len(id) > frame.MaxIDBytes {
		return nil, storage.ErrNotFound // there cannot be one
	}
	item, found, err := r.txn.Get(customerKey(id))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, storage.ErrNotFound
	}
	if err := rows.add(item.Key, item.Value, item.Version); err != nil {
		return nil, err
	}
	return rows.take(), nil
}

// rows returns a builder of batches of a view.
func (r *reader) rows(view *frame.Schema, room int) (*rows, error) {
	schema, err := r.store.schema.read(r.txn)
	if err != nil {
		return nil, err
	}
	return newRows(schema, view, room)
}

// Customers implements storage.Reader.
func (r *reader) Customers(ctx context.Context, view *frame.Schema, scan storage.CustomerScan) iter.Seq2[*storage.CustomerBatch, error] {
	return func(yield func(*storage.CustomerBatch, error) bool) {
		if err := r.use(); err != nil {
			yield(nil, err)
			return
		}
		defer r.done()
		rows, err := r.rows(view, scan.Rows())
		if err == nil {
			err = r.batches(ctx, rows, scan, func(batch *storage.CustomerBatch) bool { return yield(batch, nil) })
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// batches hands out the rows of a scan in batches, until hand returns false.
func (r *reader) batches(ctx context.Context, rows *rows, scan storage.CustomerScan, hand func(*storage.CustomerBatch) bool) error {
	left := scan.Limit
	if err := r.ended(ctx); err != nil {
		return err
	}
	for item, err := range r.txn.Scan(customersOf(scan)) {
		if err == nil {
			err = rows.add(item.Key, item.Value, item.Version)
		}
		if err != nil {
			return err
		}
		left--
		if rows.full() || left == 0 {
			if !hand(rows.take()) || left == 0 {
				return nil
			}
			if err := r.ended(ctx); err != nil {
				return err
			}
		}
	}
	if rows.read > 0 {
		hand(rows.take())
	}
	return nil
}

func customersOf(scan storage.CustomerScan) Range {
	keys := customersAfter(scan.After)
	keys.Since = uint64(scan.Since)
	return keys
}

func customersAfter(id string) Range {
	r := Range{Prefix: customerPrefix}
	if id != "" {
		r.From = After(customerKey(id))
	}
	return r
}
