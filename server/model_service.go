package server

import (
	"context"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// modelService keeps models.
type modelService struct {
	echelonv1.UnimplementedModelServiceServer
	store   storage.Store
	catalog *catalog.Catalog
}

// CreateModel stores a new version of a model.
func (s *modelService) CreateModel(ctx context.Context, request *echelonv1.CreateModelRequest) (*echelonv1.CreateModelResponse, error) {
	version, err := s.catalog.Create(ctx, request.GetModel())
	if err != nil {
		return nil, err
	}
	return &echelonv1.CreateModelResponse{Version: version}, nil
}

// ValidateModel compiles a model.
func (s *modelService) ValidateModel(_ context.Context, request *echelonv1.ValidateModelRequest) (*echelonv1.ValidateModelResponse, error) {
	program, found := engine.Compile(request.GetModel())
	response := &echelonv1.ValidateModelResponse{Findings: engine.FindingsProto(found)}
	if program != nil {
		response.NeedsCalibration = program.NeedsCalibration()
	}
	return response, nil
}

// ListModels returns models by name.
func (s *modelService) ListModels(ctx context.Context, request *echelonv1.ListModelsRequest) (*echelonv1.ListModelsResponse, error) {
	const binding = "ListModels"
	at, err := readCursor(request.GetPageToken(), binding)
	if err != nil {
		return nil, err
	}
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	response := &echelonv1.ListModelsResponse{}
	size := pageSize(request.GetPageSize(), defaultPage)
	for document, err := range view.Documents(storage.KindModelHead, storage.DocumentScan{After: at.After}) {
		if err != nil {
			return nil, err
		}
		if len(response.Models) == size {
			response.NextPageToken = writeCursor(cursor{After: response.Models[size-1].GetName()}, binding)
			break
		}
		summary, err := summarize(view, document)
		if err != nil {
			return nil, err
		}
		response.Models = append(response.Models, summary)
	}
	return response, nil
}

func summarize(view storage.Reader, document storage.Document) (*echelonv1.ModelSummary, error) {
	head := &storagev1.ModelHead{}
	if err := document.Decode(head); err != nil {
		return nil, err
	}
	current, err := catalog.Current(view, document.Key)
	if err != nil && !fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED) {
		return nil, err
	}
	return &echelonv1.ModelSummary{
		Name: document.Key, Description: head.GetDescription(), LatestVersion: head.GetLatestVersion(), ActiveVersion: head.GetActiveVersion(),
		CurrentRunId: current.GetRunId(), CurrentVersion: current.GetModelVersion(),
	}, nil
}

// GetModel returns one version of a model.
func (s *modelService) GetModel(ctx context.Context, request *echelonv1.GetModelRequest) (*echelonv1.GetModelResponse, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	head, err := catalog.Head(view, request.GetName())
	if err != nil {
		return nil, err
	}
	chosen := or(or(request.GetVersion(), head.GetActiveVersion()), head.GetLatestVersion())
	version, err := catalog.Version(view, request.GetName(), chosen)
	if err != nil {
		return nil, err
	}
	version.Active = chosen == head.GetActiveVersion()
	return &echelonv1.GetModelResponse{Version: version}, nil
}

// ActivateModel names the version of the model's next run.
func (s *modelService) ActivateModel(ctx context.Context, request *echelonv1.ActivateModelRequest) (*echelonv1.ActivateModelResponse, error) {
	version, err := s.catalog.Activate(ctx, request.GetName(), request.GetVersion())
	if err != nil {
		return nil, err
	}
	return &echelonv1.ActivateModelResponse{Version: version}, nil
}
