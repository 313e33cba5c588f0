package report

import (
	"fmt"
	"io"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// maxAmountName is the longest expression that heads a column of amounts.
const maxAmountName = 24

// Summary writes the tables of a result and the balance. The amount is the model's expression; where it is empty amounts are left out.
func Summary(w io.Writer, summary *echelonv1.Summary, amount string) error {
	for _, tiering := range summary.GetTierings() {
		if err := Tiering(w, tiering, amount); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	if err := Balance(w, summary.GetBalance(), amount); err != nil || summary.GetFamilies() == 0 {
		return err
	}
	_, err := fmt.Fprintf(w, "%sfamilies  %s, those who are alone among them\n", indent, Count(summary.GetFamilies()))
	return err
}

// Tiering writes the customers, and the amount, of each tier or persona, and the shares of the whole.
func Tiering(w io.Writer, t *echelonv1.TierTable, amount string) error {
	if _, err := fmt.Fprintln(w, plain(t.GetTiering())); err != nil {
		return err
	}
	customers, total, unscored, held, computed := t.GetUnscored(), t.GetUnscoredAmount(), int64(0), int64(0), int64(0)
	for _, tier := range t.GetTiers() {
		customers += tier.GetCustomers()
		total += tier.GetAmount()
		unscored += tier.GetUnscored()
		held += tier.GetHeld()
		computed += tier.GetComputed()
	}
	none := customers - computed
	c := columns{amount: amount, unscored: unscored > 0, held: held > 0, customers: customers, total: total}
	c.begin()
	for _, tier := range t.GetTiers() {
		c.add(tier)
	}
	c.add(&echelonv1.TierCount{Tier: "(none)", Customers: t.GetUnscored(), Amount: t.GetUnscoredAmount(), Unscored: t.GetUnscored(), Computed: &none})
	c.add(&echelonv1.TierCount{Tier: "total", Customers: customers, Amount: total, Unscored: unscored + t.GetUnscored(), Held: held, Computed: &customers})
	if err := c.table.write(w); err != nil {
		return err
	}
	if err := holds(w, t.GetHolds()); err != nil {
		return err
	}
	return review(w, t.GetReview())
}

// columns are those of a tiering's table.
type columns struct {
	amount string
	// unscored tells whether there is a column of those, held whether there are two of who is held.
	unscored, held bool
	customers      int64
	total          float64
	table          *table
}

func (c *columns) begin() {
	align, header := "lrr", []string{"tier", "customers", "share"}
	if c.amount != "" {
		name := c.amount
		if len(name) > maxAmountName {
			name = "amount"
		}
		align, header = align+"rr", append(header, name, "share")
	}
	if c.unscored {
		align, header = align+"r", append(header, "unscored")
	}
	if c.held {
		align, header = align+"rr", append(header, "held", "computed")
	}
	c.table = newTable(align, header...)
}

func (c *columns) add(row *echelonv1.TierCount) {
	cells := []string{row.GetTier(), Count(row.GetCustomers()), Share(float64(row.GetCustomers()), float64(c.customers))}
	if c.amount != "" {
		cells = append(cells, Amount(row.GetAmount(), c.total), Share(row.GetAmount(), c.total))
	}
	if c.unscored {
		cells = append(cells, Count(row.GetUnscored()))
	}
	if c.held {
		cells = append(cells, Count(row.GetHeld()), Count(row.GetComputed()))
	}
	c.table.add(cells...)
}

// Balance writes how the rows, and the amount, that came in went out.
func Balance(w io.Writer, b *echelonv1.Balance, amount string) error {
	_, err := fmt.Fprintf(w, "balance\n%srows    %s in = %s tiered + %s unscored + %s excluded + %s refused\n", indent,
		Count(b.GetCustomers()), Count(b.GetTiered()), Count(b.GetUnscored()), Count(b.GetExcluded()), Count(b.GetRefused()))
	if err == nil && amount != "" {
		excluded := ""
		if b.GetExcluded() > 0 {
			excluded = fmt.Sprintf(", %s of it excluded", Exact(b.GetExcludedAmount()))
		}
		_, err = fmt.Fprintf(w, "%samount  %s in = %s out%s\n", indent, Exact(b.GetAmountIn()), Exact(b.GetAmountOut()), excluded)
	}
	return err
}

// Balanced reports whether all that came in went out.
func Balanced(b *echelonv1.Balance) bool {
	return b.GetCustomers() == b.GetTiered()+b.GetUnscored()+b.GetExcluded()+b.GetRefused() && b.GetAmountIn() == b.GetAmountOut()
}

// Findings writes what a calibration found, a line each; nothing where it found nothing.
func Findings(w io.Writer, findings []*echelonv1.Finding) error {
	if len(findings) > 0 {
		if _, err := fmt.Fprintln(w, "\nfindings"); err != nil {
			return err
		}
	}
	for _, f := range findings {
		text := fmt.Sprintf("%s: %s: %s", severity(f), f.GetPath(), f.GetMessage())
		if f.GetRemedy() != "" {
			text += " (" + f.GetRemedy() + ")"
		}
		if _, err := fmt.Fprintln(w, indent+plain(text)); err != nil {
			return err
		}
	}
	return nil
}

func severity(f *echelonv1.Finding) string {
	if f.GetSeverity() == echelonv1.Finding_WARNING {
		return "warning"
	}
	return "mistake"
}
