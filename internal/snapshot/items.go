package snapshot

import (
	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
)

// Items returns what people decide on of a model: its tierings, then its segmentations after "segments.".
func Items(p *engine.Program) (items []string) {
	for _, t := range p.Model().GetTierings() {
		items = append(items, t.GetName())
	}
	for _, s := range p.Model().GetSegmentations() {
		items = append(items, "segments."+s.GetName())
	}
	return items
}

// NamesOf returns what can be pinned of an item at a place of Items.
func NamesOf(p *engine.Program, place int) []string {
	if tierings := len(p.Model().GetTierings()); place >= tierings {
		return p.SegmentNames(place - tierings)
	}
	return p.TierNames(place)
}

// Computed returns the column of what is computed of an item at a place of Items.
func Computed(r *engine.Result, place int) *frame.Column {
	if tierings := len(r.Tiers); place >= tierings {
		return r.ComputedSegmentsOf(place - tierings)
	}
	return r.ComputedTiers(place)
}

// InForce returns the column of what is in force of an item at a place of Items.
func InForce(r *engine.Result, place int) *frame.Column {
	if tierings := len(r.Tiers); place >= tierings {
		return r.Segments[place-tierings]
	}
	return r.Tiers[place]
}
