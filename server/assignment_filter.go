package server

import (
	"slices"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// filter returns what tells the rows of a tier and a segment. INVALID_REQUEST where the model has no such names.
func filter(p *engine.Program, request *echelonv1.ListAssignmentsRequest) (func(snapshot.Row) bool, error) {
	var tierings, segmentations []string
	for _, t := range p.Model().GetTierings() {
		tierings = append(tierings, t.GetName())
	}
	for _, s := range p.Model().GetSegmentations() {
		segmentations = append(segmentations, s.GetName())
	}
	tier, err := member("tiering", "tier", request.GetTiering(), request.GetTier(), tierings, p.TierNames, func(r *engine.Result) []*frame.Column { return r.Tiers })
	if err != nil {
		return nil, err
	}
	segment, err := member("segmentation", "segment", request.GetSegmentation(), request.GetSegment(), segmentations, p.SegmentNames,
		func(r *engine.Result) []*frame.Column { return r.Segments })
	if err != nil {
		return nil, err
	}
	return func(row snapshot.Row) bool { return tier(row) && segment(row) }, nil
}

// member returns what tells the rows that one of a model's dimensions gave a name; without the dimension all rows, without the name those that it
// gave none.
func member(dimension, what, inName, name string, dimensions []string, namesOf func(int) []string,
	columns func(*engine.Result) []*frame.Column) (func(snapshot.Row) bool, error) {
	if inName == "" {
		if name != "" {
			return nil, fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "the %s %q is of no %s: name the %s too", what, name, dimension, dimension)
		}
		return func(snapshot.Row) bool { return true }, nil
	}
	place := slices.Index(dimensions, inName)
	if place < 0 {
		return nil, unknown(dimension, inName, dimensions)
	}
	names := namesOf(place)
	if name != "" && !slices.Contains(names, name) {
		return nil, unknown(what, name, names)
	}
	return func(row snapshot.Row) bool {
		column := columns(row.Result)[place]
		given := column.Valid.Get(row.Index)
		return name == "" && !given || name != "" && given && names[column.Codes[row.Index]] == name
	}, nil
}

func unknown(what, name string, names []string) error {
	hint := diag.DidYouMean(name, names)
	if hint == "" {
		hint = "show the model to see its names"
	}
	return fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "the published model has no %s %q: %s", what, name, hint)
}
