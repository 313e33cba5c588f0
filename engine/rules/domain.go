package rules

import (
	"math"
	"slices"
	"sort"
	"time"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
)

// The first day, and the last instant, that a customer's date or timestamp can be.
var (
	firstDay    = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	lastInstant = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
)

// Domain is what values a variable can have.
type Domain struct {
	// Whole tells that a number has no fraction and is within ±2^53.
	Whole bool
	// Values are the only texts that it takes; nil where it takes any.
	Values []string
	// Min and Max bound a number where Max is above Min.
	Min, Max float64
	// Free tells that a customer can have each of these values whatever the values of the other free variables are.
	Free bool
	// Required tells that a free variable is never missing in a customer.
	Required bool
	// Means is what a boolean variable stands for; nil where it is a fact.
	Means expr.Condition
}

// cell is values of a term that no condition tells apart; of them one stands for all.
type cell struct {
	kind   cellKind
	sample expr.Constant
}

type cellKind uint8

const (
	values cellKind = iota
	// missing is where a term cannot be read; of an opaque condition it is neither true nor false.
	missing
	// notANumber is a computed number that equals nothing.
	notANumber
)

// axis is a term, cut into cells. The last one is what is missing.
type axis struct {
	name string
	free bool
	// required tells that no customer is in the last cell.
	required bool
	cells    []cell
	// places are the cells of single constants.
	places map[expr.Constant]int
	// readable are the cells but the last.
	readable cells
}

// newAxis cuts a term at constants, which are of its kind. Where no order is asked for, the texts between constants are one cell.
func newAxis(term expr.Term, domain Domain, constants []expr.Constant, ordered bool) *axis {
	a := &axis{name: term.Key, free: domain.Free && term.Variable, required: domain.Required, places: make(map[expr.Constant]int)}
	switch {
	case term.Kind == expr.Boolean:
		constants = []expr.Constant{{Kind: expr.Boolean}, {Kind: expr.Boolean, Bool: true}}
	case term.Kind == expr.String && domain.Values != nil:
		constants = nil
		for _, text := range domain.Values {
			constants = append(constants, expr.Constant{Kind: expr.String, Text: text})
		}
	case term.Kind == expr.Number && domain.Max > domain.Min:
		constants = append(constants, expr.Constant{Kind: expr.Number, Number: domain.Min}, expr.Constant{Kind: expr.Number, Number: domain.Max})
	}
	slices.SortFunc(constants, expr.Constant.Compare)
	constants = slices.Compact(constants)
	switch {
	case term.Kind == expr.List:
		a.cells = append(a.cells, cell{values, expr.Constant{Kind: expr.List}})
	case term.Kind == expr.Boolean || domain.Values != nil:
		a.points(constants)
	case term.Kind == expr.String && !ordered:
		a.points(constants)
		a.cells = append(a.cells, cell{values, otherText(constants)})
	default:
		a.line(constants, gapsOf(term, domain))
	}
	if term.Kind == expr.Number && !term.Variable {
		a.cells = append(a.cells, cell{kind: notANumber})
	}
	a.readable = noCells(len(a.cells) + 1)
	for i := range a.cells {
		a.readable.add(i)
	}
	a.cells = append(a.cells, cell{kind: missing})
	return a
}

// ordered returns the places of the values that are below or above a constant: the cells of values come first, in their order.
func (a *axis) ordered(op expr.Op, c expr.Constant) (from, to int) {
	values := sort.Search(len(a.cells), func(i int) bool { return a.cells[i].kind != values })
	below := sort.Search(values, func(i int) bool { return a.cells[i].sample.Compare(c) >= 0 })
	upTo := sort.Search(values, func(i int) bool { return a.cells[i].sample.Compare(c) > 0 })
	switch op {
	case expr.Less:
		return 0, below
	case expr.AtMost:
		return 0, upTo
	case expr.Greater:
		return upTo, values
	}
	return below, values
}

// points adds a cell for each constant.
func (a *axis) points(constants []expr.Constant) {
	for _, c := range constants {
		a.places[c] = len(a.cells)
		a.cells = append(a.cells, cell{values, c})
	}
}

// gaps says which values there are.
type gaps struct {
	// between returns a value between two neighbours, each of which may be nil where there is none.
	between func(below, above *expr.Constant) (expr.Constant, bool)
	// has reports whether a constant is a value.
	has func(expr.Constant) bool
}

