package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/family"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/scoring"
	"github.com/echelonhq/echelon/engine/segment"
	"github.com/echelonhq/echelon/engine/tier"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

var (
	// ErrCalibrationRequired says that the model learns from a population, or converts currencies, and no calibration was given.
	ErrCalibrationRequired = errors.New("the model learns from a population, or converts currencies, and needs a calibration")
	// ErrCalibrationMismatch says that the calibration was made for another model, or is damaged.
	ErrCalibrationMismatch = errors.New("the calibration was made for another model")
)

// Program is a compiled model. It is immutable and may be used by several goroutines.
type Program struct {
	model       *echelonv1.Model
	fingerprint string
	schema      *frame.Schema

	zone      *time.Location
	variables []expr.Variable
	// attributes are the places in the schema of what the variables are, and -1 for those that are computed.
	attributes []int
	items      []*item
	// order is the items' places, each after those that it needs.
	order []int

	// fresh are the attributes whose values age.
	fresh []freshness
	// population is nil where the model is about all customers.
	population *population
	// families is nil where the model names no parent.
	families      *families
	derived       []*expr.Expr
	segmentations []*segment.Segmentation
	scores        []*scoring.Score
	// shared is how many criteria several scores have in common.
	shared   int
	tierings []*tiering
	amount   *expr.Expr
	// roles are those in which customers have reps.
	roles []string
	// needs tells whether it needs a calibration, converts that this is, also, for exchange rates.
	needs, converts bool
	// tieringNames are those of the tierings, in declared order.
	tieringNames []string
	// expressions are all of them, for those who reason about the model.
	expressions []placed
}

// placed is an expression and its place in the model.
type placed struct {
	path string
	*expr.Expr
}

// finish fills in what follows from the rest.
func (p *Program) finish() {
	slots := make(map[string]int, len(p.variables))
	for i, v := range p.variables {
		slots[v.Name] = i
	}
	p.attributes = p.placesIn(p.schema)
	p.freshness(slots)
	p.shared = scoring.Share(p.scores)
	p.roles = rolesOf(p.model)
	p.converts = slices.ContainsFunc(p.expressions, func(one placed) bool { return one.Converts() })
	p.needs = p.converts
	for _, one := range p.items {
		one.slot = slots[one.variable]
		p.needs = p.needs || p.learns(one)
	}
	p.needs = p.needs || p.families.needed()
	for _, t := range p.model.GetTierings() {
		p.tieringNames = append(p.tieringNames, t.GetName())
	}
}

// learns reports whether an item learns from the population.
func (p *Program) learns(one *item) bool {
	switch one.kind {
	case scoreKind:
		return p.scores[one.index].NeedsPopulation()
	case tieringKind:
		return p.tierings[one.index].needsPopulation()
	}
	return false
}

// Model returns the model that was compiled. Do not change it.
func (p *Program) Model() *echelonv1.Model { return p.model }

// Fingerprint is equal for programs of equal models.
func (p *Program) Fingerprint() string { return p.fingerprint }

// Schema returns the attributes that the program reads, as a frame's fields.
func (p *Program) Schema() *frame.Schema { return p.schema }

// Learns says what the model learns from its population, each in a few words; nothing where it needs no calibration.
func (p *Program) Learns() []string {
	var list []string
	for i, score := range p.scores {
		declared := p.model.GetScores()[i]
		for _, k := range score.Learning() {
			list = append(list, fmt.Sprintf("the distribution of the criterion %s of the score %s", declared.GetCriteria()[k].GetName(), declared.GetName()))
		}
	}
	for i, t := range p.tierings {
		if t.needsPopulation() {
			list = append(list, "the lines of the tiering "+p.model.GetTierings()[i].GetName())
		}
	}
	if p.NeedsFamilies() {
		list = append(list, "the families that the attribute "+p.model.GetParent()+" joins")
	}
	return list
}

// Converts reports whether the model converts currencies, by exchange rates that a calibration froze.
func (p *Program) Converts() bool { return p.converts }

// NeedsCalibration reports whether the model learns from a population or converts currencies.
func (p *Program) NeedsCalibration() bool { return p.needs }

// SegmentNames returns the names that a segmentation can give, in the order of their codes.
func (p *Program) SegmentNames(segmentation int) []string {
	return p.segmentations[segmentation].Names()
}

// TierNames returns the tiers or personas that a tiering can give, in the order of their codes.
func (p *Program) TierNames(tiering int) []string { return p.tierings[tiering].names() }

// Roles returns the roles in which a customer has a rep, in the order in which the engagements name them; "owner" where they name none.
func (p *Program) Roles() []string { return p.roles }

