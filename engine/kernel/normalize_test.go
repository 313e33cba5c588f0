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
