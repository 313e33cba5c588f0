package snapshot

import (
	"context"

	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/storage"
)

// Amounts tells the amounts of customers with which a reader's assignments were made. Of a snapshot that keeps none they are those of the customers as
// they are stored, by the reader's model as of its run.
type Amounts struct {
	of    *Migration
	view  storage.Reader
	purse purse
}

// NewAmounts returns the amounts of a reader's customers. Close it.
func NewAmounts(c *catalog.Catalog, view storage.Reader, r *Reader) *Amounts {
	m := &Migration{catalog: c, to: station{Reader: r}}
	return &Amounts{of: m, view: view, purse: purse{of: m, view: view}}
}

// Of returns the amount of a customer, 0 where it is missing. Customers come ascending by id.
func (a *Amounts) Of(ctx context.Context, row *Row) (float64, error) {
	switch kept := row.Result.Amounts; {
	case a.of.to.program.Model().GetAmount() == "":
		return 0, nil
	case kept != nil:
		return kept.Numbers[row.Index], nil
	}
	return a.purse.now(ctx, row.ID())
}

// Each goes through the amounts of the stored customers, ascending by id. It is not called when Of was.
func (a *Amounts) Each(ctx context.Context, fn func(id string, amount float64)) error {
	for stretch, err := range Beside(ctx, nil, a.of.to.Reader, "") {
		if err != nil {
			return err
		}
		err = stretch.Pairs(func(id string, _, cell Cell) error {
			stored, err := isStored(a.view, stretch.graves, id)
			if err != nil || !stored {
				return err
			}
			amount, err := a.purse.amount(ctx, &a.of.to, cell, id)
			if err == nil {
				fn(id, amount)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Close ends the reading.
func (a *Amounts) Close() { a.purse.close() }
