package engine

import (
	"fmt"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// GuardStops returns what those guards find that let no run be published that is beyond their limits.
func (p *Program) GuardStops(summary *echelonv1.Summary) []*echelonv1.Finding {
	return p.guardFindings(summary, (*echelonv1.Guard).GetStopPublishing)
}

// GuardFindings returns what the guards of the model's tierings find in the tables of a result: more promotions in the review period than they allow,
// and tiers that have more customers than room.
func (p *Program) GuardFindings(summary *echelonv1.Summary) []*echelonv1.Finding {
	return p.guardFindings(summary, func(*echelonv1.Guard) bool { return true })
}

func (p *Program) guardFindings(summary *echelonv1.Summary, wanted func(*echelonv1.Guard) bool) []*echelonv1.Finding {
	var found []*echelonv1.Finding
	warn := func(path, remedy, format string, values ...any) {
		found = append(found, &echelonv1.Finding{
			Severity: echelonv1.Finding_WARNING, Path: path, Message: fmt.Sprintf(format, values...), Remedy: remedy,
		})
	}
	for i, table := range summary.GetTierings() {
		guard, review := p.model.GetTierings()[i].GetStability().GetGuard(), table.GetReview()
		if guard == nil || review == nil || !wanted(guard) {
			continue
		}
		path := fmt.Sprintf("tierings[%d].stability.guard", i)
		if review.MaxPromotions != nil && review.GetPromotions() > review.GetMaxPromotions() {
			warn(path+".max_promoted_share", "raise the lines, or let the guard stop", "%d customers were promoted from %s to %s, more than the %d that %s %% of %d are",
				review.GetPromotions(), review.GetFrom(), review.GetTo(), review.GetMaxPromotions(), frame.FormatNumber(100*guard.GetMaxPromotedShare()), review.GetCustomers())
		}
		for k, room := range review.GetCapacity() {
			if room.GetCustomers() > room.GetRoom() {
				warn(fmt.Sprintf("%s.capacity[%d]", path, k), "raise the line of the tier, or its room", "the tier %q has %d customers, and room for %d",
					room.GetTier(), room.GetCustomers(), room.GetRoom())
			}
		}
	}
	return found
}
