package stability

import (
	"fmt"
	"slices"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Ladder is what holds customers in the tiers of a ladder. It is immutable.
type Ladder struct {
	item, score string
	tiers       []*echelonv1.Tier
	// exits are the exit rules of the tiers, nil where one has none.
	exits []*exit
}

// NewLadder returns what holds customers in the tiers of a checked ladder, whose exit rules' expressions are compiled, one entry a tier; nil where
// nothing does.
func NewLadder(declared *echelonv1.Tiering, exprs []ExitExprs) *Ladder {
	linear := declared.GetLinear()
	l := &Ladder{item: "tiers." + declared.GetName(), score: linear.GetScore(), tiers: linear.GetTiers()}
	held := false
	for i, tier := range l.tiers {
		l.exits = append(l.exits, newExit(tier.GetExit(), exprs[i]))
		held = held || tier.GetExit() != nil
	}
	if !held {
		return nil
	}
	return l
}

const none = -1

// Outcome is which tiers are in force for a batch.
type Outcome struct {
	ladder *Ladder
	score  *frame.Column
	// left are the places of the tiers that rows were in and would leave for a worse one, or none.
	left     []int
	readings []*reading
	// Column has the tier in force of each row, as the computed column has them.
	Column frame.Column
	// Held is the set of rows whose tier in force is not the computed one.
	Held frame.Bitmap
}

// Eval decides which tiers are in force. Score is the column of the ladder's score, computed that of the tiers that the cuts give, whose dictionary
// begins with the ladder's tiers, and previous that of the tiers which were in force before, as texts; it is nil where nobody was in any.
func (l *Ladder) Eval(scope *expr.Scope, score, computed, previous *frame.Column, reasons *reason.Table) *Outcome {
	out := &Outcome{ladder: l, score: score, Column: *computed, Held: frame.NewBitmap(scope.Rows), readings: make([]*reading, len(l.exits))}
	if previous == nil {
		return out
	}
	out.left = make([]int, scope.Rows)
	out.Column.Codes = slices.Clone(computed.Codes)
	places := l.places(previous.Dict)
	for row := range scope.Rows {
		out.left[row] = none
		if !previous.Valid.Get(row) || !computed.Valid.Get(row) || !score.Valid.Get(row) {
			continue
		}
		from, to := places[previous.Codes[row]], int(computed.Codes[row])
		if from == none || !l.worse(to, from) || l.exits[from] == nil {
			continue
		}
		out.left[row] = from
		if out.readings[from] == nil {
			out.readings[from] = l.exits[from].read(scope)
		}
		if v, cause := l.exits[from].judge(out.readings[from], score.Numbers[row], row); v != leaves {
			out.Held.Set(row, true)
			out.Column.Codes[row] = uint32(from)
			reasons.Add(row, l.reason(from, to, cause))
		}
	}
	return out
}

// places returns the places of tiers by their names, none for what is no tier of the ladder any more.
func (l *Ladder) places(names []string) []int {
	list := make([]int, len(names))
	for i, name := range names {
		list[i] = slices.IndexFunc(l.tiers, func(t *echelonv1.Tier) bool { return t.GetName() == name })
	}
	return list
}

// worse reports whether a tier of the ladder is worse than another: it comes later, and is not of the same level. The onboarding tier, which comes
// after all, stands beside the ladder.
func (l *Ladder) worse(tier, than int) bool {
	if tier <= than || tier >= len(l.tiers) {
		return false
	}
	return l.tiers[tier].Level == nil || l.tiers[tier].GetLevel() > l.tiers[than].GetLevel()
}

// reason says why a row stays in a tier.
func (l *Ladder) reason(in, computed int, cause expr.Cause) reason.Reason {
	r := reason.Reason{Code: echelonv1.Reason_HELD_BY_EXIT_RULE, Item: l.item, Part: l.tiers[in].GetName(), Attribute: cause.Missing}
	why := "does not hold: " + short(l.exits[in].words(l.score))
	if cause != (expr.Cause{}) {
		why = "cannot be read: " + cause.String()
	}
	r.Message = fmt.Sprintf("%s: stays in %s, and not in %s, since the exit rule of %s %s", l.item, r.Part, l.tiers[computed].GetName(), r.Part, why)
	return r
}

// Explain returns how a row stood to the exit rule of the tier that it was in; nil where it had nothing to leave.
func (o *Outcome) Explain(row int) *echelonv1.CutExplanation {
	if o.left == nil || o.left[row] == none {
		return nil
	}
	l, from := o.ladder, o.left[row]
	return l.exits[from].explain(l.item, l.tiers[from].GetName(), l.score, o.readings[from], o.score.Numbers[row], row)
}
