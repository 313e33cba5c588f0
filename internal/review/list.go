package review

import (
	"cmp"
	"container/heap"
	"context"
	"slices"

	"github.com/echelonhq/echelon/engine/exact"
	"github.com/echelonhq/echelon/internal/snapshot"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Filter tells which items are wanted. All of its fields hold together.
type Filter struct {
	// Item is a tiering, or a segmentation after "segments."; any where empty.
	Item string
	// Kinds are reasons of which an item has one; any where empty.
	Kinds []echelonv1.ReviewReason_Kind
	// Accepted wants those whose reasons are all accepted, in place of those that are open.
	Accepted bool
	// Owner is whose customers are wanted.
	Owner Owner
	// After is the item after which the list goes on; nil where it begins.
	After *Place
}

// Place is where an item stands in the list.
type Place struct {
	Amount       float64
	ID, ItemName string
}

// compare orders the list: the largest amount first, then by customer and item.
func (p *Place) compare(other *Place) int {
	return cmp.Or(cmp.Compare(other.Amount, p.Amount), cmp.Compare(p.ID, other.ID), cmp.Compare(p.ItemName, other.ItemName))
}

// Page is the items of a page and what all pages have.
type Page struct {
	// Items are so many as were asked for, if there are.
	Items []*echelonv1.ReviewItem
	// Counts are those of each reason, Total and Others as ListReviewItemsResponse has them.
	Counts        []*echelonv1.ReviewReasonCount
	Total, Others int64
}

// List goes through all customers, several stretches of them at the same time, and returns up to limit items. It keeps no more than these, some stretches and
// the largest customers, whatever the queue.
func (q *Queue) List(ctx context.Context, filter Filter, limit int) (*Page, error) {
	items := q.items
	if filter.Item != "" {
		it, err := q.item("item", filter.Item)
		if err != nil {
			return nil, err
		}
		items = []*item{it}
	}
	owned, end, err := q.owned(ctx, filter.Owner)
	if err != nil {
		return nil, err
	}
	defer end()
	top, err := q.Top(ctx)
	if err != nil {
		return nil, err
	}
	l := &list{queue: q, filter: filter, limit: limit, counts: make(map[echelonv1.ReviewReason_Kind]*count)}
	for s, err := range q.stops(ctx, items, top) {
		if err != nil {
			return nil, err
		}
		if wanted, err := owned(s); err != nil {
			return nil, err
		} else if !wanted {
			continue
		}
		for i, grounds := range s.grounds {
			l.add(s, items[i], grounds)
		}
	}
	return l.page(), nil
}

// list gathers a page.
type list struct {
	queue  *Queue
	filter Filter
	limit  int
	best   entries
	counts map[echelonv1.ReviewReason_Kind]*count
	total  int64
	others int64
}

type count struct {
	items  int64
	amount exact.Sum
}

// add looks at an item of a customer that has grounds.
func (l *list) add(s *stop, it *item, grounds []ground) {
	if len(grounds) == 0 {
		return
	}
	wanted, one := grounds, (*Case)(nil)
	if s.reviews != nil {
		one = l.queue.newCase(&s.customer, it, grounds, s.reviews)
		if !l.filter.Accepted {
			wanted = one.open
		}
	}
	if accepted := one != nil && len(one.open) == 0; accepted != l.filter.Accepted {
		l.others++
		return
	}
	asked := len(l.filter.Kinds) == 0
	for i := range wanted {
		c := l.counts[wanted[i].kind]
		if c == nil {
			c = &count{}
			l.counts[wanted[i].kind] = c
		}
		c.items++
		c.amount.Add(s.amount)
		asked = asked || slices.Contains(l.filter.Kinds, wanted[i].kind)
	}
	if !asked {
		return
	}
	l.total++
	at := Place{Amount: s.amount, ID: s.row.ID(), ItemName: it.name}
	if l.filter.After != nil && at.compare(l.filter.After) <= 0 {
		return
	}
	if len(l.best) == l.limit {
		if at.compare(&l.best[0].Place) > 0 {
			return
		}
		heap.Pop(&l.best)
	}
	if one == nil {
		one = l.queue.newCase(&s.customer, it, grounds, nil)
	}
	heap.Push(&l.best, entry{at, one.message(s.amount, wanted)})
}

func (l *list) page() *Page {
	slices.SortFunc(l.best, func(a, b entry) int { return a.compare(&b.Place) })
	p := &Page{Total: l.total, Others: l.others}
	for _, e := range l.best {
		p.Items = append(p.Items, e.item)
	}
	for kind, c := range l.counts {
		p.Counts = append(p.Counts, &echelonv1.ReviewReasonCount{Kind: kind, Items: c.items, Amount: c.amount.Float64()})
	}
	slices.SortFunc(p.Counts, func(a, b *echelonv1.ReviewReasonCount) int { return cmp.Compare(a.GetKind(), b.GetKind()) })
	return p
}

// entry is an item of a page, entries a heap of them with the last on top.
type entry struct {
	Place
	item *echelonv1.ReviewItem
}

type entries []entry

func (e entries) Len() int           { return len(e) }
func (e entries) Less(i, k int) bool { return e[i].compare(&e[k].Place) > 0 }
func (e entries) Swap(i, k int)      { e[i], e[k] = e[k], e[i] }
func (e *entries) Push(one any)      { *e = append(*e, one.(entry)) }
func (e *entries) Pop() any {
	last := len(*e) - 1
	one := (*e)[last]
	*e = (*e)[:last]
	return one
}

// Top returns the ids of the stored customers with the largest amounts, as many as the thresholds say; nobody whose amount is not above 0, and nobody
// where there is nothing that they could have fallen from.
func (q *Queue) Top(ctx context.Context) (map[string]bool, error) {
	if q.limits.Top == 0 || q.base == nil || q.Amount() == "" {
		return nil, nil
	}
	amounts := snapshot.NewAmounts(q.catalog, q.view, q.reader)
	defer amounts.Close()
	var best entries
	err := amounts.Each(ctx, func(id string, amount float64) {
		at := Place{Amount: amount, ID: id}
		if amount <= 0 || len(best) == q.limits.Top && at.compare(&best[0].Place) > 0 {
			return
		}
		if len(best) == q.limits.Top {
			heap.Pop(&best)
		}
		heap.Push(&best, entry{Place: at})
	})
	top := make(map[string]bool, len(best))
	for _, e := range best {
		top[e.ID] = true
	}
	return top, err
}
