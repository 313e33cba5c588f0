package engine

import (
	"fmt"
	"time"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// walk turns an old evaluation into a new one, a step at a time.
type walk struct {
	before, now *Moment
	between     *Basis
	old, new    *echelonv1.Assignment
	// steps are those in between with what comes of them; made when first needed.
	steps []walkStep
}

// walkStep is an evaluation on the way, with the cause that is looked at by it; nil where it cannot be made.
type walkStep struct {
	cause   echelonv1.Move_Cause
	outcome *echelonv1.Assignment
}

// move tells of a tiering whether, and why, the customer moved; nil where it did not.
func (w *walk) move(tiering string) *echelonv1.Move {
	from, to := w.before.inForce(tiering, w.old), w.now.inForce(tiering, w.new)
	if equal(from.Tier, to.Tier) {
		return nil
	}
	move := &echelonv1.Move{Tiering: tiering, From: from.Tier, To: to.Tier}
	switch {
	case from.Pinned || to.Pinned:
		move.Cause = echelonv1.Move_OVERRIDE
	default:
		move.Cause = w.cause(tiering)
	}
	move.Message = fmt.Sprintf("tiers.%s: %s → %s, %s", tiering, orNone(from.Tier), orNone(to.Tier), w.words(move.Cause, tiering, from, to))
	return move
}

// inForce returns the tier in force of a moment: that which is given, or else the computed one.
func (m *Moment) inForce(tiering string, computed *echelonv1.Assignment) InForce {
	if given, known := m.InForce[tiering]; known {
		return given
	}
	return InForce{Tier: tierIn(computed, tiering)}
}

func tierIn(a *echelonv1.Assignment, tiering string) *string {
	for _, t := range a.GetTiers() {
		if t.GetTiering() == tiering {
			return t.Tier
		}
	}
	return nil
}

func equal(a, b *string) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// cause returns the last step at which the computed tier changes; TIME where none does.
func (w *walk) cause(tiering string) echelonv1.Move_Cause {
	if w.steps == nil {
		w.make()
	}
	cause, at := echelonv1.Move_TIME, tierIn(w.old, tiering)
	for _, step := range w.steps {
		if next := tierIn(step.outcome, tiering); !equal(at, next) {
			cause, at = step.cause, next
		}
	}
	return cause
}

// make evaluates what lies in between. A step that a customer does not fit is left out: what it would have shown is the next one's.
func (w *walk) make() {
	add := func(cause echelonv1.Move_Cause, by Basis, customer *echelonv1.Customer, asOf time.Time) {
		if outcome, err := evaluateAt(by, customer, asOf); err == nil {
			w.steps = append(w.steps, walkStep{cause, outcome})
		}
	}
	add(echelonv1.Move_TIME, w.before.Basis, w.before.Customer, w.now.AsOf)
	add(echelonv1.Move_DATA, w.before.Basis, w.now.Customer, w.now.AsOf)
	last := echelonv1.Move_POPULATION
	if w.before.Scorer.program.fingerprint != w.now.Scorer.program.fingerprint {
		last = echelonv1.Move_MODEL
		if w.between != nil {
			add(echelonv1.Move_POPULATION, *w.between, w.now.Customer, w.now.AsOf)
		}
	}
	w.steps = append(w.steps, walkStep{last, w.new})
}

func (w *walk) words(cause echelonv1.Move_Cause, tiering string, from, to InForce) string {
	switch cause {
	case echelonv1.Move_OVERRIDE:
		switch {
		case from.Pinned && to.Pinned:
			return "since its override changed"
		case to.Pinned:
			return "since it was overridden"
		}
		return "since its override ended"
	case echelonv1.Move_DATA:
		return "since its own data changed"
	case echelonv1.Move_POPULATION:
		return "since the other customers moved the line"
	case echelonv1.Move_MODEL:
		return "since the model changed"
	}
	if equal(tierIn(w.old, tiering), tierIn(w.new, tiering)) {
		return "since a hold ended or began"
	}
	return "since time went by"
}

func orNone(tier *string) string {
	if tier == nil {
		return "no tier"
	}
	return *tier
}
