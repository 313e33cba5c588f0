package tier

import (
	"fmt"
	"math"
	"slices"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// MatrixLearner gathers the scores of a population's customers, each axis for itself.
type MatrixLearner struct {
	matrix *Matrix
	scores [2][]float64
	both   int
}

// Learner returns one that has seen nothing yet.
func (m *Matrix) Learner() *MatrixLearner { return &MatrixLearner{matrix: m} }

// Add gathers a batch of the population.
func (n *MatrixLearner) Add(x, y *frame.Column) {
	for row := range x.Numbers {
		for axis, column := range []*frame.Column{x, y} {
			if column.Valid.Get(row) {
				n.scores[axis] = append(n.scores[axis], column.Numbers[row])
			}
		}
		if x.Valid.Get(row) && y.Valid.Get(row) {
			n.both++
		}
	}
}

// Merge takes in what another learner of the same matrix gathered, which is not used any more.
func (n *MatrixLearner) Merge(other *MatrixLearner) {
	for axis := range n.scores {
		n.scores[axis] = append(n.scores[axis], other.scores[axis]...)
	}
	n.both += other.both
}

// Lines returns what was learned. It does not depend on the order in which the population came.
func (n *MatrixLearner) Lines() *MatrixLines {
	lines := &MatrixLines{scored: n.both}
	for axis := range n.scores {
		slices.Sort(n.scores[axis])
		lines.axes[axis] = n.matrix.axes[axis].lines(n.scores[axis])
	}
	return lines
}

// Proto returns the lines as a calibration keeps them.
func (m *Matrix) Proto(lines *MatrixLines) *echelonv1.TieringCalibration {
	kept := &echelonv1.TieringCalibration{Tiering: m.name, Scored: int64(lines.scored)}
	for axis, to := range []*[]float64{&kept.XLines, &kept.YLines} {
		if !slices.ContainsFunc(lines.axes[axis], math.IsNaN) {
			*to = lines.axes[axis]
		}
	}
	return kept
}

// Lines returns the lines that a calibration kept, or false where it is none of this matrix'.
func (m *Matrix) Lines(kept *echelonv1.TieringCalibration) (*MatrixLines, bool) {
	if len(kept.GetTiers()) > 0 || kept.GetScored() < 0 {
		return nil, false
	}
	lines := &MatrixLines{scored: int(kept.GetScored())}
	for axis, from := range [][]float64{kept.GetXLines(), kept.GetYLines()} {
		switch {
		case len(from) == 0:
			lines.axes[axis] = m.axes[axis].lines(nil)
		case !m.axes[axis].fits(from):
			return nil, false
		default:
			lines.axes[axis] = from
		}
	}
	return lines, true
}

// fits reports whether lines can be this axis': finite, and at the declared score where the cut names one.
func (a *axis) fits(lines []float64) bool {
	if len(lines) != len(a.cuts) {
		return false
	}
	for i, line := range lines {
		if math.IsNaN(line) || math.IsInf(line, 0) || a.cuts[i].percentile() < 0 && line != a.cuts[i].declared.GetMinScore() {
			return false
		}
	}
	return true
}

// Findings returns what the lines show about the matrix. Path is the tiering's place in the model.
func (m *Matrix) Findings(path string, lines *MatrixLines) diag.List {
	var found diag.List
	if lines == nil {
		lines = m.fixed
	}
	for axis := range m.axes {
		for i, line := range lines.axes[axis] {
			// Lines that are unknown, NaN, are found nowhere.
			if first := slices.Index(lines.axes[axis], line); first >= 0 && first < i {
				found.Warnf(fmt.Sprintf("%s.matrix.%s.cuts[%d]", path, m.axes[axis].label, i), "move one of them",
					"the cut stands at the same score, %s, as cut %d", frame.FormatNumber(line), first+1)
			}
		}
	}
	return found
}

// Explain returns how a row stood to the cuts of both axes.
func (o *MatrixOutcome) Explain(row int) *echelonv1.TierExplanation {
	m := o.matrix
	explained := &echelonv1.TierExplanation{Tiering: m.name}
	if o.Column.Valid.Get(row) {
		name := o.Column.String(row)
		explained.Tier = &name
	}
	for axis, level := range []**int32{&explained.XLevel, &explained.YLevel} {
		if n := o.level(axis, row); n != none {
			reached := int32(n)
			*level = &reached
		}
		for cut := range m.axes[axis].cuts {
			explained.Cuts = append(explained.Cuts, o.explainCut(axis, cut, row))
		}
	}
	return explained
}

func (o *MatrixOutcome) explainCut(axis, cut, row int) *echelonv1.CutExplanation {
	a := &o.matrix.axes[axis]
	said := &echelonv1.CutExplanation{Name: a.label}
	line := o.lines.axes[axis][cut]
	at := &echelonv1.CutCondition{Condition: fmt.Sprintf("score %s at least %s", a.score, a.cuts[cut].words(line))}
	if !math.IsNaN(line) {
		at.Line = &line
	}
	scored := o.scores[axis].Valid.Get(row)
	if scored {
		at.Value = &o.scores[axis].Numbers[row]
		at.Met = *at.Value >= line
		said.Met = o.met(axis, cut, row)
	}
	said.Conditions = append(said.Conditions, at)
	if when := o.when[axis][cut]; when != nil {
		condition := &echelonv1.CutCondition{Condition: a.cuts[cut].when.Text(), Met: when.Column.Valid.Get(row) && when.Column.Bits.Get(row)}
		if !when.Column.Valid.Get(row) {
			condition.Unreadable = reason.Unreadable(o.matrix.item, a.label, when.Cause(row)).Proto()
		}
		said.Conditions = append(said.Conditions, condition)
	}
	return said
}

// words says where a cut stands.
func (c *axisCut) words(line float64) string {
	at := "unknown"
	if !math.IsNaN(line) {
		at = frame.FormatNumber(line)
	}
	switch p := c.percentile(); {
	case c.declared.GetMedian() != nil:
		return "the median, " + at
	case p >= 0:
		return fmt.Sprintf("percentile %s, %s", frame.FormatNumber(p), at)
	}
	return at
}
