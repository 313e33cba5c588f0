package format

import (
	"slices"
	"strings"

	"github.com/echelonhq/echelon/engine/diag"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Check finds the mistakes of an attribute's format: what does not fit its type, and patterns and words that leave something to guess. Paths
// begin at the format.
func Check(a *echelonv1.Attribute) diag.List {
	f := a.GetFormat()
	if f == nil {
		return nil
	}
	c := &checker{format: f, kind: f.GetKind()}
	number := a.GetType() == echelonv1.Attribute_NUMBER || a.GetType() == echelonv1.Attribute_INTEGER
	date := a.GetType() == echelonv1.Attribute_DATE || a.GetType() == echelonv1.Attribute_TIMESTAMP
	switch c.kind {
	case echelonv1.Format_PLAIN:
	case echelonv1.Format_GROUPED, echelonv1.Format_MONEY, echelonv1.Format_PERCENT, echelonv1.Format_SHARE:
		c.fits("kind", number, "a NUMBER or an INTEGER")
	case echelonv1.Format_YES_NO:
		c.fits("kind", a.GetType() == echelonv1.Attribute_BOOLEAN, "a BOOLEAN")
	case echelonv1.Format_EXCEL:
		c.fits("kind", date, "a DATE or a TIMESTAMP")
	default:
		c.found.Mistakef("kind", "write one of those that docs/model.md lists", "there is no such kind, %d", c.kind)
	}
	c.fits("decimal_comma", number || !f.GetDecimalComma(), "a NUMBER or an INTEGER")
	c.fits("separator", a.GetType() == echelonv1.Attribute_STRING_LIST || f.GetSeparator() == "", "a STRING_LIST")
	c.currency()
	if c.fits("pattern", date || f.GetPattern() == "", "a DATE or a TIMESTAMP") && f.GetPattern() != "" {
		c.pattern(a.GetType() == echelonv1.Attribute_TIMESTAMP)
	}
	c.words()
	for i, null := range f.GetNulls() {
		if null == "" {
			c.found.Mistakef(diag.Index("nulls", i), "remove it", "an empty cell is missing already")
		}
	}
	return c.found
}

// checker finds the mistakes of one format.
type checker struct {
	format *echelonv1.Format
	kind   echelonv1.Format_Kind
	found  diag.List
}

// fits finds a mistake where a field is given to an attribute of another type.
func (c *checker) fits(field string, ok bool, types string) bool {
	if !ok {
		c.found.Mistakef(field, "remove it, or change the attribute's type", "it is for %s alone", types)
	}
	return ok
}

func (c *checker) currency() {
	marks := c.format.GetCurrency()
	switch money := c.kind == echelonv1.Format_MONEY; {
	case money && len(marks) == 0:
		c.found.Mistakef("currency", `write the mark that the file has, such as ["$"]; numbers without one are GROUPED`, "MONEY has no mark of its currency")
	case !money && len(marks) > 0:
		c.found.Mistakef("currency", "remove it, or make the kind MONEY", "it is for MONEY alone")
	}
	for i, mark := range marks {
		if trim(mark) == "" || strings.ContainsAny(mark, "0123456789+-().,%") {
			c.found.Mistakef(diag.Index("currency", i), `write a symbol or a code, such as "$" or "USD"`, "%q is no mark of a currency", mark)
		}
	}
}

func (c *checker) pattern(instant bool) {
	p, err := newPattern(c.format.GetPattern(), instant)
	if err != nil {
		c.found.Mistakef("pattern", "write one such as DD/MM/YYYY", "%q is no pattern: %v", c.format.GetPattern(), err)
		return
	}
	// A serial number has digits, and one point at most.
	points := 0
	marked := slices.ContainsFunc(p, func(s step) bool {
		if s.part == literal && s.text == "." {
			points++
		}
		return points > 1 || s.part == monthName || s.part == literal && s.text != "." && !isDigits(s.text)
	})
	if c.kind == echelonv1.Format_EXCEL && !marked {
		c.found.Mistakef("pattern", "remove it, or make the kind PLAIN", "nothing tells a date of the pattern %q from a serial number", c.format.GetPattern())
	}
}

func (c *checker) words() {
	f := c.format
	if c.kind != echelonv1.Format_YES_NO {
		if len(f.GetTrueWords()) > 0 {
			c.found.Mistakef("true_words", "remove it, or make the kind YES_NO", "it is for YES_NO alone")
		}
		if len(f.GetFalseWords()) > 0 {
			c.found.Mistakef("false_words", "remove it, or make the kind YES_NO", "it is for YES_NO alone")
		}
		return
	}
	yes, no := wordsOf(f)
	for _, word := range yes {
		if slices.ContainsFunc(no, func(other string) bool { return strings.EqualFold(word, other) }) {
			c.found.Mistakef("true_words", "give it one meaning", "%q means both true and false", word)
		}
	}
}
