package report

import (
	"fmt"
	"io"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Preview writes what a run would change: its tables, where customers go, why, and who moves with the largest amounts.
func Preview(w io.Writer, p *echelonv1.PreviewRunResponse, amount string) error {
	if err := Summary(w, p.GetRun().GetSummary(), amount); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	if p.GetMigration() == nil {
		if _, err := fmt.Fprintln(w, "there is nothing to compare with: nothing was published before"); err != nil {
			return err
		}
	} else if err := Moves(w, p); err != nil {
		return err
	}
	if err := Findings(w, p.GetFindings()); err != nil || p.GetUnpublishable() == "" {
		return err
	}
	_, err := fmt.Fprintf(w, "\nit cannot be published\n%s%s\n", indent, plain(p.GetUnpublishable()))
	return err
}

// Moves writes where customers come from and go to, why, and who moves with the largest amounts.
func Moves(w io.Writer, p *echelonv1.PreviewRunResponse) error {
	if err := Migration(w, &echelonv1.CompareRunsResponse{From: p.GetFrom(), To: p.GetTo(), Migration: p.GetMigration()}); err != nil || p.GetMovers() == 0 {
		return err
	}
	amount := p.GetMigration().GetAmount()
	if err := causes(w, p, amount); err != nil {
		return err
	}
	if err := groups(w, p.GetGroups(), amount); err != nil {
		return err
	}
	if err := told(w, "moved, the largest amounts first", p.GetLargest(), p); err != nil || len(p.GetDemotions()) == 0 || int64(len(p.GetLargest())) == p.GetMovers() {
		return err // who is demoted stands there already
	}
	return told(w, "demoted, the largest amounts first", p.GetDemotions(), p)
}

// causes writes how many customers moved by what.
func causes(w io.Writer, p *echelonv1.PreviewRunResponse, amount string) error {
	align, header := "lrrr", []string{"cause", "customers", "promoted", "demoted"}
	if amount != "" {
		align, header = align+"r", append(header, amount)
	}
	t := newTable(align+"l", append(header, "")...)
	row := func(cause string, c *echelonv1.CauseCount, note string) {
		cells := []string{cause, Count(c.GetCustomers()), Count(c.GetPromoted()), Count(c.GetDemoted())}
		if amount != "" {
			cells = append(cells, Value(c.GetAmount()))
		}
		t.add(append(cells, note)...)
	}
	all := &echelonv1.CauseCount{Customers: p.GetMovers(), Amount: p.GetAmount()}
	for _, c := range p.GetCauses() {
		all.Promoted, all.Demoted = all.GetPromoted()+c.GetPromoted(), all.GetDemoted()+c.GetDemoted()
		note := ""
		if c.GetUncertain() > 0 {
			note = fmt.Sprintf("of %s it may be time as well", Count(c.GetUncertain()))
		}
		row(Cause(c.GetCause()), c, note)
	}
	row("total", all, "")
	if _, err := fmt.Fprintln(w, "\nwhy they moved"); err != nil {
		return err
	}
	return t.write(w)
}

// Cause says what moved a customer, in few words.
func Cause(cause echelonv1.Move_Cause) string {
	switch cause {
	case echelonv1.Move_TIME:
		return "time"
	case echelonv1.Move_DATA:
		return "own data"
	case echelonv1.Move_POPULATION:
		return "the others"
	case echelonv1.Move_MODEL:
		return "the model"
	case echelonv1.Move_OVERRIDE:
		return "override"
	case echelonv1.Move_NOT_KNOWN:
		return "not known"
	}
	return none
}

// groups writes the movers by the values of an attribute.
func groups(w io.Writer, list []*echelonv1.MoverGroup, amount string) error {
	if len(list) == 0 {
		return nil
	}
	align, header := "lrrr", []string{"group", "customers", "promoted", "demoted"}
	if amount != "" {
		align, header = align+"rr", append(header, amount+" promoted", amount+" demoted")
	}
	t := newTable(align+"l", append(header, "why")...)
	for _, g := range list {
		name := orNone(g.GetGroup())
		if g.GetOthers() {
			name = "(others)"
		}
		cells := []string{name, Count(g.GetCustomers()), Count(g.GetPromoted()), Count(g.GetDemoted())}
		if amount != "" {
			cells = append(cells, Value(g.GetPromotedAmount()), Value(g.GetDemotedAmount()))
		}
		var why []string
		for _, c := range g.GetCauses() {
			why = append(why, fmt.Sprintf("%s %s", Count(c.GetCustomers()), Cause(c.GetCause())))
		}
		t.add(append(cells, strings.Join(why, ", "))...)
	}
	if _, err := fmt.Fprintln(w, "\nmoved, by group"); err != nil {
		return err
	}
	return t.write(w)
}

// told writes movers, each with its cause and what changed the most.
func told(w io.Writer, title string, list []*echelonv1.Mover, p *echelonv1.PreviewRunResponse) error {
	amount, grouped := p.GetMigration().GetAmount(), len(p.GetGroups()) > 0
	columns, align := []string{"customer", "move", "from", "to"}, "llll"
	if amount != "" {
		columns, align = append(columns, amount), align+"r"
	}
	if grouped {
		columns, align = append(columns, "group"), align+"l"
	}
	t := newTable(align+"ll", append(columns, "cause", "why")...)
	for _, m := range list {
		cells := []string{m.GetCustomerId(), strings.ToLower(m.GetDirection().String()), Place(m.GetFrom(), none), Place(m.GetTo(), none)}
		if amount != "" {
			cells = append(cells, Value(m.GetAmount()))
		}
		if grouped {
			cells = append(cells, orNone(m.GetGroup()))
		}
		t.add(append(cells, Cause(m.GetCause()), moverWhy(m))...)
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", title); err != nil {
		return err
	}
	return t.write(w)
}

// moverWhy says what changed the most, or else what the cause is.
func moverWhy(m *echelonv1.Mover) string {
	switch {
	case m.GetLeadingReason() != "" && m.GetCauseUncertain():
		return m.GetLeadingReason() + "; time may have done it as well"
	case m.GetLeadingReason() != "":
		return m.GetLeadingReason()
	}
	return m.GetCauseMessage()
}
