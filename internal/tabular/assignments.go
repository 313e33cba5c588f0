package tabular

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// AssignmentWriter writes assignments as a CSV file: the id, segment.<segmentation>, score.<score> and completeness.<score>, tier.<tiering>, all
// in declared order, and reason. Behind the tier of a tiering with exit rules or stability stands computed_tier.<tiering>, with stability then its
// StandingColumns, hold.<tiering> and held_until.<tiering>, and behind that of one that decides per family own.<tiering>, what a customer who inherits it computes by itself. Doubles are the shortest decimal that reads back; null is empty.
type AssignmentWriter struct {
	csv    *csv.Writer
	record []string
	// computed tells of each tiering whether its computed tiers are written too, perFamily whether it decides per family.
	computed, perFamily []bool
	// standings tells whether the tiering has stability.
	standings []bool
}

// StandingColumns returns the columns that say how customers came to be in the tiers of a tiering, in the order of the fields of a Standing.
func StandingColumns(tiering string) []string {
	var columns []string
	for _, name := range []string{"since", "promotions", "demotions", "other_moves", "pending_since"} {
		columns = append(columns, name+"."+tiering)
	}
	return columns
}

// TierColumn returns the column of a tiering's tiers in force.
func TierColumn(tiering string) string { return "tier." + tiering }

// NewAssignmentWriter writes the header. The model is the one that made the assignments. It fails with the error of out.
func NewAssignmentWriter(out io.Writer, idColumn string, model *echelonv1.Model) (*AssignmentWriter, error) {
	header := []string{idColumn}
	for _, s := range model.GetSegmentations() {
		header = append(header, "segment."+s.GetName())
	}
	for _, s := range model.GetScores() {
		header = append(header, "score."+s.GetName(), "completeness."+s.GetName())
	}
	w := &AssignmentWriter{csv: csv.NewWriter(out)}
	for _, t := range model.GetTierings() {
		header = append(header, TierColumn(t.GetName()))
		holds := t.GetStability() != nil || slices.ContainsFunc(t.GetLinear().GetTiers(), func(t *echelonv1.Tier) bool { return t.GetExit() != nil })
		if holds {
			header = append(header, "computed_tier."+t.GetName())
		}
		w.computed = append(w.computed, holds)
		w.standings = append(w.standings, t.GetStability() != nil)
		if t.GetStability() != nil {
			header = append(header, StandingColumns(t.GetName())...)
			header = append(header, "hold."+t.GetName(), "held_until."+t.GetName())
		}
		perFamily := t.GetDecidePer() == echelonv1.Tiering_FAMILY
		if perFamily {
			header = append(header, "own."+t.GetName())
		}
		w.perFamily = append(w.perFamily, perFamily)
	}
	return w, w.csv.Write(append(header, "reason"))
}

// Write writes an assignment, with its reasons in words. It fails with the error of out.
func (w *AssignmentWriter) Write(a *echelonv1.Assignment, reason string) error {
	w.record = append(w.record[:0], a.GetCustomerId())
	for _, s := range a.GetSegments() {
		w.record = append(w.record, s.GetSegment())
	}
	for _, s := range a.GetScores() {
		score := ""
		if s.Value != nil {
			score = frame.FormatNumber(s.GetValue())
		}
		w.record = append(w.record, score, frame.FormatNumber(s.GetCompleteness()))
	}
	for i, t := range a.GetTiers() {
		w.record = append(w.record, t.GetTier())
		switch {
		case !w.computed[i]:
		case t.ComputedTier != nil:
			w.record = append(w.record, t.GetComputedTier())
		default:
			w.record = append(w.record, t.GetTier())
		}
		if w.standings[i] {
			w.standing(t)
		}
		if w.perFamily[i] {
			w.record = append(w.record, t.GetOwnTier())
		}
	}
	w.record = append(w.record, reason)
	return w.csv.Write(w.record)
}

// standing writes how a customer came to be in its tier; zeros are empty.
func (w *AssignmentWriter) standing(t *echelonv1.TierOutcome) {
	number := func(n int32) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(int(n))
	}
	s, hold := t.GetStanding(), ""
	if t.GetHold() != echelonv1.Reason_UNSPECIFIED {
		hold = t.GetHold().String()
	}
	w.record = append(w.record, s.GetSince(), number(s.GetPromotions()), number(s.GetDemotions()), number(s.GetOtherMoves()), s.GetPendingSince(), hold, t.GetHeldUntil())
}

// Flush writes what is held back. It fails with the first error of out.
func (w *AssignmentWriter) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}
