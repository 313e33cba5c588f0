package snapshot

import (
	"strings"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
)

// Items returns what people decide on of a model: its tierings, then its segmentations after "segments.", then its roles after "reps.".
func Items(p *engine.Program) (items []string) {
	for _, t := range p.Model().GetTierings() {
		items = append(items, t.GetName())
	}
	for _, s := range p.Model().GetSegmentations() {
		items = append(items, "segments."+s.GetName())
	}
	for _, role := range p.Roles() {
		items = append(items, "reps."+role)
	}
	return items
}

// RoleOf returns the role that the item of an override names, and whether it is one rather than a tiering or a segmentation.
func RoleOf(item string) (string, bool) { return strings.CutPrefix(item, "reps.") }

// kind is what an item is, by its place.
type kind uint8

const (
	ofTiering kind = iota
	ofSegmentation
	ofRole
)

// kindOf returns what an item at a place of Items is, and its place among its like.
func kindOf(p *engine.Program, place int) (kind, int) {
	tierings, segmentations := len(p.Model().GetTierings()), len(p.Model().GetSegmentations())
	switch {
	case place < tierings:
		return ofTiering, place
	case place < tierings+segmentations:
		return ofSegmentation, place - tierings
	}
	return ofRole, place - tierings - segmentations
}

// NamesOf returns what can be pinned of an item at a place of Items; nil of a role, of which any rep can be.
func NamesOf(p *engine.Program, place int) []string {
	switch kind, at := kindOf(p, place); kind {
	case ofTiering:
		return p.TierNames(at)
	case ofSegmentation:
		return p.SegmentNames(at)
	}
	return nil
}

// Computed returns what is computed of an item at a place of Items for a row; nil where that is nothing, as of a role.
func Computed(r *engine.Result, place, row int) *string {
	switch kind, at := kindOf(r.Program, place); kind {
	case ofTiering:
		return nameAt(r.ComputedTiers(at), row)
	case ofSegmentation:
		return nameAt(r.ComputedSegmentsOf(at), row)
	}
	return nil
}

// InForce returns what is in force of an item at a place of Items for a row; nil where that is nothing.
func InForce(r *engine.Result, place, row int) *string {
	switch kind, at := kindOf(r.Program, place); {
	case kind == ofTiering:
		return nameAt(r.Tiers[at], row)
	case kind == ofSegmentation:
		return nameAt(r.Segments[at], row)
	case r.Reps != nil && len(r.Reps[at]) > 0 && r.Reps[at][row] != "":
		return &r.Reps[at][row]
	}
	return nil
}

func nameAt(column *frame.Column, row int) *string {
	if !column.Valid.Get(row) {
		return nil
	}
	return &column.Dict[column.Codes[row]]
}
