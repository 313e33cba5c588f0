package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/reason"
	"github.com/echelonhq/echelon/engine/stability"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Override is a person's pin on one outcome of a customer: a tier or a persona of a tiering, a segment of a segmentation, or a rep in a role. It comes last, over all
// that holds customers, and touches nothing that is computed: what expressions read, what is learned and what stability goes by is as though there were
// none.
type Override struct {
	// Tiering is the tiering whose tier, or persona, it pins.
	Tiering, Tier string
	// Segmentation is, in place of a tiering, the segmentation whose segment it pins.
	Segmentation, Segment string
	// Role is, in place of both, the role in which it pins a rep.
	Role, Rep string
	// Actor is who pinned it, Reason why.
	Actor, Reason string
	// Until is the instant from which it is in force no more; nil without end.
	Until *time.Time
}

// override puts the overrides in force. One that has expired, and all of a customer that the model is not about, are not; one of a name that the model
// does not have is not either, and a reason says so.
func (e *evaluation) override(options *Options, r *Result) {
	for row, list := range options.Overrides {
		if e.excluded != nil && e.excluded.Get(row) {
			continue
		}
		for i := range list {
			if one := &list[i]; one.Until == nil || options.AsOf.Before(*one.Until) {
				e.pin(r, row, one)
			}
		}
	}
}

// pin puts one override in force.
func (e *evaluation) pin(r *Result, row int, one *Override) {
	model := e.program.model
	if one.Role != "" {
		e.pinRep(r, row, one)
		return
	}
	if one.Segmentation != "" {
		i := slices.IndexFunc(model.GetSegmentations(), func(s *echelonv1.Segmentation) bool { return s.GetName() == one.Segmentation })
		if i < 0 {
			return // of another version of the model
		}
		item := "segments." + one.Segmentation
		column := pinned(r.Segments[i], &r.ComputedSegments[i])
		if set(column, row, one.Segment) {
			r.Segments[i] = column
			e.pinReason(row, item, one.Segment, one)
			return
		}
		e.pinUnknown(row, item, one.Segment)
		return
	}
	i := slices.IndexFunc(model.GetTierings(), func(t *echelonv1.Tiering) bool { return t.GetName() == one.Tiering })
	if i < 0 {
		return
	}
	item := "tiers." + one.Tiering
	if !slices.Contains(r.Tiers[i].Dict, one.Tier) {
		e.pinUnknown(row, item, one.Tier)
		return
	}
	settled := r.Tiers[i]
	if r.Settled[i] == nil {
		r.Settled[i] = settled
		if r.Computed[i] == nil {
			r.Computed[i] = settled
		}
		copied := *settled
		copied.Valid, copied.Codes = slices.Clone(settled.Valid), slices.Clone(settled.Codes)
		r.Tiers[i] = &copied
	}
	set(r.Tiers[i], row, one.Tier)
	if r.Standings[i] == nil {
		r.Standings[i] = stability.NewStandings(len(r.IDs))
	}
	r.Standings[i].Holds[row], r.Standings[i].Until[row] = uint32(echelonv1.Reason_OVERRIDE), 0
	if one.Until != nil {
		r.Standings[i].Until[row] = int32(e.program.Day(*one.Until))
	}
	e.pinReason(row, item, one.Tier, one)
}

// pinRep puts a rep in force, in a role that the model has.
func (e *evaluation) pinRep(r *Result, row int, one *Override) {
	role := slices.Index(e.program.roles, one.Role)
	if role < 0 {
		return // of another version of the model
	}
	if r.Reps == nil {
		r.Reps = make([][]string, len(e.program.roles))
	}
	if r.Reps[role] == nil {
		r.Reps[role] = make([]string, len(r.IDs))
	}
	r.Reps[role][row] = one.Rep
	e.pinReason(row, "reps."+one.Role, one.Rep, one)
}

// pinned returns a column that may be changed, and keeps the one that was computed.
func pinned(inForce *frame.Column, computed **frame.Column) *frame.Column {
	if *computed != nil {
		return inForce
	}
	copied := *inForce
	copied.Valid, copied.Codes = slices.Clone(inForce.Valid), slices.Clone(inForce.Codes)
	*computed = inForce
	return &copied
}

// set puts a name into a row, and reports whether the column knows it.
func set(column *frame.Column, row int, name string) bool {
	code := slices.Index(column.Dict, name)
	if code < 0 {
		return false
	}
	column.Valid.Set(row, true)
	column.Codes[row] = uint32(code)
	return true
}

func (e *evaluation) pinReason(row int, item, name string, one *Override) {
	if e.reasons == nil {
		return
	}
	r := reason.Reason{Code: echelonv1.Reason_OVERRIDE, Item: item, Part: name, Actor: one.Actor}
	end := ""
	if one.Until != nil {
		r.Until = one.Until.UTC().Format(time.RFC3339Nano)
		end = " until " + r.Until
	}
	r.Message = fmt.Sprintf("%s: %s, pinned by %s%s: %s", item, name, one.Actor, end, one.Reason)
	e.reasons.Add(row, r)
}

func (e *evaluation) pinUnknown(row int, item, name string) {
	e.reasons.Add(row, reason.Reason{
		Code: echelonv1.Reason_UNREADABLE, Item: item, Part: name,
		Message: fmt.Sprintf("%s: the override to %s is not in force, since the model has no such outcome: change or end it", item, frame.Quote(name)),
	})
}
