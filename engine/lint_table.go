package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/echelonhq/echelon/engine/diag"
	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxTableCells is how many combinations of what a table reads are looked at.
const maxTableCells = 100_000

// tableGrid is all combinations of what a table reads, as far as its rows tell them apart.
type tableGrid struct {
	table *echelonv1.Tiering_Table
	axes  []tableAxis
}

// tableAxis is one outcome that a table reads: its segments or tiers, or the bands between the scores that rows name; the last place is null.
type tableAxis struct {
	variable string
	words    []string
	// names are those of the places, or low the least scores of theirs.
	names []string
	low   []float64
}

// lintTable finds what the rows of a table leave out, rows that are never reached, and those of UNIQUE that overlap.
func (p *Program) lintTable(path string, t *echelonv1.Tiering_Table, found *diag.List) {
	g := p.gridOf(t)
	cells := 1
	for _, a := range g.axes {
		if cells *= len(a.words); cells > maxTableCells {
			return
		}
	}
	unique := t.GetHitPolicy() == echelonv1.Segmentation_UNIQUE
	reached := make([]bool, len(t.GetRows()))
	takers := make([]map[int]bool, len(t.GetRows()))
	overlaps := make([]map[int]string, len(t.GetRows()))
	for i := range takers {
		takers[i], overlaps[i] = make(map[int]bool), make(map[int]string)
	}
	var gaps []string
	left := false
	g.each(func(cell []int) {
		matched := g.matches(cell)
		for k, row := range matched {
			switch {
			case k == 0:
				reached[row] = true
			case unique:
				reached[row] = true
				if _, known := overlaps[row][matched[0]]; !known {
					overlaps[row][matched[0]] = g.words(cell)
				}
			default:
				takers[row][matched[0]] = true
			}
		}
		if len(matched) > 0 {
			return
		}
		left = left || t.GetUnknown() == "" || g.known(cell)
		if g.known(cell) {
			gaps = append(gaps, g.words(cell))
		}
	})
	for i := range t.GetRows() {
		at := diag.Index(diag.Field(path, "rows"), i)
		switch {
		case !reached[i] && len(takers[i]) > 0:
			found.Warnf(at, "move it up, narrow what is before it, or remove it", "the row is never reached: %s takes everyone whom it would match", rowNumbers(takers[i]))
		case !reached[i]:
			found.Warnf(at, "mend its conditions, or remove it", "nobody can match the row")
		}
		for other := range i {
			if who, overlap := overlaps[i][other]; overlap {
				found.Warnf(at, "narrow one of them, or write hit_policy: FIRST",
					"rows %d and %d can both match, which is a CONFLICT and no tier: %s", other+1, i+1, who)
			}
		}
	}
	switch {
	case t.GetOtherwise() == "" && len(gaps) > 0:
		found.Warnf(diag.Field(path, "rows"), "add rows for them, or write `otherwise`", "no row matches %s: they have no tier", someOf(gaps))
	case t.GetOtherwise() != "" && !left:
		found.Warnf(diag.Field(path, "otherwise"), "remove it, or narrow a row", "it is never given: the rows match everyone")
	}
}

// rowNumbers names rows.
func rowNumbers(rows map[int]bool) string {
	var list []string
	for _, i := range slices.Sorted(maps.Keys(rows)) {
		list = append(list, fmt.Sprintf("row %d", i+1))
	}
	return strings.Join(list, " or ")
}

// someOf tells of the first of several kinds of customers, and how many more there are.
func someOf(gaps []string) string {
	const most = 3
	text := strings.Join(gaps[:min(most, len(gaps))], "; ")
	if more := len(gaps) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

func (p *Program) gridOf(t *echelonv1.Tiering_Table) *tableGrid {
	g := &tableGrid{table: t}
	for _, row := range t.GetRows() {
		for _, one := range row.GetWhen() {
			name := variableOf(one)
			at := slices.IndexFunc(g.axes, func(a tableAxis) bool { return a.variable == name })
			if at < 0 {
				at = len(g.axes)
				g.axes = append(g.axes, tableAxis{variable: name, names: p.domain(name).Values, low: []float64{0}})
			}
			for _, line := range []*float64{one.From, one.Below} {
				if line != nil && !slices.Contains(g.axes[at].low, *line) {
					g.axes[at].low = append(g.axes[at].low, *line)
				}
			}
		}
	}
	for i := range g.axes {
		g.axes[i].name()
	}
	return g
}

// name says what each place of an axis is, in words.
func (a *tableAxis) name() {
	short := a.variable[strings.Index(a.variable, ".")+1:]
	if a.names != nil {
		for _, name := range a.names {
			a.words = append(a.words, fmt.Sprintf("%s %s", short, frame.Quote(name)))
		}
	} else {
		slices.Sort(a.low)
		for i, low := range a.low {
			text := fmt.Sprintf("score %s from %s", short, frame.FormatNumber(low))
			if i+1 < len(a.low) {
				text += " below " + frame.FormatNumber(a.low[i+1])
			}
			a.words = append(a.words, text)
		}
	}
	a.words = append(a.words, "no "+short)
}

// each goes through all combinations; with no axis there is one.
func (g *tableGrid) each(do func(cell []int)) {
	cell := make([]int, len(g.axes))
	for {
		do(cell)
		i := 0
		for ; i < len(cell); i++ {
			if cell[i]++; cell[i] < len(g.axes[i].words) {
				break
			}
			cell[i] = 0
		}
		if i == len(cell) {
			return
		}
	}
}

// known reports whether nothing of a combination is null.
func (g *tableGrid) known(cell []int) bool {
	for i, place := range cell {
		if place == len(g.axes[i].words)-1 {
			return false
		}
	}
	return true
}

func (g *tableGrid) words(cell []int) string {
	if len(cell) == 0 {
		return "every customer"
	}
	var parts []string
	for i, place := range cell {
		parts = append(parts, g.axes[i].words[place])
	}
	return "a customer with " + strings.Join(parts, ", ")
}

// matches returns the rows that match a combination.
func (g *tableGrid) matches(cell []int) []int {
	var rows []int
	for i, row := range g.table.GetRows() {
		if !slices.ContainsFunc(row.GetWhen(), func(one *echelonv1.TableCondition) bool { return !g.holds(one, cell) }) {
			rows = append(rows, i)
		}
	}
	return rows
}

func (g *tableGrid) holds(one *echelonv1.TableCondition, cell []int) bool {
	at := slices.IndexFunc(g.axes, func(a tableAxis) bool { return a.variable == variableOf(one) })
	a, place := &g.axes[at], cell[at]
	switch {
	case place == len(a.words)-1:
		return false
	case a.names != nil:
		return slices.Contains(one.GetIn(), a.names[place])
	}
	low := a.low[place]
	return (one.From == nil || low >= one.GetFrom()) && (one.Below == nil || low < one.GetBelow())
}
