package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Migration writes where customers come from in one run and go to in another, and who moved.
func Migration(w io.Writer, r *echelonv1.CompareRunsResponse) error {
	m := r.GetMigration()
	if _, err := fmt.Fprintf(w, "from  %s\nto    %s\n\n%s, customers\n", source(r.GetFrom()), source(r.GetTo()), plain(m.GetTiering())); err != nil {
		return err
	}
	grid := newGrid(m)
	if err := grid.write(w, m.GetTiering(), func(c Cell) string { return Count(c.Customers) }); err != nil {
		return err
	}
	if err := grid.amounts(w, m); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%sboth     %s = %s stayed + %s promoted + %s demoted + %s moved otherwise\n%sbeside   %s newcomers, %s leavers; %s of all are not stored any more\n",
		indent, Count(m.GetBoth()), Count(m.GetStayed()), Count(m.GetPromoted()), Count(m.GetDemoted()), Count(m.GetMovedOtherwise()),
		indent, Count(m.GetNewcomers()), Count(m.GetLeavers()), Count(m.GetDeleted()))
	if err != nil || len(r.GetMovers()) == 0 {
		return err
	}
	return movers(w, r.GetMovers(), m.GetAmount())
}

// amounts writes the matrices of amounts: before, and after.
func (g *Grid) amounts(w io.Writer, m *echelonv1.Migration) error {
	for _, one := range []struct {
		amount, when string
		of           func(Cell) float64
	}{{m.GetFromAmount(), "before", func(c Cell) float64 { return c.Before }}, {m.GetAmount(), "after", func(c Cell) float64 { return c.Amount }}} {
		if one.amount == "" {
			continue
		}
		note := ""
		if m.GetAmountsOfNow() {
			note = ", in part of the customers as they are stored now"
		}
		if _, err := fmt.Fprintf(w, "\n%s, %s %s%s\n", plain(m.GetTiering()), plain(one.amount), one.when, note); err != nil {
			return err
		}
		if err := g.write(w, m.GetTiering(), func(c Cell) string { return Amount(one.of(c), g.amount) }); err != nil {
			return err
		}
	}
	return nil
}

// source says what made assignments.
func source(p *echelonv1.Provenance) string {
	return fmt.Sprintf("%s version %d, run %s, as of %s", plain(p.GetModel()), p.GetModelVersion(), p.GetRunId(), Time(p.GetAsOf()))
}

// Cell is the customers of a cell of a grid.
type Cell struct {
	Customers int64
	// Before is their amount where they come from, Amount where they go.
	Before, Amount float64
}

// Grid is a migration as a matrix, without the rows and columns behind the tiers that have nobody.
type Grid struct {
	// From and To are what rows and columns are called.
	From, To []string
	// Cells are by row and column.
	Cells  [][]Cell
	amount float64
}

func newGrid(m *echelonv1.Migration) *Grid {
	g := &Grid{From: names(m.GetFromTiers(), m.GetCells(), (*echelonv1.MigrationCell).GetFrom, "(new)"),
		To: names(m.GetToTiers(), m.GetCells(), (*echelonv1.MigrationCell).GetTo, "(gone)")}
	for range g.From {
		g.Cells = append(g.Cells, make([]Cell, len(g.To)))
	}
	for _, cell := range m.GetCells() {
		row, column := slices.Index(g.From, Place(cell.GetFrom(), "(new)")), slices.Index(g.To, Place(cell.GetTo(), "(gone)"))
		g.Cells[row][column] = Cell{cell.GetCustomers(), cell.GetFromAmount(), cell.GetAmount()}
		g.amount += cell.GetAmount() + cell.GetFromAmount()
	}
	return g
}

// names returns the tiers, and behind them the other places that have somebody.
func names(tiers []string, cells []*echelonv1.MigrationCell, of func(*echelonv1.MigrationCell) *echelonv1.MigrationPlace, absent string) []string {
	all := slices.Clone(tiers)
	for _, kind := range []echelonv1.MigrationPlace_Kind{echelonv1.MigrationPlace_UNSCORED, echelonv1.MigrationPlace_EXCLUDED, echelonv1.MigrationPlace_ABSENT} {
		if slices.ContainsFunc(cells, func(c *echelonv1.MigrationCell) bool { return of(c).GetKind() == kind }) {
			all = append(all, Place(&echelonv1.MigrationPlace{Kind: kind}, absent))
		}
	}
	return all
}

// Place says where a run has a customer; absent says what it is called where it has none.
func Place(p *echelonv1.MigrationPlace, absent string) string {
	switch p.GetKind() {
	case echelonv1.MigrationPlace_TIER:
		return p.GetTier()
	case echelonv1.MigrationPlace_UNSCORED:
		return "(no tier)"
	case echelonv1.MigrationPlace_EXCLUDED:
		return "(excluded)"
	}
	return absent
}

func (g *Grid) write(w io.Writer, tiering string, of func(Cell) string) error {
	t := newTable("l"+strings.Repeat("r", len(g.To)+1), slices.Concat([]string{tiering}, g.To, []string{"total"})...)
	sums := make([]Cell, len(g.To)+1)
	for i, row := range g.Cells {
		cells, total := []string{g.From[i]}, Cell{}
		for k, cell := range row {
			cells = append(cells, of(cell))
			total.add(cell)
			sums[k].add(cell)
		}
		sums[len(g.To)].add(total)
		t.add(append(cells, of(total))...)
	}
	last := []string{"total"}
	for _, sum := range sums {
		last = append(last, of(sum))
	}
	t.add(last...)
	return t.write(w)
}

func (c *Cell) add(other Cell) {
	c.Customers += other.Customers
	c.Before += other.Before
	c.Amount += other.Amount
}

// movers writes who moved, and why.
func movers(w io.Writer, list []*echelonv1.Mover, amount string) error {
	columns, align := []string{"customer", "move", "from", "to"}, "llll"
	if amount != "" {
		columns, align = append(columns, amount), align+"r"
	}
	t := newTable(align+"l", append(columns, "why")...)
	for _, m := range list {
		cells := []string{m.GetCustomerId(), strings.ToLower(m.GetDirection().String()), Place(m.GetFrom(), "–"), Place(m.GetTo(), "–")}
		if amount != "" {
			cells = append(cells, Value(m.GetAmount()))
		}
		t.add(append(cells, Why(m))...)
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", "moved, by customer"); err != nil {
		return err
	}
	return t.write(w)
}

// Why says what decided that a customer was where it comes from, and is where it goes.
func Why(m *echelonv1.Mover) string {
	var parts []string
	for _, text := range []string{last(m.GetFromReasons()), last(m.GetToReasons())} {
		if text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " → ")
}

// last returns the reason that tells what decided.
func last(reasons []*echelonv1.Reason) string {
	if len(reasons) == 0 {
		return ""
	}
	return reasons[len(reasons)-1].GetMessage()
}
