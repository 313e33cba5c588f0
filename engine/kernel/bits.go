package kernel

import (
	"math/bits"

	"github.com/echelonhq/echelon/engine/frame"
)

// Truth is a three-valued condition of each row: it holds in the rows of True, does not hold in those of False, and cannot be read in the others.
// Both have the same length, and no row in common.
type Truth struct{ True, False frame.Bitmap }

// And is Kleene's conjunction, which forgives what cannot be read beside what does not hold. It overwrites a.
func And(a, b Truth) {
	for w := range a.True {
		a.True[w] &= b.True[w]
		a.False[w] |= b.False[w]
	}
}

// Or is Kleene's disjunction. It overwrites a.
func Or(a, b Truth) {
	for w := range a.True {
		a.True[w] |= b.True[w]
		a.False[w] &= b.False[w]
	}
}

// Fill puts the first n rows into a set.
func Fill(set frame.Bitmap, n int) {
	for w := range set {
		set[w] = ^uint64(0)
	}
	if n&63 != 0 {
		set[len(set)-1] = 1<<(uint(n)&63) - 1
	}
}

// Each calls f with every row of a set, ascending.
func Each(set frame.Bitmap, f func(row int)) {
	for w, word := range set {
		for ; word != 0; word &= word - 1 {
			f(w<<6 | bits.TrailingZeros64(word))
		}
	}
}
