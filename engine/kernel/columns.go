package kernel

import (
	"math"
	"math/bits"
	"unsafe"

	"github.com/echelonhq/echelon/engine/frame"
)

// Sound reports whether all numbers are finite, and whether those of the rows that are not in valid are +0.
func Sound(values []float64, valid frame.Bitmap) (finite, zeros bool) {
	done, finite, zeros := soundFirst(values, valid)
	other := uint64(0)
	for w := done / 64; w < len(valid); w++ {
		block := values[w*64 : min(w*64+64, len(values))]
		for missing := missingOf(valid[w], len(block)); missing != 0; missing &= missing - 1 {
			other |= math.Float64bits(block[bits.TrailingZeros64(missing)])
		}
	}
	// What is subtracted from itself is zero where it is finite, and else NaN.
	var sum float64
	for _, x := range values[done:] {
		sum += x - x
	}
	return finite && sum == 0, zeros && other == 0
}

// Widen puts whole numbers into dst as doubles, and zero into the rows that are not in valid, and reports whether all are of less magnitude than what doubles hold
// without gaps.
func Widen(dst []float64, from []int64, valid frame.Bitmap) (within bool) {
	done, within := widenFirst(dst, from, valid)
	for i := done; i < len(from); i++ {
		x := 0.0
		if valid.Get(i) {
			x = float64(from[i])
		}
		dst[i] = x
		within = within && math.Abs(x) < frame.MaxInteger
	}
	return within
}

// Recode puts into dst what a table has for each place, and 0 into the rows that are not in valid, which may have any place. It reports whether the
// table has the places of all others.
func Recode[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](dst []uint32, places []T, table []uint32, valid frame.Bitmap) (inside bool) {
	done, inside := 0, true
	switch narrow := any(places).(type) {
	case []uint32:
		done, inside = recodeFirst(dst, narrow, table, valid)
	case []int32:
		if len(narrow) > 0 { // those below 0 are beyond any table
			done, inside = recodeFirst(dst, unsigned(narrow), table, valid)
		}
	}
	for i := done; i < len(places); i++ {
		place := uint64(places[i])
		dst[i] = 0
		switch {
		case !valid.Get(i):
		case place < uint64(len(table)):
			dst[i] = table[place]
		default:
			inside = false
		}
	}
	return inside
}

// Narrow puts codes into dst as bytes, which hold all of them.
func Narrow(dst []uint8, codes []uint32) {
	for i := narrowFirst(dst, codes); i < len(codes); i++ {
		dst[i] = uint8(codes[i])
	}
}

// ZeroMissing puts a zero into the rows that are not in valid.
func ZeroMissing[T float64 | uint32](values []T, valid frame.Bitmap) {
	for w, word := range valid {
		block := values[w*64 : min(w*64+64, len(values))]
		for missing := missingOf(word, len(block)); missing != 0; missing &= missing - 1 {
			block[bits.TrailingZeros64(missing)] = 0
		}
	}
}

// missingOf returns the rows of a word of a set, of which it has n, that are not in it.
func missingOf(word uint64, n int) uint64 { return ^word & (^uint64(0) >> (64 - uint(n))) }

// unsigned is the same memory as other numbers; there are some.
func unsigned(places []int32) []uint32 {
	return unsafe.Slice((*uint32)(unsafe.Pointer(&places[0])), len(places))
}
