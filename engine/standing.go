package engine

import (
	"fmt"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/stability"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// standing tells how a customer came to be in its tier, and what holds it there.
func (r *Result) standing(tiering, i int, to *echelonv1.TierOutcome) {
	to.Hold = r.hold(tiering, i)
	standings := r.Standings[tiering]
	if standings == nil {
		return
	}
	to.HeldUntil = stability.Day(standings.Until[i])
	if r.Program.HasStandings(tiering) && standings.Since[i] != 0 {
		to.Standing = standings.Of(i)
	}
}

// hold returns what decides in place of a customer's computed tier; UNSPECIFIED where that is in force.
func (r *Result) hold(tiering, i int) echelonv1.Reason_Code {
	if standings := r.Standings[tiering]; standings != nil && standings.Holds[i] != 0 {
		return echelonv1.Reason_Code(standings.Holds[i])
	}
	if r.held(tiering, i) {
		return echelonv1.Reason_HELD_BY_EXIT_RULE // of a tiering that has nothing else
	}
	return echelonv1.Reason_UNSPECIFIED
}

// computedSegments returns the column of the segments that the rules give; nil where they are those in force.
func (r *Result) computedSegments(segmentation int) *frame.Column {
	if segmentation >= len(r.ComputedSegments) {
		return nil
	}
	return r.ComputedSegments[segmentation]
}

// setStanding sets how a customer came to be in its tier.
func (r *Result) setStanding(tiering, row int, t *echelonv1.TierOutcome) error {
	standings := r.Standings[tiering]
	if standings == nil {
		return nil
	}
	if err := standings.Set(row, t.GetStanding()); err != nil {
		return fmt.Errorf("the assignment of customer %q: the standing in %s: %w", r.IDs[row], t.GetTiering(), err)
	}
	standings.Holds[row] = uint32(t.GetHold())
	if t.GetHeldUntil() == "" {
		return nil
	}
	until, err := frame.ParseDate(t.GetHeldUntil())
	standings.Until[row] = int32(until)
	return err
}

// StandingsOf returns, for each tiering, how customers came to be in the tiers that they bring along; nil for those that do not look at it. A standing that
// cannot be read was refused with its customer.
func (p *Program) StandingsOf(customers []*echelonv1.Customer) []*stability.Standings {
	all := make([]*stability.Standings, len(p.tierings))
	for i, t := range p.tierings {
		if !p.HasStandings(i) {
			continue
		}
		for row, customer := range customers {
			given := customer.GetPreviousStandings()[t.name]
			if given == nil {
				continue
			}
			if all[i] == nil {
				all[i] = stability.NewStandings(len(customers))
			}
			_ = all[i].Set(row, given) // it was checked when the customer came in
		}
	}
	return all
}

// Census counts what caps are about over all customers of a run, before any moves.
type Census struct {
	program  *Program
	tierings []*stability.Census
}

// NewCensus returns an empty one of a calendar day, as Program.Day gives it.
func (p *Program) NewCensus(day int64) *Census {
	c := &Census{program: p, tierings: make([]*stability.Census, len(p.tierings))}
	for i, t := range p.tierings {
		if p.HasStandings(i) {
			c.tierings[i] = t.stable.NewCensus(day)
		}
	}
	return c
}

// Add counts a result that was made without admissions.
func (c *Census) Add(r *Result) {
	c.count(r)
	for i, census := range c.tierings {
		if census != nil {
			census.Propose(r.IDs, r.candidates[i])
		}
	}
}

// count counts a result without the candidates of its caps.
func (c *Census) count(r *Result) {
	for i, census := range c.tierings {
		if census != nil {
			census.Add(r.settled(i), r.Standings[i])
		}
	}
}

// settled returns the column of the tiers that would be in force without overrides.
func (r *Result) settled(tiering int) *frame.Column {
	if r.Settled[tiering] != nil {
		return r.Settled[tiering]
	}
	return r.Tiers[tiering]
}

// Admissions returns the moves that the caps admit, for Options.Admissions.
func (c *Census) Admissions() []*stability.Admission {
	all := make([]*stability.Admission, len(c.tierings))
	for i, census := range c.tierings {
		if census != nil {
			all[i] = census.Admit()
		}
	}
	return all
}
