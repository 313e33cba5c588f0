package engine

import (
	"fmt"
	"math"
	"slices"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/tier"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// capacities checks the cuts of a ladder that take customers as long as reps can cover them.
func (c *checker) capacities(path string, l *echelonv1.Tiering_Linear) {
	for i, t := range l.GetTiers() {
		at := diag.Index(diag.Field(path, "tiers"), i)
		c.capacityOf(diag.Field(at, "cut.capacity"), l, t, t.GetCut().GetCapacity())
		for k, one := range t.GetCut().GetAny() {
			c.capacityOf(fmt.Sprintf("%s.cut.any[%d].capacity", at, k), l, t, one.GetCapacity())
		}
	}
	for i, segment := range l.GetPerSegment() {
		for k, t := range segment.GetTiers() {
			at := fmt.Sprintf("%s.per_segment[%d].tiers[%d].cut.capacity", path, i, k)
			c.capacityOf(at, l, nil, t.GetCut().GetCapacity())
		}
	}
}

// capacityOf checks one such cut, of a tier of a ladder.
func (c *checker) capacityOf(path string, l *echelonv1.Tiering_Linear, t *echelonv1.Tier, cut *echelonv1.CapacityCut) {
	switch {
	case cut == nil:
		return
	case l.GetBy() != "":
		c.found.Mistakef(path, "write top_count or top_share here, or leave out `by`",
			"the reps of an engagement cover customers of all segments, and with `by` each segment counts its own alone")
		return
	case t.GetEngagement() == "":
		c.found.Mistakef(path, "name the tier's engagement, whose reps cover it", "the tier has no engagement, and so no capacity")
		return
	}
	roles := staffed(c.model, t.GetEngagement())
	role := roleOf(c.model, t.GetEngagement(), cut)
	switch {
	case role == nil && cut.GetRole() == "" && len(roles) > 1:
		c.found.Mistakef(diag.Field(path, "role"), "name one: "+quoted(roles, "or"), "the engagement %q has several roles with reps", t.GetEngagement())
	case role == nil && cut.GetRole() == "":
		c.found.Mistakef(path, "write the role's reps and capacity", "no role of the engagement %q says how many reps it has and what one can cover", t.GetEngagement())
	case role == nil:
		c.found.Mistakef(diag.Field(path, "role"), orElse(diag.DidYouMean(cut.GetRole(), roles), "write the role's reps and capacity"),
			"the engagement %q has no role %q with reps and a capacity", t.GetEngagement(), cut.GetRole())
	case role.GetCapacity().GetDriver() == echelonv1.Capacity_ACCOUNTS && cut.GetOf() != "":
		c.found.Mistakef(diag.Field(path, "of"), "remove it, or count HOURS or AMOUNT", "the capacity of %q counts customers, each as 1", role.GetRole())
	case role.GetCapacity().GetDriver() != echelonv1.Capacity_ACCOUNTS && takenUp(c.model, role, cut) == "":
		c.found.Mistakef(diag.Field(path, "of"), "write what a customer takes, such as the name of an attribute",
			"the capacity of %q is %s, and nothing says how many a customer takes", role.GetRole(), role.GetCapacity().GetDriver())
	}
}

// reps checks how many reps a role has.
func (c *checker) reps(path string, role *echelonv1.Role) {
	if reps := role.Reps; reps != nil && (!(*reps > 0) || math.IsInf(*reps, 0)) {
		c.found.Mistakef(diag.Field(path, "reps"), "write how many there are, or leave it out", "%s is not above 0", frame.FormatNumber(*reps))
	}
}

// staffed returns the roles of an engagement that have reps and a capacity.
func staffed(model *echelonv1.Model, engagement string) []string {
	var names []string
	for _, e := range model.GetEngagements() {
		for _, role := range e.GetRoles() {
			if e.GetName() == engagement && role.Reps != nil && role.GetCapacity() != nil {
				names = append(names, role.GetRole())
			}
		}
	}
	return names
}

// roleOf returns the role whose capacity a cut takes; nil where there is none, or several and none is named.
func roleOf(model *echelonv1.Model, engagement string, cut *echelonv1.CapacityCut) *echelonv1.Role {
	roles, name := staffed(model, engagement), cut.GetRole()
	if name == "" && len(roles) == 1 {
		name = roles[0]
	}
	if !slices.Contains(roles, name) {
		return nil
	}
	for _, e := range model.GetEngagements() {
		for _, role := range e.GetRoles() {
			if e.GetName() == engagement && role.GetRole() == name {
				return role
			}
		}
	}
	return nil
}

// takenUp returns the expression of what a customer takes of a role's capacity; "" where customers are counted, or it is not said.
func takenUp(model *echelonv1.Model, role *echelonv1.Role, cut *echelonv1.CapacityCut) string {
	if cut.GetOf() == "" && role.GetCapacity().GetDriver() == echelonv1.Capacity_AMOUNT {
		return model.GetAmount()
	}
	return cut.GetOf()
}

// capacityText returns the expression of a tier's cut, or of one of its any, that says what a customer takes; "" where there is none.
func capacityText(model *echelonv1.Model, engagement string, cut *echelonv1.Cut) string {
	if cut.GetCapacity() == nil {
		return ""
	}
	if role := roleOf(model, engagement, cut.GetCapacity()); role != nil {
		return takenUp(model, role, cut.GetCapacity())
	}
	return cut.GetCapacity().GetOf()
}

// room compiles what a cut's capacity can take; nil where it has none.
func (c *compiler) room(path, engagement string, cut *echelonv1.Cut) *tier.Room {
	of := c.expression(path+".capacity.of", capacityText(c.program.model, engagement, cut), expr.Number)
	role := roleOf(c.program.model, engagement, cut.GetCapacity())
	if cut.GetCapacity() == nil || role == nil {
		return nil
	}
	return &tier.Room{Role: role.GetRole(), Reps: role.GetReps(), PerRep: role.GetCapacity().GetPerRep(), Of: of}
}
