package frame

import "math/bits"

// Bitmap is a set of row numbers, one bit a row.
type Bitmap []uint64

// NewBitmap returns an empty set with room for n rows.
func NewBitmap(n int) Bitmap { return make(Bitmap, (n+63)/64) }

// AllRows returns the set of n rows.
func AllRows(n int) Bitmap { return NewBitmap(n).Fill(n) }

// Fill makes a set with room for n rows that of all of them.
func (b Bitmap) Fill(n int) Bitmap {
	for i := range b {
		b[i] = ^uint64(0)
	}
	if n&63 != 0 {
		b[len(b)-1] = 1<<(uint(n)&63) - 1
	}
	return b
}

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

// slice returns the rows from one that is a multiple of 64 up to another. Where it ends within a word it is a copy, without the rows behind.
func (b Bitmap) slice(from, to int) Bitmap {
	if from&63 != 0 {
		panic("frame: a slice must begin at a multiple of 64 rows")
	}
	part := b[from>>6 : (to+63)>>6 : (to+63)>>6]
	if to&63 != 0 {
		part = append(Bitmap(nil), part...)
		part[len(part)-1] &= 1<<(uint(to)&63) - 1
	}
	return part
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
