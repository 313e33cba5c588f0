package suggest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/echelonhq/echelon/engine/format"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// fact is a column with the attribute that it becomes.
type fact struct {
	*column
	attribute *echelonv1.Attribute
	// numbers are the readable values of a NUMBER or INTEGER, each as often as it stands, in order.
	numbers []float64
	// known counts the rows with a readable value, kinds the different readable values.
	known, different int
	// unread are values that do not have the form, with the number of their rows.
	unread     []string
	unreadRows int
	// check is what the file leaves open about the form.
	check string
}

// tokens are cells that people write where they know nothing.
var tokens = []string{"N/A", "n/a", "NA", "#N/A", "NULL", "null", "None", "none", "nan", "NaN", "k.A.", "-", "--", "?", "#REF!", "#VALUE!", "#DIV/0!"}

// textTokens are those of them that are no words of their own in a text.
var textTokens = []string{"N/A", "n/a", "#N/A", "NULL", "null", "NaN", "nan", "#REF!", "#VALUE!", "#DIV/0!"}

// form is a type and a format that cells may have.
type form struct {
	kind   echelonv1.Attribute_Type
	format *echelonv1.Format
	// enough is the share of rows that must have it.
	enough float64
	// fits says whether the values make the form likely at all; nil where reading them tells enough.
	fits func(c *column) bool
}

const (
	// most of a column's rows must have a form; the others are refused, and listed by who scores the file.
	mostRows = 0.9
	// someRows will do for money: what has another currency is no text for that.
	someRows = 0.6
	// nearlyAll must be yes or no: a third word that repeats is a value of its own.
	nearlyAll = 0.99
)

var (
	dateWords = regexp.MustCompile(`(?i)date|datum|\bday|since|seit|renew|expir|created|signed|last|first|start|end\b|\bon\b|_on\b|_at\b`)
	words     = [][2]string{{"yes", "no"}, {"y", "n"}, {"true", "false"}, {"1", "0"}, {"ja", "nein"}, {"oui", "non"}, {"si", "no"}, {"sí", "no"}, {"t", "f"}}
	days      = []string{"DD/MM/YYYY", "MM/DD/YYYY", "DD.MM.YYYY", "D/M/YYYY", "M/D/YYYY", "D.M.YYYY", "YYYY/MM/DD", "DD-MM-YYYY", "MM-DD-YYYY", "DD-MMM-YYYY", "D-MMM-YYYY", "D MMM YYYY", "DD/MM/YY", "MM/DD/YY", "YYYYMMDD"}
	times     = []string{"YYYY-MM-DD hh:mm:ss", "YYYY-MM-DD hh:mm:ss.fff", "YYYY-MM-DDThh:mm:ss", "YYYY-MM-DD hh:mm", "DD/MM/YYYY hh:mm", "MM/DD/YYYY hh:mm", "DD/MM/YYYY hh:mm:ss", "MM/DD/YYYY hh:mm:ss", "DD.MM.YYYY hh:mm", "DD.MM.YYYY hh:mm:ss", "M/D/YYYY h:mm", "D/M/YYYY h:mm"}
)

