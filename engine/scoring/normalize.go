package scoring

import (
	"math"
	"slices"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// normalizer maps a column of what a criterion read onto 0 to 100. It fills out, with numbers for all rows, and returns those of in.Valid that it
// could map, as a set that may be in's own; those that it could not lack a value for the cause that the criterion states.
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

// numeric is a function of numbers.
type numeric struct {
	// of puts what each number counts into out; NaN where it counts nothing.
	of func(out, in []float64)
	// whole tells that every number counts something.
	whole bool
}

func (f numeric) normalize(in *frame.Column, out []float64) frame.Bitmap {
	f.of(out, in.Numbers)
	if f.whole {
		return in.Valid
	}
	valid := slices.Clone(in.Valid)
	kernel.KeepFinite(out, valid)
	return valid
}

// each is the numeric of a function of one number that counts something everywhere.
func each(f func(x float64) float64) numeric {
	return numeric{whole: true, of: func(out, in []float64) {
		for i, x := range in {
			out[i] = f(x)
		}
	}}
}

// nothing counts nothing: there was nothing to learn from.
var nothing = numeric{of: func(out, _ []float64) {
	for i := range out {
		out[i] = math.NaN()
	}
}}

func linear(low, high float64) numeric {
	width := high - low
	return numeric{whole: !math.IsInf(width, 0), of: func(out, in []float64) { kernel.Linear(out, in, low, width) }}
}

func logarithmic(low, high float64) numeric {
	base := kernel.Log10(low)
	width := kernel.Log10(high) - base
	return numeric{whole: true, of: func(out, in []float64) { kernel.Logarithmic(out, in, low, high, base, width) }}
}

func piecewise(points []*echelonv1.Normalize_Piecewise_Point) numeric {
	xs, ys := make([]float64, len(points)), make([]float64, len(points))
	for i, point := range points {
		xs[i], ys[i] = point.GetX(), float64(point.GetY()*100)
	}
	line := kernel.NewPolyline(xs, ys)
	return numeric{whole: line.Finite(), of: line.Of}
}

func bands(declared *echelonv1.Normalize_Bands) numeric {
	var froms, values []float64
	for i, band := range declared.GetBands() {
		if i > 0 {
			froms = append(froms, band.GetFrom())
		}
		values = append(values, float64(band.GetValue()*100))
	}
	steps := kernel.NewSteps(froms)
	if declared.GetClosed() == echelonv1.Normalize_Bands_RIGHT {
		return each(func(x float64) float64 { return values[steps.Below(x)] })
	}
	return each(func(x float64) float64 { return values[steps.UpTo(x)] })
}

// lookup is a table of texts.
type lookup struct {
	values   map[string]float64
	fallback *float64
}

func (l *lookup) normalize(in *frame.Column, out []float64) frame.Bitmap {
	if len(in.Dict) > len(out) {
		return l.eachRow(in, out)
	}
	table, listed, all := make([]float64, len(in.Dict)), make([]bool, len(in.Dict)), true
	for code, text := range in.Dict {
		table[code], listed[code] = l.value(text)
		all = all && listed[code]
	}
	kernel.Entries(out, in.Codes, table)
	if all {
		return in.Valid
	}
	valid := frame.NewBitmap(len(out))
	kernel.Pick(valid, in.Codes, listed)
	for w := range valid {
		valid[w] &= in.Valid[w]
	}
	return valid
}

// eachRow looks up row by row: it is for dictionaries of which the rows use a small part.
func (l *lookup) eachRow(in *frame.Column, out []float64) frame.Bitmap {
	valid := frame.NewBitmap(len(out))
	kernel.Each(in.Valid, func(row int) {
		value, listed := l.value(in.Dict[in.Codes[row]])
		out[row] = value
		valid.Set(row, listed)
	})
	return valid
}

// value returns what a text counts, and whether it counts at all.
func (l *lookup) value(text string) (float64, bool) {
	value, listed := l.values[text]
	if !listed && l.fallback != nil {
		value, listed = *l.fallback, true
	}
	return float64(value * 100), listed
}

type boolean struct{}

func (boolean) normalize(in *frame.Column, out []float64) frame.Bitmap {
	for i := range out {
		out[i] = 0
		if in.Bits.Get(i) {
			out[i] = 100
		}
	}
	return in.Valid
}
