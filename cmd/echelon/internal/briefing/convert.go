package briefing

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// amountOf says what the amounts of a model are; of an expression the unit is the base of the model's currency, where it converts.
func amountOf(model *echelonv1.Model) Amount {
	amount := Amount{Name: model.GetAmount()}
	if amount.Name == "" {
		return amount
	}
	for _, attribute := range model.GetAttributes() {
		if attribute.GetName() == amount.Name {
			amount.Unit, amount.Description = attribute.GetUnit(), attribute.GetDescription()
			return amount
		}
	}
	amount.Unit = model.GetCurrency().GetBase()
	return amount
}

func balanceOf(b *echelonv1.Balance) Balance {
	return Balance{
		Customers: b.GetCustomers(), Tiered: b.GetTiered(), Unscored: b.GetUnscored(), Excluded: b.GetExcluded(), Refused: b.GetRefused(),
		Amount: b.GetAmountIn(), ExcludedAmount: b.GetExcludedAmount(),
	}
}

// tieringOf makes the table of a tiering, with what its tiers get.
func tieringOf(table *echelonv1.TierTable, model *echelonv1.Model) Tiering {
	declared := declaredOf(model, table.GetTiering())
	out := Tiering{
		Name: table.GetTiering(), Matrix: declared.GetMatrix() != nil, Drives: declared.GetDrivesCoverage(), Unscored: table.GetUnscored(),
		UnscoredAmount: table.GetUnscoredAmount(), Customers: table.GetUnscored(), Amount: table.GetUnscoredAmount(), Review: reviewOf(table.GetReview()),
	}
	engagements := engagementsOf(declared)
	for _, tier := range table.GetTiers() {
		row := Tier{
			Name: tier.GetTier(), Engagement: engagements[tier.GetTier()], Customers: tier.GetCustomers(), Amount: tier.GetAmount(), Held: tier.GetHeld(),
		}
		if i := slices.IndexFunc(model.GetEngagements(), func(e *echelonv1.Engagement) bool { return e.GetName() == row.Engagement }); i >= 0 {
			row.Promise = model.GetEngagements()[i].GetDescription()
		}
		out.Tiers = append(out.Tiers, row)
		out.Customers, out.Amount, out.Held = out.Customers+row.Customers, out.Amount+row.Amount, out.Held+row.Held
	}
	for _, hold := range table.GetHolds() {
		out.Holds = append(out.Holds, HoldCount{Hold: hold.GetHold().String(), Words: holdWords(hold.GetHold()), Customers: hold.GetCustomers()})
	}
	return out
}

func declaredOf(model *echelonv1.Model, tiering string) *echelonv1.Tiering {
	for _, t := range model.GetTierings() {
		if t.GetName() == tiering {
			return t
		}
	}
	return nil
}

// engagementsOf returns the engagement of each tier or persona that has one.
func engagementsOf(t *echelonv1.Tiering) map[string]string {
	of := map[string]string{}
	for _, tier := range t.GetLinear().GetTiers() {
		of[tier.GetName()] = tier.GetEngagement()
	}
	for _, cell := range t.GetMatrix().GetCells() {
		of[cell.GetName()] = cell.GetEngagement()
	}
	for _, tier := range t.GetTable().GetTiers() {
		of[tier.GetName()] = tier.GetEngagement()
	}
	if onboarding := t.GetLinear().GetOnboarding(); onboarding != nil {
		of[onboarding.GetTier()] = onboarding.GetEngagement()
	}
	return of
}

// ranksOf returns how tiers rank, from 1, the best: by their levels, or else by their places. Personas and the tier of newcomers have no rank.
func ranksOf(model *echelonv1.Model, tiering string) map[string]int32 {
	ranks, declared := map[string]int32{}, declaredOf(model, tiering)
	rank := func(place int, name string, level int32) {
		if ranks[name] = level; level == 0 {
			ranks[name] = int32(place) + 1
		}
	}
	for i, tier := range declared.GetLinear().GetTiers() {
		rank(i, tier.GetName(), tier.GetLevel())
	}
	for i, tier := range declared.GetTable().GetTiers() {
		rank(i, tier.GetName(), tier.GetLevel())
	}
	return ranks
}

