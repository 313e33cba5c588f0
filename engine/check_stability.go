package engine

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/stability"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxStabilityDays is the longest dwell, grace and freeze: a hundred years.
const maxStabilityDays = 36525

// stability checks what is to hold customers in the tiers of a tiering.
func (c *checker) stability(path string, t *echelonv1.Tiering) {
	s := t.GetStability()
	if s == nil {
		return
	}
	if t.GetDecidePer() == echelonv1.Tiering_FAMILY {
		c.found.Mistakef(path, "remove it, or decide per CUSTOMER", "the tier of a family is that of its root, whoever of it moved: such a tiering has no stability")
	}
	if holdsNobody(s) {
		c.found.Mistakef(path, "write what holds customers, such as {demote_margin: 3, min_dwell_days: 180}", "the stability is empty: it holds nobody")
	}
	promote, demote := s.GetPromoteMargin(), s.GetDemoteMargin()
	c.within(diag.Field(path, "promote_margin"), &promote, 0, 100)
	c.within(diag.Field(path, "demote_margin"), &demote, 0, 100)
	c.days(diag.Field(path, "min_dwell_days"), s.GetMinDwellDays(), 0)
	c.days(diag.Field(path, "grace_days"), s.GetGraceDays(), 0)
	review := diag.Field(path, "review")
	c.windows(diag.Field(review, "windows"), s.GetReview().GetWindows())
	c.windows(diag.Field(review, "promotions"), s.GetReview().GetPromotions())
	c.windows(diag.Field(review, "demotions"), s.GetReview().GetDemotions())
	if freeze := s.GetFreeze(); freeze != nil {
		at := diag.Field(path, "freeze")
		c.given(diag.Field(at, "before"), freeze.GetBefore(), "write the date, such as the name of a DATE attribute")
		c.days(diag.Field(at, "days"), freeze.GetDays(), 1)
	}
	if limit := s.GetMaxMoves(); limit != nil {
		at := diag.Field(path, "max_moves")
		if limit.Count == nil && limit.Share == nil {
			c.found.Mistakef(at, "write count or share, such as {share: 0.02}", "the cap has no limit")
		}
		if limit.Count != nil && limit.GetCount() < 1 {
			c.found.Mistakef(diag.Field(at, "count"), "write how many may move, at least 1; to let nobody move, do not publish", "%d is less than 1", limit.GetCount())
		}
		c.share(diag.Field(at, "share"), limit.Share)
	}
	c.guard(diag.Field(path, "guard"), s.GetGuard(), t)
	if t.GetMatrix() != nil {
		c.ordered(path, s)
	}
	if t.GetTable() == nil {
		return
	}
	for _, margin := range []struct {
		name   string
		points float64
	}{{"promote_margin", promote}, {"demote_margin", demote}} {
		if margin.points != 0 {
			c.found.Mistakef(diag.Field(path, margin.name), "remove it, or cut a score in a ladder", "a table has no lines: a margin would hold nobody")
		}
	}
}

// holdsNobody reports whether nothing of a stability block can hold anybody or watches anything.
func holdsNobody(s *echelonv1.Stability) bool {
	rest := proto.CloneOf(s)
	if rest.GetReview() != nil {
		rest.Review.Every = echelonv1.Review_YEAR
		if proto.Size(rest.GetReview()) == 0 {
			rest.Review = nil
		}
	}
	return proto.Size(rest) == 0
}

// days finds a mistake where a count of days is too small or too large.
func (c *checker) days(path string, days, least int32) {
	if days < least || days > maxStabilityDays {
		c.found.Mistakef(path, "write whole days", "%d lies outside %d to %d", days, least, maxStabilityDays)
	}
}

func (c *checker) windows(path string, windows []*echelonv1.Review_Window) {
	for i, w := range windows {
		at := diag.Index(path, i)
		if (len(w.GetMonths()) > 0) == (w.GetFrom() != "" || w.GetTo() != "") {
			c.found.Mistakef(at, "write months, or from and to: {months: [1]} or {from: 01-01, to: 01-15}", "a window is either months or the days between two")
			continue
		}
		for k, month := range w.GetMonths() {
			if month < 1 || month > 12 {
				c.found.Mistakef(diag.Index(diag.Field(at, "months"), k), "write 1 for January to 12 for December", "there is no month %d", month)
			}
		}
		if len(w.GetMonths()) > 0 {
			continue
		}
		for _, end := range []struct{ name, text string }{{"from", w.GetFrom()}, {"to", w.GetTo()}} {
			if _, known := stability.MonthDay(end.text); !known {
				c.found.Mistakef(diag.Field(at, end.name), "write month and day, such as 01-31", "%s is no day of the year", frame.Quote(end.text))
			}
		}
	}
}

func (c *checker) guard(path string, guard *echelonv1.Guard, of *echelonv1.Tiering) {
	if guard == nil {
		return
	}
	if guard.MaxPromotedShare == nil && len(guard.GetCapacity()) == 0 {
		c.found.Mistakef(path, "write max_promoted_share or capacity", "the guard watches nothing")
	}
	c.share(diag.Field(path, "max_promoted_share"), guard.MaxPromotedShare)
	first := make(map[string]int)
	var names []string
	for _, t := range of.GetLinear().GetTiers() {
		names = append(names, t.GetName())
	}
	for _, t := range of.GetTable().GetTiers() {
		names = append(names, t.GetName())
	}
	for i, room := range guard.GetCapacity() {
		at := diag.Index(diag.Field(path, "capacity"), i)
		c.unique(diag.Field(at, "tier"), first, room.GetTier(), i, diag.Field(path, "capacity"))
		if !slices.Contains(names, room.GetTier()) {
			remedy := diag.DidYouMean(room.GetTier(), names)
			if remedy == "" {
				remedy = "name a tier of this tiering"
			}
			c.found.Mistakef(diag.Field(at, "tier"), remedy, "there is no tier %q", room.GetTier())
		}
		if room.GetCustomers() < 1 {
			c.found.Mistakef(diag.Field(at, "customers"), "write how many customers it has room for", "%d is less than 1", room.GetCustomers())
		}
	}
}

// ordered finds what needs an order of the outcomes, which personas do not have.
func (c *checker) ordered(path string, s *echelonv1.Stability) {
	for _, field := range []struct {
		path  string
		given bool
	}{
		{"review.promotions", len(s.GetReview().GetPromotions()) > 0},
		{"review.demotions", len(s.GetReview().GetDemotions()) > 0},
		{"demote_one_tier", s.GetDemoteOneTier()},
		{"grace_days", s.GetGraceDays() != 0},
		{"guard", s.GetGuard() != nil},
	} {
		if field.given {
			c.found.Mistakef(diag.Field(path, field.path), "remove it; in a matrix every change is a move of one kind", "personas have no order: none is a promotion, or a demotion, from another")
		}
	}
}

// lintStability finds margins that nobody is held by.
func lintStability(path string, t *echelonv1.Tiering, found *diag.List) {
	tiers := t.GetLinear().GetTiers()
	if t.GetStability().GetDemoteMargin() == 0 || len(tiers) < 2 {
		return
	}
	if !slices.ContainsFunc(tiers[:len(tiers)-1], func(t *echelonv1.Tier) bool { return t.GetExit() == nil }) {
		found.Warnf(diag.Field(path, "stability.demote_margin"), "remove it, or the exit rules", "the demote_margin holds nobody: every tier has an exit rule, which says who leaves it")
	}
}
