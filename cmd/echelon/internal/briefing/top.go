package briefing

import (
	"container/heap"
	"slices"
)

// top keeps the first of many things, by an order, in memory for those alone.
type top[T any] struct {
	most   int
	before func(a, b T) bool
	all    int64
	kept   []T
}

func newTop[T any](most int, before func(a, b T) bool) *top[T] {
	return &top[T]{most: most, before: before}
}

// add considers one more.
func (t *top[T]) add(one T) {
	t.all++
	switch {
	case len(t.kept) < t.most:
		heap.Push(t, one)
	case t.most > 0 && t.before(one, t.kept[0]):
		t.kept[0] = one
		heap.Fix(t, 0)
	}
}

// list returns the first, in order.
func (t *top[T]) list() List[T] {
	shown := slices.Clone(t.kept)
	slices.SortFunc(shown, func(a, b T) int {
		switch {
		case t.before(a, b):
			return -1
		case t.before(b, a):
			return 1
		}
		return 0
	})
	return List[T]{All: t.all, Shown: append([]T{}, shown...)}
}

// Len, Less, Swap, Push and Pop make a heap whose first is the last in order.
func (t *top[T]) Len() int           { return len(t.kept) }
func (t *top[T]) Less(i, j int) bool { return t.before(t.kept[j], t.kept[i]) }
func (t *top[T]) Swap(i, j int)      { t.kept[i], t.kept[j] = t.kept[j], t.kept[i] }
func (t *top[T]) Push(x any)         { t.kept = append(t.kept, x.(T)) }
func (t *top[T]) Pop() any {
	last := t.kept[len(t.kept)-1]
	t.kept = t.kept[:len(t.kept)-1]
	return last
}

// larger orders customers by amount, the largest first, and then by id.
func (c Customer) larger(other Customer) bool {
	if c.Amount != other.Amount {
		return c.Amount > other.Amount
	}
	return c.ID < other.ID
}
