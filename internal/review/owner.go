package review

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/fault"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// rolePrefix begins what names a role whose pinned rep is the owner of a customer.
const rolePrefix = "reps."

// Owner says whose customers are wanted: Name is what stands in the attribute By, or who is pinned in that role. The zero value wants all.
type Owner struct{ Name, By string }

// check returns what is wrong with an owner. INVALID_REQUEST.
func (o Owner) check() error {
	field, message := "", ""
	switch {
	case o.Name == "" && o.By != "":
		field, message = "owner", "owner is missing: name whose customers are wanted by "+frame.Quote(o.By)+", or leave out owner_by"
	case o.Name != "" && o.By == "":
		field, message = "owner_by", "owner_by is missing: name the attribute that says who looks after a customer, such as owner, or a role, such as reps.csm"
	default:
		return nil
	}
	f := fault.New(echelonv1.ErrorReason_INVALID_REQUEST, "%s", message)
	f.Violations = []fault.Violation{{Field: field, Description: message}}
	return f
}

// owned reports, of customers ascending by id, whether they are of an owner. INVALID_REQUEST. What it returns is ended by stop.
func (q *Queue) owned(ctx context.Context, by Owner) (is func(*stop) (bool, error), end func(), err error) {
	if err := by.check(); err != nil {
		return nil, nil, err
	}
	switch {
	case by.Name == "":
		return func(*stop) (bool, error) { return true, nil }, func() {}, nil
	case strings.HasPrefix(by.By, rolePrefix):
		it, err := q.item("owner_by", by.By)
		if err != nil {
			return nil, nil, err
		}
		return func(s *stop) (bool, error) { return same(it.inForce(&s.customer), &by.Name), nil }, func() {}, nil
	}
	stored, err := storage.ReadSchema(q.view)
	if err != nil {
		return nil, nil, err
	}
	field, err := snapshot.TextField(stored, by.By)
	var f *fault.Fault
	if errors.As(err, &f) {
		f.Message = "owner_by: " + f.Message + "; or a role, as in reps.csm, for the rep who is pinned there"
		f.Violations = []fault.Violation{{Field: "owner_by", Description: f.Message}}
	}
	if err != nil {
		return nil, nil, err
	}
	texts := newCursor(q.textsOf(ctx, field), func(one text) string { return one.id })
	return func(s *stop) (bool, error) {
		one, found := texts.at(s.row.ID())
		return found && one.text == by.Name, texts.err
	}, texts.stop, nil
}

// text is what stands in an attribute of a customer.
type text struct{ id, text string }

// textsOf goes through the customers who have an attribute of texts, as they are stored.
func (q *Queue) textsOf(ctx context.Context, field frame.Field) iter.Seq2[text, error] {
	return func(yield func(text, error) bool) {
		for batch, err := range q.view.Customers(ctx, frame.NewSchema(field), storage.CustomerScan{}) {
			if err != nil {
				yield(text{}, err)
				return
			}
			column := batch.Frame.Columns[0]
			for row, id := range batch.Frame.IDs {
				if column.Valid.Get(row) && !yield(text{id, column.String(row)}, nil) {
					return
				}
			}
		}
	}
}
