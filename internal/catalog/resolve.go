package catalog

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/internal/fault"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Resolved is what an Evaluator names.
type Resolved struct {
	// Program is the model.
	Program *engine.Program
	// Calibration is what was given or published; nil where there is none, or where scorer is what it was bound to before.
	Calibration *echelonv1.Calibration
	// Provenance states the model, the calibration and the instant.
	Provenance *echelonv1.Provenance

	scorer *engine.Scorer
	// published tells that it is what is published of a stored model.
	published bool
}

// Resolve finds what an Evaluator names, as the store is now.
func (c *Catalog) Resolve(ctx context.Context, evaluator *echelonv1.Evaluator) (*Resolved, error) {
	asOf := evaluator.GetAsOf()
	if asOf == nil {
		asOf = timestamppb.New(c.now())
	} else if err := asOf.CheckValid(); err != nil {
		return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "evaluator.as_of is no instant: its nanos lie outside 0 to 999999999, or it lies outside the years 0001 to 9999")
	}
	r := &Resolved{Provenance: &echelonv1.Provenance{AsOf: timestamppb.New(micros(asOf.AsTime()))}}
	revision, known := c.store.Revision(storage.KindCurrent)
	if known && c.stands(evaluator, revision, r) {
		return r, nil
	}
	view, err := c.store.View(ctx)
	if err != nil {
		return nil, err
	}
	defer view.Close()
	switch model := evaluator.GetModel().(type) {
	case *echelonv1.Evaluator_Inline:
		r.Program, err = c.Compile(model.Inline)
	case *echelonv1.Evaluator_Stored:
		err = c.stored(view, model.Stored, r)
	default:
		err = fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "the evaluator names no model: give `stored` or `inline`")
	}
	if err != nil {
		return nil, err
	}
	r.Provenance.Model, r.Provenance.ModelFingerprint = r.Program.Model().GetName(), r.Program.Fingerprint()
	if err := c.pinned(view, evaluator, r); err != nil {
		return nil, err
	}
	if known {
		c.stand(evaluator, revision, r)
	}
	return r, nil
}

// stored finds a stored model and, where its version is the published one, the calibration of that. What is published is there, and models are never
// deleted: the head is read only where nothing is.
func (c *Catalog) stored(view storage.Reader, ref *echelonv1.ModelRef, r *Resolved) error {
	current, err := readCurrent(view, ref.GetName())
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	version := ref.GetVersion()
	if version == 0 {
		version = current.GetModelVersion()
	}
	if current.GetModelVersion() == 0 {
		head, err := Head(view, ref.GetName())
		if err != nil {
			return err
		}
		if version == 0 {
			version = head.GetActiveVersion()
		}
		if version == 0 {
			return fault.New(echelonv1.ErrorReason_NO_ACTIVE_VERSION, "no version of the model %q is published or active: activate one, or name a version", ref.GetName())
		}
	}
	if r.Program, err = c.Program(view, ref.GetName(), version); err != nil {
		return err
	}
	r.Provenance.ModelVersion = version
	r.published = current.GetModelVersion() == version
	if r.published && r.Program.NeedsCalibration() {
		err = c.calibration(view, current.GetCalibrationId(), r)
	}
	return err
}

// calibration finds a stored calibration, unless the model was bound to it before: reading it takes longer than evaluating a customer, and it never changes.
func (c *Catalog) calibration(view storage.Reader, id string, r *Resolved) (err error) {
	var bound bool
	if r.scorer, bound = c.scorers.look(scorerKey(r.Program, id)); bound {
		r.Provenance.CalibrationId = id
		return nil
	}
	r.Calibration, err = Calibration(view, id)
	r.Provenance.CalibrationId = r.Calibration.GetId()
	return err
}

// pinned takes the calibration that the evaluator names, where it names one.
func (c *Catalog) pinned(view storage.Reader, evaluator *echelonv1.Evaluator, r *Resolved) error {
	switch calibration := evaluator.GetCalibration().(type) {
	case *echelonv1.Evaluator_CalibrationId:
		return c.calibration(view, calibration.CalibrationId, r)
	case *echelonv1.Evaluator_InlineCalibration:
		r.Calibration, r.scorer, r.Provenance.CalibrationId = calibration.InlineCalibration, nil, ""
	}
	return nil
}

// Calibration returns a stored calibration. CALIBRATION_NOT_FOUND.
func Calibration(documents storage.Documents, id string) (*echelonv1.Calibration, error) {
	calibration := &echelonv1.Calibration{}
	err := documents.Document(storage.KindCalibration, id, calibration)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fault.New(echelonv1.ErrorReason_CALIBRATION_NOT_FOUND, "there is no calibration %q: give the id of a run that ended well", id)
	}
	return calibration, err
}

// CheckRates checks the exchange rates of a request that makes a calibration. INVALID_REQUEST.
func CheckRates(program *engine.Program, rates []*echelonv1.ExchangeRate) error {
	err := engine.CheckRates(program.Model(), rates)
	if wrong, ok := errors.AsType[*engine.RatesError](err); ok {
		return fault.Request(wrong.Found)
	}
	return err
}

// Scorer binds what was resolved. CALIBRATION_REQUIRED, CALIBRATION_MISMATCH.
func (c *Catalog) Scorer(r *Resolved) (*engine.Scorer, error) {
	if r.scorer != nil {
		return r.scorer, nil
	}
	id := r.Provenance.GetCalibrationId()
	if id == "" {
		// An inline calibration may bear any id, and must not stand for a stored one.
		return bind(r)
	}
	// A stored calibration never changes, so that its id and the model's fingerprint name the scorer.
	return c.scorers.get(scorerKey(r.Program, id), func() (*engine.Scorer, error) { return bind(r) })
}

func scorerKey(program *engine.Program, calibration string) string {
	return program.Fingerprint() + "/" + calibration
}

func bind(r *Resolved) (*engine.Scorer, error) {
	scorer, err := r.Program.Bind(r.Calibration)
	inline := r.Provenance.GetCalibrationId() == ""
	switch {
	case err == nil && inline && r.Program.NeedsFamilies() && r.Calibration.GetFamilies() == nil:
		return nil, fault.New(echelonv1.ErrorReason_CALIBRATION_MISMATCH,
			"the calibration has no families, which the model %q reads: give that of a run by calibration_id, or one that Calibrate returned", r.Provenance.GetModel())
	case errors.Is(err, engine.ErrCalibrationRequired):
		return nil, fault.New(echelonv1.ErrorReason_CALIBRATION_REQUIRED,
			"the model %q learns from a population, or converts currencies: give the calibration that Calibrate returns, or publish a run of it", r.Provenance.GetModel())
	case errors.Is(err, engine.ErrCalibrationMismatch):
		return nil, fault.New(echelonv1.ErrorReason_CALIBRATION_MISMATCH,
			"the calibration was made for another model than %q, or another version of it: calibrate again", r.Provenance.GetModel())
	}
	return scorer, err
}

// micros cuts an instant to the microsecond, as the engine does.
func micros(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }
