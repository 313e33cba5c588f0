package tier

import "github.com/echelonhq/echelon/engine/expr"

// Trend returns how the ladder's tiers go with a variable with which its score, and its expressions, go as is given: where it rises, a customer's
// tier is never worse for more of the variable, other customers' lines being what they are.
func (l *Ladder) Trend(score expr.Trend, of func(*expr.Expr) expr.Trend) expr.Trend {
	trend := score
	for _, still := range []*expr.Expr{l.by, l.newcomers} {
		if still != nil && of(still) != expr.Still {
			return expr.Erratic
		}
	}
	for _, breaker := range l.breakers {
		switch along := of(breaker.expr); {
		case along != expr.Still && breaker.expr.Kind() == expr.String:
			return expr.Erratic
		case breaker.ascending:
			trend = trend.And(along.Turned())
		default:
			trend = trend.And(along)
		}
	}
	for _, place := range l.of {
		for i := range l.rungs[place].cuts {
			c := &l.rungs[place].cuts[i]
			if c.when != nil {
				trend = trend.And(of(c.when))
			}
			if c.byAmount {
				trend = trend.And(of(c.of))
			}
		}
	}
	return trend
}
