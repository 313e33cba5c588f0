package briefing

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/echelonhq/echelon/cmd/echelon/internal/report"
)

// csvHeader names the columns, of which each section fills those that it has.
var csvHeader = []string{"section", "item", "from", "to", "customer_id", "name", "owner", "customers", "amount", "value", "until", "note"}

// row is a line of the CSV.
type row struct {
	section, item, from, to string
	customer                Customer
	customers               *int64
	amount, value           *float64
	until, note             string
}

// CSV writes the figures of a report, a line each, all sections beneath one header.
func CSV(to io.Writer, report *Report) error {
	w := &csvWriter{out: csv.NewWriter(to), amounts: report.Amount.Given()}
	w.write(csvHeader)
	for _, section := range []func(*Report){w.facts, w.tiers, w.concentration, w.movement, w.held, w.overrides, w.queue, w.outside} {
		section(report)
	}
	w.out.Flush()
	if w.err == nil {
		w.err = w.out.Error()
	}
	return w.err
}

type csvWriter struct {
	out     *csv.Writer
	amounts bool
	err     error
}

func (w *csvWriter) write(record []string) {
	if w.err == nil {
		w.err = w.out.Write(record)
	}
}

// add writes a line; amounts only where the model has any.
func (w *csvWriter) add(r row) {
	customers := ""
	if r.customers != nil {
		customers = strconv.FormatInt(*r.customers, 10)
	}
	sum := ""
	if w.amounts {
		sum = cell(r.amount)
	}
	w.write([]string{
		r.section, text(r.item), text(r.from), text(r.to), text(r.customer.ID), text(r.customer.Name), text(r.customer.Owner),
		customers, sum, cell(r.value), r.until, text(r.note),
	})
}

// text makes a text fit for a spreadsheet.
func text(s string) string { return report.SpreadsheetText(s) }

func cell(x *float64) string {
	if x == nil {
		return ""
	}
	return exact(*x)
}

// one is a line about a customer in a list.
func (w *csvWriter) one(section string, c Customer, r row) {
	r.section, r.customer = section, c
	if r.amount == nil && section != "override" {
		r.amount = &c.Amount
	}
	w.add(r)
}

func (w *csvWriter) facts(r *Report) {
	w.add(row{section: "run", item: r.Run.RunID, until: r.Run.AsOf.Format(time.DateOnly), note: r.Run.Model + " version " + strconv.FormatInt(r.Run.ModelVersion, 10)})
	if r.Base != nil {
		w.add(row{section: "base", item: r.Base.RunID, until: r.Base.AsOf.Format(time.DateOnly), note: r.Base.Model + " version " + strconv.FormatInt(r.Base.ModelVersion, 10)})
	}
	for _, one := range []struct {
		item      string
		customers *int64
		amount    *float64
	}{
		{"customers", &r.Balance.Customers, &r.Balance.Amount}, {"tiered", &r.Balance.Tiered, nil}, {"unscored", &r.Balance.Unscored, nil},
		{"excluded", &r.Balance.Excluded, &r.Balance.ExcludedAmount}, {"refused", &r.Balance.Refused, nil},
	} {
		w.add(row{section: "balance", item: one.item, customers: one.customers, amount: one.amount})
	}
}

func (w *csvWriter) tiers(r *Report) {
	for _, t := range r.Tierings {
		for _, tier := range t.Tiers {
			w.add(row{section: "tier", item: t.Name, to: tier.Name, customers: &tier.Customers, amount: &tier.Amount, note: tier.Engagement})
		}
		w.add(row{section: "tier", item: t.Name, to: "(" + noTier + ")", customers: &t.Unscored, amount: &t.UnscoredAmount})
		for _, hold := range t.Holds {
			w.add(row{section: "hold", item: t.Name, customers: &hold.Customers, note: hold.Words})
		}
	}
}

