package intake

import (
	"slices"

	"github.com/echelonhq/echelon/engine/frame"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// read returns customers as a model reads them, whose frame was built by the store's schema as it is or as it was: with the model's fields in the
// model's order, under the names by which the model knows them. It is what reading them back from the store gives.
func read(schema *storagev1.Schema, customers *frame.Frame, fields *frame.Schema) *frame.Frame {
	attributes := storage.AttributesByName(schema)
	places := make([]int, fields.Len())
	for i := range places {
		places[i] = placeOf(attributes[fields.Field(i).Name], customers.Schema)
	}
	return customers.Project(fields, places)
}

// placeOf returns the place of an attribute among the fields of a frame, whatever it was called when that was built, and -1 where it has none.
func placeOf(attribute *storagev1.SchemaAttribute, in *frame.Schema) int {
	if attribute == nil || attribute.GetRetired() {
		return -1
	}
	for _, name := range slices.Concat([]string{attribute.GetName()}, attribute.GetFormerNames()) {
		if place, ok := in.Index(name); ok {
			return place
		}
	}
	return -1
}
