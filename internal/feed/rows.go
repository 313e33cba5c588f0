package feed

import (
	"context"
	"iter"

	"github.com/echelonhq/echelon/internal/snapshot"
)

// rows looks at the next row of a publication.
type rows struct {
	row  snapshot.Row
	open bool
	err  error
	next func() (snapshot.Row, error, bool)
	stop func()
}

// newRows begins the rows of a reader; a nil one has none.
func newRows(ctx context.Context, r *snapshot.Reader) *rows {
	all := func(func(snapshot.Row, error) bool) {}
	if r != nil {
		all = r.Rows(ctx, "")
	}
	one := &rows{}
	one.next, one.stop = iter.Pull2(iter.Seq2[snapshot.Row, error](all))
	one.step()
	return one
}

func (r *rows) step() {
	var more bool
	r.row, r.err, more = r.next()
	r.open = more && r.err == nil
}

// id returns the customer of the row; empty behind the last.
func (r *rows) id() string {
	if !r.open {
		return ""
	}
	return r.row.ID()
}

// at returns the row if it is of a customer.
func (r *rows) at(id string) *snapshot.Row {
	if r.open && r.row.ID() == id {
		return &r.row
	}
	return nil
}

// pass goes on where the row is of a customer.
func (r *rows) pass(id string) {
	if r.at(id) != nil {
		r.step()
	}
}
