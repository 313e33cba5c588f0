package kernel

import (
	"math"
	"slices"
)

// Clamp returns x, or the end of 0 to 100 that it lies beyond. It needs no branch, which would often be guessed wrong.
func Clamp(x float64) float64 { return min(max(x, 0), 100) }

// clampNumber is Clamp of what is not NaN. The bits of doubles that are not negative are in their order, and those of the others are negative: comparing
// them takes half of the instructions, which need not tell zeros apart and see to NaN.
func clampNumber(x float64) float64 {
	const hundred = 0x4059000000000000
	return math.Float64frombits(uint64(min(max(int64(math.Float64bits(x)), 0), hundred)))
}

// Linear puts (x − low)/width·100 of each x into out, clamped; every x is finite.
func Linear(out, in []float64, low, width float64) {
	out = out[:len(in)]
	inverse, exact := reciprocal(width)
	if !math.IsInf(width, 0) {
		done := linearFirst(out, in, low, width, inverse, exact)
		out, in = out[done:], in[done:]
	}
	switch {
	case exact:
		for i, x := range in {
			out[i] = clampNumber((x - low) * inverse * 100)
		}
	case math.IsInf(width, 0): // what is infinite as well is NaN
		for i, x := range in {
			out[i] = Clamp((x - low) / width * 100)
		}
	default:
		for i, x := range in {
			out[i] = clampNumber((x - low) / width * 100)
		}
	}
}

// reciprocal returns 1/x, and whether multiplying by it gives the same bits as dividing by x does: that is so of powers of two.
func reciprocal(x float64) (inverse float64, exact bool) {
	fraction, _ := math.Frexp(x)
	inverse = 1 / x
	return inverse, math.Abs(fraction) == 0.5 && !math.IsInf(inverse, 0)
}

// Logarithmic puts (log10 x − base)/width·100 of each x into out, clamped: 0 up to low and 100 from high on.
func Logarithmic(out, in []float64, low, high, base, width float64) {
	out = out[:len(in)]
	if low < smallestNormal {
		for i, x := range in {
			out[i] = logarithmic(x, low, high, base, width)
		}
		return
	}
	done := logarithmicFirst(out, in, low, high, base, width, func(row int) { out[row] = logarithmic(in[row], low, high, base, width) })
	out, in = out[done:], in[done:]
	for i, x := range in {
		if x <= low || x >= high {
			out[i] = logarithmic(x, low, high, base, width)
			continue
		}
		// Log10, whose parts are put here by the compiler: x is of full precision.
		y := log10Sum(log10Parts(math.Float64bits(x)))
		if isNearWhole(y) {
			y = nearWhole(x, y)
		}
		out[i] = clampNumber((y - base) / width * 100)
	}
}

func logarithmic(x, low, high, base, width float64) float64 {
	switch {
	case x <= low:
		return 0
	case x >= high:
		return 100
	}
	return Clamp((Log10(x) - base) / width * 100)
}

// Polyline is a function of straight pieces. It is immutable.
type Polyline struct {
	steps *Steps
	// pieces are those before the first point and after each.
	pieces []piece
	// finite tells that no slope is too steep for a double: of others comes NaN.
	finite bool
}

// piece is a straight piece: where it begins, its value there, and its slope.
type piece struct{ x, y, slope float64 }

// NewPolyline returns the function through points whose x rise strictly; beyond the ends the end's y holds.
func NewPolyline(xs, ys []float64) *Polyline {
	p := &Polyline{steps: NewSteps(xs), pieces: []piece{{xs[0], ys[0], 0}}}
	for i := range xs {
		slope := 0.0
		if i+1 < len(xs) {
			slope = (ys[i+1] - ys[i]) / (xs[i+1] - xs[i])
		}
		p.pieces = append(p.pieces, piece{xs[i], ys[i], slope})
	}
	p.finite = !slices.ContainsFunc(p.pieces, func(one piece) bool { return math.IsInf(one.slope, 0) || math.IsNaN(one.slope) })
	return p
}

// Finite reports whether no slope is too steep for a double.
func (p *Polyline) Finite() bool { return p.finite }

// Of puts the function of each x into out, clamped to 0 to 100.
func (p *Polyline) Of(out, in []float64) {
	out = out[:len(in)]
	done := polylineFirst(p, out, in)
	out, in = out[done:], in[done:]
	for i, x := range in {
		one := &p.pieces[p.steps.UpTo(x)]
		if one.slope == 0 {
			out[i] = one.y
			continue
		}
		out[i] = Clamp(one.y + float64((x-one.x)*one.slope))
	}
}

// Ranks is what numbers count by their place among breakpoints. It is immutable.
type Ranks struct {
	steps *Steps
	// between is what a number counts that this many breakpoints are at most, and on what one counts that is equal to the last of them.
	between, on []float64
	// last is the last of so many breakpoints; the first place has none, which is equal to nothing.
	last []float64
	// ties tells that it matters whether a number is equal to a breakpoint.
	ties bool
}

// NewRanks returns the ranks among ascending breakpoints, of which there are some. On says what a number counts that is equal to the breakpoints
// from first to last, counted from 0.
func NewRanks(breakpoints []float64, on func(first, last int) float64) *Ranks {
	r := &Ranks{steps: NewSteps(breakpoints), between: []float64{0}, on: []float64{0}, last: []float64{math.NaN()}}
	first := 0
	for i, x := range breakpoints {
		if x != breakpoints[first] {
			first = i
		}
		r.between, r.on, r.last = append(r.between, float64(i)), append(r.on, on(first, i)), append(r.last, x)
		r.ties = r.ties || on(first, i) != float64(i)
	}
	for len(r.between) < len(r.steps.keys) {
		r.between = append(r.between, 0) // no number has a place there
	}
	return r
}

// At returns the rank of x.
func (r *Ranks) At(x float64) float64 {
	place := r.steps.UpTo(x)
	if r.last[place] == x {
		return r.on[place]
	}
	return r.between[place]
}

// Of puts the rank of each x into out.
func (r *Ranks) Of(out, in []float64) {
	out = out[:len(in)]
	done := ranksFirst(r, out, in)
	out, in = out[done:], in[done:]
	if r.ties || r.steps.levels != 7 {
		for i, x := range in {
			out[i] = r.At(x)
		}
		return
	}
	// The way down a tree of 101 breakpoints, step by step, in a loop of its own.
	root := r.steps.root
	keys, between := (*[128]int64)(r.steps.keys), (*[128]float64)(r.between)
	for i, x := range in {
		k := keyOf(x)
		node := down(root, keys[root&127], k)
		node = down(node, keys[node&127], k)
		node = down(node, keys[node&127], k)
		node = down(node, keys[node&127], k)
		node = down(node, keys[node&127], k)
		node = down(node, keys[node&127], k)
		node = down(node, keys[node&127], k)
		out[i] = between[node&127]
	}
}

// Entries puts into out what a table has for each code.
func Entries(out []float64, codes []uint32, table []float64) {
	out = out[:len(codes)]
	if len(table) == 0 {
		return
	}
	for i, code := range codes {
		out[i] = table[code]
	}
}
