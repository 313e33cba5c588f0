package briefing

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// census goes through the customers of a run once.
type census struct {
	report  *Report
	driving *Tiering
	// scores are the scores that the driving tiering reads.
	scores   []string
	samplers []*sampler
	held     *top[Held]
	unscored *top[Customer]
	gaps     map[string]int64
	// amounts are those of the model's population, and byTier sums them in those tiers of the driving tiering that have a rank.
	amounts []float64
	byTier  map[string]*CutLine
	// priced tells whether the model has an amount.
	priced bool
	read   int64
}

func newCensus(report *Report, model *echelonv1.Model, calibration *echelonv1.Calibration, limit int) *census {
	c := &census{
		report: report, driving: report.Driving(), gaps: map[string]int64{}, byTier: map[string]*CutLine{}, priced: model.GetAmount() != "",
		held:     newTop(limit, func(a, b Held) bool { return a.larger(b.Customer) || a.ID == b.ID && a.Tiering < b.Tiering }),
		unscored: newTop(limit, Customer.larger),
	}
	for _, tiering := range report.Tierings {
		if tiering.Matrix {
			report.Boxes = append(report.Boxes, boxOf(declaredOf(model, tiering.Name), tiering, calibration))
		}
	}
	for i := range report.Boxes {
		c.samplers = append(c.samplers, newSampler(&report.Boxes[i]))
	}
	if c.driving != nil {
		c.scores = scoresOf(declaredOf(model, c.driving.Name))
		for name := range ranksOf(model, c.driving.Name) {
			c.byTier[name] = &CutLine{Tier: name}
		}
	}
	return c
}

// add takes a customer.
func (c *census) add(a *echelonv1.Assignment) {
	c.read++
	amount := a.Amount
	if a.GetExcluded() {
		return
	}
	worth := 0.0
	if amount != nil {
		worth = max(*amount, 0)
		c.amounts = append(c.amounts, *amount)
	}
	for _, s := range c.samplers {
		s.add(a, worth)
	}
	customer := Customer{ID: a.GetCustomerId()}
	if amount != nil {
		customer.Amount = *amount
	}
	for _, outcome := range a.GetTiers() {
		if outcome.GetHold() != echelonv1.Reason_UNSPECIFIED || outcome.ComputedTier != nil {
			c.held.add(heldOf(customer, a, outcome))
		}
	}
	if c.driving == nil {
		return
	}
	outcome := outcomeOf(a, c.driving.Name)
	if outcome.Tier == nil {
		c.unscored.add(customer)
		c.lacks(a)
	} else if line := c.byTier[outcome.GetTier()]; line != nil && amount != nil {
		line.Customers++
		line.Amount += worth
	}
}

// heldOf tells of a customer who is not where the cuts alone would put it. The reason is the last that is of the tiering.
func heldOf(customer Customer, a *echelonv1.Assignment, outcome *echelonv1.TierOutcome) Held {
	held := Held{
		Customer: customer, Tiering: outcome.GetTiering(), Tier: outcome.GetTier(), Computed: outcome.GetTier(), Until: outcome.GetHeldUntil(),
		Why: holdWords(outcome.GetHold()),
	}
	if outcome.ComputedTier != nil {
		held.Computed = outcome.GetComputedTier()
	}
	for _, reason := range a.GetReasons() {
		if reason.GetItem() == "tiers."+outcome.GetTiering() && reason.GetCode() == outcome.GetHold() {
			held.Why = strings.TrimPrefix(reason.GetMessage(), reason.GetItem()+": ")
		}
	}
	return held
}

// lacks counts what a customer without a tier lacks, once each.
func (c *census) lacks(a *echelonv1.Assignment) {
	seen := map[string]bool{}
	for _, reason := range a.GetReasons() {
		if what := lackOf(reason); what != "" && slices.ContainsFunc(c.scores, func(score string) bool { return reason.GetItem() == "scores."+score }) {
			seen[what] = true
		}
	}
	if len(seen) == 0 {
		var code echelonv1.Reason_Code
		for _, reason := range a.GetReasons() {
			if reason.GetItem() == "tiers."+c.driving.Name {
				code = reason.GetCode()
			}
		}
		seen[withoutTier(code)] = true
	}
	for what := range seen {
		c.gaps[what]++
	}
}

// lackOf says what a reason misses; empty where it misses no attribute.
func lackOf(reason *echelonv1.Reason) string {
	switch attribute := reason.GetAttribute(); {
	case attribute == "":
		return ""
	case reason.GetCode() == echelonv1.Reason_MISSING:
		return attribute + " is missing"
	case reason.GetCode() == echelonv1.Reason_UNLISTED:
		return attribute + " has a value that the model does not list"
	case reason.GetCode() == echelonv1.Reason_UNREADABLE:
		return attribute + " cannot be read"
	}
	return ""
}

// finish gives the report what was found.
func (c *census) finish() {
	for _, s := range c.samplers {
		s.finish()
	}
	c.report.Held, c.report.Unscored = c.held.list(), c.unscored.list()
	for _, what := range slices.Sorted(maps.Keys(c.gaps)) {
		c.report.Gaps = append(c.report.Gaps, Gap{What: what, Customers: c.gaps[what]})
	}
	slices.SortStableFunc(c.report.Gaps, func(a, b Gap) int { return cmp.Compare(b.Customers, a.Customers) })
	if !c.priced {
		c.report.ConcentrationNote = "The model declares no amount, so there is no concentration to show."
		return
	}
	found := concentrationOf(c.amounts)
	if found == nil {
		c.report.ConcentrationNote = "The customers bring no amount, so there is no concentration to show."
		return
	}
	c.report.Concentration = found
	c.lines(found)
}

// lines puts onto a curve where the tiers of the driving tiering end. Personas have no order, and so no end.
func (c *census) lines(on *Concentration) {
	if len(c.byTier) == 0 {
		return
	}
	on.Tiering = c.driving.Name
	sum := CutLine{}
	for _, tier := range c.driving.Tiers {
		line := c.byTier[tier.Name]
		if line == nil {
			continue
		}
		sum = CutLine{Tier: tier.Name, Customers: sum.Customers + line.Customers, Amount: sum.Amount + line.Amount}
		on.Lines = append(on.Lines, sum)
	}
}
