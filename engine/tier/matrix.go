package tier

import (
	"fmt"
	"math"
	"slices"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/kernel"
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Matrix is a compiled matrix tiering. It is immutable.
type Matrix struct {
	name  string
	item  string
	axes  [2]axis
	names []string
	// cells has the place in names of the cell at (x, y), or none, at x*(levels of y)+y.
	cells []int
	// named tells which cells have a name, and codes are their places in names; 0 where they have none.
	named []bool
	codes []uint32
	// fixed are the lines where all cuts stand at scores.
	fixed *MatrixLines
}

// axis is a compiled echelonv1.Axis.
type axis struct {
	label string
	score string
	cuts  []axisCut
}

type axisCut struct {
	declared *echelonv1.AxisCut
	when     *expr.Expr
}

// NewMatrix returns the matrix of a checked declaration whose conditions are compiled, one a cut, nil where it has none.
func NewMatrix(declared *echelonv1.Tiering, x, y []*expr.Expr) *Matrix {
	from := declared.GetMatrix()
	m := &Matrix{
		name: declared.GetName(), item: "tiers." + declared.GetName(),
		axes: [2]axis{newAxis("x", from.GetX(), x), newAxis("y", from.GetY(), y)},
	}
	m.cells = make([]int, (len(x)+1)*(len(y)+1))
	for i := range m.cells {
		m.cells[i] = none
	}
	for _, cell := range from.GetCells() {
		place := slices.Index(m.names, cell.GetName())
		if place < 0 {
			place = len(m.names)
			m.names = append(m.names, cell.GetName())
		}
		m.cells[int(cell.GetX())*(len(y)+1)+int(cell.GetY())] = place
	}
	for _, place := range m.cells {
		m.named, m.codes = append(m.named, place != none), append(m.codes, uint32(max(0, place)))
	}
	m.fixed = m.fixedLines()
	return m
}

func newAxis(label string, declared *echelonv1.Axis, conditions []*expr.Expr) axis {
	a := axis{label: label, score: declared.GetScore()}
	for i, cut := range declared.GetCuts() {
		a.cuts = append(a.cuts, axisCut{declared: cut, when: conditions[i]})
	}
	return a
}

// Names returns the personas, as declared; cells of one name are one persona.
func (m *Matrix) Names() []string { return m.names }

// NeedsPopulation reports whether a cut is a median or a percentile.
func (m *Matrix) NeedsPopulation() bool {
	return m.axes[0].needsPopulation() || m.axes[1].needsPopulation()
}

func (a *axis) needsPopulation() bool {
	return slices.ContainsFunc(a.cuts, func(c axisCut) bool { return c.percentile() >= 0 })
}

// percentile returns the percentile at which the line stands, and -1 where it stands at a score.
func (c *axisCut) percentile() float64 {
	switch line := c.declared.GetLine().(type) {
	case *echelonv1.AxisCut_Median_:
		return 50
	case *echelonv1.AxisCut_Percentile_:
		return line.Percentile.GetP()
	}
	return -1
}

// MatrixLines is where the cuts of each axis stand; NaN where the axis had no score to learn from.
type MatrixLines struct {
	scored int
	axes   [2][]float64
}

// MatrixOutcome is a matrix' outcome for a batch.
type MatrixOutcome struct {
	matrix *Matrix
	lines  *MatrixLines
	scores [2]*frame.Column
	when   [2][]*expr.Result
	// Column has each row's persona, as a text whose dictionary is Names; not valid where there is none.
	Column frame.Column
	// said are the reasons of cells.
	said reason.Memo
}

// Eval puts a batch into the cells. Lines may be nil where the matrix does not need the population.
func (m *Matrix) Eval(scope *expr.Scope, x, y *frame.Column, lines *MatrixLines, reasons *reason.Table) *MatrixOutcome {
	if lines == nil {
		lines = m.fixed
	}
	out := matrixOutcomes.New(scope.Memory)
	out.matrix, out.lines, out.scores, out.Column, out.said.Item = m, lines, [2]*frame.Column{x, y}, newColumn(scope, m.names), m.item
	for a := range m.axes {
		out.when[a] = results.Make(scope.Memory, len(m.axes[a].cuts))
		for i, cut := range m.axes[a].cuts {
			if cut.when != nil {
				out.when[a][i] = cut.when.Eval(scope)
			}
		}
	}
	out.decide(scope.Memory)
	if reasons != nil {
		for row := range scope.Rows {
			out.explain(row, reasons)
		}
	}
	return out
}

// decide puts each row into the cell of its levels.
func (o *MatrixOutcome) decide(memory *kernel.Arena) {
	rows := len(o.Column.Codes)
	levels, met := memory.Codes(rows), memory.Bitmap(rows)
	width := uint32(len(o.matrix.axes[1].cuts) + 1)
	for a, step := range [2]uint32{width, 1} {
		for cut, when := range o.when[a] {
			// A line that is NaN, of an axis without scores, is met by nobody.
			kernel.Compare(kernel.GreaterEqual, met, o.scores[a].Numbers, o.lines.axes[a][cut])
			if when != nil {
				for w := range met {
					met[w] &= when.Column.Valid[w] & when.Column.Bits[w]
				}
			}
			kernel.Count(levels, met, step)
		}
	}
	// What is counted now is the cell.
	kernel.Pick(o.Column.Valid, levels, o.matrix.named)
	for w := range o.Column.Valid {
		o.Column.Valid[w] &= o.scores[0].Valid[w] & o.scores[1].Valid[w]
	}
	kernel.Translate(o.Column.Codes, levels, o.matrix.codes, o.Column.Valid)
}

// fixedLines returns the lines of the cuts that stand at scores.
func (m *Matrix) fixedLines() *MatrixLines {
	lines := &MatrixLines{}
	for a := range m.axes {
		lines.axes[a] = m.axes[a].lines(nil)
	}
	return lines
}

// lines returns where an axis' cuts stand, given all its scores, ascending.
func (a *axis) lines(scores []float64) []float64 {
	lines := make([]float64, len(a.cuts))
	for i := range a.cuts {
		if p := a.cuts[i].percentile(); p >= 0 {
			lines[i] = quantile(scores, p)
		} else {
			lines[i] = a.cuts[i].declared.GetMinScore()
		}
	}
	return lines
}

// quantile is type 7 of Hyndman and Fan (1996) of ascending values, p in percent; NaN of none.
func quantile(ascending []float64, p float64) float64 {
	if len(ascending) == 0 {
		return math.NaN()
	}
	at := float64(p*float64(len(ascending)-1)) / 100
	i := int(math.Floor(at))
	if i == len(ascending)-1 {
		return ascending[i]
	}
	return ascending[i] + float64((at-float64(i))*(ascending[i+1]-ascending[i]))
}

// met reports whether a row, whose score on the axis is known, meets a cut.
func (o *MatrixOutcome) met(axis, cut, row int) bool {
	// A line that is NaN, of an axis without scores, is met by nobody.
	if !(o.scores[axis].Numbers[row] >= o.lines.axes[axis][cut]) {
		return false
	}
	when := o.when[axis][cut]
	return when == nil || when.Column.Valid.Get(row) && when.Column.Bits.Get(row)
}

// level returns how many cuts of an axis a row meets, or none where its score there is null.
func (o *MatrixOutcome) level(axis, row int) int {
	if !o.scores[axis].Valid.Get(row) {
		return none
	}
	level := 0
	for cut := range o.when[axis] {
		if o.met(axis, cut, row) {
			level++
		}
	}
	return level
}

// cell returns the place of a row's persona, or none.
func (o *MatrixOutcome) cell(x, y int) int {
	if x == none || y == none {
		return none
	}
	return o.matrix.cells[x*(len(o.matrix.axes[1].cuts)+1)+y]
}

// explain gives a row the reasons of its persona, or why it has none.
func (o *MatrixOutcome) explain(row int, reasons *reason.Table) {
	x, y := o.level(0, row), o.level(1, row)
	place := o.cell(x, y)
	m := o.matrix
	for axis := range m.axes {
		for cut, when := range o.when[axis] {
			if o.scores[axis].Valid.Get(row) && when != nil && !when.Column.Valid.Get(row) {
				part := fmt.Sprintf("%s cut %d", m.axes[axis].label, cut+1)
				reasons.AddUnreadable(row, m.item, part, when.Cause(row))
			}
		}
	}
	number := (x+1)*(len(m.axes[1].cuts)+2) + y + 1 // none is -1
	reasons.AddOf(&o.said, number, row, func() reason.Reason { return m.reason(x, y, place) })
}

// reason says why a row has its persona, or none.
func (m *Matrix) reason(x, y, place int) reason.Reason {
	r := reason.Reason{Code: echelonv1.Reason_NO_PERSONA, Item: m.item}
	switch {
	case x == none:
		r.Message = fmt.Sprintf("%s: no persona, since scores.%s is null", m.item, m.axes[0].score)
	case y == none:
		r.Message = fmt.Sprintf("%s: no persona, since scores.%s is null", m.item, m.axes[1].score)
	case place == none:
		r.Message = fmt.Sprintf("%s: no persona, since the cell at level %d of %s and level %d of %s is not declared",
			m.item, x, m.axes[0].score, y, m.axes[1].score)
	default:
		r.Code, r.Part = echelonv1.Reason_DECIDED, m.names[place]
		r.Message = fmt.Sprintf("%s: %s, level %d of %s and level %d of %s", m.item, m.names[place], x, m.axes[0].score, y, m.axes[1].score)
	}
	return r
}
