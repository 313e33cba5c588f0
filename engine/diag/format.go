package diag

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// window is how many characters of a source line are shown at most: a JSON file may be one long line.
const window = 140

// Format writes each finding's line, and below it the source line with a caret under the column, as far as they are known. At most that many findings
// are written, then how many more there are; 0 or less writes all. It returns the writer's error.
func (l List) Format(w io.Writer, most int) error {
	shown := l
	if most > 0 && len(l) > most {
		shown = l[:most]
	}
	gutter := 0
	for _, f := range shown {
		gutter = max(gutter, len(strconv.Itoa(f.Place.Line)))
	}
	var b strings.Builder
	for _, f := range shown {
		b.WriteString(f.String() + "\n")
		if f.Place.known() && f.Source != "" {
			writeSource(&b, f, gutter)
		}
	}
	if more := len(l) - len(shown); more > 0 {
		fmt.Fprintf(&b, "%d more\n", more)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeSource writes the source line behind its number and the caret below it.
func writeSource(b *strings.Builder, f Finding, gutter int) {
	text, at := cut([]rune(f.Source), f.Place.Column-1)
	fmt.Fprintf(b, "  %*d | %s\n", gutter, f.Place.Line, visible(text))
	fmt.Fprintf(b, "  %*s | %s^\n", gutter, "", padding(text[:at]))
}

// cut shortens a long line to the part around the caret's index and returns it with the caret's index in it.
func cut(line []rune, at int) (text []rune, caret int) {
	at = max(0, min(at, len(line)))
	if len(line) <= window {
		return line, at
	}
	from := max(0, min(at-window/2, len(line)-window))
	text = append(text, line[from:from+window]...)
	if from > 0 {
		text[0] = '…'
	}
	if from+window < len(line) {
		text[window-1] = '…'
	}
	return text, at - from
}

// visible replaces what would command a terminal; tabs stay, because padding repeats them.
func visible(text []rune) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, string(text))
}

// padding returns blank text as wide as text is on a terminal: a tab for a tab, two columns for wide characters, none for combining ones.
func padding(text []rune) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\t':
			b.WriteByte('\t')
		case unicode.In(r, unicode.Mn, unicode.Me):
		case isWide(r):
			b.WriteString("  ")
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func isWide(r rune) bool {
	k := width.LookupRune(r).Kind()
	return k == width.EastAsianWide || k == width.EastAsianFullwidth
}
