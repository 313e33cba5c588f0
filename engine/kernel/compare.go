package kernel

import "github.com/echelonhq/echelon/engine/frame"

// Op is a comparison.
type Op uint8

// The comparisons.
const (
	Less Op = iota
	LessEqual
	Greater
	GreaterEqual
	Equal
	NotEqual
)

// Flip returns the comparison that holds of (b, a) where op holds of (a, b).
func (op Op) Flip() Op { return [...]Op{Greater, GreaterEqual, Less, LessEqual, Equal, NotEqual}[op] }

// Ordered is what columns hold that can be compared without a dictionary.
type Ordered interface{ ~float64 | ~int64 }

// bit is 1 where b holds. The compiler makes no branch of it.
func bit(b bool) uint64 {
	var x uint64
	if b {
		x = 1
	}
	return x
}

// Compare puts into dst the rows whose value stands in op to c. NaN stands in none but NotEqual.
func Compare[T Ordered](op Op, dst frame.Bitmap, a []T, c T) {
	for w := range dst {
		block := a[w*64 : min(len(a), w*64+64)]
		var word uint64
		switch op {
		case Less:
			for _, x := range block {
				word = word>>1 | bit(x < c)<<63
			}
		case LessEqual:
			for _, x := range block {
				word = word>>1 | bit(x <= c)<<63
			}
		case Greater:
			for _, x := range block {
				word = word>>1 | bit(x > c)<<63
			}
		case GreaterEqual:
			for _, x := range block {
				word = word>>1 | bit(x >= c)<<63
			}
		case Equal:
			for _, x := range block {
				word = word>>1 | bit(x == c)<<63
			}
		case NotEqual:
			for _, x := range block {
				word = word>>1 | bit(x != c)<<63
			}
		}
		dst[w] = word >> (64 - uint(len(block)))
	}
}

// ComparePairs puts into dst the rows whose values in a and b stand in op.
func ComparePairs[T Ordered](op Op, dst frame.Bitmap, a, b []T) {
	switch op {
	case Less:
		pairs(dst, a, b, func(x, y T) bool { return x < y })
	case LessEqual:
		pairs(dst, a, b, func(x, y T) bool { return x <= y })
	case Greater:
		pairs(dst, a, b, func(x, y T) bool { return x > y })
	case GreaterEqual:
		pairs(dst, a, b, func(x, y T) bool { return x >= y })
	case Equal:
		pairs(dst, a, b, func(x, y T) bool { return x == y })
	case NotEqual:
		pairs(dst, a, b, func(x, y T) bool { return x != y })
	}
}

func pairs[T Ordered](dst frame.Bitmap, a, b []T, holds func(x, y T) bool) {
	for w := range dst {
		block := a[w*64 : min(len(a), w*64+64)]
		other := b[w*64 : w*64+len(block)]
		var word uint64
		for i, x := range block {
			word = word>>1 | bit(holds(x, other[i]))<<63
		}
		dst[w] = word >> (64 - uint(len(block)))
	}
}

// Pick puts into dst the rows whose code is one of a table's.
func Pick(dst frame.Bitmap, codes []uint32, table []bool) {
	if len(table) == 0 {
		clear(dst)
		return
	}
	for w := range dst {
		block := codes[w*64 : min(len(codes), w*64+64)]
		var word uint64
		for _, code := range block {
			word = word>>1 | bit(table[code])<<63
		}
		dst[w] = word >> (64 - uint(len(block)))
	}
}
