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

// AttributesByName returns the attributes of a schema by their names and by all that they had before.
func AttributesByName(schema *storagev1.Schema) map[string]*storagev1.SchemaAttribute {
	by := make(map[string]*storagev1.SchemaAttribute, len(schema.GetAttributes()))
	for _, attribute := range schema.GetAttributes() {
		by[attribute.GetName()] = attribute
		for _, former := range attribute.GetFormerNames() {
			by[former] = attribute
		}
	}
	return by
}

// RegisterAttributes adds attributes to the store's schema, as part of an Update, and returns the schema and whether it changed. A new name gets
// the next id, which is its own for ever; a known one keeps what it has. If any has another type than the schema's, is a former name or was
// retired, a *SchemaConflictError names all of these and nothing is added. The version rises by one when something was added.
func RegisterAttributes(tx Tx, attributes []*echelonv1.Attribute) (schema *storagev1.Schema, changed bool, err error) {
	schema, err = ReadSchema(tx)
	if err != nil {
		return nil, false, err
	}
	known := AttributesByName(schema)
	last := uint32(0)
	for _, one := range schema.GetAttributes() {
		last = max(last, one.GetId())
	}
	var conflicts []SchemaConflict
	for _, attribute := range attributes {
		name, given := attribute.GetName(), attribute.GetType()
		if name == "" || given == echelonv1.Attribute_UNSPECIFIED {
			return nil, false, fmt.Errorf("%w: the attribute %q has no name or no type", ErrInvalid, name)
		}
		stored := known[name]
		if stored == nil {
			last++
			known[name] = &storagev1.SchemaAttribute{Id: last, Name: name, Type: given, Unit: attribute.GetUnit()}
			schema.Attributes = append(schema.Attributes, known[name])
			changed = true
			continue
		}
		conflict := conflictOf(stored, name, given)
		if conflict == nil && stored.GetName() != name {
			conflict = &SchemaConflict{Name: name, Stored: stored.GetType(), Given: given, Renamed: stored.GetName()}
		}
		if conflict != nil {
			conflicts = append(conflicts, *conflict)
		}
	}
	if len(conflicts) > 0 {
		return nil, false, &SchemaConflictError{Conflicts: conflicts}
	}
	if changed {
		err = putSchema(tx, schema, "")
	}
	return schema, changed, err
}

// conflictOf returns why a stored attribute cannot be read or written as one of that name and type; nil where it can. Former names can: what was
// written by them goes on working.
func conflictOf(stored *storagev1.SchemaAttribute, name string, given echelonv1.Attribute_Type) *SchemaConflict {
	if stored.GetType() != given || stored.GetRetired() {
		return &SchemaConflict{Name: name, Stored: stored.GetType(), Given: given, Retired: stored.GetRetired()}
	}
	return nil
}

// CheckReadable returns a *SchemaConflictError that names the fields which a schema, by its AttributesByName, has with another type, or retired.
// Fields that it does not know are missing in every row, and no conflict.
func CheckReadable(by map[string]*storagev1.SchemaAttribute, fields *frame.Schema) error {
	var conflicts []SchemaConflict
	for i := range fields.Len() {
		field := fields.Field(i)
		if stored := by[field.Name]; stored != nil {
			if conflict := conflictOf(stored, field.Name, field.Type); conflict != nil {
				conflicts = append(conflicts, *conflict)
			}
		}
	}
	if len(conflicts) > 0 {
		return &SchemaConflictError{Conflicts: conflicts}
	}
	return nil
}

// RenameAttribute gives an attribute of the store's schema another name, as part of an Update, and returns the schema and whether it changed. The
// id stays, and so what is stored; the old name goes on naming the attribute for those who read, and is never given to another. Renaming again
// changes nothing. ErrNotFound where no attribute is called so now; a *SchemaConflictError where it was retired, or the name is taken.
func RenameAttribute(tx Tx, from, to string) (schema *storagev1.Schema, changed bool, err error) {
	if schema, err = ReadSchema(tx); err != nil {
		return nil, false, err
	}
	if to == "" {
		return nil, false, fmt.Errorf("%w: an attribute cannot be without a name", ErrInvalid)
	}
	by := AttributesByName(schema)
	attribute, taken := by[from], by[to]
	switch {
	case attribute == nil:
		return nil, false, ErrNotFound
	case attribute.GetRetired():
		return nil, false, &SchemaConflictError{Conflicts: []SchemaConflict{{Name: from, Stored: attribute.GetType(), Retired: true}}}
	case taken != nil && taken != attribute:
		return nil, false, &SchemaConflictError{Conflicts: []SchemaConflict{{Name: to, Stored: taken.GetType(), Retired: taken.GetRetired(), Taken: true}}}
	case attribute.GetName() == to:
		return schema, false, nil // it was done before
	case attribute.GetName() != from:
		return nil, false, ErrNotFound
	}
	var former []string
	for _, name := range append(attribute.GetFormerNames(), from) {
		if name != to {
			former = append(former, name)
		}
	}
	attribute.Name, attribute.FormerNames = to, former
	return schema, true, putSchema(tx, schema, to)
}

// RetireAttribute ends an attribute of the store's schema, as part of an Update, and returns the schema and whether it changed: it is neither read
// nor written any more, and its id and names stay taken. Retiring again changes nothing. ErrNotFound where no attribute is called so now.
func RetireAttribute(tx Tx, name string) (schema *storagev1.Schema, changed bool, err error) {
	if schema, err = ReadSchema(tx); err != nil {
		return nil, false, err
	}
	attribute := AttributesByName(schema)[name]
	switch {
	case attribute == nil || attribute.GetName() != name:
		return nil, false, ErrNotFound
	case attribute.GetRetired():
		return schema, false, nil
	}
	attribute.Retired = true
	return schema, true, putSchema(tx, schema, name)
}

// putSchema stores the next version of the schema.
func putSchema(tx Tx, schema *storagev1.Schema, changed string) error {
	schema.Version++
	schema.Changed = changed
	return tx.PutDocument(KindSchema, "", schema)
}

// FrameSchema returns the fields of all attributes of a schema that are not retired, by id: what an import builds its frames with.
func FrameSchema(schema *storagev1.Schema) *frame.Schema {
	var fields []frame.Field
	for _, attribute := range schema.GetAttributes() {
		if !attribute.GetRetired() {
			fields = append(fields, frame.Field{Name: attribute.GetName(), Type: attribute.GetType()})
		}
	}
	return frame.NewSchema(fields...)
}
