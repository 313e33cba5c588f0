package engine

import (
	"maps"
	"math"
	"slices"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Between these weights no product or sum of a score leaves the doubles or loses digits.
const (
	minWeight = 1e-100
	maxWeight = 1e100
)

func (c *checker) score(path string, s *echelonv1.Score) {
	if len(s.GetCriteria()) == 0 {
		c.found.Mistakef(diag.Field(path, "criteria"), "declare at least one", "it has no criteria")
	}
	first := make(map[string]int)
	for i, criterion := range s.GetCriteria() {
		at := diag.Index(diag.Field(path, "criteria"), i)
		c.free(diag.Field(at, "name"), criterion.GetName())
		c.unique(diag.Field(at, "name"), first, criterion.GetName(), i, diag.Field(path, "criteria"))
		c.given(diag.Field(at, "expr"), criterion.GetExpr(), "write what it reads, such as the name of an attribute")
		switch w := criterion.GetWeight(); {
		case !(w > 0) || math.IsInf(w, 0):
			c.found.Mistakef(diag.Field(at, "weight"), "write a weight, such as 40", "the weight must be a number above 0, not %s", frame.FormatNumber(w))
		case w < minWeight || w > maxWeight:
			c.found.Mistakef(diag.Field(at, "weight"), "weights are relative: write one such as 40", "the weight %s is too small or too large to compute with",
				frame.FormatNumber(w))
		}
		c.normalize(diag.Field(at, "normalize"), criterion.GetNormalize())
	}
	c.within(diag.Field(path, "min_completeness"), s.MinCompleteness, 0, 1)
}

// within finds a mistake where a number that is given lies outside its range.
func (c *checker) within(path string, x *float64, low, high float64) {
	if x != nil && !(*x >= low && *x <= high) {
		c.found.Mistakef(path, "", "%s lies outside %s to %s", frame.FormatNumber(*x), frame.FormatNumber(low), frame.FormatNumber(high))
	}
}

func (c *checker) normalize(path string, n *echelonv1.Normalize) {
	switch kind := n.GetKind().(type) {
	case nil:
		c.found.Mistakef(path, "write one of linear, log, piecewise, bands, lookup, boolean, percentile, min_max and z_score, such as {linear: {min: 0, max: 100}}",
			"it has no normaliser")
	case *echelonv1.Normalize_Linear_:
		c.rising(diag.Field(path, "linear"), kind.Linear.GetMin(), kind.Linear.GetMax())
	case *echelonv1.Normalize_Log_:
		at := diag.Field(path, "log")
		c.rising(at, kind.Log.GetMin(), kind.Log.GetMax())
		if low, high := kind.Log.GetMin(), kind.Log.GetMax(); 0 < low && low < high && !(kernel.Log10(low) < kernel.Log10(high)) {
			c.found.Mistakef(at, "bring them farther apart", "min and max have the same logarithm")
		}
		if !(kind.Log.GetMin() > 0) {
			c.found.Mistakef(diag.Field(at, "min"), "write the smallest amount that counts, such as 1000", "min must be above 0, since a logarithm is taken of it")
		}
	case *echelonv1.Normalize_Piecewise_:
		c.piecewise(diag.Field(path, "piecewise.points"), kind.Piecewise.GetPoints())
	case *echelonv1.Normalize_Bands_:
		c.bands(diag.Field(path, "bands.bands"), kind.Bands.GetBands())
	case *echelonv1.Normalize_Lookup_:
		at := diag.Field(path, "lookup")
		if len(kind.Lookup.GetValues()) == 0 {
			c.found.Mistakef(diag.Field(at, "values"), "list at least one text with its value", "it is empty")
		}
		for _, key := range slices.Sorted(maps.Keys(kind.Lookup.GetValues())) {
			value := kind.Lookup.GetValues()[key]
			c.within(diag.Key(diag.Field(at, "values"), key), &value, 0, 1)
		}
		c.within(diag.Field(at, "default"), kind.Lookup.Default, 0, 1)
	}
}

func (c *checker) rising(path string, low, high float64) {
	switch {
	case low < high && math.IsInf(high-low, 0):
		c.found.Mistakef(path, "bring them nearer", "min %s and max %s lie too far apart to compute with", frame.FormatNumber(low), frame.FormatNumber(high))
	case !(low < high):
		c.found.Mistakef(path, "write min and max, min the smaller one; `invert: true` turns the direction round",
			"min %s is not below max %s", frame.FormatNumber(low), frame.FormatNumber(high))
	}
}

func (c *checker) piecewise(path string, points []*echelonv1.Normalize_Piecewise_Point) {
	if len(points) < 2 {
		c.found.Mistakef(path, "write at least two points", "it has %d points", len(points))
	}
	for i, point := range points {
		at := diag.Index(path, i)
		y := point.GetY()
		c.within(diag.Field(at, "y"), &y, 0, 1)
		c.above(diag.Field(at, "x"), point.GetX(), i > 0, func() float64 { return points[i-1].GetX() })
		if i > 0 && point.GetX() > points[i-1].GetX() && !finite((y-points[i-1].GetY())*100/(point.GetX()-points[i-1].GetX()), point.GetX()-points[i-1].GetX()) {
			c.found.Mistakef(diag.Field(at, "x"), "move one of the points", "it lies too near to the point before it, or too far from it, to compute with")
		}
	}
}

func (c *checker) bands(path string, bands []*echelonv1.Normalize_Bands_Band) {
	if len(bands) == 0 {
		c.found.Mistakef(path, "write at least one band", "it is empty")
	}
	for i, band := range bands {
		at := diag.Index(path, i)
		value := band.GetValue()
		c.within(diag.Field(at, "value"), &value, 0, 1)
		switch {
		case i == 0 && band.From != nil:
			c.found.Mistakef(diag.Field(at, "from"), "remove it; the first band reaches down without bound", "the first band has a `from`")
		case i > 0 && band.From == nil:
			c.found.Mistakef(at, "write where it begins", "only the first band has no `from`")
		case i > 0:
			c.above(diag.Field(at, "from"), band.GetFrom(), i > 1, func() float64 { return bands[i-1].GetFrom() })
		}
	}
}

func finite(numbers ...float64) bool {
	return !slices.ContainsFunc(numbers, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) })
}

// above finds a mistake where x is not finite, or not above the one before it.
func (c *checker) above(path string, x float64, compare bool, before func() float64) {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		c.found.Mistakef(path, "write a finite number", "%v is not finite", x)
	case compare && !(x > before()):
		c.found.Mistakef(path, "put them in rising order", "%s does not lie above %s, the one before it", frame.FormatNumber(x), frame.FormatNumber(before()))
	}
}
