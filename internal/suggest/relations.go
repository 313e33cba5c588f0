package suggest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/currency"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

var (
	parentWords = regexp.MustCompile(`(?i)parent|mutter|konzern|holding|headquarter|(^|[^a-z])hq([^a-z]|$)|belongs|ultimate|group.?id|übergeordnet|matriz|société.?m(è|e)re`)
	letter      = regexp.MustCompile(`\p{L}`)
)

// byChance is how long an id with a letter must be, in bytes, to be no word of its own, such as a grade.
const byChance = 4

// isParent reports whether a column plainly names other customers: its cells are ids of the file. Numbers are ids by chance, so that a column of numbers
// or of short ids must be called so as well.
func (b *builder) isParent(c *column) bool {
	if b.id == "" || b.model.GetParent() != "" || c.header == b.id || c.header == "" || c.filled == 0 || c.kinds[List]+c.kinds[Other]+c.kinds[Truth] > 0 {
		return false
	}
	ids := b.columnOf(b.id)
	found, filled, long := 0, 0, true
	for value, n := range c.values {
		if slices.Contains(textTokens, value) {
			continue
		}
		filled += n
		if ids.values[value] > 0 {
			found += n
			long = long && len(value) >= byChance && letter.MatchString(value)
		}
	}
	if found == 0 || c.unique(b.profile.rows) { // as many different ones as customers are their own ids, written again
		return false
	}
	if parentWords.MatchString(c.header) {
		return float64(found) >= someRows*float64(filled)
	}
	return long && float64(found) >= mostRows*float64(filled)
}

func (b *builder) columnOf(header string) *column {
	for _, c := range b.profile.columns {
		if c.header == header {
			return c
		}
	}
	return nil
}

// parent makes an attribute of a column of parents. It groups nobody and is worth nothing by itself.
func (b *builder) parent(c *column, taken map[string]bool) {
	f := read(c, form{kind: echelonv1.Attribute_STRING})
	f.attribute.Name = nameOf(c.header, taken)
	if f.attribute.GetName() != c.header {
		f.attribute.Column = c.header
	}
	b.explain(f)
	b.model.Attributes = append(b.model.Attributes, f.attribute)
	b.model.Parent = f.attribute.GetName()
	missing := 0
	ids := b.columnOf(b.id)
	for value, n := range c.values {
		if ids.values[value] == 0 && !slices.Contains(textTokens, value) {
			missing += n
		}
	}
	text := fmt.Sprintf("The cells of %q are ids of this file: they join customers to families. Nothing below reads families yet; family_sum(x), family_max(x), "+
		"family_count() and decide_per: FAMILY do.", c.header)
	if missing > 0 {
		text += fmt.Sprintf(" The parent of %s is not in the file: they count as having none.", rows(missing))
	}
	b.comments["parent"] = text
}

// currencies looks for a column that says in which currency the money is. Rates are in no file of customers, so that it proposes what to write, and does not.
func (b *builder) currencies() {
	if b.money == nil {
		return
	}
	for _, c := range b.profile.columns {
		codes, known := codesOf(c)
		if known == 0 || c.header == "" || known < c.filled || float64(known) < mostRows*float64(b.profile.rows) {
			continue
		}
		if len(codes) == 1 {
			if b.money.attribute.GetUnit() == "" {
				b.money.attribute.Unit = codes[0]
			}
			return
		}
		name := b.attributeOf(c.header)
		if name == "" {
			return
		}
		var rates []string
		for _, code := range codes[1:min(len(codes), 4)] {
			rates = append(rates, fmt.Sprintf("{currency: %s, date: DAY, rate: RATE}", code))
		}
		more := ""
		if len(codes) > 4 {
			more = fmt.Sprintf(", and so on for %d more", len(codes)-4)
		}
		money := b.money.attribute.GetName()
		text := fmt.Sprintf("%s is in several currencies by the column %q (%s), and is compared as if it were in one. Write the rates and convert: "+
			"currency: {base: %s, rates: [%s]}%s, and convert(%s, %s) in place of %s", money, c.header, strings.Join(codes[:min(len(codes), 4)], ", "),
			codes[0], strings.Join(rates, ", "), more, money, name, money)
		b.note("%s", text)
		for i, a := range b.model.GetAttributes() {
			if a == b.money.attribute {
				b.comments[attributePath(i)] += ".\nCHECK: " + text
			}
		}
		return
	}
}

// attributeOf returns the name of the attribute that a column became; "" where it became none.
func (b *builder) attributeOf(header string) string {
	for _, f := range b.facts {
		if f.header == header {
			return f.attribute.GetName()
		}
	}
	return ""
}

// codesOf returns the codes of ISO 4217 that a column has, that of most rows first, and how many rows have one.
func codesOf(c *column) (codes []string, rows int) {
	for _, value := range c.order {
		if len(value) != 3 || strings.ToUpper(value) != value {
			continue
		}
		if _, err := currency.ParseISO(value); err == nil {
			codes, rows = append(codes, value), rows+c.values[value]
		}
	}
	return codes, rows
}
