package review

import (
	"context"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/internal/parallel"
	"github.com/echelonhq/echelon/internal/snapshot"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// stop is a customer on the way through all.
type stop struct {
	customer
	was     snapshot.Row
	reviews *storagev1.Reviews
	amount  float64
	// grounds are those of each item that is asked for.
	grounds [][]ground
}

// decided is what is kept of customers of a stretch, by id: what is pinned on them, and what was accepted of them.
type decided struct {
	*snapshot.Stretch
	overrides map[string]*storagev1.Overrides
	reviews   map[string]*storagev1.Reviews
}

// stops goes through the customers who are stored, have an assignment and of whom an item ought to be looked at, ascending by id.
func (q *Queue) stops(ctx context.Context, items []*item, top map[string]bool) iter.Seq2[*stop, error] {
	look := func() func(context.Context, decided) ([]*stop, error) {
		return func(_ context.Context, stretch decided) (found []*stop, err error) {
			s := &stop{}
			err = stretch.Rows(func(before, row *snapshot.Row) error {
				if q.look(s, stretch, before, row, items, top) {
					found, s = append(found, s), &stop{}
				}
				return nil
			})
			return found, err
		}
	}
	return func(yield func(*stop, error) bool) {
		amounts := snapshot.NewAmounts(q.catalog, q.view, q.reader)
		defer amounts.Close()
		for found, err := range parallel.Ordered(ctx, q.stretches(ctx), look) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, s := range found {
				if s.amount, err = amounts.Of(ctx, &s.row); !yield(s, err) || err != nil {
					return
				}
			}
		}
	}
}

// look puts together what is known of a customer, and reports whether an item of it ought to be looked at. It may be called by several goroutines.
func (q *Queue) look(s *stop, stretch decided, before, row *snapshot.Row, items []*item, top map[string]bool) (any bool) {
	id := row.ID()
	s.customer = customer{row: *row, overrides: stretch.overrides[id].GetOverrides(), top: top[id]}
	if s.reviews = stretch.reviews[id]; before != nil {
		s.was = *before
		s.before = &s.was
	}
	s.grounds = s.grounds[:0]
	for _, it := range items {
		grounds := q.grounds(nil, &s.customer, it)
		s.grounds, any = append(s.grounds, grounds), any || len(grounds) > 0
	}
	return any
}

// stretches goes through all customers, with what is decided on them.
func (q *Queue) stretches(ctx context.Context) iter.Seq2[decided, error] {
	return func(yield func(decided, error) bool) {
		model := q.reader.Run().GetModel()
		overrides := newCursor(q.view.Documents(storage.KindOverride, storage.DocumentScan{Prefix: storage.OverrideKey(model, "")}), keyed)
		reviews := newCursor(q.view.Documents(storage.KindReview, storage.DocumentScan{Prefix: storage.ReviewKey(model, "")}), keyed)
		defer func() { overrides.stop(); reviews.stop() }()
		for stretch, err := range snapshot.Beside(ctx, q.base, q.reader, "") {
			of := decided{Stretch: stretch}
			if err == nil {
				end, bounded := stretch.End()
				of.overrides, err = upTo(overrides, end, bounded, func() *storagev1.Overrides { return &storagev1.Overrides{} })
				if err == nil {
					of.reviews, err = upTo(reviews, end, bounded, func() *storagev1.Reviews { return &storagev1.Reviews{} })
				}
			}
			if !yield(of, err) || err != nil {
				return
			}
		}
	}
}

// upTo decodes the documents of customers up to an id, or all that are left.
func upTo[M proto.Message](documents *cursor[storage.Document], end string, bounded bool, made func() M) (map[string]M, error) {
	found := make(map[string]M)
	for documents.open && (!bounded || documents.id(documents.value) <= end) {
		one := made()
		if err := documents.value.Decode(one); err != nil {
			return nil, err
		}
		found[documents.id(documents.value)] = one
		documents.next()
	}
	return found, documents.err
}

// keyed returns the customer of a document.
func keyed(d storage.Document) string {
	_, id := storage.OverrideOf(d.Key)
	return id
}

// cursor looks up, ascending, what a sequence has of customers.
type cursor[T any] struct {
	id    func(T) string
	step  func() (T, error, bool)
	stop  func()
	value T
	open  bool
	err   error
}

func newCursor[T any](all iter.Seq2[T, error], id func(T) string) *cursor[T] {
	c := &cursor[T]{id: id}
	c.step, c.stop = iter.Pull2(all)
	c.next()
	return c
}

func (c *cursor[T]) next() {
	value, err, ok := c.step()
	c.value, c.open = value, ok && err == nil
	if err != nil {
		c.err = err
	}
}

// at returns what there is of a customer, and whether there is something.
func (c *cursor[T]) at(id string) (T, bool) {
	for c.open && c.id(c.value) < id {
		c.next()
	}
	if c.open && c.id(c.value) == id {
		return c.value, true
	}
	var nothing T
	return nothing, false
}