// line adds the constants and what lies between them, in order.
func (a *axis) line(constants []expr.Constant, g gaps) {
	var below *expr.Constant
	for i := range constants {
		if sample, ok := g.between(below, &constants[i]); ok {
			a.cells = append(a.cells, cell{values, sample})
		}
		if g.has(constants[i]) {
			a.points(constants[i : i+1])
		}
		below = &constants[i]
	}
	if sample, ok := g.between(below, nil); ok {
		a.cells = append(a.cells, cell{values, sample})
	}
}

func gapsOf(term expr.Term, domain Domain) gaps {
	always := func(expr.Constant) bool { return true }
	switch term.Kind {
	case expr.Number:
		return numberGaps(term, domain)
	case expr.Date:
		return gaps{wholeGaps(expr.Date, frame.DayOf(firstDay), frame.DayOf(lastInstant)), always}
	case expr.Timestamp:
		return gaps{wholeGaps(expr.Timestamp, firstDay.UnixMicro(), lastInstant.UnixMicro()), always}
	}
	return gaps{textGaps, always}
}

// numberGaps are those of doubles, or of whole numbers. A variable is finite; what is computed may be infinite.
func numberGaps(term expr.Term, domain Domain) gaps {
	low, high := -math.MaxFloat64, math.MaxFloat64
	switch {
	case domain.Whole:
		low, high = -frame.MaxInteger, frame.MaxInteger
	case domain.Max > domain.Min:
		low, high = domain.Min, domain.Max
	case !term.Variable:
		low, high = math.Inf(-1), math.Inf(1)
	}
	within := func(x float64) bool { return x >= low && x <= high && (!domain.Whole || x == math.Trunc(x)) }
	between := func(below, above *expr.Constant) (expr.Constant, bool) {
		from, to := math.Inf(-1), math.Inf(1)
		if below != nil {
			from = below.Number
		}
		if above != nil {
			to = above.Number
		}
		for _, x := range append(candidates(from, to), low, high) {
			if (below == nil || x > from) && (above == nil || x < to) && within(x) {
				return expr.Constant{Kind: expr.Number, Number: x + 0}, true
			}
		}
		return expr.Constant{}, false
	}
	return gaps{between, func(c expr.Constant) bool { return within(c.Number) }}
}

// candidates returns numbers between two, those first that people like to read. They have the least whole number that is above the lower one, where
// a double can tell it from that, and the next double.
func candidates(from, to float64) []float64 {
	switch {
	case math.IsInf(from, -1) && math.IsInf(to, 1):
		return []float64{0}
	case math.IsInf(from, -1):
		return []float64{math.Ceil(to) - 1, math.Nextafter(to, from)}
	}
	return []float64{math.Floor(from) + 1, from + (to-from)/2, math.Nextafter(from, math.Inf(1))}
}

// wholeGaps are those of days and instants.
func wholeGaps(kind expr.Kind, low, high int64) func(below, above *expr.Constant) (expr.Constant, bool) {
	return func(below, above *expr.Constant) (expr.Constant, bool) {
		from, to := low, high
		if below != nil {
			from = below.Int + 1
		}
		if above != nil {
			to = above.Int - 1
		}
		sample := from
		if below == nil {
			sample = to
		}
		if below == nil && above == nil {
			sample = 0
		}
		return expr.Constant{Kind: kind, Int: sample}, from <= to
	}
}

// textGaps are those of texts in the order of their bytes: nothing is below the empty one, and next to a text comes the same with a NUL.
func textGaps(below, above *expr.Constant) (expr.Constant, bool) {
	from := ""
	if below != nil {
		from = below.Text
	}
	for _, tail := range []string{"", "a", " ", "\x00"} {
		text := from + tail
		if (below == nil || text > from) && (above == nil || text < above.Text) {
			return expr.Constant{Kind: expr.String, Text: text}, true
		}
	}
	return expr.Constant{}, false
}

// otherText returns a text that is none of the constants.
func otherText(constants []expr.Constant) expr.Constant {
	text := "other"
	for slices.Contains(constants, expr.Constant{Kind: expr.String, Text: text}) {
		text += "-" + "other"
	}
	return expr.Constant{Kind: expr.String, Text: text}
}
