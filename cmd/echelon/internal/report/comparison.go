package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/echelonhq/echelon/engine/compare"
)

// Comparison writes two tierings side by side: the cross table, how far they agree, and some of those who differ.
func Comparison(w io.Writer, c *compare.Report, amount string, most int) error {
	if err := crossTable(w, c); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%sagree   %s of %s with a tier in both%s\n", indent, Count(c.Agree), Count(c.Both), agreement(c)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%sdiffer  %s; %s rank higher in %s, %s in %s\n\n", indent, Count(c.Different),
		Count(c.HigherA), plain(c.A), Count(c.HigherB), plain(c.B)); err != nil {
		return err
	}
	return differences(w, c, amount, most)
}

func crossTable(w io.Writer, c *compare.Report) error {
	header := append(append([]string{c.A}, c.TiersB...), "(none)", "total")
	t := newTable("l"+strings.Repeat("r", len(header)-1), header...)
	for i, row := range c.Cells {
		name := "(none)"
		if i < len(c.TiersA) {
			name = c.TiersA[i]
		}
		cells, total := []string{name}, int64(0)
		for _, cell := range row {
			cells = append(cells, Count(cell.Customers))
			total += cell.Customers
		}
		t.add(append(cells, Count(total))...)
	}
	if _, err := fmt.Fprintf(w, "%s by %s\n", plain(c.A), plain(c.B)); err != nil {
		return err
	}
	return t.write(w)
}

// agreement says how often both agree, and beyond chance.
func agreement(c *compare.Report) string {
	if c.Agreement == nil {
		return ""
	}
	text := ", " + Percent(100**c.Agreement)
	if c.Kappa != nil {
		text += fmt.Sprintf("; beyond chance %.2f (Cohen's kappa)", *c.Kappa)
	}
	return text
}

// differences writes the clearest of those who differ, and why.
func differences(w io.Writer, c *compare.Report, amount string, most int) error {
	if len(c.Differ) == 0 {
		return nil
	}
	columns, align := []string{"customer", c.A, c.B}, "lll"
	if amount != "" {
		columns, align = append(columns, amount), align+"r"
	}
	t := newTable(align+"l", append(columns, "why")...)
	for _, d := range c.Differ[:min(len(c.Differ), most)] {
		cells := []string{d.ID, orNone(d.A), orNone(d.B)}
		if amount != "" {
			cells = append(cells, Value(d.Amount))
		}
		t.add(append(cells, d.WhyA+"; "+d.WhyB)...)
	}
	if err := t.write(w); err != nil {
		return err
	}
	if more := c.Different - int64(min(len(c.Differ), most)); more > 0 {
		_, err := fmt.Fprintf(w, "%sand %s more: --compare-output FILE writes them\n", indent, Count(more))
		return err
	}
	return nil
}
