package kernel

import "sync/atomic"

// Kind is a type of values that arenas give out beside numbers and sets, such as what a batch's expressions became: for a single row, asking the
// runtime for the memory of each takes about as long as evaluating it. Kinds are made once, as variables of packages.
type Kind[T any] struct{ place int32 }

var kinds atomic.Int32

// NewKind returns another kind.
func NewKind[T any]() Kind[T] { return Kind[T]{kinds.Add(1) - 1} }

// New returns a value that is zero.
func (k Kind[T]) New(a *Arena) *T {
	if a == nil {
		return new(T)
	}
	return &k.Make(a, 1)[0]
}

// Make returns n values that are zero. Appending to them makes new ones.
func (k Kind[T]) Make(a *Arena, n int) []T {
	if a == nil {
		return make([]T, n)
	}
	values := k.slab(a).take(n)
	clear(values)
	return values
}

// slab is where an arena keeps the values of the kind.
func (k Kind[T]) slab(a *Arena) *slab[T] {
	for len(a.others) <= int(k.place) {
		a.others = append(a.others, nil)
	}
	s, ok := a.others[k.place].(*slab[T])
	if !ok {
		s = new(slab[T])
		a.others[k.place] = s
	}
	return s
}
