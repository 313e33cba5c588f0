package snapshot

import (
	"context"

	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/storage"
)

// Amounts tells the amounts of customers as they are stored, by the model of what a reader reads as of its run, to who goes through customers ascending
// by id.
type Amounts struct{ purse purse }

// OpenAmounts opens the amounts of all customers. Close it.
func OpenAmounts(ctx context.Context, c *catalog.Catalog, view storage.Reader, r *Reader) (*Amounts, error) {
	m := &Migration{catalog: c, to: station{Reader: r}}
	all, err := m.amounts(ctx, view, "")
	if err != nil {
		return nil, err
	}
	return &Amounts{purse{open: newPull(all)}}, nil
}

// Of returns the amount of a customer, 0 where it is missing.
func (a *Amounts) Of(id string) float64 { return a.purse.stored(id) }

// Each goes through the amounts that are known, until fn says that it takes no more.
func (a *Amounts) Each(fn func(id string, amount float64) bool) {
	for all := a.purse.open; all.more(); all.next() {
		for row, id := range all.value.ids {
			if all.value.amounts.Valid.Get(row) && !fn(id, all.value.amounts.Numbers[row]) {
				return
			}
		}
	}
}

// Err returns what ended the reading before its time.
func (a *Amounts) Err() error { return a.purse.open.err }

// Close ends the reading.
func (a *Amounts) Close() { a.purse.close() }
