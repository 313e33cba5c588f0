package briefing

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxDots is how many customers a plot shows at most: more are no picture.
const maxDots = 2000

// Box is a matrix as a plot of two scores.
type Box struct {
	Tiering string `json:"tiering"`
	X       Axis   `json:"x"`
	Y       Axis   `json:"y"`
	// Cells are the personas, as declared.
	Cells []BoxCell `json:"cells"`
	// Dots are a sample of the customers that have both scores, All of them.
	Dots []Dot `json:"dots"`
	All  int64 `json:"all"`
}

// Sampled reports whether there are customers without a dot.
func (b Box) Sampled() bool { return int64(len(b.Dots)) < b.All }

// Axis is a side of a box.
type Axis struct {
	Score string `json:"score"`
	// Lines are where its levels begin, ascending.
	Lines []Line `json:"lines"`
}

// Line is a cut across an axis.
type Line struct {
	At float64 `json:"at"`
	// When is a condition that must hold too; empty where the line alone decides.
	When string `json:"when,omitempty"`
}

// BoxCell is a persona and its place.
type BoxCell struct {
	Name      string  `json:"name"`
	X         int32   `json:"x"`
	Y         int32   `json:"y"`
	Customers int64   `json:"customers"`
	Amount    float64 `json:"amount"`
}

// Dot is a customer in a box.
type Dot struct {
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Amount float64 `json:"amount"`
	// Cell is its persona's place in Cells; -1 where it has none.
	Cell int `json:"cell"`

	hash uint64
}

// boxOf makes a plot without dots. The calibration may be nil: lines that are learned are not known then.
func boxOf(t *echelonv1.Tiering, counts Tiering, calibration *echelonv1.Calibration) Box {
	matrix := t.GetMatrix()
	var learned *echelonv1.TieringCalibration
	if i := slices.IndexFunc(calibration.GetTierings(), func(c *echelonv1.TieringCalibration) bool { return c.GetTiering() == t.GetName() }); i >= 0 {
		learned = calibration.GetTierings()[i]
	}
	box := Box{Tiering: t.GetName(), X: axisOf(matrix.GetX(), learned.GetXLines()), Y: axisOf(matrix.GetY(), learned.GetYLines())}
	for _, cell := range matrix.GetCells() {
		one := BoxCell{Name: cell.GetName(), X: cell.GetX(), Y: cell.GetY()}
		if i := slices.IndexFunc(counts.Tiers, func(t Tier) bool { return t.Name == cell.GetName() }); i >= 0 {
			one.Customers, one.Amount = counts.Tiers[i].Customers, counts.Tiers[i].Amount
		}
		box.Cells = append(box.Cells, one)
	}
	return box
}

// axisOf returns the lines of an axis: those that were learned, or else those that are declared.
func axisOf(axis *echelonv1.Axis, learned []float64) Axis {
	out := Axis{Score: axis.GetScore()}
	for i, cut := range axis.GetCuts() {
		fixed, isFixed := cut.GetLine().(*echelonv1.AxisCut_MinScore)
		switch {
		case len(learned) == len(axis.GetCuts()):
			out.Lines = append(out.Lines, Line{At: learned[i], When: cut.GetWhen()})
		case isFixed:
			out.Lines = append(out.Lines, Line{At: fixed.MinScore, When: cut.GetWhen()})
		}
	}
	slices.SortStableFunc(out.Lines, func(a, b Line) int { return cmp.Compare(a.At, b.At) })
	return out
}

// sampler takes dots by the hash of their ids: the same ones whoever comes first, and as good as drawn by chance.
type sampler struct {
	box  *Box
	dots *top[Dot]
}

func newSampler(box *Box) *sampler {
	return &sampler{box: box, dots: newTop(maxDots, func(a, b Dot) bool { return a.hash < b.hash })}
}

// add considers a customer.
func (s *sampler) add(a *echelonv1.Assignment, amount float64) {
	x, y := scoreOf(a, s.box.X.Score), scoreOf(a, s.box.Y.Score)
	if x == nil || y == nil {
		return
	}
	hash := sha256.Sum256([]byte(a.GetCustomerId()))
	outcome := outcomeOf(a, s.box.Tiering)
	s.dots.add(Dot{X: *x, Y: *y, Amount: amount, hash: binary.BigEndian.Uint64(hash[:]), Cell: slices.IndexFunc(s.box.Cells, func(c BoxCell) bool {
		return outcome.GetTier() == c.Name && outcome.Tier != nil
	})})
}

// finish gives the box its dots, the largest first, so that small ones are drawn over them.
func (s *sampler) finish() {
	dots := s.dots.list()
	s.box.All, s.box.Dots = dots.All, dots.Shown
	slices.SortStableFunc(s.box.Dots, func(a, b Dot) int { return cmp.Compare(b.Amount, a.Amount) })
}

func scoreOf(a *echelonv1.Assignment, name string) *float64 {
	for _, s := range a.GetScores() {
		if s.GetScore() == name {
			return s.Value
		}
	}
	return nil
}

func outcomeOf(a *echelonv1.Assignment, tiering string) *echelonv1.TierOutcome {
	for _, t := range a.GetTiers() {
		if t.GetTiering() == tiering {
			return t
		}
	}
	return &echelonv1.TierOutcome{}
}
