package tier

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/echelonhq/echelon/engine/expr"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/reason"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Table is a compiled decision table. It is immutable.
type Table struct {
	name, item string
	names      []string
	unique     bool
	rows       []tableRow
	// otherwise and unknown are places in names, or none.
	otherwise, unknown int
}

// tableRow is a compiled echelonv1.TableRow.
type tableRow struct {
	// tier is the place of its tier in names.
	tier  int
	when  *expr.Expr
	words string
}

// NewTable returns the table of a checked declaration whose rows' conditions are compiled, one a row.
func NewTable(declared *echelonv1.Tiering, rows []*expr.Expr) *Table {
	from := declared.GetTable()
	t := &Table{name: declared.GetName(), item: "tiers." + declared.GetName(), unique: from.GetHitPolicy() == echelonv1.Segmentation_UNIQUE}
	for _, one := range from.GetTiers() {
		t.names = append(t.names, one.GetName())
	}
	for i, row := range from.GetRows() {
		t.rows = append(t.rows, tableRow{tier: slices.Index(t.names, row.GetTier()), when: rows[i], words: rowWords(row)})
	}
	t.otherwise, t.unknown = slices.Index(t.names, from.GetOtherwise()), slices.Index(t.names, from.GetUnknown())
	return t
}

// Names returns the tiers, best first.
func (t *Table) Names() []string { return t.names }

// rowWords says what a row asks for.
func rowWords(row *echelonv1.TableRow) string {
	var parts []string
	for _, one := range row.GetWhen() {
		switch of := one.GetOf().(type) {
		case *echelonv1.TableCondition_Segmentation:
			parts = append(parts, of.Segmentation+" "+strings.Join(one.GetIn(), " or "))
		case *echelonv1.TableCondition_Tiering:
			parts = append(parts, of.Tiering+" "+strings.Join(one.GetIn(), " or "))
		case *echelonv1.TableCondition_Score:
			parts = append(parts, "score "+of.Score+bandWords(one))
		}
	}
	if len(parts) == 0 {
		return "everyone"
	}
	return strings.Join(parts, ", ")
}

func bandWords(one *echelonv1.TableCondition) string {
	words := ""
	if one.From != nil {
		words += " from " + frame.FormatNumber(one.GetFrom())
	}
	if one.Below != nil {
		words += " below " + frame.FormatNumber(one.GetBelow())
	}
	return words
}

// TableOutcome is a table's outcome for a batch.
type TableOutcome struct {
	table *Table
	rows  []*expr.Result
	// Column has each customer's tier, as a text whose dictionary is Names; not valid where there is none.
	Column frame.Column
}

// Eval decides a batch.
func (t *Table) Eval(scope *expr.Scope, reasons *reason.Table) *TableOutcome {
	out := &TableOutcome{table: t, Column: newColumn(scope, t.names)}
	for i := range t.rows {
		out.rows = append(out.rows, t.rows[i].when.Eval(scope))
	}
	for row := range scope.Rows {
		d := out.decide(row)
		if d.tier != none {
			out.Column.Valid.Set(row, true)
			out.Column.Codes[row] = uint32(d.tier)
		}
		if reasons != nil {
			out.explain(row, d, reasons)
		}
	}
	return out
}

// decision is what a table decides for a customer.
type decision struct {
	// tier is its place, or none; by is the row that gave it, or none; clash is a second row that matched, or none.
	tier, by, clash int
	// unread are the rows that could not be read, as far as they were tried.
	unread []int
}

func (o *TableOutcome) decide(row int) decision {
	t := o.table
	d := decision{tier: none, by: none, clash: none}
	for i := range t.rows {
		read := &o.rows[i].Column
		switch {
		case !read.Valid.Get(row):
			d.unread = append(d.unread, i)
			continue
		case !read.Bits.Get(row):
			continue
		case d.by != none:
			d.clash = i
			return decision{tier: none, by: d.by, clash: i, unread: d.unread}
		}
		d.tier, d.by = t.rows[i].tier, i
		if !t.unique {
			return d
		}
	}
	switch {
	case d.by != none:
	case len(d.unread) > 0 && t.unknown != none:
		d.tier = t.unknown
	default:
		d.tier = t.otherwise
	}
	return d
}

// explain gives a customer the reasons of its tier: the rows that could not be read, and what decided.
func (o *TableOutcome) explain(row int, d decision, reasons *reason.Table) {
	t := o.table
	for _, i := range d.unread {
		reasons.Add(row, reason.Unreadable(t.item, "row "+strconv.Itoa(i+1), o.rows[i].Cause(row)))
	}
	r := reason.Reason{Code: echelonv1.Reason_DECIDED, Item: t.item}
	if d.tier != none {
		r.Part = t.names[d.tier]
	}
	switch {
	case d.clash != none:
		r.Code, r.Part = echelonv1.Reason_CONFLICT, fmt.Sprintf("row %d", d.clash+1)
		r.Message = fmt.Sprintf("%s: both row %d (%s) and row %d (%s) match, and the hit policy is UNIQUE",
			t.item, d.by+1, t.rows[d.by].words, d.clash+1, t.rows[d.clash].words)
	case d.by != none:
		r.Message = fmt.Sprintf("%s: %s, by row %d: %s", t.item, r.Part, d.by+1, short(t.rows[d.by].words))
	case d.tier == none:
		r.Code, r.Message = echelonv1.Reason_NO_ROW, t.item+": no tier, since no row matched"
	case len(d.unread) > 0 && d.tier == t.unknown:
		r.Message = fmt.Sprintf("%s: %s, since no row matched and one could not be read", t.item, r.Part)
	default:
		r.Message = fmt.Sprintf("%s: %s, since no row matched", t.item, r.Part)
	}
	reasons.Add(row, r)
}

// Explain returns the rows that were tried for a customer.
func (o *TableOutcome) Explain(row int) *echelonv1.TierExplanation {
	t := o.table
	explained := &echelonv1.TierExplanation{Tiering: t.name}
	if o.Column.Valid.Get(row) {
		name := o.Column.String(row)
		explained.Tier = &name
	}
	for i := range t.rows {
		tried := &echelonv1.RuleExplanation{Name: strconv.Itoa(i + 1), When: t.rows[i].words, Outcome: echelonv1.RuleExplanation_NOT_MATCHED}
		read := &o.rows[i].Column
		switch {
		case !read.Valid.Get(row):
			tried.Outcome = echelonv1.RuleExplanation_NOT_READABLE
			tried.Unreadable = reason.Unreadable(t.item, "row "+tried.GetName(), o.rows[i].Cause(row)).Proto()
		case read.Bits.Get(row):
			tried.Outcome = echelonv1.RuleExplanation_MATCHED
		}
		explained.Rows = append(explained.Rows, tried)
		if tried.GetOutcome() == echelonv1.RuleExplanation_MATCHED && !t.unique {
			break
		}
	}
	return explained
}
