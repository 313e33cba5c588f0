package kernel

import "math"

// Clamp returns x, or the end of 0 to 100 that it lies beyond.
func Clamp(x float64) float64 {
	if x < 0 {
		return 0
	}
	if x > 100 {
		return 100
	}
	return x
}

// Linear puts (x − low)/width·100 of each x into out, clamped.
func Linear(out, in []float64, low, width float64) {
	out = out[:len(in)]
	for i, x := range in {
		out[i] = Clamp((x - low) / width * 100)
	}
}

// Logarithmic puts (log10 x − base)/width·100 of each x into out, clamped: 0 up to low and 100 from high on.
func Logarithmic(out, in []float64, low, high, base, width float64) {
	out = out[:len(in)]
	for i, x := range in {
		switch {
		case x <= low:
			out[i] = 0
		case x >= high:
			out[i] = 100
		default:
			out[i] = Clamp((Log10(x) - base) / width * 100)
		}
	}
}

// Polyline is a function of straight pieces. It is immutable.
type Polyline struct {
	steps *Steps
	// Of each piece, from the one before the first point on: where it begins, its value there, and its slope.
	xs, ys, slopes []float64
}

// NewPolyline returns the function through points whose x rise strictly; beyond the ends the end's y holds.
func NewPolyline(xs, ys []float64) *Polyline {
	p := &Polyline{steps: NewSteps(xs), xs: []float64{xs[0]}, ys: []float64{ys[0]}, slopes: []float64{0}}
	for i := range xs {
		slope := 0.0
		if i+1 < len(xs) {
			slope = (ys[i+1] - ys[i]) / (xs[i+1] - xs[i])
		}
		p.xs, p.ys, p.slopes = append(p.xs, xs[i]), append(p.ys, ys[i]), append(p.slopes, slope)
	}
	return p
}

// Finite reports whether no slope is too steep for a double.
func (p *Polyline) Finite() bool {
	for _, slope := range p.slopes {
		if math.IsInf(slope, 0) || math.IsNaN(slope) {
			return false
		}
	}
	return true
}

// Of puts the function of each x into out, clamped to 0 to 100.
func (p *Polyline) Of(out, in []float64) {
	out = out[:len(in)]
	for i, x := range in {
		piece := p.steps.UpTo(x)
		slope := p.slopes[piece]
		if slope == 0 {
			out[i] = p.ys[piece]
			continue
		}
		out[i] = Clamp(p.ys[piece] + float64((x-p.xs[piece])*slope))
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
	if r.steps.levels != 7 {
		for i, x := range in {
			out[i] = r.At(x)
		}
		return
	}
	tree := (*[128]float64)(r.steps.tree)
	last, on, between := r.last, r.on[:len(r.last)], r.between[:len(r.last)]
	if !r.ties {
		for i, x := range in {
			out[i] = between[upTo101(tree, x)]
		}
		return
	}
	for i, x := range in {
		place := upTo101(tree, x)
		rank := between[place]
		if last[place] == x {
			rank = on[place]
		}
		out[i] = rank
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
