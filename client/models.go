package client

import (
	"context"
	"iter"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// CreateModel stores a new version of a model, or returns the newest where it equals that. A model with mistakes is MODEL_INVALID, with a
// violation each.
func (c *Client) CreateModel(ctx context.Context, model *echelonv1.Model) (*echelonv1.ModelVersion, error) {
	res, err := c.models.CreateModel(ctx, &echelonv1.CreateModelRequest{Model: model})
	return answered(res.GetVersion(), err)
}

// ValidateModel compiles a model and stores nothing. Mistakes are findings of the answer, not an error.
func (c *Client) ValidateModel(ctx context.Context, model *echelonv1.Model) (*echelonv1.ValidateModelResponse, error) {
	return answered(c.models.ValidateModel(ctx, &echelonv1.ValidateModelRequest{Model: model}))
}

// Models iterates over all models, by name.
func (c *Client) Models(ctx context.Context) iter.Seq2[*echelonv1.ModelSummary, error] {
	return pages(func(token string) ([]*echelonv1.ModelSummary, string, error) {
		res, err := c.models.ListModels(ctx, &echelonv1.ListModelsRequest{PageToken: token})
		return res.GetModels(), res.GetNextPageToken(), err
	})
}

// GetModel returns a version of a model; version 0 is the active one, or the newest where none is active.
func (c *Client) GetModel(ctx context.Context, name string, version int64) (*echelonv1.ModelVersion, error) {
	res, err := c.models.GetModel(ctx, &echelonv1.GetModelRequest{Name: name, Version: version})
	return answered(res.GetVersion(), err)
}

// ActivateModel names the version that the model's next run evaluates; version 0 is the newest.
func (c *Client) ActivateModel(ctx context.Context, name string, version int64) (*echelonv1.ModelVersion, error) {
	res, err := c.models.ActivateModel(ctx, &echelonv1.ActivateModelRequest{Name: name, Version: version})
	return answered(res.GetVersion(), err)
}

// GetCalibration returns what a model learned in the run of that id.
func (c *Client) GetCalibration(ctx context.Context, id string) (*echelonv1.Calibration, error) {
	res, err := c.models.GetCalibration(ctx, &echelonv1.GetCalibrationRequest{Id: id})
	return answered(res.GetCalibration(), err)
}

// Calibrations iterates over a model's calibrations, the newest first.
func (c *Client) Calibrations(ctx context.Context, model string) iter.Seq2[*echelonv1.CalibrationSummary, error] {
	return pages(func(token string) ([]*echelonv1.CalibrationSummary, string, error) {
		res, err := c.models.ListCalibrations(ctx, &echelonv1.ListCalibrationsRequest{Model: model, PageToken: token})
		return res.GetCalibrations(), res.GetNextPageToken(), err
	})
}

// StoredModel returns what evaluates by a stored model; version 0 is that of the current publication, or else the active one.
func StoredModel(name string, version int64) *echelonv1.Evaluator {
	return &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Stored{Stored: &echelonv1.ModelRef{Name: name, Version: version}}}
}

// InlineModel returns what evaluates by a model given here. The calibration is what Calibrate returned; nil for a model that needs none.
func InlineModel(model *echelonv1.Model, calibration *echelonv1.Calibration) *echelonv1.Evaluator {
	evaluator := &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Inline{Inline: model}}
	if calibration != nil {
		evaluator.Calibration = &echelonv1.Evaluator_InlineCalibration{InlineCalibration: calibration}
	}
	return evaluator
}
