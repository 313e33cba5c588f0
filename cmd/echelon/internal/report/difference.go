package report

import (
	"fmt"
	"io"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Explained writes every step to an assignment, and what differs from the previous one.
func Explained(w io.Writer, e *echelonv1.ExplainAssignmentResponse) error {
	if err := Explanation(w, e.GetAssignment(), e.GetExplained()); err != nil {
		return err
	}
	if e.GetDifference() != nil {
		if err := difference(w, e.GetPrevious(), e.GetDifference()); err != nil {
			return err
		}
	}
	for _, note := range e.GetNotes() {
		if _, err := fmt.Fprintf(w, "\nnote: %s\n", plain(note)); err != nil {
			return err
		}
	}
	return nil
}

func difference(w io.Writer, previous *echelonv1.Assignment, d *echelonv1.Difference) error {
	if _, err := fmt.Fprintf(w, "\nsince %s\n", source(previous.GetProvenance())); err != nil {
		return err
	}
	for _, m := range d.GetMoves() {
		if _, err := fmt.Fprintf(w, "%s%s\n", indent, plain(m.GetMessage())); err != nil {
			return err
		}
	}
	if len(d.GetMoves()) == 0 {
		if _, err := fmt.Fprintf(w, "%sthe customer is where it was\n", indent); err != nil {
			return err
		}
	}
	for _, s := range d.GetScores() {
		if err := scoreDifference(w, s); err != nil {
			return err
		}
	}
	return nil
}

func scoreDifference(w io.Writer, s *echelonv1.ScoreDifference) error {
	title := fmt.Sprintf("score %s: %s → %s", s.GetScore(), points(s.From), points(s.To))
	var parts []string
	for _, c := range s.GetCauses() {
		cause := Cause(c.GetCause())
		if c.GetWithTime() {
			cause += " and time"
		}
		parts = append(parts, fmt.Sprintf("%+.1f by %s", c.GetPoints(), cause))
	}
	if len(parts) > 0 {
		title += ", " + strings.Join(parts, ", ")
	}
	if _, err := fmt.Fprintf(w, "%s%s\n", indent, plain(title)); err != nil {
		return err
	}
	for _, c := range s.GetCriteria() {
		if _, err := fmt.Fprintf(w, "%s%s%s\n", indent, indent, plain(c.GetMessage())); err != nil {
			return err
		}
	}
	return nil
}
