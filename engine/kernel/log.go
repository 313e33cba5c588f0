package kernel

import "math"

// The logarithm's table: the mantissas from about 0.69 to 1.38 in 128 intervals, each with the logarithm of a number within it, as in Tang,
// "Table-driven implementation of the logarithm function in IEEE floating-point arithmetic" (1990). The intervals beside 1 take 1 itself, whose
// logarithm is 0, so that nothing is lost near it.
const (
	logBits  = 7
	logFirst = 0x3fe6000000000000 // the bits of the first mantissa, 0.6875
)

// logStep is one interval of the table: a number within it, its reciprocal, and its decimal logarithm.
type logStep struct{ center, inverse, log10 float64 }

var logSteps = func() *[1 << logBits]logStep {
	var steps [1 << logBits]logStep
	for i := range steps {
		first := math.Float64frombits(logFirst + uint64(i)<<(52-logBits))
		last := math.Float64frombits(logFirst + uint64(i+1)<<(52-logBits))
		center := (first + last) / 2
		if first == 1 || last == 1 {
			center = 1
		}
		steps[i] = logStep{center, 1 / center, preciseLog10(center)}
	}
	return &steps
}()

// log10Tail are the coefficients of log10(1 + r) = r·(log10 e)·(1 − r/2 + r²/3 − …), up to the sixth power: |r| is below 2^-7, and what is left out
// below 4e-14 of it.
const (
	log10Of2 = 0.30102999566398119521373889472449
	log10c1  = 0.43429448190325182765112891891661
	log10c2  = -log10c1 / 2
	log10c3  = log10c1 / 3
	log10c4  = -log10c1 / 4
	log10c5  = log10c1 / 5
	log10c6  = -log10c1 / 6
)

// roundToWhole rounds what is added to it to a whole number, and is taken away again.
const roundToWhole = 0x1.8p52

// snap is how near to a whole number a logarithm is computed precisely.
const snap = 1e-9

// Log10 returns the decimal logarithm of x: NaN below 0, -Inf of 0. Its relative error is below 1e-12; it is exact at powers of ten, taking 1e-323
// for the double that is written so, and on its right side around them; and it is the same on every processor. math.Log10 is neither.
func Log10(x float64) float64 {
	bits := math.Float64bits(x)
	if bits-smallestNormalBits >= infinityBits-smallestNormalBits {
		// Zero, negative, subnormal, infinite or not a number.
		return preciseLog10(x)
	}
	y := log10Sum(log10Parts(bits))
	if isNearWhole(y) {
		return nearWhole(x, y)
	}
	return y
}

// The bits of the smallest number of full precision and of +Inf.
const (
	smallestNormalBits = 0x0010000000000000
	infinityBits       = 0x7ff0000000000000
)

// log10Parts splits a number of full precision above 0 into a power of two, a number of the table and the distance from that.
func log10Parts(bits uint64) (step *logStep, exponent, r float64) {
	offset := bits - logFirst
	step = &logSteps[offset>>(52-logBits)&(1<<logBits-1)]
	r = (math.Float64frombits(bits-offset&(0xfff<<52)) - step.center) * step.inverse
	return step, float64(int64(offset) >> 52), r
}

// log10Sum adds up the logarithms of the parts. The conversions forbid the compiler to fuse products with sums, so that all processors agree.
func log10Sum(step *logStep, exponent, r float64) float64 {
	square := float64(r * r)
	tail := log10c1 + float64(r*log10c2) + float64(square*(log10c3+float64(r*log10c4)+float64(square*(log10c5+float64(r*log10c6)))))
	return float64(exponent*log10Of2) + step.log10 + float64(r*tail)
}

// isNearWhole reports whether a logarithm is so near to a whole number that it is computed precisely.
func isNearWhole(y float64) bool {
	nearest := float64(y+roundToWhole) - roundToWhole
	return math.Abs(y-nearest) < snap
}

// nearWhole is the decimal logarithm of a number near a power of ten, of which y is nearly the logarithm.
func nearWhole(x, y float64) float64 {
	nearest := math.Round(y)
	if powersOfTen[int(nearest)+308] == x {
		return nearest
	}
	return preciseLog10(x)
}

// powersOfTen are 1e-308 to 1e308, as near as doubles come.
var powersOfTen = func() *[617]float64 {
	var powers [617]float64
	for i := range powers {
		powers[i] = math.Pow10(i - 308)
	}
	return &powers
}()