// forms returns what is tried of a column, the likelier of two that fit alike first.
func forms(c *column) []form {
	list := []form{{kind: echelonv1.Attribute_BOOLEAN, enough: mostRows}}
	for _, w := range words {
		yesNo := &echelonv1.Format{Kind: echelonv1.Format_YES_NO, TrueWords: []string{w[0]}, FalseWords: []string{w[1]}}
		list = append(list, form{echelonv1.Attribute_BOOLEAN, yesNo, nearlyAll, func(c *column) bool { return hasBoth(c, w) }})
	}
	if dateWords.MatchString(c.header) {
		list = append(list, form{echelonv1.Attribute_DATE, &echelonv1.Format{Pattern: "YYYYMMDD"}, mostRows, nil})
		for _, pattern := range append([]string{""}, days[:6]...) {
			list = append(list, form{echelonv1.Attribute_DATE, &echelonv1.Format{Kind: echelonv1.Format_EXCEL, Pattern: pattern}, mostRows, serials})
		}
	}
	list = append(list, form{kind: echelonv1.Attribute_INTEGER, enough: mostRows}, form{kind: echelonv1.Attribute_NUMBER, enough: mostRows},
		form{kind: echelonv1.Attribute_DATE, enough: mostRows}, form{kind: echelonv1.Attribute_TIMESTAMP, enough: mostRows})
	for _, pattern := range days[:len(days)-1] {
		list = append(list, form{echelonv1.Attribute_DATE, &echelonv1.Format{Pattern: pattern}, mostRows, nil})
	}
	list = append(list, form{echelonv1.Attribute_DATE, &echelonv1.Format{Pattern: "YYYY-MM-DD 00:00:00"}, mostRows, nil},
		form{echelonv1.Attribute_DATE, &echelonv1.Format{Pattern: "YYYY-MM-DD 00:00:00.000"}, mostRows, nil})
	for _, pattern := range times {
		list = append(list, form{echelonv1.Attribute_TIMESTAMP, &echelonv1.Format{Pattern: pattern}, mostRows, nil})
	}
	for _, comma := range []bool{false, true} {
		list = append(list, form{echelonv1.Attribute_NUMBER, &echelonv1.Format{Kind: echelonv1.Format_PERCENT, DecimalComma: comma}, mostRows, nil},
			form{echelonv1.Attribute_NUMBER, &echelonv1.Format{Kind: echelonv1.Format_GROUPED, DecimalComma: comma}, mostRows, noCodes})
		if marks := currencies(c); len(marks) > 0 {
			list = append(list, form{echelonv1.Attribute_NUMBER, &echelonv1.Format{Kind: echelonv1.Format_MONEY, Currency: marks, DecimalComma: comma}, someRows, nil})
		}
	}
	return list
}

// hasBoth reports whether a column has both words.
func hasBoth(c *column, w [2]string) bool {
	has := func(word string) bool {
		return slices.ContainsFunc(c.order, func(v string) bool { return strings.EqualFold(v, word) })
	}
	return len(c.values) <= 12 && has(w[0]) && has(w[1])
}

// serials reports whether whole numbers of a column are likely days of the years 1954 to 2064.
func serials(c *column) bool {
	some := false
	for _, value := range c.order {
		if strings.Trim(value, "0123456789") == "" {
			if len(value) != 5 || value < "20000" || value > "60000" {
				return false
			}
			some = true
		}
	}
	return some
}

// noCodes reports whether no value begins with a zero that a number would lose, as codes and phone numbers do.
func noCodes(c *column) bool {
	return !slices.ContainsFunc(c.order, func(v string) bool { return len(v) > 1 && v[0] == '0' && v[1] >= '0' && v[1] <= '9' })
}

var mark = regexp.MustCompile(`^[-(\x{2212} ]*(\p{Sc}|[A-Z]{3}|[A-Z]{1,2}\$)?[\s\x{a0}]*[-]?[0-9][0-9.,'’ \x{a0}\x{202f}]*?[\s\x{a0}]*(\p{Sc}|[A-Z]{3})?[-) ]*$`)

// currencies returns the marks of the currency that most amounts have; another one is no amount of it.
func currencies(c *column) []string {
	count := make(map[string]int)
	for _, value := range c.order {
		if found := mark.FindStringSubmatch(strings.TrimFunc(value, unicode.IsSpace)); found != nil {
			for _, one := range found[1:] {
				if one != "" {
					count[one] += c.values[value]
				}
			}
		}
	}
	best := ""
	for one, n := range count {
		if best == "" || n > count[best] || n == count[best] && one < best {
			best = one
		}
	}
	if best == "" {
		return nil
	}
	marks := []string{best}
	for _, same := range [][]string{{"$", "USD", "US$"}, {"€", "EUR"}, {"£", "GBP"}, {"¥", "JPY"}} {
		if slices.Contains(same, best) {
			for _, one := range same {
				if one != best && count[one] > 0 {
					marks = append(marks, one)
				}
			}
		}
	}
	return marks
}

