package scoring

import (
	"math"
	"slices"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// normalizer maps a column of what a criterion read onto 0 to 100. It fills out for the rows of in.Valid and returns the rows that it could
// map; those that it could not lack a value for the cause that the criterion states.
type normalizer interface {
	normalize(in *frame.Column, out []float64) frame.Bitmap
}

// newNormalizer returns the normaliser of a checked declaration; nil for one that is made of what is learned from a population.
func newNormalizer(declared *echelonv1.Normalize) normalizer {
	switch kind := declared.GetKind().(type) {
	case *echelonv1.Normalize_Linear_:
		return numeric(linear(kind.Linear.GetMin(), kind.Linear.GetMax()))
	case *echelonv1.Normalize_Log_:
		return numeric(logarithmic(kind.Log.GetMin(), kind.Log.GetMax()))
	case *echelonv1.Normalize_Piecewise_:
		return numeric(piecewise(kind.Piecewise.GetPoints()))
	case *echelonv1.Normalize_Bands_:
		return numeric(bands(kind.Bands))
	case *echelonv1.Normalize_Lookup_:
		return &lookup{values: kind.Lookup.GetValues(), fallback: kind.Lookup.Default}
	case *echelonv1.Normalize_Boolean_:
		return boolean{}
	}
	return nil
}

// numeric is a function of a number. Where it gives no number the row cannot be read.
type numeric func(x float64) float64

func (f numeric) normalize(in *frame.Column, out []float64) frame.Bitmap {
	valid := slices.Clone(in.Valid)
	for i, x := range in.Numbers {
		if !in.Valid.Get(i) {
			continue
		}
		out[i] = f(x)
		if math.IsNaN(out[i]) {
			valid.Set(i, false)
		}
	}
	return valid
}

func clamp(x float64) float64 {
	switch {
	case x < 0:
		return 0
	case x > 100:
		return 100
	}
	return x
}

func linear(low, high float64) numeric {
	return func(x float64) float64 { return clamp((x - low) / (high - low) * 100) }
}

func logarithmic(low, high float64) numeric {
	base := kernel.Log10(low)
	width := kernel.Log10(high) - base
	return func(x float64) float64 {
		switch {
		case x <= low:
			return 0
		case x >= high:
			return 100
		}
		return clamp((kernel.Log10(x) - base) / width * 100)
	}
}

func piecewise(points []*echelonv1.Normalize_Piecewise_Point) numeric {
	xs, ys := make([]float64, len(points)), make([]float64, len(points))
	slopes := make([]float64, len(points))
	for i, point := range points {
		xs[i], ys[i] = point.GetX(), float64(point.GetY()*100)
		if i > 0 {
			slopes[i-1] = (ys[i] - ys[i-1]) / (xs[i] - xs[i-1])
		}
	}
	last := len(xs) - 1
	return func(x float64) float64 {
		switch {
		case x <= xs[0]:
			return ys[0]
		case x >= xs[last]:
			return ys[last]
		}
		i := below(xs, x)
		return clamp(ys[i] + float64((x-xs[i])*slopes[i]))
	}
}

// below returns the last place whose x is at most the given one.
func below(xs []float64, x float64) int {
	i, found := slices.BinarySearch(xs, x)
	if found {
		return i
	}
	return i - 1
}

func bands(declared *echelonv1.Normalize_Bands) numeric {
	froms, values := []float64{math.Inf(-1)}, []float64{}
	for i, band := range declared.GetBands() {
		if i > 0 {
			froms = append(froms, band.GetFrom())
		}
		values = append(values, float64(band.GetValue()*100))
	}
	right := declared.GetClosed() == echelonv1.Normalize_Bands_RIGHT
	return func(x float64) float64 {
		i, found := slices.BinarySearch(froms, x)
		if !found || right {
			i--
		}
		return values[i]
	}
}

// lookup is a table of texts.
type lookup struct {
	values   map[string]float64
	fallback *float64
}

func (l *lookup) normalize(in *frame.Column, out []float64) frame.Bitmap {
	table, listed := make([]float64, len(in.Dict)), make([]bool, len(in.Dict))
	for code, text := range in.Dict {
		value, known := l.values[text]
		if !known && l.fallback != nil {
			value, known = *l.fallback, true
		}
		table[code], listed[code] = float64(value*100), known
	}
	valid := slices.Clone(in.Valid)
	for i, code := range in.Codes {
		if !in.Valid.Get(i) {
			continue
		}
		out[i] = table[code]
		valid.Set(i, listed[code])
	}
	return valid
}

type boolean struct{}

func (boolean) normalize(in *frame.Column, out []float64) frame.Bitmap {
	for i := range out {
		if in.Valid.Get(i) && in.Bits.Get(i) {
			out[i] = 100
		}
	}
	return slices.Clone(in.Valid)
}
