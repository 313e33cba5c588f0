package kernel

import "math"

// smallestNormal is the smallest double of full precision. The powers of ten below it, 1e-308 to 1e-323, are far from what their doubles hold.
const smallestNormal = 0x1p-1022

var subnormalPowers = [...]float64{
	1e-308, 1e-309, 1e-310, 1e-311, 1e-312, 1e-313, 1e-314, 1e-315, 1e-316, 1e-317, 1e-318, 1e-319, 1e-320, 1e-321, 1e-322, 1e-323,
}

// preciseLog10 is Log10 within 0.51 units in the last place.
func preciseLog10(x float64) float64 {
	if !isPositive(x) {
		return math.Log(x)
	}
	if x < smallestNormal {
		for i, power := range subnormalPowers {
			if x == power {
				return float64(-308 - i)
			}
		}
	}
	return lnOf(x).times(log10OfE).high
}

// isPositive reports whether x has a finite logarithm. The logarithms of other numbers are the same to any base.
func isPositive(x float64) bool { return x > 0 && !math.IsInf(x, 1) }

// Ln returns the natural logarithm, within 0.51 units in the last place.
func Ln(x float64) float64 {
	if !isPositive(x) {
		return math.Log(x)
	}
	return lnOf(x).high
}

// Log2 returns the binary logarithm, exact at powers of two and within 0.51 units in the last place.
func Log2(x float64) float64 {
	if !isPositive(x) {
		return math.Log(x)
	}
	return lnOf(x).times(log2OfE).high
}

// Exp returns e to the power of x.
func Exp(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return math.Exp(x)
	}
	return expOf(wide{high: x})
}

// Pow returns x to the power of y, with the special cases of math.Pow; a result that a double holds is exact.
func Pow(x, y float64) float64 {
	base := math.Abs(x)
	whole := y == math.Trunc(y)
	if !isPositive(base) || math.IsNaN(y) || math.IsInf(y, 0) || y == 0 || x < 0 && !whole {
		return math.Pow(x, y)
	}
	power := expOf(lnOf(base).scaled(y))
	if x < 0 && math.Mod(y, 2) != 0 {
		return -power
	}
	return power
}

// Sign returns -1, 0 or 1; NaN of NaN.
func Sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}
