package kvstore

import (
	"fmt"
	"sync/atomic"

	"github.com/echelonhq/echelon/engine/frame"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// schema is the store's schema as rows are read and written with it. It is immutable.
type schema struct {
	version uint64 // of its document
	fields  *frame.Schema
	byName  map[string]*storagev1.SchemaAttribute // former names too
	types   []echelonv1.Attribute_Type            // by id; UNSPECIFIED where no attribute has the id
}

// schemaCache keeps the schema that was read last, since every customer that is read or written needs it and it hardly ever changes.
type schemaCache struct {
	last atomic.Pointer[schema]
}

var schemaKey = documentKey(storage.KindSchema, "")

// read returns the schema as a transaction sees it.
func (c *schemaCache) read(txn Txn) (*schema, error) {
	item, found, err := txn.Get(schemaKey)
	if err != nil {
		return nil, err
	}
	if !found {
		return newSchema(&storagev1.Schema{}, 0), nil
	}
	document, err := openDocument(storage.KindSchema, "", item)
	if err != nil {
		return nil, err
	}
	if last := c.last.Load(); last != nil && last.version == item.Version {
		return last, nil
	}
	message := &storagev1.Schema{}
	if err := document.Decode(message); err != nil {
		return nil, err
	}
	s := newSchema(message, item.Version)
	c.last.Store(s)
	return s, nil
}

func newSchema(message *storagev1.Schema, version uint64) *schema {
	s := &schema{version: version, fields: storage.FrameSchema(message), byName: storage.AttributesByName(message)}
	for _, attribute := range message.GetAttributes() {
		for int(attribute.GetId()) >= len(s.types) {
			s.types = append(s.types, echelonv1.Attribute_UNSPECIFIED)
		}
		s.types[attribute.GetId()] = attribute.GetType()
	}
	return s
}

// attributeIDs returns the attributes that the fields are; all of them must be known.
func (s *schema) attributeIDs(fields *frame.Schema) ([]uint32, error) {
	ids := make([]uint32, fields.Len())
	seen := make(map[uint32]bool, len(ids))
	var conflicts []storage.SchemaConflict
	for i := range ids {
		field := fields.Field(i)
		attribute := s.byName[field.Name]
		if attribute == nil || attribute.GetType() != field.Type || attribute.GetRetired() {
			conflicts = append(conflicts, storage.SchemaConflict{
				Name: field.Name, Stored: attribute.GetType(), Given: field.Type, Retired: attribute.GetRetired(),
			})
			continue
		}
		if seen[attribute.GetId()] {
			return nil, fmt.Errorf("%w: the frame has two columns %s", storage.ErrInvalid, attribute.GetName())
		}
		seen[attribute.GetId()] = true
		ids[i] = attribute.GetId()
	}
	if len(conflicts) > 0 {
		return nil, &storage.SchemaConflictError{Conflicts: conflicts}
	}
	return ids, nil
}
