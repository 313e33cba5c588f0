package suggest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// totalWords are what the last line of a report begins with.
var totalWords = regexp.MustCompile(`(?i)^\W*(grand |sub)?(totals?|sum|(gesamt|end)?summe|gesamt|somme|totale|suma|totaal)\b`)

// takeTotal takes the last row out of the profile where it is no customer but a total: it begins with such a word, and lacks at least half of what
// every other row has. It returns the row's cells, and nil where it is a customer like the others.
func (p *Profile) takeTotal() []Cell {
	first := slices.IndexFunc(p.last, Cell.filled)
	if p.rows < 3 || first < 0 || !totalWords.MatchString(p.last[first].Text) {
		return nil
	}
	full, lacking := 0, 0
	for i, c := range p.columns {
		others := c.filled
		if p.last[i].filled() {
			others--
		}
		if others < p.rows-1 {
			continue
		}
		full++
		if !p.last[i].filled() {
			lacking++
		}
	}
	if lacking == 0 || 2*lacking < full {
		return nil
	}
	p.rows--
	for i, c := range p.columns {
		if cell := p.last[i]; cell.filled() {
			c.filled--
			c.kinds[cell.Kind]--
			if c.values[cell.Text]--; c.values[cell.Text] == 0 {
				delete(c.values, cell.Text)
			}
		}
	}
	return p.last
}

// refuseTotal makes an attribute that all customers have required, so that a row of totals is refused and listed.
func (b *builder) refuseTotal(row []Cell) {
	first := row[slices.IndexFunc(row, Cell.filled)].Text
	i := slices.IndexFunc(b.facts, func(f *fact) bool { return f.known == b.profile.rows && !row[f.place].filled() })
	if i < 0 {
		b.note("the last row begins with %q and looks like a total: take it out of the file, since it would count as a customer", cut(first))
		return
	}
	f := b.facts[i]
	f.attribute.Required = true
	why := "the last row begins with " + strconv.Quote(cut(first)) + " and looks like a total: " + f.attribute.GetName() +
		", which all others have, is required, so that such a row is refused and listed"
	at := attributePath(i)
	b.comments[at] = strings.TrimSuffix(b.comments[at], "\n") + ".\nCHECK: " + why
	b.note("%s", why)
}