// rolesOf returns the roles of a model.
func rolesOf(model *echelonv1.Model) (roles []string) {
	for _, engagement := range model.GetEngagements() {
		for _, one := range engagement.GetRoles() {
			if !slices.Contains(roles, one.GetRole()) {
				roles = append(roles, one.GetRole())
			}
		}
	}
	if roles == nil {
		return []string{"owner"}
	}
	return roles
}

// TieringNames returns the names of the tierings, in declared order. Do not change them.
func (p *Program) TieringNames() []string { return p.tieringNames }

// Driving returns the place of the tiering that drives coverage, or else of the first, and -1 where there is no tiering.
func (p *Program) Driving() int {
	if len(p.tierings) == 0 {
		return -1
	}
	return max(0, slices.IndexFunc(p.model.GetTierings(), (*echelonv1.Tiering).GetDrivesCoverage))
}

// ancestors returns the places of all items that an item needs, directly or not.
func (p *Program) ancestors(i int) map[int]bool {
	all := make(map[int]bool)
	var visit func(i int)
	visit = func(i int) {
		for _, need := range p.items[i].needs {
			if !all[need] {
				all[need] = true
				visit(need)
			}
		}
	}
	visit(i)
	return all
}

// lines is what a program learned from a population, and the exchange rates of its day: entries are nil where nothing was to be learned.
type lines struct {
	scores   []scoring.Lines
	ladders  []*tier.LadderLines
	matrices []*tier.MatrixLines
	rates    *expr.Rates
	// families is who belongs together; nil where that is not known, or the model has none.
	families *family.Table
}

func (p *Program) newLines() *lines {
	return &lines{
		scores:   make([]scoring.Lines, len(p.scores)),
		ladders:  make([]*tier.LadderLines, len(p.tierings)),
		matrices: make([]*tier.MatrixLines, len(p.tierings)),
	}
}

// Scorer is a program with its calibration: what evaluates customers. It is immutable and may be used by several goroutines.
type Scorer struct {
	program       *Program
	lines         *lines
	calibrationID string
}

// Program returns the scorer's program.
func (s *Scorer) Program() *Program { return s.program }

// CalibrationID returns the id of the calibration that was bound; empty where it has none.
func (s *Scorer) CalibrationID() string { return s.calibrationID }

// Bind joins a program and a calibration, which may be nil where the program needs none. ErrCalibrationRequired, ErrCalibrationMismatch. The
// calibration of a run holds no families: where the program needs some, each evaluation must be given those of its customers.
func (p *Program) Bind(calibration *echelonv1.Calibration) (*Scorer, error) {
	s := &Scorer{program: p, lines: p.newLines(), calibrationID: calibration.GetId()}
	switch {
	case calibration == nil && p.needs:
		return nil, ErrCalibrationRequired
	case calibration == nil:
		return s, nil
	case calibration.GetModelFingerprint() != p.fingerprint:
		return nil, ErrCalibrationMismatch
	}
	if !p.read(calibration, s.lines) {
		return nil, ErrCalibrationMismatch
	}
	if p.families != nil && calibration.GetFamilies() != nil {
		var ok bool
		if s.lines.families, ok = p.table(calibration.GetFamilies()); !ok {
			return nil, ErrCalibrationMismatch
		}
	}
	return s, nil
}

// read takes the lines of a calibration, and reports whether they are this program's.
func (p *Program) read(calibration *echelonv1.Calibration, to *lines) bool {
	scores, tierings := calibration.GetScores(), calibration.GetTierings()
	ok := true
	if p.converts {
		if to.rates, ok = p.rates(calibration.GetRates()); !ok {
			return false
		}
	}
	for i, score := range p.scores {
		if !score.NeedsPopulation() {
			continue
		}
		if len(scores) == 0 || scores[0].GetScore() != p.model.GetScores()[i].GetName() {
			return false
		}
		if to.scores[i], ok = score.Lines(scores[0]); !ok {
			return false
		}
		scores = scores[1:]
	}
	for i, t := range p.tierings {
		if !t.needsPopulation() {
			continue
		}
		if len(tierings) == 0 || tierings[0].GetTiering() != t.name {
			return false
		}
		if t.ladder != nil {
			to.ladders[i], ok = t.ladder.Lines(tierings[0])
		} else {
			to.matrices[i], ok = t.matrix.Lines(tierings[0])
		}
		if !ok {
			return false
		}
		tierings = tierings[1:]
	}
	return len(scores) == 0 && len(tierings) == 0
}