// scoresOf returns the scores that a tiering reads.
func scoresOf(t *echelonv1.Tiering) []string {
	scores := []string{t.GetLinear().GetScore(), t.GetMatrix().GetX().GetScore(), t.GetMatrix().GetY().GetScore()}
	for _, row := range t.GetTable().GetRows() {
		for _, condition := range row.GetWhen() {
			scores = append(scores, condition.GetScore())
		}
	}
	return scores
}

// withoutTier says why a customer has no tier, by the reason of its tiering.
func withoutTier(code echelonv1.Reason_Code) string {
	switch code {
	case echelonv1.Reason_NO_ROW:
		return "no row of the table is about them"
	case echelonv1.Reason_NO_SEGMENT:
		return "they have no segment, and the ladder has its cuts by segment"
	case echelonv1.Reason_NO_PERSONA:
		return "their cell of the matrix has no persona"
	case echelonv1.Reason_INHERITED:
		return "the root of their family has no tier"
	}
	return "their scores cannot be told"
}

func reviewOf(r *echelonv1.ReviewCount) *Review {
	if r == nil {
		return nil
	}
	out := &Review{From: r.GetFrom(), To: r.GetTo(), Promotions: r.GetPromotions(), Demotions: r.GetDemotions(), Other: r.GetOtherMoves()}
	if r.MaxMoves != nil {
		out.Limits = append(out.Limits, fmt.Sprintf("%s of %s moves are spent", count(r.GetPromotions()+r.GetDemotions()+r.GetOtherMoves()), count(r.GetMaxMoves())))
	}
	if r.MaxPromotions != nil {
		out.Limits = append(out.Limits, fmt.Sprintf("the guard against inflation allows %s promotions", count(r.GetMaxPromotions())))
	}
	for _, room := range r.GetCapacity() {
		out.Limits = append(out.Limits, fmt.Sprintf("%s has %s customers and room for %s", room.GetTier(), count(room.GetCustomers()), count(room.GetRoom())))
	}
	return out
}

// holdWords says what holds a customer where it is, for who never saw the code.
func holdWords(code echelonv1.Reason_Code) string {
	switch code {
	case echelonv1.Reason_OVERRIDE:
		return "A person pinned the outcome"
	case echelonv1.Reason_HELD_BY_EXIT_RULE:
		return "The exit rule of the better tier does not hold yet"
	case echelonv1.Reason_HELD_BY_FREEZE:
		return "Demotions are frozen before a date, such as a renewal"
	case echelonv1.Reason_HELD_BY_DWELL:
		return "It has not been long enough in its tier"
	case echelonv1.Reason_HELD_BY_MARGIN:
		return "The score is past the line, but not by the margin"
	case echelonv1.Reason_HELD_BY_WINDOW:
		return "No review window is open"
	case echelonv1.Reason_HELD_BY_GRACE:
		return "The demotion is announced and takes effect later"
	case echelonv1.Reason_HELD_BY_STEP:
		return "It falls by one tier a review period"
	case echelonv1.Reason_HELD_BY_CAP:
		return "The moves of the review period are spent on clearer cases"
	case echelonv1.Reason_PENDING_RUN:
		return "Only a run can tell whether it may move"
	case echelonv1.Reason_INHERITED:
		return "The root of its family decides"
	}
	return code.String()
}

func findingOf(f *echelonv1.Finding) Finding {
	return Finding{Path: f.GetPath(), Message: f.GetMessage(), Remedy: f.GetRemedy()}
}

func overrideOf(o *echelonv1.Override) Override {
	return Override{
		Customer: Customer{ID: o.GetCustomerId()}, Item: o.GetItem(), Pinned: o.GetPinned(), Computed: o.GetComputed(), Stale: o.GetStale(),
		Until: day(o.GetExpireTime()), Actor: o.GetActor(), Reason: o.GetReason(),
	}
}

// day writes the day of an instant, in UTC; nothing where there is none.
func day(at *timestamppb.Timestamp) string {
	if at == nil {
		return ""
	}
	return at.AsTime().Format(time.DateOnly)
}

// count writes a count with thousands separators.
func count(n int64) string { return grouped(strconv.FormatInt(n, 10)) }

// grouped puts commas into the digits of a whole number.
func grouped(digits string) string {
	if len(digits) > 0 && digits[0] == '-' {
		return "-" + grouped(digits[1:])
	}
	if len(digits) <= 3 {
		return digits
	}
	return grouped(digits[:len(digits)-3]) + "," + digits[len(digits)-3:]
}
