package suggest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

var (
	idWords    = regexp.MustCompile(`(?i)(^|[^a-z])(id|key|no|nr|number|code|account|customer|konto|uuid)([^a-z]|$)|[a-z](ID|Id|No|Key)$`)
	rowWords   = regexp.MustCompile(`(?i)^(row ?(names?|number|no|_?id)?|index|#|unnamed.*)$`)
	moneyWords = []*regexp.Regexp{
		regexp.MustCompile(`(?i)(^|[^a-z])(arr|acv|mrr)([^a-z]|$)`),
		regexp.MustCompile(`(?i)revenue|turnover|umsatz|erl(ö|oe)s|monetary|sales|ventas|ingresos|chiffre.?d.?affaires|ricavi|fatturato|omzet`),
		regexp.MustCompile(`(?i)lifetime|ltv|total|spen[dt]|amount|betrag|income|contract.?value`),
		regexp.MustCompile(`(?i)charges|billing|invoiced|payments?([^a-z]|$)|fees?([^a-z]|$)|price|profit|margin`),
	}
	methodWords = regexp.MustCompile(`(?i)method|type|prior|previous|last_year|vorjahr|tax`)
	// worseWords say that less of it is better.
	worseWords = regexp.MustCompile(`(?i)churn|discount|risk|recency|days.?since|overdue|late|delay|complain|ticket|debt|unpaid|return|cancel|refund|cost|escalat|inactiv|bounce`)
	// verdictWords are those of others' judgements.
	verdictWords = regexp.MustCompile(`(?i)score|rank|tier|segment|cluster|grade`)
	recencyWords = regexp.MustCompile(`(?i)recency|days.?since`)
	lastWords    = regexp.MustCompile(`(?i)last|latest|recent|letzte`)
)

const (
	// fewValues is the most different values of a column that are segments.
	fewValues = 12
	// fewCodes is the most different whole numbers that are codes rather than amounts.
	fewCodes = 6
	// minRows is how many rows a column must have for its values to be said to repeat.
	minRows = 20
)

// findID finds the column that tells customers apart.
func (b *builder) findID() error {
	if b.options.RowIDs {
		return nil
	}
	if name := b.options.IDColumn; name != "" {
		i := slices.IndexFunc(b.profile.columns, func(c *column) bool { return c.header == name })
		if i < 0 {
			return fmt.Errorf("there is no column %q: name one of %s by --id-column", name, strings.Join(quoted(b.headers()), ", "))
		}
		b.id = name
		if repeated := b.profile.rows - len(b.profile.columns[i].values); repeated > 0 {
			b.note("the id column %s repeats ids, or lacks them, in %s, which will be refused", name, rows(repeated))
		}
		return nil
	}
	for _, c := range b.profile.columns {
		if c.unique(b.profile.rows) && idWords.MatchString(c.header) {
			b.id = c.header
			return nil
		}
	}
	for _, c := range b.profile.columns {
		if c.unique(b.profile.rows) && (rowWords.MatchString(c.header) || detect(c) != nil && detect(c).attribute.GetType() == echelonv1.Attribute_STRING) {
			b.id = c.header
			return nil
		}
	}
	return ErrNoID
}

func (b *builder) headers() []string {
	var list []string
	for _, c := range b.profile.columns {
		list = append(list, c.header)
	}
	return list
}

// quoted shows blanks at the ends of names.
func quoted(names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strconv.Quote(name)
	}
	return list
}

