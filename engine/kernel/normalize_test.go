package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestMultiplyingByAReciprocalIsDividing(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for exponent := -1074; exponent <= 1023; exponent++ {
		width := math.Ldexp(1, exponent)
		inverse, exact := reciprocal(width)
		if exact == math.IsInf(inverse, 0) {
			t.Fatalf("2^%d: exact is %v, and its reciprocal %v", exponent, exact, inverse)
		}
		for range 20 {
			x := math.Float64frombits(random.Uint64())
			if product, quotient := x*inverse, x/width; exact && product != quotient && !math.IsNaN(x) {
				t.Fatalf("%v / 2^%d is %v, and times the reciprocal %v", x, exponent, quotient, product)
			}
		}
	}
	for _, width := range []float64{3, 0.1, 200, 3650, 1.5} {
		if _, exact := reciprocal(width); exact {
			t.Errorf("%v is no power of two", width)
		}
	}
}

// Every number is cut to the same bits, zeros included, by whichever way.
func TestNumbersAreCutToTheSameBits(t *testing.T) {
	special := []float64{
		0, math.Copysign(0, -1), 5e-324, -5e-324, 100, math.Nextafter(100, 0), math.Nextafter(100, 200), 1, 50, -1, -100, 99.99, 100.01,
		math.MaxFloat64, -math.MaxFloat64, math.Inf(1), math.Inf(-1),
	}
	same := func(x float64) {
		if got, want := clampNumber(x), Clamp(x); math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%v is cut to %v, want %v", x, got, want)
		}
	}
	for _, x := range special {
		same(x)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		same(random.Float64()*300 - 100)
		if x := math.Float64frombits(random.Uint64()); x == x {
			same(x)
		}
	}
}

func TestALinePutsEveryNumberWhereItsFormulaDoes(t *testing.T) {
	in := []float64{0, math.Copysign(0, -1), 1, -1, 3.3, 50, 1e300, -1e300, math.MaxFloat64, -math.MaxFloat64, 5e-324}
	for _, line := range [][2]float64{{0, 1}, {0, 3.3}, {-100, 200}, {1, 4}, {-math.MaxFloat64, math.Inf(1)}, {math.MaxFloat64, 5e-324}, {0, 5e-324}} {
		low, width := line[0], line[1]
		out := make([]float64, len(in))
		Linear(out, in, low, width)
		for i, x := range in {
			if want := Clamp((x - low) / width * 100); math.Float64bits(out[i]) != math.Float64bits(want) && !(math.IsNaN(out[i]) && math.IsNaN(want)) {
				t.Errorf("(%v - %v) / %v is %v, want %v", x, low, width, out[i], want)
			}
		}
	}
}
