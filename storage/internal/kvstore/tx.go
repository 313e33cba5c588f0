package kvstore

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/internal/rowcodec"
)

// tx is one attempt at an Update. A write that failed is remembered, so that an Update whose function overlooks it does not commit the rest.
type tx struct {
	documents
	store       *Store
	update      *update
	wroteSchema bool
	failed      error
}

var _ storage.Tx = (*tx)(nil)

// PutDocument implements storage.Tx.
func (t *tx) PutDocument(kind storage.Kind, key string, document proto.Message) error {
	if len(key) > storage.MaxKeyBytes {
		return t.fail(fmt.Errorf("%w: the key of a %s has %d bytes, at most %d are allowed", storage.ErrInvalid, kind, len(key), storage.MaxKeyBytes))
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(document)
	if err != nil {
		return t.fail(fmt.Errorf("%w: %s %q cannot be encoded: %w", storage.ErrInvalid, kind, key, err))
	}
	if schema, ok := document.(*storagev1.Schema); ok && kind == storage.KindSchema {
		if err := raiseFormat(t.txn, formatOf(schema)); err != nil {
			return t.fail(err)
		}
	}
	t.wroteSchema = t.wroteSchema || kind == storage.KindSchema
	t.update.writes(kind)
	k := documentKey(kind, key)
	return t.fail(t.txn.Set(k, seal(k, data)))
}

// DeleteDocument implements storage.Tx.
func (t *tx) DeleteDocument(kind storage.Kind, key string) error {
	t.wroteSchema = t.wroteSchema || kind == storage.KindSchema
	t.update.writes(kind)
	return t.fail(t.txn.Delete(documentKey(kind, key)))
}

// PutCustomers implements storage.Tx.
func (t *tx) PutCustomers(customers *frame.Frame, at time.Time) error {
	schema, err := t.schema()
	if err != nil {
		return t.fail(err)
	}
	ids, err := schema.attributeIDs(customers.Schema)
	if err != nil {
		return t.fail(err)
	}
	for rows, err := range encodeRows(rowcodec.NewEncoder(ids), customers, at.UnixMicro()) {
		if err != nil {
			return t.fail(err)
		}
		for i := range rows.keys {
			if err := t.txn.Set(rows.keys[i], rows.values[i]); err != nil {
				return t.fail(err)
			}
		}
	}
	return nil
}

// schema returns the schema as the Tx sees it. One that the Tx itself wrote has no version yet and must not get into the cache.
func (t *tx) schema() (*schema, error) {
	if t.wroteSchema {
		return new(schemaCache).read(t.txn)
	}
	return t.store.schema.read(t.txn)
}

// fail remembers the first error of a write and returns this one.
func (t *tx) fail(err error) error {
	if t.failed == nil {
		t.failed = err
	}
	return err
}
