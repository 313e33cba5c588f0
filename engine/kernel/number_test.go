package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestLog10IsExactAtEveryPowerOfTen(t *testing.T) {
	for n := -323; n <= 308; n++ {
		x, err := strconv.ParseFloat("1e"+strconv.Itoa(n), 64)
		if err != nil {
			t.Fatal(err)
		}
		if got := Log10(x); got != float64(n) {
			t.Errorf("Log10(1e%d) = %v", n, got)
		}
	}
}

func TestLog2IsExactAtEveryPowerOfTwo(t *testing.T) {
	for n := -1074; n <= 1023; n++ {
		if got := Log2(math.Ldexp(1, n)); got != float64(n) {
			t.Errorf("Log2(2^%d) = %v", n, got)
		}
	}
}

// bigLn returns ln x for x > 0, to 200 bits: halving and doubling brings x near 1, and the series of artanh does the rest.
func bigLn(x float64) *big.Float {
	m, e := math.Frexp(x)
	series := func(v *big.Float) *big.Float {
		one := newBig(1)
		s := newBig(0).Quo(newBig(0).Sub(v, one), newBig(0).Add(v, one))
		square, power, total := newBig(0).Mul(s, s), newBig(0).Set(s), newBig(0).Set(s)
		for n := 3.0; n < 90; n += 2 {
			power.Mul(power, square)
			total.Add(total, newBig(0).Quo(power, newBig(n)))
		}
		return total.Mul(total, newBig(2))
	}
	ln := series(newBig(m))
	return ln.Add(ln, newBig(0).Mul(series(newBig(2)), newBig(float64(e))))
}

func newBig(x float64) *big.Float { return new(big.Float).SetPrec(200).SetFloat64(x) }

// unitsOff returns how far got is from want, in units in the last place of got.
func unitsOff(got float64, want *big.Float) float64 {
	unit := math.Nextafter(math.Abs(got), math.Inf(1)) - math.Abs(got)
	off, _ := newBig(0).Sub(newBig(got), want).Float64()
	return math.Abs(off) / unit
}

// relativeError returns how far got is from want, as a part of want.
func relativeError(got float64, want *big.Float) float64 {
	off := newBig(0).Sub(newBig(got), want)
	part, _ := off.Quo(off, want).Float64()
	return math.Abs(part)
}

func TestLogarithmsAreWithinTheirErrorBound(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ln10 := bigLn(10)
	for i := range 1000 {
		x := math.Float64frombits(random.Uint64() >> 1)
		if i%2 == 0 {
			x = 1 + (random.Float64()-0.5)/float64(int(1)<<random.IntN(40))
		}
		if !isPositive(x) || x == 1 {
			continue
		}
		want := bigLn(x)
		if off := unitsOff(Ln(x), want); off > 0.51 {
			t.Errorf("Ln(%v) is off by %v units", x, off)
		}
		if off := unitsOff(preciseLog10(x), newBig(0).Quo(want, ln10)); off > 0.51 {
			t.Errorf("the precise Log10(%v) is off by %v units", x, off)
		}
		if off := relativeError(Log10(x), newBig(0).Quo(want, ln10)); off > 1e-12 {
			t.Errorf("Log10(%v) is off by %v of it", x, off)
		}
	}
}

func TestLog10RisesAroundPowersOfTen(t *testing.T) {
	for n := -300; n <= 300; n++ {
		x, _ := strconv.ParseFloat("1e"+strconv.Itoa(n), 64)
		below, above := Log10(math.Nextafter(x, 0)), Log10(math.Nextafter(x, math.Inf(1)))
		if below > float64(n) || above < float64(n) {
			t.Errorf("around 1e%d Log10 is %v, %d, %v", n, below, n, above)
		}
	}
}

func TestExpUndoesLn(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		x := (random.Float64() - 0.5) * 1400
		y := Exp(x)
		if y == 0 || math.IsInf(y, 0) || y < smallestNormal {
			continue
		}
		// d(ln y) = dy/y: half a unit of y is at most 2^-53 of it, and the sum of big numbers does not round.
		off, _ := newBig(0).Sub(bigLn(y), newBig(x)).Float64()
		if math.Abs(off) > 0x1.05p-53 {
			t.Errorf("Exp(%v) = %v, whose logarithm is off by %v", x, y, off)
		}
	}
}

func TestPowersThatADoubleHoldsAreExact(t *testing.T) {
	for base := -20; base <= 20; base++ {
		want := 1.0
		for n := 0; n <= 12; n++ {
			if got := Pow(float64(base), float64(n)); got != want {
				t.Errorf("Pow(%d, %d) = %v, want %v", base, n, got, want)
			}
			want *= float64(base)
		}
	}
	for _, c := range []struct{ x, y, want float64 }{
		{4, 0.5, 2}, {2, -1, 0.5}, {27, 1.0 / 3, 3}, {0, 0, 1}, {0, -1, math.Inf(1)}, {-2, 3, -8}, {2, 1024, math.Inf(1)}, {2, -1080, 0}, {2, -1074, 0x1p-1074},
		{-2, 1023, -0x1p1023}, {1, math.Inf(1), 1}, {10, -3, 0.001},
	} {
		if got := Pow(c.x, c.y); got != c.want {
			t.Errorf("Pow(%v, %v) = %v, want %v", c.x, c.y, got, c.want)
		}
	}
	if got := Pow(-8, 1.0/3); !math.IsNaN(got) {
		t.Errorf("Pow(-8, 1/3) = %v, want NaN", got)
	}
}

func TestFunctionsOfNumbersAtTheirEdges(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name    string
		f       func(float64) float64
		x, want float64
	}{
		{"Log10", Log10, 0, -inf}, {"Log10", Log10, -1, nan}, {"Log10", Log10, inf, inf}, {"Log10", Log10, nan, nan}, {"Log10", Log10, 1, 0},
		{"ln", Ln, 0, -inf}, {"ln", Ln, -1, nan}, {"ln", Ln, inf, inf}, {"ln", Ln, math.E, 1}, {"ln", Ln, 0x1p-1074, -744.4400719213812},
		{"log2", Log2, 0, -inf}, {"log2", Log2, -0.5, nan},
		{"exp", Exp, 0, 1}, {"exp", Exp, 1, math.E}, {"exp", Exp, inf, inf}, {"exp", Exp, -inf, 0}, {"exp", Exp, 1000, inf}, {"exp", Exp, -1000, 0}, {"exp", Exp, nan, nan},
		{"exp", Exp, 709.79, inf}, {"exp", Exp, -745.2, 0},
		{"sign", Sign, -3, -1}, {"sign", Sign, 0, 0}, {"sign", Sign, inf, 1}, {"sign", Sign, nan, nan},
	} {
		if got := c.f(c.x); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%s(%v) = %v, want %v", c.name, c.x, got, c.want)
		}
	}
}

func BenchmarkLog10(b *testing.B) {
	x := 1.0
	for b.Loop() {
		x = 1234.5 + Log10(x)
	}
}

// BenchmarkLog10OfAColumn is how fast it is where one logarithm need not wait for the other.
func BenchmarkLog10OfAColumn(b *testing.B) {
	for name, f := range map[string]func(float64) float64{"kernel": Log10, "math": math.Log10} {
		b.Run(name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(5, 6))
			values, out := make([]float64, 1024), make([]float64, 1024)
			for i := range values {
				values[i] = math.Exp(random.Float64() * 16)
			}
			for b.Loop() {
				for i, x := range values {
					out[i] = f(x)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1024, "ns/value")
		})
	}
}
