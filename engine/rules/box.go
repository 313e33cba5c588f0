package rules

import (
	"math/bits"
	"slices"
)

// cells is a set of cells of one axis.
type cells []uint64

func noCells(n int) cells { return make(cells, (n+63)/64) }

func (c cells) add(i int) { c[i/64] |= 1 << (i % 64) }

func (c cells) has(i int) bool { return c[i/64]&(1<<(i%64)) != 0 }

func (c cells) count() int {
	n := 0
	for _, word := range c {
		n += bits.OnesCount64(word)
	}
	return n
}

func (c cells) empty() bool {
	for _, word := range c {
		if word != 0 {
			return false
		}
	}
	return true
}

// combine returns the set that an operation on the words of two sets gives.
func combine(a, b cells, op func(x, y uint64) uint64) cells {
	out := make(cells, len(a))
	for i := range a {
		out[i] = op(a[i], b[i])
	}
	return out
}

func both(x, y uint64) uint64   { return x & y }
func either(x, y uint64) uint64 { return x | y }
func butNot(x, y uint64) uint64 { return x &^ y }

func (c cells) within(other cells) bool {
	for i, word := range c {
		if word&^other[i] != 0 {
			return false
		}
	}
	return true
}

func (c cells) equal(other cells) bool { return slices.Equal(c, other) }

// side is what a box has of one axis.
type side struct {
	axis  int
	cells cells
}

// box is the customers who are within each side; axes without one are not restricted. Sides are in the order of their axes and not empty.
type box []side

// region is the customers who are in one of the boxes.
type region []box

// everyone is the region of all.
var everyone = region{box{}}

// side returns the cells of an axis that a box has, nil where it has all, and the place where the side is or belongs.
func (b box) side(axis int) (cells, int) {
	for i, s := range b {
		if s.axis >= axis {
			if s.axis == axis {
				return s.cells, i
			}
			return nil, i
		}
	}
	return nil, len(b)
}

// with returns the box with other cells of an axis.
func (b box) with(axis int, c cells) box {
	had, place := b.side(axis)
	out := make(box, 0, len(b)+1)
	out = append(append(out, b[:place]...), side{axis, c})
	if had != nil {
		place++
	}
	return append(out, b[place:]...)
}

// meet returns what two boxes share, which are not apart.
func meet(a, b box) box {
	out := make(box, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].axis < b[0].axis:
			out, a = append(out, a[0]), a[1:]
		case len(a) == 0 || b[0].axis < a[0].axis:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, side{a[0].axis, combine(a[0].cells, b[0].cells, both)}), a[1:], b[1:]
		}
	}
	return out
}

// point is one cell of every axis.
type point []int

// has reports whether a point is in the box.
func (b box) has(p point) bool {
	for _, s := range b {
		if !s.cells.has(p[s.axis]) {
			return false
		}
	}
	return true
}

// first and last return the ends of a set that is not empty.
func (c cells) first() int {
	for i, word := range c {
		if word != 0 {
			return i*64 + bits.TrailingZeros64(word)
		}
	}
	return 0
}

func (c cells) last() int {
	for i := len(c) - 1; i >= 0; i-- {
		if c[i] != 0 {
			return i*64 + 63 - bits.LeadingZeros64(c[i])
		}
	}
	return 0
}

// apart reports whether two boxes share nothing.
func apart(a, b box) bool {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].axis < b[0].axis:
			a = a[1:]
		case b[0].axis < a[0].axis:
			b = b[1:]
		default:
			share := false
			for i, word := range a[0].cells {
				share = share || word&b[0].cells[i] != 0
			}
			if !share {
				return true
			}
			a, b = a[1:], b[1:]
		}
	}
	return false
}

// holds reports whether a box has all that another has.
func (b box) holds(other box) bool {
	for _, s := range b {
		has, _ := other.side(s.axis)
		if has == nil || !has.within(s.cells) {
			return false
		}
	}
	return true
}

// joined returns one box for two that differ in a single axis, or of which one holds the other.
func joined(a, b box) (box, bool) {
	switch {
	case len(a) < len(b):
		return a, a.holds(b)
	case len(b) < len(a):
		return b, b.holds(a)
	}
	differs := -1
	for i := range a {
		if a[i].axis != b[i].axis {
			return nil, false
		}
		if a[i].cells.equal(b[i].cells) {
			continue
		}
		if differs >= 0 {
			return nil, false
		}
		differs = i
	}
	if differs < 0 {
		return a, true
	}
	axis := a[differs].axis
	return a.with(axis, combine(a[differs].cells, b[differs].cells, either)), true
}
