package server

import (
	"context"

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
	schema := &echelonv1.Schema{Version: stored.GetVersion()}
	for _, attribute := range stored.GetAttributes() {
		schema.Attributes = append(schema.Attributes, &echelonv1.SchemaAttribute{
			Id: attribute.GetId(), Name: attribute.GetName(), Type: attribute.GetType(), Unit: attribute.GetUnit(),
		})
	}
	return &echelonv1.GetSchemaResponse{Schema: schema}, nil
}
