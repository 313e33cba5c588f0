package scoring

import (
	"github.com/echelonhq/echelon/engine/expr"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Trend returns how the score goes with a variable with which its expressions go as of says. What it learned does not matter: it rises with its
// criteria.
func (s *Score) Trend(of func(*expr.Expr) expr.Trend) expr.Trend {
	trend := expr.Still
	for i := range s.criteria {
		trend = trend.And(s.criteria[i].trend(of))
	}
	return trend
}

func (c *criterion) trend(of func(*expr.Expr) expr.Trend) expr.Trend {
	trend := of(c.expr)
	if c.by != nil && of(c.by) != expr.Still {
		return expr.Erratic
	}
	if trend == expr.Still {
		return expr.Still
	}
	switch kind := c.declared.GetKind().(type) {
	case *echelonv1.Normalize_Lookup_:
		return expr.Erratic
	case *echelonv1.Normalize_Piecewise_:
		var ys []float64
		for _, point := range kind.Piecewise.GetPoints() {
			ys = append(ys, point.GetY())
		}
		trend = follow(trend, ys)
	case *echelonv1.Normalize_Bands_:
		var ys []float64
		for _, band := range kind.Bands.GetBands() {
			ys = append(ys, band.GetValue())
		}
		trend = follow(trend, ys)
	}
	if c.invert {
		return trend.Turned()
	}
	return trend
}

// follow returns the trend of steps that values take as something goes.
func follow(trend expr.Trend, values []float64) expr.Trend {
	rises, falls := false, false
	for i := 1; i < len(values); i++ {
		rises, falls = rises || values[i] > values[i-1], falls || values[i] < values[i-1]
	}
	switch {
	case rises && falls:
		return expr.Erratic
	case falls:
		return trend.Turned()
	case rises:
		return trend
	}
	return expr.Still
}

// Listed returns the texts that criteria look up which read nothing but a variable.
func (s *Score) Listed(variable string) []string {
	var list []string
	for i := range s.criteria {
		if c := &s.criteria[i]; c.expr.Text() == variable {
			for text := range c.declared.GetLookup().GetValues() {
				list = append(list, text)
			}
		}
	}
	return list
}
