package engine

import (
	"fmt"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Stand is where a customer stands in a tiering.
type Stand struct {
	// Tier is the tier in force and Computed that which the cuts give; nil where there is none.
	Tier, Computed *string
	// Excluded tells that the model is not about the customer.
	Excluded bool
	// Hold is what decides in place of the computed tier; UNSPECIFIED where that is in force.
	Hold echelonv1.Reason_Code
}

// Stand returns where a customer stands.
func (r *Result) Stand(tiering, row int) Stand {
	s := Stand{Tier: text(r.Tiers[tiering], row), Excluded: r.Excluded != nil && r.Excluded.Get(row), Hold: r.hold(tiering, row)}
	s.Computed = s.Tier
	if r.Computed[tiering] != nil {
		s.Computed = text(r.Computed[tiering], row)
	}
	return s
}

// In reports whether both are in the same place.
func (s Stand) In(other Stand) bool { return s.Excluded == other.Excluded && equal(s.Tier, other.Tier) }

// computes reports whether the rules put both into the same place.
func (s Stand) computes(other Stand) bool {
	return s.Excluded == other.Excluded && equal(s.Computed, other.Computed)
}

// admitted is the stand of a customer of whom only a cap has to be asked, as though that let it go: of who stays nobody asks.
func (s Stand) admitted() Stand {
	if s.Hold == echelonv1.Reason_PENDING_RUN {
		s.Tier, s.Hold = s.Computed, echelonv1.Reason_UNSPECIFIED
	}
	return s
}

func equal(a, b *string) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// Journey is how a customer came from one stand to another: the old evaluation is turned into the new one a step at a time, in the order time, data,
// lines of the population, model. Each step is evaluated as following From, so that what stability holds is held on the way too.
//
// The order says what is looked at as given: time goes by whatever anybody does, and the customer's own doing comes before that of others, so that the
// base is only the cause where the customer's data does not explain the move, and the model only where nothing else does.
type Journey struct {
	From, To Stand
	// Time is From's evaluation as of the later instant; nil where the earlier data is not kept.
	Time *Stand
	// Data is Time with the later data; nil where that is not kept, so that nothing on the way is known.
	Data *Stand
	// Then is, where the earlier data is not kept, Data as of the earlier instant: what time does to the later data.
	Then *Stand
	// Lines is Data with the old model's lines of the later population, where models differ and it is known. Without it a move that both could have
	// caused is the model's.
	Lines *Stand
	// Again is the later evaluation, following From. It is not To where somebody else is followed, or a cap held another one back.
	Again *Stand
	// Last is what the last step changes: POPULATION, MODEL, or UNSPECIFIED where model and lines are the same.
	Last echelonv1.Move_Cause
	// Instant tells that both evaluations are as of the same instant.
	Instant bool
	// Retired tells that nothing on the way is known since an attribute that one of the models reads was retired.
	Retired bool
}

// byTime has what holds customers back for a time, whatever they do.
var byTime = map[echelonv1.Reason_Code]bool{
	echelonv1.Reason_HELD_BY_FREEZE: true, echelonv1.Reason_HELD_BY_DWELL: true, echelonv1.Reason_HELD_BY_WINDOW: true, echelonv1.Reason_HELD_BY_GRACE: true,
	echelonv1.Reason_HELD_BY_STEP: true, echelonv1.Reason_HELD_BY_CAP: true, echelonv1.Reason_PENDING_RUN: true,
}

// Cause returns the one cause of the move: the last step at which the customer's place changes, since from there on it is where it is now. An override
// that began, ended or changed goes before all, and a hold for a time that ended before the steps. It tells, too, whether time could be the cause as well
// as data, which cannot be told apart without the earlier data.
func (j *Journey) Cause() (cause echelonv1.Move_Cause, uncertain bool) {
	switch {
	case j.From.Hold == echelonv1.Reason_OVERRIDE || j.To.Hold == echelonv1.Reason_OVERRIDE:
		return echelonv1.Move_OVERRIDE, false
	case byTime[j.From.Hold] && j.From.computes(j.To):
		return echelonv1.Move_TIME, false
	case j.Data == nil && j.Instant && j.Last == echelonv1.Move_UNSPECIFIED:
		return echelonv1.Move_DATA, false // nothing else differs
	case j.Data == nil:
		return echelonv1.Move_NOT_KNOWN, false
	}
	same := Stand.computes
	if j.Again != nil && j.Again.admitted().In(j.To) {
		same = Stand.In
	}
	at := j.From
	step := func(to *Stand, by echelonv1.Move_Cause) {
		if to == nil {
			return
		}
		if next := to.admitted(); !same(at, next) {
			cause, at = by, next
		}
	}
	step(j.Time, echelonv1.Move_TIME)
	step(j.Data, echelonv1.Move_DATA)
	if j.Last == echelonv1.Move_MODEL {
		step(j.Lines, echelonv1.Move_POPULATION)
	}
	if j.Last != echelonv1.Move_UNSPECIFIED {
		step(&j.To, j.Last)
	}
	switch {
	case cause == echelonv1.Move_UNSPECIFIED:
		return echelonv1.Move_TIME, false // what is computed is the same throughout: a hold ended or began
	case cause == echelonv1.Move_DATA && j.Time == nil && !j.Instant:
		return cause, !j.timeless()
	}
	return cause, false
}

// timeless reports whether time does nothing to the later data.
func (j *Journey) timeless() bool {
	return j.Then != nil && j.Then.admitted().In(j.Data.admitted()) && j.Then.computes(*j.Data)
}

// Words says why the customer moved, with what cannot be told apart. Converts tells that the model converts amounts by the rates of its calibration.
func (j *Journey) Words(converts bool) string {
	cause, uncertain := j.Cause()
	switch cause {
	case echelonv1.Move_OVERRIDE:
		switch {
		case j.From.Hold == j.To.Hold:
			return "since its override changed"
		case j.To.Hold == echelonv1.Reason_OVERRIDE:
			return "since it was overridden"
		}
		return "since its override ended"
	case echelonv1.Move_DATA:
		if uncertain {
			return "since its own data changed or time went by: what it was before is not kept, so the two cannot be told apart"
		}
		return "since its own data changed"
	case echelonv1.Move_POPULATION:
		if converts {
			return "since the other customers, or exchange rates, moved the line"
		}
		return "since the other customers moved the line"
	case echelonv1.Move_MODEL:
		return "since the model changed"
	case echelonv1.Move_NOT_KNOWN:
		if j.Retired {
			return "and why cannot be told: an attribute that the model reads was retired since"
		}
		return "and why cannot be told: it was written again since, and what it was is not kept"
	}
	if j.From.computes(j.To) {
		return "since a hold ended or began"
	}
	return "since time went by"
}

// Move tells of the move in a tiering; nil where the customer is in the same place.
func (j *Journey) Move(tiering string, converts bool) *echelonv1.Move {
	if j.From.In(j.To) {
		return nil
	}
	move := &echelonv1.Move{Tiering: tiering, From: j.From.Tier, To: j.To.Tier}
	move.Cause, move.Uncertain = j.Cause()
	move.Message = fmt.Sprintf("tiers.%s: %s → %s, %s", tiering, j.From.words(), j.To.words(), j.Words(converts))
	return move
}

func (s Stand) words() string {
	switch {
	case s.Excluded:
		return "excluded"
	case s.Tier == nil:
		return "no tier"
	}
	return *s.Tier
}

// ComputesLike reports whether the rules make the same of two rows of results of one program: segments, scores, computed tiers, and whether the model is
// about the customer. What is read of the customers is the same then, as far as the model looks at it.
func (r *Result) ComputesLike(row int, other *Result, at int) bool {
	for i, column := range r.Scores {
		if column.Valid.Get(row) != other.Scores[i].Valid.Get(at) || r.Completeness[i][row] != other.Completeness[i][at] ||
			column.Valid.Get(row) && column.Numbers[row] != other.Scores[i].Numbers[at] {
			return false
		}
	}
	for i := range r.Segments {
		if !equal(text(r.ruledSegments(i), row), text(other.ruledSegments(i), at)) {
			return false
		}
	}
	for i := range r.Tiers {
		if !r.Stand(i, row).computes(other.Stand(i, at)) {
			return false
		}
	}
	return true
}

// ruledSegments returns the column of the segments that the rules give.
func (r *Result) ruledSegments(segmentation int) *frame.Column {
	if computed := r.computedSegments(segmentation); computed != nil {
		return computed
	}
	return r.Segments[segmentation]
}
