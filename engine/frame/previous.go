package frame

import (
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
