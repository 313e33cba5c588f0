package scoring

import (
	"fmt"
	"math"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
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
	// means is what sums become, by the criteria that were read; nil where there are too many of them.
	means *kernel.MeanTable
}

type criterion struct {
	name      string
	expr      *expr.Expr
	weight    float64
	invert    bool
	normalize normalizer
	// declared is how the criterion is normalised; learns tells whether that takes a population, and normalize is nil then.
	declared *echelonv1.Normalize
	learns   bool
	// by is the segmentation of the peers, whose segments these are, and weightBy what each customer weighs; nil where there is no such thing.
	by, weightBy *expr.Expr
	segments     []string
	// shared is the place of what it reads among that of all scores' criteria, where others read the same; or none.
	shared int
}

const none = -1

// Exprs is the compiled expressions of a criterion.
type Exprs struct {
	// Input is what it reads.
	Input *expr.Expr
	// By is the segmentation of a percentile's peers, and Segments its segments in the order of their codes; nil where there is none.
	By       *expr.Expr
	Segments []string
	// WeightBy is what each customer weighs in a percentile; nil where all weigh the same.
	WeightBy *expr.Expr
}

// New returns the score of a checked declaration whose expressions are compiled, one entry a criterion.
func New(declared *echelonv1.Score, expressions []Exprs) *Score {
	s := &Score{
		name: declared.GetName(), item: "scores." + declared.GetName(),
		missing: declared.GetMissing(), minimum: declared.GetMinCompleteness(),
	}
	for i, c := range declared.GetCriteria() {
		from := expressions[i]
		normalize := newNormalizer(c.GetNormalize())
		s.criteria = append(s.criteria, criterion{
			name: c.GetName(), expr: from.Input, weight: c.GetWeight(), invert: c.GetInvert(), declared: c.GetNormalize(),
			normalize: normalize, learns: normalize == nil, by: from.By, weightBy: from.WeightBy, segments: from.Segments,
			shared: none,
		})
		s.weight += c.GetWeight()
	}
	s.means = s.meanTable()
	return s
}

// Lines is what a score learned from its population, an entry a criterion; nil for one that learns nothing.
type Lines []*measure

var (
	outcomes = kernel.NewKind[Outcome]()
	parts    = kernel.NewKind[part]()
	weighted = kernel.NewKind[kernel.Weighted]()
	bitmaps  = kernel.NewKind[frame.Bitmap]()
)

// Eval scores a batch. Lines may be nil where the score does not need the population. Common is of the same batch for all scores; nil shares nothing.
func (s *Score) Eval(scope *expr.Scope, lines Lines, reasons *reason.Table, common *Common) *Outcome {
	out := outcomes.New(scope.Memory)
	*out = Outcome{
		score:        s,
		Column:       frame.Column{Type: echelonv1.Attribute_NUMBER, Valid: scope.Memory.Bitmap(scope.Rows), Numbers: scope.Memory.Zeros(scope.Rows)},
		Completeness: scope.Memory.Zeros(scope.Rows),
		parts:        parts.Make(scope.Memory, len(s.criteria)),
	}
	for i := range s.criteria {
		var learned *measure
		if lines != nil {
			learned = lines[i]
		}
		out.parts[i] = common.part(scope.Memory, &s.criteria[i], func() part { return s.criteria[i].eval(scope, learned) })
	}
	out.add(scope.Memory)
	if reasons != nil {
		for row := range scope.Rows {
			out.explainMissing(row, reasons)
		}
	}
	return out
}

func (c *criterion) eval(scope *expr.Scope, learned *measure) part {
	p := part{input: c.expr.Eval(scope), value: scope.Memory.Numbers(scope.Rows)}
	switch {
	case c.by != nil:
		p.by = c.by.Eval(scope)
		p.read = c.normalizePeers(&p, learned)
	case c.learns:
		p.read = c.normalizer(learned).normalize(&p.input.Column, p.value)
	default:
		p.read = c.normalize.normalize(&p.input.Column, p.value)
	}
	if c.invert {
		for i := range p.value {
			p.value[i] = 100 - p.value[i]
		}
	}
	return p
}

