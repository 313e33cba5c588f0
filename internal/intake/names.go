package intake

import (
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/storage"
)

// calledAs returns customers with the attributes called as a model does: it names them as they were called when it was made, and the frame as when
// its writer began. Where both use the same names, as nearly always, they are the customers as they are.
func calledAs(model *frame.Schema, customers *frame.Frame, documents storage.Documents) (*frame.Frame, error) {
	var other []string
	for _, name := range model.Names() {
		if _, same := customers.Schema.Index(name); !same {
			other = append(other, name)
		}
	}
	if len(other) == 0 {
		return customers, nil
	}
	schema, err := storage.ReadSchema(documents)
	if err != nil {
		return nil, err
	}
	by := storage.AttributesByName(schema)
	wanted := make(map[uint32]string, len(other))
	for _, name := range other {
		if attribute := by[name]; attribute != nil {
			wanted[attribute.GetId()] = name
		}
	}
	fields := make([]frame.Field, customers.Schema.Len())
	for i := range fields {
		fields[i] = customers.Schema.Field(i)
		if name, renamed := wanted[by[fields[i].Name].GetId()]; renamed {
			fields[i].Name = name
		}
	}
	return &frame.Frame{Schema: frame.NewSchema(fields...), IDs: customers.IDs, Columns: customers.Columns}, nil
}
