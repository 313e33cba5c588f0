package snapshot

import (
	"slices"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/stability"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
)

// encodeStanding adds to a block how customers came to be in their tiers, and what overrides put others in place of.
func encodeStanding(block *storagev1.SnapshotBlock, r *engine.Result) {
	block.SettledTiers = encodeOthers(r.Settled, r.Tiers, r.Len())
	block.ComputedSegments = encodeOthers(r.ComputedSegments, r.Segments, r.Len())
	if !slices.ContainsFunc(r.Standings, func(s *stability.Standings) bool { return s != nil }) {
		return
	}
	for _, s := range r.Standings {
		column := &storagev1.StandingColumn{}
		if s != nil {
			column.Since, column.Moves, column.Pending = unlessZero(s.Since), unlessZero(s.Moves), unlessZero(s.Pending)
			column.Holds, column.Until = unlessZero(s.Holds), unlessZero(s.Until)
		}
		block.Standings = append(block.Standings, column)
	}
}

// unlessZero returns a list in which something is not 0.
func unlessZero[T comparable](list []T) []T {
	var zero T
	if !slices.ContainsFunc(list, func(one T) bool { return one != zero }) {
		return nil
	}
	return list
}

// standing returns to a result how customers came to be in their tiers, and what overrides put others in place of.
func (d *decoder) standing(p *engine.Program, block *storagev1.SnapshotBlock, r *engine.Result) {
	r.Settled = d.others("tierings of settled tiers", block.GetSettledTiers(), p.TierNames, len(r.Tiers))
	r.ComputedSegments = d.others("segmentations of computed segments", block.GetComputedSegments(), p.SegmentNames, len(r.Segments))
	r.Standings = make([]*stability.Standings, len(r.Tiers))
	if len(block.GetStandings()) > 0 {
		d.expect("tierings of standings", len(block.GetStandings()), len(r.Tiers))
	}
	for i := range r.Standings {
		var column *storagev1.StandingColumn
		if i < len(block.GetStandings()) {
			column = block.GetStandings()[i]
		}
		if column == nil && !p.HasStandings(i) {
			continue
		}
		r.Standings[i] = &stability.Standings{
			Since: orZeros(d, column.GetSince()), Moves: orZeros(d, column.GetMoves()), Pending: orZeros(d, column.GetPending()),
			Holds: orZeros(d, column.GetHolds()), Until: orZeros(d, column.GetUntil()),
		}
	}
}

// orZeros returns a list of one entry a row, or zeros where it is empty.
func orZeros[T any](d *decoder, list []T) []T {
	if len(list) == 0 {
		return make([]T, d.rows)
	}
	d.expect("standings", len(list), d.rows)
	return list
}
