package expr

import "math"

// smallestNormal is the smallest double of full precision. The powers of ten below it, 1e-308 to 1e-323, are far from what their doubles hold.
const smallestNormal = 0x1p-1022

var subnormalPowers = [...]float64{
	1e-308, 1e-309, 1e-310, 1e-311, 1e-312, 1e-313, 1e-314, 1e-315, 1e-316, 1e-317, 1e-318, 1e-319, 1e-320, 1e-321, 1e-322, 1e-323,
}

// Log10 returns the decimal logarithm of x: NaN below 0, -Inf of 0. It is exact at powers of ten, taking 1e-323 for the double that is written so,
// elsewhere within 0.51 units in the last place, and the same on every processor; math.Log10 is neither.
func Log10(x float64) float64 {
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

// ln returns the natural logarithm, as precise as Log10.
func ln(x float64) float64 {
	if !isPositive(x) {
		return math.Log(x)
	}
	return lnOf(x).high
}

// log2 returns the binary logarithm, exact at powers of two and as precise as Log10.
func log2(x float64) float64 {
	if !isPositive(x) {
		return math.Log(x)
	}
	return lnOf(x).times(log2OfE).high
}

// exp returns e to the power of x.
func exp(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return math.Exp(x)
	}
	return expOf(wide{high: x})
}

// pow returns x to the power of y, with the special cases of math.Pow; a result that a double holds is exact.
func pow(x, y float64) float64 {
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

// sign returns -1, 0 or 1; NaN of NaN.
func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}
