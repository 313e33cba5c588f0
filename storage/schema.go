package storage

import (
	"errors"
	"fmt"

	"github.com/echelonhq/echelon/engine/frame"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// ReadSchema returns the store's schema; it is empty, with version 0, where nothing was registered.
func ReadSchema(documents Documents) (*storagev1.Schema, error) {
	schema := &storagev1.Schema{}
	if err := documents.Document(KindSchema, "", schema); err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	return schema, nil
}

// RegisterAttributes adds attributes to the store's schema, as part of an Update, and returns the schema and whether it changed. A new name gets
// the next id, which is its own for ever; a known one keeps what it has. If any has another type than the schema's, a *SchemaConflictError names
// all of these and nothing is added. The version rises by one when something was added.
func RegisterAttributes(tx Tx, attributes []*echelonv1.Attribute) (schema *storagev1.Schema, changed bool, err error) {
	schema, err = ReadSchema(tx)
	if err != nil {
		return nil, false, err
	}
	types := make(map[string]echelonv1.Attribute_Type, len(schema.GetAttributes()))
	last := uint32(0)
	for _, known := range schema.GetAttributes() {
		types[known.GetName()] = known.GetType()
		last = max(last, known.GetId())
	}
	var conflicts []SchemaConflict
	for _, attribute := range attributes {
		name, given := attribute.GetName(), attribute.GetType()
		if name == "" || given == echelonv1.Attribute_UNSPECIFIED {
			return nil, false, fmt.Errorf("%w: the attribute %q has no name or no type", ErrInvalid, name)
		}
		stored, known := types[name]
		switch {
		case !known:
			last++
			types[name] = given
			schema.Attributes = append(schema.Attributes, &storagev1.SchemaAttribute{Id: last, Name: name, Type: given, Unit: attribute.GetUnit()})
			changed = true
		case stored != given:
			conflicts = append(conflicts, SchemaConflict{Name: name, Stored: stored, Given: given})
		}
	}
	if len(conflicts) > 0 {
		return nil, false, &SchemaConflictError{Conflicts: conflicts}
	}
	if changed {
		schema.Version++
		err = tx.PutDocument(KindSchema, "", schema)
	}
	return schema, changed, err
}

// FrameSchema returns the fields of all attributes of a schema, by id: what an import builds its frames with.
func FrameSchema(schema *storagev1.Schema) *frame.Schema {
	fields := make([]frame.Field, len(schema.GetAttributes()))
	for i, attribute := range schema.GetAttributes() {
		fields[i] = frame.Field{Name: attribute.GetName(), Type: attribute.GetType()}
	}
	return frame.NewSchema(fields...)
}