// detect finds the type and the format of a column.
func detect(c *column) *fact {
	f := &fact{column: c, attribute: &echelonv1.Attribute{}}
	switch {
	case c.kinds[Other] > 0:
		return nil
	case c.kinds[List] > 0:
		f.attribute.Type, f.known = echelonv1.Attribute_STRING_LIST, c.filled
		return f
	}
	var best *fact
	bestForm := form{}
	for _, one := range forms(c) {
		if !allowed(c, one) || one.fits != nil && !one.fits(c) {
			continue
		}
		tried := read(c, one)
		readable := tried.known + tried.unreadRows
		if tried.known == 0 || float64(tried.known) < one.enough*float64(readable) {
			continue
		}
		switch {
		case best == nil || tried.known > best.known:
			best, bestForm = tried, one
		case tried.known == best.known && rivals(bestForm, one) && best.check == "" && (one.format.GetPattern() != "" || marked(c)):
			best.check = fmt.Sprintf("the cells could as well be %s; nothing in the file tells", describe(one))
		}
	}
	if best == nil {
		best = read(c, form{kind: echelonv1.Attribute_STRING})
	}
	if best.check == "" && best.attribute.GetFormat().GetKind() == echelonv1.Format_PLAIN && best.attribute.GetType() == echelonv1.Attribute_NUMBER && thousandths(c) {
		best.check = "each fraction has three digits: if the points separate thousands, write format: {kind: GROUPED, decimal_comma: true}"
	}
	return best
}

// allowed reports whether a form can be that of values of JSON.
func allowed(c *column, one form) bool {
	switch number := one.kind == echelonv1.Attribute_NUMBER || one.kind == echelonv1.Attribute_INTEGER; {
	case c.kinds[Truth] > 0:
		return one.kind == echelonv1.Attribute_BOOLEAN && one.format == nil
	case c.kinds[Number] > 0 && c.kinds[Word] == 0:
		return number && one.format == nil
	case c.kinds[Word] > 0:
		return one.format != nil || !number && one.kind != echelonv1.Attribute_BOOLEAN
	}
	return true
}

// rivals reports whether two forms give the same cells different meanings.
func rivals(a, b form) bool {
	return a.format.GetPattern() != "" && b.format.GetPattern() != "" && a.kind == b.kind && len(a.format.GetPattern()) == len(b.format.GetPattern()) ||
		a.format.GetKind() == b.format.GetKind() && a.kind == b.kind && a.format.GetDecimalComma() != b.format.GetDecimalComma()
}

func describe(one form) string {
	if pattern := one.format.GetPattern(); pattern != "" {
		return pattern
	}
	if one.format.GetDecimalComma() {
		return "numbers with a decimal comma"
	}
	return "numbers with a decimal point"
}

// marked reports whether a value has a point or a comma.
func marked(c *column) bool {
	return slices.ContainsFunc(c.order, func(v string) bool { return strings.ContainsAny(v, ".,") })
}

// thousandths reports whether every value with a point has three digits after it.
func thousandths(c *column) bool {
	points := 0
	for _, value := range c.order {
		if _, after, ok := strings.Cut(value, "."); ok {
			if len(after) != 3 {
				return false
			}
			points++
		}
	}
	return points > 0
}

// read reads a column as if it had a form.
func read(c *column, one form) *fact {
	f := &fact{column: c, attribute: &echelonv1.Attribute{Type: one.kind}}
	nulls := tokens
	if one.kind == echelonv1.Attribute_STRING {
		nulls = textTokens
	}
	var found []string
	for _, value := range c.order {
		if slices.Contains(nulls, value) || strings.TrimSpace(value) == "" {
			found = append(found, value)
		}
	}
	if one.format != nil || len(found) > 0 {
		f.attribute.Format = &echelonv1.Format{Kind: one.format.GetKind(), DecimalComma: one.format.GetDecimalComma(), Currency: one.format.GetCurrency(),
			Pattern: one.format.GetPattern(), TrueWords: one.format.GetTrueWords(), FalseWords: one.format.GetFalseWords(), Nulls: found}
	}
	parser, err := format.New(f.attribute)
	if err != nil {
		return f
	}
	for _, value := range c.order {
		n := c.values[value]
		v, fault := parser.Parse(value)
		switch {
		case fault != nil, one.kind == echelonv1.Attribute_INTEGER && v.Number != float64(int64(v.Number)):
			f.unread = append(f.unread, value)
			f.unreadRows += n
		case !v.Missing:
			f.known += n
			f.different++
			if one.kind == echelonv1.Attribute_NUMBER || one.kind == echelonv1.Attribute_INTEGER {
				for range n {
					f.numbers = append(f.numbers, v.Number)
				}
			}
		}
	}
	slices.Sort(f.numbers)
	return f
}