// findFacts finds the attributes: what has a type, and says something of more than one customer.
func (b *builder) findFacts() {
	taken := make(map[string]bool)
	headers := b.headers()
	for i, c := range b.profile.columns {
		if c.header == b.id {
			continue
		}
		if b.isParent(c) && slices.Index(headers, c.header) == i && !slices.Contains(headers[i+1:], c.header) {
			b.parent(c, taken)
			continue
		}
		f, why := detect(c), ""
		switch {
		case c.header == "":
			why = "it has no name"
		case slices.Index(headers, c.header) < i || slices.Contains(headers[i+1:], c.header):
			why = "the name stands twice"
		case c.filled == 0:
			why = "it is empty"
		case f == nil:
			why = "it holds objects, or lists of other things than texts"
		case f.known == 0:
			why = "it says nothing"
		case f.different == 1 && len(f.unread) == 0 && f.known == b.profile.rows:
			why = "it is the same in every row"
		case b.scattered(f):
			why = "its texts hardly repeat"
		case c.unique(b.profile.rows) && (rowWords.MatchString(c.header) || idWords.MatchString(c.header)) && f.attribute.GetType() == echelonv1.Attribute_INTEGER:
			why = "it numbers the rows"
		}
		if why != "" {
			b.leftOut = append(b.leftOut, fmt.Sprintf("column %d %q (%s)", i+1, c.header, why))
			continue
		}
		b.facts = append(b.facts, f)
		f.attribute.Name = nameOf(c.header, taken)
		if f.attribute.GetName() != c.header {
			f.attribute.Column = c.header
		}
		b.explain(f)
		b.model.Attributes = append(b.model.Attributes, f.attribute)
	}
}

// scattered reports whether a text is another one in most rows, as names and addresses are.
func (b *builder) scattered(f *fact) bool {
	return f.attribute.GetType() == echelonv1.Attribute_STRING && f.different > fewValues && float64(f.different) > 0.3*float64(f.known)
}

// explain writes the comment of an attribute.
func (b *builder) explain(f *fact) {
	text := fmt.Sprintf("%s different values", count(f.different))
	if f.attribute.GetType() == echelonv1.Attribute_STRING_LIST {
		text = "lists of texts"
	}
	if n := len(f.numbers); n > 0 {
		text += fmt.Sprintf(", %s to %s, median %s", shortNumber(f.numbers[0]), shortNumber(f.numbers[n-1]), shortNumber(f.numbers[n/2]))
	}
	if missing := b.profile.rows - f.known - f.unreadRows; missing > 0 {
		text += fmt.Sprintf("; %s have none", rows(missing))
	}
	if f.unreadRows > 0 {
		shown := f.unread[:min(len(f.unread), 3)]
		quoted := make([]string, len(shown))
		for i, value := range shown {
			quoted[i] = fmt.Sprintf("%q", cut(value))
		}
		wrong := fmt.Sprintf("cells of %s do not have this form, and their rows will be refused: %s", rows(f.unreadRows), strings.Join(quoted, ", "))
		text += ".\n" + wrong
		b.note("column %q: %s", f.header, wrong)
	}
	if f.check != "" {
		text += ".\nCHECK: " + f.check
		b.note("column %q: %s", f.header, f.check)
	}
	b.comments[attributePath(len(b.model.GetAttributes()))] = text
}

// attributePath returns the place of an attribute in the model.
func attributePath(i int) string { return fmt.Sprintf("attributes[%d]", i) }

func (f *fact) isNumber() bool {
	t := f.attribute.GetType()
	return t == echelonv1.Attribute_NUMBER || t == echelonv1.Attribute_INTEGER
}

// isCode reports whether whole numbers are names of groups.
func (f *fact) isCode() bool {
	return f.attribute.GetType() == echelonv1.Attribute_INTEGER && f.different <= fewCodes && f.known >= minRows
}

// rich reports whether a column is known of enough customers to be judged by.
func (b *builder) rich(f *fact) bool { return float64(f.known) >= 0.75*float64(b.profile.rows) }

// findMoney finds the column that says what customers bring; nil where none does.
func (b *builder) findMoney() *fact {
	usable := func(f *fact) bool {
		return f.isNumber() && !f.isCode() && f.attribute.GetFormat().GetKind() != echelonv1.Format_PERCENT && b.rich(f) &&
			len(f.numbers) > 0 && f.numbers[len(f.numbers)-1] > 0
	}
	for _, money := range []bool{true, false} {
		for _, hint := range moneyWords {
			for _, f := range b.facts {
				declared := f.attribute.GetFormat().GetKind() == echelonv1.Format_MONEY
				if usable(f) && declared == money && hint.MatchString(f.header) && !methodWords.MatchString(f.header) && !verdictWords.MatchString(f.header) && !worseWords.MatchString(f.header) {
					return f
				}
			}
		}
		for _, f := range b.facts {
			if money && usable(f) && f.attribute.GetFormat().GetKind() == echelonv1.Format_MONEY && !worseWords.MatchString(f.header) {
				return f
			}
		}
	}
	return nil
}
