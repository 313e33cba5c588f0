package briefing

import (
	"fmt"
	"html/template"
)

// migrationTable is a matrix as it is shown, with totals.
type migrationTable struct {
	*Movement
	Rows   []migrationRow
	Totals []Cell
	All    Cell
	Given  bool
	Amount Amount
}

type migrationRow struct {
	From  string
	Cells []shade
	Total Cell
}

// shade is a cell with the colour of its way, the stronger the more customers of its row take it.
type shade struct {
	Cell
	To, Mark string
	Colour   template.CSS
}

// drawMigration adds up a matrix.
func drawMigration(m *Movement, of Amount) migrationTable {
	out := migrationTable{Movement: m, Given: of.Given(), Amount: of, Totals: make([]Cell, len(m.To))}
	for i, from := range m.From {
		row := migrationRow{From: from}
		for k, cell := range m.Cells[i] {
			row.Total.add(cell)
			out.Totals[k].add(cell)
		}
		for k, cell := range m.Cells[i] {
			row.Cells = append(row.Cells, shadeOf(cell, m.To[k], row.Total.Customers))
		}
		out.All.add(row.Total)
		out.Rows = append(out.Rows, row)
	}
	return out
}

func (c *Cell) add(other Cell) {
	c.Customers += other.Customers
	c.Amount += other.Amount
}

func shadeOf(cell Cell, to string, row int64) shade {
	out := shade{Cell: cell, To: to}
	if cell.Customers == 0 {
		return out
	}
	strength := 0.10 + 0.35*min(1, 4*float64(cell.Customers)/float64(row))
	switch cell.Way {
	case "up":
		out.Colour, out.Mark = tinted("42, 140, 130", strength), "▲"
	case "down":
		out.Colour, out.Mark = tinted("193, 120, 23", strength), "▼"
	case "stay":
		out.Colour = tinted("29, 78, 137", 0.07)
	default:
		out.Colour = tinted("125, 133, 151", 0.14)
	}
	return out
}

// tinted is a colour of our own, which the template need not doubt.
func tinted(colour string, strength float64) template.CSS {
	return template.CSS(fmt.Sprintf("rgba(%s, %.2f)", colour, strength))
}
