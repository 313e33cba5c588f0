package kvstore

import (
	"encoding/binary"
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
	encoder, update := rowcodec.NewEncoder(ids), at.UnixMicro()
	var buffer []byte // of all keys and values: few allocations for many; what it held before it grew stays with the transaction
	for row, id := range customers.IDs {
		if id == "" || len(id) > frame.MaxIDBytes {
			return t.fail(fmt.Errorf("%w: row %d has an id of %d bytes, 1 to %d are allowed", storage.ErrInvalid, row, len(id), frame.MaxIDBytes))
		}
		start := len(buffer)
		buffer = append(append(buffer, spaceCustomer), id...)
		middle := len(buffer)
		buffer = encoder.Append(buffer, customers, row, update)
		key := buffer[start:middle:middle]
		buffer = binary.LittleEndian.AppendUint32(buffer, checkSum(key, buffer[middle:]))
		if err := t.txn.Set(key, buffer[middle:len(buffer):len(buffer)]); err != nil {
			return t.fail(err)
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
