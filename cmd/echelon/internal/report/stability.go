package report

import (
	"fmt"
	"io"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// holds writes what decides in place of the computed tiers, where something does beside exit rules, which the table tells.
func holds(w io.Writer, list []*echelonv1.HoldCount) error {
	if len(list) == 0 || len(list) == 1 && list[0].GetHold() == echelonv1.Reason_HELD_BY_EXIT_RULE {
		return nil
	}
	var parts []string
	for _, one := range list {
		parts = append(parts, fmt.Sprintf("%s %s", Count(one.GetCustomers()), one.GetHold()))
	}
	_, err := fmt.Fprintf(w, "%sholds   %s\n", indent, strings.Join(parts, ", "))
	return err
}

// review writes the moves of the review period.
func review(w io.Writer, r *echelonv1.ReviewCount) error {
	if r == nil {
		return nil
	}
	parts := []string{fmt.Sprintf("%s up, %s down", Count(r.GetPromotions()), Count(r.GetDemotions()))}
	if r.GetOtherMoves() > 0 {
		parts = append(parts, Count(r.GetOtherMoves())+" otherwise")
	}
	if r.MaxMoves != nil {
		parts = append(parts, fmt.Sprintf("%s of %s moves spent", Count(r.GetPromotions()+r.GetDemotions()+r.GetOtherMoves()), Count(r.GetMaxMoves())))
	}
	if r.MaxPromotions != nil {
		parts = append(parts, fmt.Sprintf("the guard allows %s up", Count(r.GetMaxPromotions())))
	}
	for _, room := range r.GetCapacity() {
		parts = append(parts, fmt.Sprintf("%s uses %s of its room for %s", plain(room.GetTier()), Share(float64(room.GetCustomers()), float64(room.GetRoom())), Count(room.GetRoom())))
	}
	_, err := fmt.Fprintf(w, "%sreview  %s to %s: %s\n", indent, r.GetFrom(), r.GetTo(), strings.Join(parts, "; "))
	return err
}

// heldBy says what decides in place of the computed tier; empty where that is in force.
func heldBy(t *echelonv1.TierOutcome) string {
	verb := "held"
	if t.GetHold() == echelonv1.Reason_OVERRIDE {
		verb = "pinned"
	} else if t.ComputedTier == nil {
		return ""
	}
	if t.GetHeldUntil() != "" {
		verb += " until " + t.GetHeldUntil()
	}
	if t.ComputedTier == nil {
		return verb
	}
	return verb + ", computed " + orNone(t.GetComputedTier())
}
