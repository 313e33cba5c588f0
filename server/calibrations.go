package server

import (
	"context"
	"errors"

	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// GetCalibration returns a calibration.
func (s *modelService) GetCalibration(ctx context.Context, request *echelonv1.GetCalibrationRequest) (*echelonv1.GetCalibrationResponse, error) {
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	calibration := &echelonv1.Calibration{}
	err = view.Document(storage.KindCalibration, request.GetId(), calibration)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fault.New(echelonv1.ErrorReason_CALIBRATION_NOT_FOUND, "there is no calibration %q: list the model's calibrations", request.GetId())
	}
	if err != nil {
		return nil, err
	}
	return &echelonv1.GetCalibrationResponse{Calibration: calibration}, nil
}

// ListCalibrations returns a model's calibrations, the newest first. Each is of a run that ended well, whose id it has.
func (s *modelService) ListCalibrations(ctx context.Context, request *echelonv1.ListCalibrationsRequest) (*echelonv1.ListCalibrationsResponse, error) {
	binding := []string{"ListCalibrations", request.GetModel()}
	at, err := readCursor(request.GetPageToken(), binding...)
	if err != nil {
		return nil, err
	}
	view, err := s.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	if _, err := catalog.Head(view, request.GetModel()); err != nil {
		return nil, err
	}
	current, err := catalog.Current(view, request.GetModel())
	if err != nil && !fault.Is(err, echelonv1.ErrorReason_NOTHING_PUBLISHED) {
		return nil, err
	}
	response, size := &echelonv1.ListCalibrationsResponse{}, pageSize(request.GetPageSize(), defaultPage)
	for document, err := range view.Documents(storage.KindRun, storage.DocumentScan{After: at.After, Descending: true}) {
		if err != nil {
			return nil, err
		}
		run := &echelonv1.Run{}
		if err := document.Decode(run); err != nil {
			return nil, err
		}
		if run.GetModel() != request.GetModel() {
			continue
		}
		summary, err := calibrationOf(view, run)
		if errors.Is(err, storage.ErrNotFound) {
			continue // it is under way, or ended without one
		}
		if err != nil {
			return nil, err
		}
		if n := len(response.Calibrations); n == size {
			response.NextPageToken = writeCursor(cursor{After: response.Calibrations[n-1].GetId()}, binding...)
			break
		}
		summary.Current = run.GetId() == current.GetRunId()
		response.Calibrations = append(response.Calibrations, summary)
	}
	return response, nil
}

// calibrationOf returns what a list shows of a run's calibration; storage.ErrNotFound where it has none.
func calibrationOf(view storage.Reader, run *echelonv1.Run) (*echelonv1.CalibrationSummary, error) {
	c := &echelonv1.Calibration{}
	if err := view.Document(storage.KindCalibration, run.GetId(), c); err != nil {
		return nil, err
	}
	return &echelonv1.CalibrationSummary{
		Id: run.GetId(), Model: run.GetModel(), ModelVersion: run.GetModelVersion(), ModelFingerprint: c.GetModelFingerprint(), AsOf: c.GetAsOf(),
		Customers: c.GetCustomers(), Refused: c.GetRefused(),
	}, nil
}