// normalizePeers ranks each row within its segment. A row without a segment cannot be ranked.
func (c *criterion) normalizePeers(p *part, learned *measure) frame.Bitmap {
	read := frame.NewBitmap(len(p.value))
	for row, x := range p.input.Column.Numbers {
		if !p.input.Column.Valid.Get(row) || !p.by.Column.Valid.Get(row) {
			continue
		}
		if peers := learned.ranks[p.by.Column.Codes[row]]; peers != nil {
			p.value[row] = peers.At(x)
			read.Set(row, true)
		}
	}
	return read
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
	// by has the rows' segments where each is ranked among its peers, and is nil otherwise.
	by *expr.Result
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

// add adds up the rows: the one division comes last.
func (o *Outcome) add(memory *kernel.Arena) {
	s, sums := o.score, o.Column.Numbers
	columns := weighted.Make(memory, len(o.parts))
	for i := range o.parts {
		columns[i] = kernel.Weighted{Values: o.parts[i].value, Read: o.parts[i].read, Weight: s.criteria[i].weight}
	}
	if s.missing == echelonv1.Score_NEUTRAL {
		kernel.AddEach(sums, columns, 50)
	} else {
		kernel.AddWeighted(sums, columns)
	}
	if s.means == nil {
		o.divide(memory, columns)
		return
	}
	read := bitmaps.Make(memory, len(o.parts))
	for i := range o.parts {
		read[i] = o.parts[i].read
	}
	masks := memory.Masks(len(sums))
	kernel.Masks(masks, read)
	kernel.Means(sums, o.Completeness, o.Column.Valid, masks, s.means)
}

// tabled is how many criteria a score may have for that all of their combinations have a place in a table.
const tabled = 8

// meanTable returns what sums become, for each combination of criteria that were read; nil where there are too many.
func (s *Score) meanTable() *kernel.MeanTable {
	if len(s.criteria) > tabled {
		return nil
	}
	t := &kernel.MeanTable{}
	for mask := range t.Divisors {
		weight := 0.0
		for i := range s.criteria {
			if mask>>i&1 == 1 {
				weight += s.criteria[i].weight
			}
		}
		divisor, share, has := s.mean(weight, mask == 1<<len(s.criteria)-1)
		t.Shares[mask], t.Divisors[mask] = share, 1
		if has {
			t.Divisors[mask], t.Has[mask] = divisor, 1
		}
	}
	return t
}

// mean returns by what the sum of a row is divided in which criteria of that weight were read, which share of all weight that is, and whether the row
// has a score at all.
func (s *Score) mean(weight float64, all bool) (divisor, share float64, has bool) {
	share = weight / s.weight
	has = weight != 0 && !(share < s.minimum)
	switch s.missing {
	case echelonv1.Score_ZERO, echelonv1.Score_NEUTRAL:
		return s.weight, share, has
	case echelonv1.Score_FAIL:
		has = has && all
	}
	return weight, share, has
}

// divide divides the sums row by row.
func (o *Outcome) divide(memory *kernel.Arena, columns []kernel.Weighted) {
	sums := o.Column.Numbers
	weights, all := memory.Zeros(len(sums)), memory.All(len(sums))
	for i := range columns {
		kernel.AddWeights(weights, columns[i].Read, columns[i].Weight)
		for w := range all {
			all[w] &= columns[i].Read[w]
		}
	}
	for row, weight := range weights {
		divisor, share, has := o.score.mean(weight, all.Get(row))
		o.Completeness[row] = share
		if !has {
			sums[row] = 0
			continue
		}
		// Rounding may lift a mean of hundreds above a hundred by a last digit.
		sums[row] = min(sums[row]/divisor, 100)
		o.Column.Valid.Set(row, true)
	}
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

// explainMissing gives a row the reasons why criteria could not be read and why its score is null.
func (o *Outcome) explainMissing(row int, reasons *reason.Table) {
	for i := range o.parts {
		switch p := &o.parts[i]; {
		case p.read.Get(row):
		case !p.input.Column.Valid.Get(row):
			reasons.AddUnreadable(row, o.score.item, o.score.criteria[i].name, p.input.Cause(row))
		default:
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
	case p.by != nil && !p.by.Column.Valid.Get(row):
		return reason.Unreadable(s.item, c.name, p.by.Cause(row))
	case p.by != nil:
		r.Code = echelonv1.Reason_UNCALIBRATED
		r.Message = fmt.Sprintf("%s, %s: the population had no value to rank against in the segment %s", s.item, c.name, p.by.Column.String(row))
	case c.learns:
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
