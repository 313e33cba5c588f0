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
	whole := len(a) / 64
	if len(dst) > whole {
		var word uint64
		for i, x := range a[whole*64:] {
			word |= bit(holds(op, x, c)) << uint(i)
		}
		dst[whole] = word
	}
	done := 0
	if numbers, are := any(a).([]float64); are {
		done = compareFirst(op, dst, numbers, any(c).(float64)) / 64
	}
	// Each comparison has a loop of its own, in which eight rows at a time do not wait for each other.
	for w := done; w < whole; w++ {
		block := (*[64]T)(a[w*64:])
		var word uint64
		switch op {
		case Less:
			for i := 0; i < 64; i += 8 {
				x := (*[8]T)(block[i : i+8])
				word = word>>8 | (bit(x[0] < c)|bit(x[1] < c)<<1|bit(x[2] < c)<<2|bit(x[3] < c)<<3|bit(x[4] < c)<<4|bit(x[5] < c)<<5|bit(x[6] < c)<<6|bit(x[7] < c)<<7)<<56
			}
		case LessEqual:
			for i := 0; i < 64; i += 8 {
				x := (*[8]T)(block[i : i+8])
				word = word>>8 | (bit(x[0] <= c)|bit(x[1] <= c)<<1|bit(x[2] <= c)<<2|bit(x[3] <= c)<<3|bit(x[4] <= c)<<4|bit(x[5] <= c)<<5|bit(x[6] <= c)<<6|bit(x[7] <= c)<<7)<<56
			}
		case Greater:
			for i := 0; i < 64; i += 8 {
				x := (*[8]T)(block[i : i+8])
				word = word>>8 | (bit(x[0] > c)|bit(x[1] > c)<<1|bit(x[2] > c)<<2|bit(x[3] > c)<<3|bit(x[4] > c)<<4|bit(x[5] > c)<<5|bit(x[6] > c)<<6|bit(x[7] > c)<<7)<<56
			}
		case GreaterEqual:
			for i := 0; i < 64; i += 8 {
				x := (*[8]T)(block[i : i+8])
				word = word>>8 | (bit(x[0] >= c)|bit(x[1] >= c)<<1|bit(x[2] >= c)<<2|bit(x[3] >= c)<<3|bit(x[4] >= c)<<4|bit(x[5] >= c)<<5|bit(x[6] >= c)<<6|bit(x[7] >= c)<<7)<<56
			}
		default:
			for i := 0; i < 64; i += 8 {
				x := (*[8]T)(block[i : i+8])
				word = word>>8 | (bit(x[0] == c)|bit(x[1] == c)<<1|bit(x[2] == c)<<2|bit(x[3] == c)<<3|bit(x[4] == c)<<4|bit(x[5] == c)<<5|bit(x[6] == c)<<6|bit(x[7] == c)<<7)<<56
			}
			if op == NotEqual {
				word = ^word
			}
		}
		dst[w] = word
	}
}

// holds reports whether x stands in op to y.
func holds[T Ordered](op Op, x, y T) bool {
	switch op {
	case Less:
		return x < y
	case LessEqual:
		return x <= y
	case Greater:
		return x > y
	case GreaterEqual:
		return x >= y
	case Equal:
		return x == y
	}
	return x != y
}

// ComparePairs puts into dst the rows whose values in a and b stand in op.
func ComparePairs[T Ordered](op Op, dst frame.Bitmap, a, b []T) {
	clear(dst)
	for i, x := range a {
		dst[i>>6] |= bit(holds(op, x, b[i])) << (uint(i) & 63)
	}
}

// Pick puts into dst the rows whose code is one of a table's.
func Pick(dst frame.Bitmap, codes []uint32, table []bool) {
	if len(table) == 0 {
		clear(dst)
		return
	}
	for w := pickFirst(dst, codes, table) / 64; w < len(dst); w++ {
		block := codes[w*64 : min(len(codes), w*64+64)]
		var word uint64
		for i, code := range block {
			word |= bit(table[code]) << (uint(i) & 63)
		}
		dst[w] = word
	}
}
