package catalog

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Published is a publication of a model, ready to evaluate customers under it.
type Published struct {
	// Overlay is the name of its overlay, which no other publication has.
	Overlay string
	// Scorer is its model, bound to its calibration.
	Scorer *engine.Scorer

	provenance *echelonv1.Provenance
}

// AsOf returns the instant as of which customers are evaluated now: what is published never goes back behind its run.
func (p *Published) AsOf(now time.Time) time.Time {
	if ran := p.provenance.GetAsOf().AsTime(); now.Before(ran) {
		return ran
	}
	return micros(now)
}

// Provenance returns what made an assignment of a customer that was evaluated after the run, as of an instant.
func (p *Published) Provenance(asOf time.Time) *echelonv1.Provenance {
	made := proto.CloneOf(p.provenance)
	made.AsOf, made.Online = timestamppb.New(asOf), true
	return made
}

// Changes returns the head of a batch of changes under the publication, of customers that are evaluated as of an instant.
func (p *Published) Changes(origin echelonv1.AssignmentChange_Origin, at, asOf time.Time) *storagev1.ChangeBatch {
	return &storagev1.ChangeBatch{
		Model: p.Model(), Origin: origin, RunId: p.RunID(), ModelVersion: p.provenance.GetModelVersion(), CalibrationId: p.provenance.GetCalibrationId(),
		Time: timestamppb.New(at), AsOf: timestamppb.New(asOf),
	}
}

// RunID returns the id of its run.
func (p *Published) RunID() string { return p.provenance.GetRunId() }

// Model returns the model's name.
func (p *Published) Model() string { return p.provenance.GetModel() }

// Published returns a model's publication, ready to evaluate.
func (c *Catalog) Published(documents storage.Documents, model string, current *storagev1.Current) (*Published, error) {
	name := storage.OverlayOf(current)
	return c.published.get(model+"/"+name, func() (*Published, error) {
		run := &echelonv1.Run{}
		if err := documents.Document(storage.KindRun, current.GetRunId(), run); err != nil {
			return nil, err
		}
		return c.OfRun(documents, run, name)
	})
}

// OfRun returns what a run is, or will be, once it is published with an overlay of that name.
func (c *Catalog) OfRun(documents storage.Documents, run *echelonv1.Run, overlay string) (*Published, error) {
	program, err := c.Program(documents, run.GetModel(), run.GetModelVersion())
	if err != nil {
		return nil, err
	}
	p := &Published{Overlay: overlay, provenance: RunProvenance(run, program)}
	r := &Resolved{Program: program, Provenance: p.provenance}
	if program.NeedsCalibration() {
		if r.Calibration, err = Calibration(documents, run.GetId()); err != nil {
			return nil, err
		}
	}
	p.Scorer, err = c.Scorer(r)
	return p, err
}

// RunProvenance returns what made the assignments of a run's snapshot.
func RunProvenance(run *echelonv1.Run, program *engine.Program) *echelonv1.Provenance {
	p := &echelonv1.Provenance{
		Model: run.GetModel(), ModelVersion: run.GetModelVersion(), ModelFingerprint: program.Fingerprint(), RunId: run.GetId(), AsOf: run.GetAsOf(),
	}
	if program.NeedsCalibration() {
		p.CalibrationId = run.GetId()
	}
	return p
}
