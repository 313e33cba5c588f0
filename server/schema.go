package server

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/wire"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// GetSchema returns the attributes that stored customers can have.
func (s *customerService) GetSchema(ctx context.Context, _ *echelonv1.GetSchemaRequest) (*echelonv1.GetSchemaResponse, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	stored, err := storage.ReadSchema(view)
	if err != nil {
		return nil, err
	}
	return &echelonv1.GetSchemaResponse{Schema: schemaOf(stored)}, nil
}

// schemaOf returns a schema as it goes over the wire.
func schemaOf(stored *storagev1.Schema) *echelonv1.Schema {
	schema := &echelonv1.Schema{Version: stored.GetVersion()}
	for _, attribute := range stored.GetAttributes() {
		schema.Attributes = append(schema.Attributes, &echelonv1.SchemaAttribute{
			Id: attribute.GetId(), Name: attribute.GetName(), Type: attribute.GetType(), Unit: attribute.GetUnit(),
			FormerNames: attribute.GetFormerNames(), Retired: attribute.GetRetired(),
		})
	}
	return schema
}

// RenameAttribute gives an attribute another name.
func (s *customerService) RenameAttribute(ctx context.Context, request *echelonv1.RenameAttributeRequest) (*echelonv1.RenameAttributeResponse, error) {
	schema, err := s.catalog.RenameAttribute(ctx, request.GetFrom(), request.GetTo())
	if err != nil {
		return nil, err
	}
	return &echelonv1.RenameAttributeResponse{Schema: schemaOf(schema)}, nil
}

// RetireAttribute ends an attribute.
func (s *customerService) RetireAttribute(ctx context.Context, request *echelonv1.RetireAttributeRequest) (*echelonv1.RetireAttributeResponse, error) {
	schema, err := s.catalog.RetireAttribute(ctx, request.GetName())
	if err != nil {
		return nil, err
	}
	return &echelonv1.RetireAttributeResponse{Schema: schemaOf(schema)}, nil
}

// reader reads the customers of requests by the store's schema.
type reader struct {
	schema  *frame.Schema
	version int64
	// gone are the names that attributes had before, and those of retired ones: what became of each.
	gone map[string]gone
}

// gone is what became of a name.
type gone struct {
	renamed string // what the attribute is called now; empty where it was retired
}

func newReader(schema *storagev1.Schema) *reader {
	r := &reader{schema: storage.FrameSchema(schema), version: schema.GetVersion(), gone: make(map[string]gone)}
	for name, attribute := range storage.AttributesByName(schema) {
		switch {
		case attribute.GetRetired():
			r.gone[name] = gone{}
		case attribute.GetName() != name:
			r.gone[name] = gone{renamed: attribute.GetName()}
		}
	}
	return r
}

// add adds a customer to a builder of the schema. A former name is refused even where unknown attributes are ignored: what it holds would be lost.
func (r *reader) add(b *frame.Builder, customer *echelonv1.Customer, ignoreUnknown bool) *echelonv1.RowError {
	if len(r.gone) > 0 {
		for _, name := range slices.Sorted(maps.Keys(customer.GetAttributes().GetFields())) {
			if what, ok := r.gone[name]; ok && (what.renamed != "" || !ignoreUnknown) {
				return what.refusal(customer.GetId(), name)
			}
		}
	}
	return b.AddCustomer(customer, ignoreUnknown)
}

// rows returns what reads batches of customers, as add does.
func (r *reader) rows(ignoreUnknown bool) *wire.Rows {
	rows := wire.NewRows(frame.NewBuilder(r.schema), ignoreUnknown)
	rows.Add = func(customer *echelonv1.Customer) *echelonv1.RowError {
		return r.add(rows.Builder, customer, ignoreUnknown)
	}
	rows.Ignore = func(name string) bool { return ignoreUnknown && r.gone[name].renamed == "" }
	return rows
}

func (g gone) refusal(id, name string) *echelonv1.RowError {
	message := fmt.Sprintf("the attribute %q was retired: leave it out, or ignore unknown attributes", name)
	if g.renamed != "" {
		message = fmt.Sprintf("the attribute %q was renamed: write %q", name, g.renamed)
	}
	return &echelonv1.RowError{CustomerId: id, Field: name, Code: echelonv1.RowError_UNKNOWN_ATTRIBUTE, Message: message}
}
