package kernel

import "math"

// wide is a number of about 105 bits, the sum of two doubles of which the second is at most half a unit in the last place of the first.
// Functions that go through it are right to the last bit but for one result in thousands, where they are off by one unit, and they are the
// same on every processor: the functions of package math are not, since some processors have assembly of their own for them, and others
// fuse products with sums.
type wide struct{ high, low float64 }

// sum returns a + b, exactly.
func sum(a, b float64) wide {
	s := a + b
	t := s - a
	return wide{s, (a - (s - t)) + (b - t)}
}

// product returns a·b, exactly.
func product(a, b float64) wide {
	p := float64(a * b)
	return wide{p, math.FMA(a, b, -p)}
}

// quotient returns a/b.
func quotient(a, b float64) wide {
	q := a / b
	return sum(q, math.FMA(-q, b, a)/b)
}

func (a wide) plus(b wide) wide {
	high, low := sum(a.high, b.high), sum(a.low, b.low)
	first := sum(high.high, high.low+low.high)
	return sum(first.high, first.low+low.low)
}

func (a wide) times(b wide) wide {
	p := product(a.high, b.high)
	return sum(p.high, p.low+math.FMA(a.high, b.low, float64(a.low*b.high)))
}

// scaled returns a·x for a double x.
func (a wide) scaled(x float64) wide {
	p := product(a.high, x)
	return sum(p.high, math.FMA(a.low, x, p.low))
}

// over returns a/n for a whole number n.
func (a wide) over(n float64) wide {
	q := quotient(a.high, n)
	return sum(q.high, q.low+a.low/n)
}

var (
	ln2        = wide{0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56}
	log2OfE    = wide{0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56}
	log10OfE   = wide{0x1.bcb7b1526e50ep-2, 0x1.95355baaafad3p-57}
	logsOfGrid = gridLogs()
)

// The grid of lnOf: the numbers j/gridSteps near which a number between √½ and √2 lies.
const (
	gridSteps = 128
	gridFirst = 90
	gridLast  = 182
)

// gridLogs returns the natural logarithms of the grid, by ln c = 2·artanh((c − 1)/(c + 1)).
func gridLogs() []wide {
	logs := make([]wide, gridLast-gridFirst+1)
	for i := range logs {
		j := float64(gridFirst + i)
		s := quotient(j-gridSteps, j+gridSteps)
		square, power, total := s.times(s), s, s
		// |s| is below 0.18, and its 45th power below 2^-110.
		for n := 3.0; n <= 45; n += 2 {
			power = power.times(square)
			total = total.plus(power.over(n))
		}
		logs[i] = total.scaled(2)
	}
	return logs
}

// lnOf returns the natural logarithm of a finite x above 0, with a relative error below 2^-64.
func lnOf(x float64) wide {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m *= 2
		e--
	}
	j := math.Round(m * gridSteps)
	c := j / gridSteps
	return ln2.scaled(float64(e)).plus(logsOfGrid[int(j)-gridFirst]).plus(ln1p(quotient(m-c, c)))
}

// ln1pTail are the coefficients of ln(1 + r) = r − r²/2 + r³·(1/3 − r/4 + …), from the highest power down.
var ln1pTail = [...]float64{-1.0 / 10, 1.0 / 9, -1.0 / 8, 1.0 / 7, -1.0 / 6, 1.0 / 5, -1.0 / 4, 1.0 / 3}

// ln1p returns ln(1 + r) for |r| below 2^-7. From the cube on, doubles are precise enough.
func ln1p(r wide) wide {
	x, tail := r.high, 0.0
	for _, coefficient := range ln1pTail {
		tail = math.FMA(tail, x, coefficient)
	}
	cube := float64(float64(x*x) * x)
	return r.plus(r.times(r).scaled(-0.5)).plus(wide{high: float64(cube * tail)})
}

// expOf returns e to the power of a; 0 and +Inf beyond the doubles.
func expOf(a wide) float64 {
	switch {
	case a.high > 710:
		return math.Inf(1)
	case a.high < -746:
		return 0
	}
	n := math.Round(a.high * log2OfE.high)
	const halvings = 8
	r := a.plus(ln2.scaled(-n)).scaled(1.0 / (1 << halvings))
	// |r| is below 0.0014, and its 12th power over 12! below 2^-140.
	term, less1 := r, r
	for k := 2.0; k <= 11; k++ {
		term = term.times(r).over(k)
		less1 = less1.plus(term)
	}
	// e^2r − 1 = 2(e^r − 1) + (e^r − 1)²
	for range halvings {
		less1 = less1.scaled(2).plus(less1.times(less1))
	}
	return math.Ldexp(less1.plus(wide{high: 1}).high, int(n))
}
