package kernel

import "github.com/echelonhq/echelon/engine/frame"

// These take the first rows of a column, as many words of a set as are whole, and return how many rows they took: the loops in Go do the rest, or all.

// words is how many whole words of a set n rows have, as far as the processor can take them.
func words(n int) int {
	if !vectors {
		return 0
	}
	return n / 64
}

// reach panics, as the loops in Go do, where a slice is shorter than what the processor is to take of it: that has no bounds.
func reach[T any](slice []T, n int) { _ = slice[n-1] }

var comparisons = [...]func(dst *uint64, a *float64, groups int, c float64){
	Less: compareLess, LessEqual: compareLessEqual, Greater: compareGreater, GreaterEqual: compareGreaterEqual, Equal: compareEqual, NotEqual: compareNotEqual,
}

func compareFirst(op Op, dst frame.Bitmap, a []float64, c float64) int {
	n := words(len(a))
	if n > 0 {
		reach(dst, n)
		comparisons[op](&dst[0], &a[0], n*8, c)
	}
	return n * 64
}

// pickFirst takes tables of at most 64 codes.
func pickFirst(dst frame.Bitmap, codes []uint32, table []bool) int {
	n := words(len(codes))
	if n == 0 || len(table) > 64 {
		return 0
	}
	reach(dst, n)
	var set uint64
	for code, in := range table {
		set |= bit(in) << uint(code)
	}
	pickOf(&dst[0], &codes[0], n*8, set)
	return n * 64
}

func masksFirst(dst []uint8, sets []frame.Bitmap) int {
	n := words(len(dst))
	if n == 0 || len(sets) == 0 {
		return 0
	}
	for _, set := range sets {
		reach(set, n)
	}
	masksOf(&dst[0], &sets[0], len(sets), n)
	return n * 64
}

// linearFirst divides by width, or multiplies by its inverse where that is exact.
func linearFirst(out, in []float64, low, width, inverse float64, exact bool) int {
	n := words(len(in))
	switch {
	case n == 0:
		return 0
	case exact:
		linearTimes(&out[0], &in[0], n*8, low, inverse)
	default:
		linearOver(&out[0], &in[0], n*8, low, width)
	}
	return n * 64
}

func addFourFirst(sums []float64, columns *[4]Weighted) int {
	n := words(len(sums))
	if n > 0 {
		for i := range columns {
			columns[i].reach(n)
		}
		addFourOf(&sums[0], columns, n*8)
	}
	return n * 64
}

func (w *Weighted) reach(n int) {
	reach(w.Values, n*64)
	reach(w.Read, n)
}

func addOneFirst(sums []float64, column *Weighted) int {
	n := words(len(sums))
	if n > 0 {
		column.reach(n)
		addOneOf(&sums[0], column, n*8)
	}
	return n * 64
}

func meansFirst(sums, shares []float64, valid frame.Bitmap, masks []uint8, t *MeanTable) int {
	n := words(len(sums))
	if n > 0 {
		reach(shares, n*64)
		reach(valid, n)
		reach(masks, n*64)
		meansOf(&sums[0], &shares[0], &valid[0], &masks[0], n*8, t)
	}
	return n * 64
}

// leastLevels is how many levels a tree has at least whose first keys fill a register.
const leastLevels = 3

func ranksFirst(r *Ranks, out, in []float64) int {
	n := words(len(in))
	if n == 0 || r.ties || r.steps.levels < leastLevels {
		return 0
	}
	ranksOf(&out[0], &in[0], n*8, &r.steps.keys[0], r.steps.levels, &r.between[0])
	return n * 64
}

func polylineFirst(p *Polyline, out, in []float64) int {
	n := words(len(in))
	if n == 0 || p.steps.levels < leastLevels || !p.finite {
		return 0
	}
	polylineOf(&out[0], &in[0], n*8, &p.steps.keys[0], p.steps.levels, &p.pieces[0])
	return n * 64
}

// logConstants are what logarithms are made with, in the order in which the processor reads them.
type logConstants struct {
	low, high, base, width float64
	tail                   [6]float64
	of2, roundToWhole      float64
	snap                   float64
}

// logarithmicFirst takes what is not near a power of ten; again is called with the rows that are.
func logarithmicFirst(out, in []float64, low, high, base, width float64, again func(row int)) int {
	n := words(len(in))
	if n == 0 {
		return 0
	}
	c := logConstants{
		low, high, base, width, [6]float64{log10c1, log10c2, log10c3, log10c4, log10c5, log10c6}, log10Of2, roundToWhole, snap,
	}
	const most = 64 // groups at a time
	var near [most]uint8
	for from := 0; from < n*64; from += most * 8 {
		groups := min(most, n*8-from/8)
		logarithmicOf(&out[from], &in[from], &near[0], groups, &logSteps[0], &c)
		for group, rows := range near[:groups] {
			for k := 0; rows != 0; k, rows = k+1, rows>>1 {
				if rows&1 != 0 {
					again(from + group*8 + k)
				}
			}
		}
	}
	return n * 64
}

func soundFirst(values []float64, valid frame.Bitmap) (rows int, finite, zeros bool) {
	n := words(len(values))
	if n == 0 {
		return 0, true, true
	}
	reach(valid, n)
	infinite, left := soundOf(&values[0], &valid[0], n*8)
	return n * 64, infinite == 0, left == 0
}

func widenFirst(dst []float64, from []int64, valid frame.Bitmap) (rows int, within bool) {
	n := words(len(from))
	if n == 0 {
		return 0, true
	}
	reach(dst, n*64)
	reach(valid, n)
	return n * 64, widenOf(&dst[0], &from[0], &valid[0], n*8, frame.MaxInteger) == 0
}

func recodeFirst(dst, places, table []uint32, valid frame.Bitmap) (rows int, inside bool) {
	n := words(len(places))
	if n == 0 || len(table) == 0 || len(table) > 1<<30 {
		return 0, true
	}
	reach(dst, n*64)
	reach(valid, n)
	return n * 64, recodeOf(&dst[0], &places[0], &valid[0], n*4, &table[0], uint32(len(table))) == 0
}

func countFirst(levels []uint32, set frame.Bitmap, step uint32) int {
	n := words(len(levels))
	if n > 0 {
		reach(set, n)
		countOf(&levels[0], &set[0], n*4, step)
	}
	return n * 64
}

func narrowFirst(dst []uint8, codes []uint32) int {
	n := words(len(codes))
	if n > 0 {
		reach(dst, n*64)
		narrowOf(&dst[0], &codes[0], n*4)
	}
	return n * 64
}
