package frame

import (
	"fmt"
	"maps"
	"slices"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// PreviousTiers lets customers bring the tiers that they are in, of these tierings. A builder without it refuses a customer that brings one: nobody
// would look at it.
func PreviousTiers(tierings ...string) Option {
	return func(b *Builder) { b.tierings = slices.Clip(append([]string{}, tierings...)) }
}

// checkPrevious refuses the row for the first, by name, of its tiers in force that nobody would look at.
func (b *Builder) checkPrevious(customer *echelonv1.Customer, ignoreUnknown bool) {
	for _, tiering := range slices.Sorted(maps.Keys(customer.GetPreviousTiers())) {
		switch {
		case b.tierings == nil:
			b.Fail("previous_tiers", echelonv1.RowError_PREVIOUS_TIER, "previous_tiers are for customers that are scored, and this one is stored: remove them")
			return
		case !ignoreUnknown && !slices.Contains(b.tierings, tiering):
			b.Fail("previous_tiers."+Printable(tiering), echelonv1.RowError_PREVIOUS_TIER,
				"the model has no tiering %s; remove it from previous_tiers, or set ignore_unknown_attributes", Quote(tiering))
			return
		}
	}
	for _, tiering := range slices.Sorted(maps.Keys(customer.GetPreviousStandings())) {
		path := "previous_standings." + Printable(tiering)
		switch {
		case b.tierings == nil:
			b.Fail("previous_standings", echelonv1.RowError_PREVIOUS_TIER, "previous_standings are for customers that are scored, and this one is stored: remove them")
			return
		case !ignoreUnknown && !slices.Contains(b.tierings, tiering):
			b.Fail(path, echelonv1.RowError_PREVIOUS_TIER,
				"the model has no tiering %s; remove it from previous_standings, or set ignore_unknown_attributes", Quote(tiering))
			return
		}
		if _, err := ReadStanding(customer.GetPreviousStandings()[tiering]); err != nil {
			b.Fail(path, echelonv1.RowError_PREVIOUS_TIER, "%v", err)
			return
		}
	}
}

// Standing is how a customer came to be in its tier, as the engine reads it: days are counted from 1970-01-01, 0 where there is none.
type Standing struct {
	Since, Pending int32
	// Moves are the promotions, demotions and other moves of the review period, in eight bits each, the lowest first.
	Moves uint32
}

// maxMoves is how many moves of a kind a customer can be known to have made in a review period.
const maxMoves = 255

// ReadStanding reads a standing as it goes over the wire. It fails where it has no meaning.
func ReadStanding(given *echelonv1.Standing) (Standing, error) {
	var s Standing
	for _, field := range []struct {
		name, text string
		to         *int32
	}{{"since", given.GetSince(), &s.Since}, {"pending_since", given.GetPendingSince(), &s.Pending}} {
		if field.text == "" {
			continue
		}
		day, err := ParseDate(field.text)
		if err != nil {
			return Standing{}, fmt.Errorf("%s: %w", field.name, err)
		}
		*field.to = int32(day)
	}
	for i, field := range []struct {
		name  string
		moves int32
	}{{"promotions", given.GetPromotions()}, {"demotions", given.GetDemotions()}, {"other_moves", given.GetOtherMoves()}} {
		if field.moves < 0 || field.moves > maxMoves {
			return Standing{}, fmt.Errorf("%s: %d moves in a review period are not possible: write 0 to %d", field.name, field.moves, maxMoves)
		}
		s.Moves |= uint32(field.moves) << (8 * i)
	}
	return s, nil
}

// PreviousColumns returns, for each tiering, a column of the tiers that customers brought along, nil where none of them did.
func PreviousColumns(customers []*echelonv1.Customer, tierings []string) []*Column {
	columns := make([]*Column, len(tierings))
	for i, tiering := range tierings {
		var codes map[string]uint32
		for row, customer := range customers {
			tier := customer.GetPreviousTiers()[tiering]
			if tier == "" {
				continue
			}
			if columns[i] == nil {
				columns[i] = &Column{Type: echelonv1.Attribute_STRING, Valid: NewBitmap(len(customers)), Codes: make([]uint32, len(customers))}
				codes = make(map[string]uint32)
			}
			code, known := codes[tier]
			if !known {
				code = uint32(len(columns[i].Dict))
				codes[tier] = code
				columns[i].Dict = append(columns[i].Dict, tier)
			}
			columns[i].Valid.Set(row, true)
			columns[i].Codes[row] = code
		}
	}
	return columns
}
