package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// freshness checks what an attribute says about the age of its values.
func (c *checker) freshness(path string, a *echelonv1.Attribute) {
	switch {
	case a.GetObservedAt() == "" && a.MaxAgeDays == nil:
		return
	case a.GetObservedAt() == "":
		c.found.Mistakef(diag.Field(path, "max_age_days"), "name in observed_at the DATE or TIMESTAMP that says when it was observed", "nothing says how old a value is")
		return
	case a.MaxAgeDays == nil:
		c.found.Mistakef(diag.Field(path, "observed_at"), "write max_age_days, such as 90, or remove it", "nothing says how old a value may be")
	case a.GetMaxAgeDays() < 0:
		c.found.Mistakef(diag.Field(path, "max_age_days"), "write 0 or more", "%d days is less than none", a.GetMaxAgeDays())
	}
	at := diag.Field(path, "observed_at")
	var names []string
	for _, other := range c.model.GetAttributes() {
		if other.GetType() == echelonv1.Attribute_DATE || other.GetType() == echelonv1.Attribute_TIMESTAMP {
			names = append(names, other.GetName())
		}
		if other.GetName() != a.GetObservedAt() {
			continue
		}
		switch {
		case !typed(other): // which is told at its own place
		case other.GetType() != echelonv1.Attribute_DATE && other.GetType() != echelonv1.Attribute_TIMESTAMP:
			c.found.Mistakef(at, "name a DATE or a TIMESTAMP", "%q is no date and no timestamp", other.GetName())
		case other.GetObservedAt() != "":
			c.found.Mistakef(at, "remove its observed_at", "%q is observed itself", other.GetName())
		}
		return
	}
	remedy := diag.DidYouMean(a.GetObservedAt(), names)
	if remedy == "" {
		remedy = "declare it, a DATE or a TIMESTAMP"
	}
	c.found.Mistakef(at, remedy, "there is no attribute %q", a.GetObservedAt())
}

// freshness is an attribute whose values age.
type freshness struct {
	name string
	// slot is the place of its variable, column that of the attribute which says when it was observed.
	slot, column int
	days         int64
	// cause says why a value is missing that is stale.
	cause string
}

// freshness notes the attributes whose values age.
func (p *Program) freshness(slots map[string]int) {
	for _, a := range p.model.GetAttributes() {
		if a.GetObservedAt() == "" {
			continue
		}
		column, _ := p.schema.Index(a.GetObservedAt())
		p.fresh = append(p.fresh, freshness{
			name: a.GetName(), slot: slots[a.GetName()], column: column, days: int64(a.GetMaxAgeDays()),
			cause: fmt.Sprintf("it is stale: %s does not show it to be at most %d days old", a.GetObservedAt(), a.GetMaxAgeDays()),
		})
	}
}

// age takes away the values of a frame that are older than they may be, or of which nobody knows how old they are.
func (e *evaluation) age(f *frame.Frame) {
	for _, fresh := range e.program.fresh {
		column := *e.scope.Columns[fresh.slot]
		column.Valid = slices.Clone(column.Valid)
		stale := frame.NewBitmap(f.Len())
		for row := range f.Len() {
			if column.Valid.Get(row) && !fresh.holds(&f.Columns[fresh.column], row, e.scope.AsOf, e.program.zone) {
				column.Valid.Set(row, false)
				stale.Set(row, true)
			}
		}
		e.scope.Columns[fresh.slot] = &column
		if e.scope.Stale == nil {
			e.scope.Stale = make(map[int]*expr.Stale)
		}
		e.scope.Stale[fresh.slot] = expr.NewStale(fresh.name, stale, fresh.cause)
	}
}

// holds reports whether a row is known to be observed no longer ago than it may be.
func (f *freshness) holds(observed *frame.Column, row int, asOf int64, zone *time.Location) bool {
	if !observed.Valid.Get(row) {
		return false
	}
	if observed.Type == echelonv1.Attribute_DATE {
		return frame.DayIn(time.UnixMicro(asOf).UTC(), zone)-observed.Ints[row] <= f.days
	}
	return frame.FloorDay(asOf-observed.Ints[row]) <= f.days
}
