package catalog

import (
	"github.com/echelonhq/echelon/engine"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// standing is what a model's name resolves to as long as no publication changes: looking it up in the store takes about as long as evaluating a
// customer does.
type standing struct {
	// revision is that of publications before it was looked up.
	revision   uint64
	program    *engine.Program
	scorer     *engine.Scorer
	provenance *echelonv1.Provenance
}

// stands resolves an evaluator by what stands, and reports whether it could: one that names a stored model alone, or its published version.
func (c *Catalog) stands(evaluator *echelonv1.Evaluator, revision uint64, r *Resolved) bool {
	ref := evaluator.GetStored()
	if ref == nil || evaluator.GetCalibration() != nil {
		return false
	}
	s, ok := c.standing.look(ref.GetName())
	if !ok || s.revision != revision || ref.GetVersion() != 0 && ref.GetVersion() != s.provenance.GetModelVersion() {
		return false
	}
	r.Program, r.scorer = s.program, s.scorer
	r.Provenance.Model, r.Provenance.ModelVersion = s.provenance.GetModel(), s.provenance.GetModelVersion()
	r.Provenance.ModelFingerprint, r.Provenance.CalibrationId = s.provenance.GetModelFingerprint(), s.provenance.GetCalibrationId()
	return true
}

// stand keeps what an evaluator resolved to, where that is a publication whose scorer is known.
func (c *Catalog) stand(evaluator *echelonv1.Evaluator, revision uint64, r *Resolved) {
	if !r.published || evaluator.GetCalibration() != nil {
		return
	}
	scorer := r.scorer
	if scorer == nil && !r.Program.NeedsCalibration() {
		scorer, _ = bind(r)
	}
	if scorer != nil {
		c.standing.put(r.Provenance.GetModel(), standing{revision: revision, program: r.Program, scorer: scorer, provenance: r.Provenance})
	}
}
