package frame

import "math/bits"

// Bitmap is a set of row numbers, one bit a row.
type Bitmap []uint64

// NewBitmap returns an empty set with room for n rows.
func NewBitmap(n int) Bitmap { return make(Bitmap, (n+63)/64) }

// Get reports whether row i is in the set.
func (b Bitmap) Get(i int) bool { return b[i>>6]&(1<<(uint(i)&63)) != 0 }

// Set puts row i into the set, or takes it out.
func (b Bitmap) Set(i int, in bool) {
	if in {
		b[i>>6] |= 1 << (uint(i) & 63)
	} else {
		b[i>>6] &^= 1 << (uint(i) & 63)
	}
}

// Count returns how many rows are in the set.
func (b Bitmap) Count() int {
	n := 0
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// add makes room for row n, the next one, and says whether it is in the set.
func (b *Bitmap) add(n int, in bool) {
	if n>>6 == len(*b) {
		*b = append(*b, 0)
	}
	if in {
		(*b)[n>>6] |= 1 << (uint(n) & 63)
	}
}
