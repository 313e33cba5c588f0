package report

import (
	"fmt"
	"io"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Assignment writes a customer's segments, scores and tiers, with the reasons.
func Assignment(w io.Writer, a *echelonv1.Assignment) error {
	if err := heading(w, a); err != nil {
		return err
	}
	t := newTable("llrr", "of", "segment or tier", "score", "completeness")
	for _, s := range a.GetSegments() {
		t.add("segment "+s.GetSegmentation(), orNone(s.GetSegment()), "", "")
	}
	for _, s := range a.GetScores() {
		t.add("score "+s.GetScore(), "", points(s.Value), Percent(100*s.GetCompleteness()))
	}
	for _, tier := range a.GetTiers() {
		name := orNone(tier.GetTier())
		if text := heldBy(tier); text != "" {
			name += " (" + text + ")"
		}
		if tier.GetInherited() {
			name += " (inherited; its own: " + orNone(tier.GetOwnTier()) + ")"
		}
		t.add("tier "+tier.GetTiering(), name, "", "")
	}
	for _, rep := range a.GetReps() {
		t.add("rep "+rep.GetRole(), rep.GetRep(), "", "")
	}
	if err := section(w, "outcome", t); err != nil {
		return err
	}
	return reasons(w, a.GetReasons())
}

// heading writes whose assignment it is, and what made it.
func heading(w io.Writer, a *echelonv1.Assignment) error {
	by := a.GetProvenance()
	t := newTable("ll", "customer", a.GetCustomerId())
	t.add("model", fmt.Sprintf("%s version %d", by.GetModel(), by.GetModelVersion()))
	t.add("calibration", orNone(by.GetCalibrationId()))
	if by.GetRunId() != "" {
		run := by.GetRunId()
		if by.GetOnline() {
			run += ", and evaluated since"
		}
		t.add("run", run)
	}
	t.add("as of", Time(by.GetAsOf()))
	if a.GetStale() {
		t.add("stale", "the customer was written after it was evaluated: the next run may decide otherwise")
	}
	if err := t.write(w); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

func points(x *float64) string {
	if x == nil {
		return none
	}
	return Score(*x)
}

func reasons(w io.Writer, list []*echelonv1.Reason) error {
	if len(list) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(w, "reasons"); err != nil {
		return err
	}
	for _, r := range list {
		if _, err := fmt.Fprintln(w, indent+plain(r.GetMessage())); err != nil {
			return err
		}
	}
	return nil
}