func (w *csvWriter) concentration(r *Report) {
	c := r.Concentration
	if c == nil {
		return
	}
	w.add(row{section: "concentration", item: "gini", value: &c.Gini, customers: &c.Customers, amount: &c.Amount})
	half, eighty := 0.5, 0.8
	w.add(row{section: "concentration", item: "share of the amount", value: &half, customers: &c.Half})
	w.add(row{section: "concentration", item: "share of the amount", value: &eighty, customers: &c.Eighty})
	for _, line := range c.Lines {
		w.add(row{section: "concentration", item: c.Tiering, to: line.Tier, customers: &line.Customers, amount: &line.Amount, note: "to the end of the tier"})
	}
	for percent, reached := range c.Curve {
		w.add(row{section: "curve", item: strconv.Itoa(percent) + " % of the customers", value: &reached})
	}
}

func (w *csvWriter) movement(r *Report) {
	m := r.Movement
	if m == nil {
		return
	}
	for i, from := range m.From {
		for k, to := range m.To {
			w.add(row{section: "migration", item: m.Tiering, from: from, to: to, customers: &m.Cells[i][k].Customers, amount: &m.Cells[i][k].Amount})
		}
	}
	for _, c := range m.Causes {
		w.add(row{section: "cause", item: c.Cause, customers: &c.Customers, amount: &c.Amount, note: moves(c.Promoted, c.Demoted)})
	}
	for _, o := range m.Owners {
		customer := Customer{Owner: o.Owner}
		if o.Others {
			customer.Owner = "all others"
		}
		w.add(row{section: "owner", customer: customer, customers: &o.Customers, amount: &o.Amount, note: moves(o.Promoted, o.Demoted)})
	}
	for _, list := range []struct {
		section string
		movers  []Mover
	}{{"demotion", m.Demotions.Shown}, {"promotion", m.Promotions.Shown}} {
		for _, one := range list.movers {
			note := strings.TrimSuffix(one.Why+"; "+one.Leading, "; ")
			w.one(list.section, one.Customer, row{item: m.Tiering, from: one.From, to: one.To, note: note})
		}
	}
}

// moves says how many came to better and to worse tiers.
func moves(promoted, demoted int64) string {
	return plural(promoted, "promotion", "promotions") + ", " + plural(demoted, "demotion", "demotions")
}

// held writes who is held: from where the rules would put it, to where it is.
func (w *csvWriter) held(r *Report) {
	for _, one := range r.Held.Shown {
		w.one("held", one.Customer, row{item: one.Tiering, from: one.Computed, to: one.Tier, until: one.Until, note: one.Why})
	}
}

func (w *csvWriter) overrides(r *Report) {
	for _, one := range r.Overrides.Shown {
		w.one("override", one.Customer, row{item: one.Item, from: one.Computed, to: one.Pinned, until: one.Until, note: one.Actor + ": " + one.Reason})
	}
}

func (w *csvWriter) queue(r *Report) {
	for _, kind := range r.Queue.Kinds {
		w.add(row{section: "review", item: kind.Kind, customers: &kind.Items, amount: &kind.Amount, note: kind.Words})
	}
	for _, one := range r.Queue.Shown {
		w.one("review item", one.Customer, row{item: one.Item, from: one.Before, to: one.InForce, note: strings.Join(one.Why, "; ")})
	}
}

func (w *csvWriter) outside(r *Report) {
	for _, gap := range r.Gaps {
		w.add(row{section: "gap", item: gap.What, customers: &gap.Customers})
	}
	for _, one := range r.Unscored.Shown {
		w.one("unscored", one, row{})
	}
	for _, one := range r.Refused.Shown {
		w.add(row{section: "refused", item: one.Field, customer: Customer{ID: one.ID}, note: one.Why})
	}
	for _, one := range r.Findings {
		w.add(row{section: "finding", item: one.Path, note: strings.TrimSuffix(one.Message+": "+one.Remedy, ": ")})
	}
}
