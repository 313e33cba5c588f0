package scoring

import (
	"fmt"
	"math"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Score is a compiled echelonv1.Score. It is immutable.
type Score struct {
	name     string
	item     string
	criteria []criterion
	missing  echelonv1.Score_Missing
	// weight is that of all criteria together.
	weight  float64
	minimum float64
}

type criterion struct {
	name      string
	expr      *expr.Expr
	weight    float64
	invert    bool
	normalize normalizer
	// percentile tells how ties rank where the criterion is ranked within the population, and is nil otherwise.
	percentile *echelonv1.Normalize_Percentile
}

// New returns the score of a checked declaration whose expressions are compiled, one a criterion.
func New(declared *echelonv1.Score, expressions []*expr.Expr) *Score {
	s := &Score{
		name: declared.GetName(), item: "scores." + declared.GetName(),
		missing: declared.GetMissing(), minimum: declared.GetMinCompleteness(),
	}
	for i, c := range declared.GetCriteria() {
		s.criteria = append(s.criteria, criterion{
			name: c.GetName(), expr: expressions[i], weight: c.GetWeight(), invert: c.GetInvert(),
			normalize: newNormalizer(c.GetNormalize()), percentile: c.GetNormalize().GetPercentile(),
		})
		s.weight += c.GetWeight()
	}
	return s
}

// Lines is what a score learned from its population: the breakpoints of each criterion, nil for one that needs none or that had no value.
type Lines [][]float64

// Eval scores a batch. Lines may be nil where the score does not need the population.
func (s *Score) Eval(scope *expr.Scope, lines Lines, reasons *reason.Table) *Outcome {
	out := &Outcome{
		score:        s,
		Column:       frame.Column{Type: echelonv1.Attribute_NUMBER, Valid: frame.NewBitmap(scope.Rows), Numbers: make([]float64, scope.Rows)},
		Completeness: make([]float64, scope.Rows),
	}
	for i := range s.criteria {
		var breakpoints []float64
		if lines != nil {
			breakpoints = lines[i]
		}
		out.parts = append(out.parts, s.criteria[i].eval(scope, breakpoints))
	}
	for row := range scope.Rows {
		out.add(row)
		if reasons != nil {
			out.explainMissing(row, reasons)
		}
	}
	return out
}

func (c *criterion) eval(scope *expr.Scope, breakpoints []float64) part {
	p := part{input: c.expr.Eval(scope), value: make([]float64, scope.Rows), calibrated: true}
	normalize := c.normalize
	if c.percentile != nil {
		normalize = rank(breakpoints, c.percentile.GetTies())
		p.calibrated = breakpoints != nil
	}
	if !p.calibrated {
		p.read = frame.NewBitmap(scope.Rows)
		return p
	}
	p.read = normalize.normalize(&p.input.Column, p.value)
	if c.invert {
		for i := range p.value {
			p.value[i] = 100 - p.value[i]
		}
	}
	return p
}

// Outcome is a score's outcome for a batch.
type Outcome struct {
	score *Score
	// Column has each row's score, 0 to 100; not valid where it is null.
	Column frame.Column
	// Completeness is the share of weight, 0 to 1, that was read in each row.
	Completeness []float64
	parts        []part
}

// part is one criterion's part in a batch's scores.
type part struct {
	input *expr.Result
	// value is the normalised value after inversion; only of the rows in read.
	value []float64
	read  frame.Bitmap
	// calibrated tells whether there was something to rank against.
	calibrated bool
}

// Exclude takes the scores of rows away.
func (o *Outcome) Exclude(rows frame.Bitmap) {
	if rows == nil {
		return
	}
	for row := range o.Completeness {
		if rows.Get(row) {
			o.Column.Valid.Set(row, false)
			o.Completeness[row], o.Column.Numbers[row] = 0, 0
		}
	}
}

// Unread returns how many rows lack the criterion, for every criterion in declared order.
func (o *Outcome) Unread() []int {
	counts := make([]int, len(o.parts))
	for i := range o.parts {
		counts[i] = len(o.Completeness) - o.parts[i].read.Count()
	}
	return counts
}

// add adds up a row: the one division comes last.
func (o *Outcome) add(row int) {
	s := o.score
	var sum, divisor, read float64
	for i := range o.parts {
		weight := s.criteria[i].weight
		if o.parts[i].read.Get(row) {
			read += weight
		}
		if value, counts := o.value(i, row); counts {
			sum += float64(weight * value)
			divisor += weight
		}
	}
	o.Completeness[row] = read / s.weight
	if read == 0 || o.Completeness[row] < s.minimum || s.missing == echelonv1.Score_FAIL && o.unread(row) {
		return
	}
	// Rounding may lift a mean of hundreds above a hundred by a last digit.
	o.Column.Numbers[row] = min(100, sum/divisor)
	o.Column.Valid.Set(row, true)
}

// value returns what criterion i counts in a row, after the policy for missing ones, and whether it counts at all.
func (o *Outcome) value(i, row int) (float64, bool) {
	if o.parts[i].read.Get(row) {
		return o.parts[i].value[row], true
	}
	switch o.score.missing {
	case echelonv1.Score_ZERO:
		return 0, true
	case echelonv1.Score_NEUTRAL:
		return 50, true
	}
	return 0, false
}

func (o *Outcome) unread(row int) bool {
	for i := range o.parts {
		if !o.parts[i].read.Get(row) {
			return true
		}
	}
	return false
}

// explainMissing gives a row the reasons why criteria could not be read and why its score is null.
func (o *Outcome) explainMissing(row int, reasons *reason.Table) {
	for i := range o.parts {
		if !o.parts[i].read.Get(row) {
			reasons.Add(row, o.unreadable(i, row))
		}
	}
	if !o.Column.Valid.Get(row) {
		reasons.Add(row, o.null(row))
	}
}

// unreadable returns why criterion i could not be read in a row.
func (o *Outcome) unreadable(i, row int) reason.Reason {
	s, c, p := o.score, &o.score.criteria[i], &o.parts[i]
	if !p.input.Column.Valid.Get(row) {
		return reason.Unreadable(s.item, c.name, p.input.Cause(row))
	}
	r := reason.Reason{Item: s.item, Part: c.name}
	switch {
	case !p.calibrated:
		r.Code = echelonv1.Reason_UNCALIBRATED
		r.Message = fmt.Sprintf("%s, %s: the population had no value to rank against", s.item, c.name)
	case c.expr.Kind() == expr.String:
		r.Code = echelonv1.Reason_UNLISTED
		r.Message = fmt.Sprintf("%s, %s: the lookup does not list %s and has no default", s.item, c.name, frame.Quote(p.input.Column.String(row)))
	default:
		r.Code = echelonv1.Reason_UNREADABLE
		r.Message = fmt.Sprintf("%s, %s: the normalised value is not a number", s.item, c.name)
	}
	return r
}

// null returns why a row has no score.
func (o *Outcome) null(row int) reason.Reason {
	s := o.score
	r := reason.Reason{Code: echelonv1.Reason_INCOMPLETE, Item: s.item}
	switch {
	case o.Completeness[row] == 0:
		r.Message = s.item + " is null: none of its criteria could be read"
	case s.missing == echelonv1.Score_FAIL:
		r.Message = s.item + " is null: a criterion could not be read, and the missing policy is FAIL"
	default:
		r.Message = fmt.Sprintf("%s is null: %s %% of its weight was read, %s %% are needed", s.item,
			percent(o.Completeness[row]), percent(s.minimum))
	}
	return r
}

// percent writes a share as a percentage with at most one decimal.
func percent(share float64) string { return frame.FormatNumber(math.Round(share*1000) / 10) }
