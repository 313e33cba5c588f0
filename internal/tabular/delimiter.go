package tabular

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// delimiters are what may be found to separate cells; of two that fit alike the first is taken.
var delimiters = []struct {
	mark rune
	name string
}{{',', "comma"}, {';', "semicolon"}, {'\t', "tab"}, {'|', "pipe"}}

// ParseDelimiter reads the name of what separates cells, or the character itself. The empty name is 0: it is found from the header.
func ParseDelimiter(name string) (rune, error) {
	if name == "" {
		return 0, nil
	}
	for _, d := range delimiters {
		if name == d.name || name == string(d.mark) {
			return d.mark, nil
		}
	}
	r, size := utf8.DecodeRuneInString(name)
	if size != len(name) || r == utf8.RuneError || r == '"' || r == '\r' || r == '\n' {
		return 0, fmt.Errorf("%s separates no cells: write comma, semicolon, tab, pipe, or one character", strconv.Quote(name))
	}
	return r, nil
}

// nameOf returns a delimiter as people call it.
func nameOf(delimiter rune) string {
	for _, d := range delimiters {
		if d.mark == delimiter {
			return d.name
		}
	}
	return strconv.QuoteRune(delimiter)
}

// DelimiterName returns a delimiter as people call it.
func DelimiterName(delimiter rune) string { return nameOf(delimiter) }

// delimiterOf returns what separates the cells of a source; 0 where nothing does.
func delimiterOf(s source) rune {
	if cells, ok := s.(*csvSource); ok {
		return cells.csv.Comma
	}
	return 0
}

// findDelimiter returns what separates the cells of the header: that by which most of the expected columns are found, and else most columns.
func findDelimiter(in *bufio.Reader, expected []string) rune {
	line := peekLine(in)
	best, bestFound, bestCells := delimiters[0].mark, 0, 0
	for _, d := range delimiters {
		r := csv.NewReader(bytes.NewReader(line))
		r.Comma = d.mark
		names, err := r.Read()
		if err != nil {
			continue // it may be another delimiter's line; that of the file tells what is wrong with it
		}
		found := 0
		for _, column := range expected {
			if slices.Contains(names, column) {
				found++
			}
		}
		if found > bestFound || found == bestFound && len(names) > bestCells {
			best, bestFound, bestCells = d.mark, found, len(names)
		}
	}
	return best
}

// peekLine returns the first line that is not empty, as far as it can be seen without reading on.
func peekLine(in *bufio.Reader) []byte {
	for n := 1; ; n++ {
		seen, err := in.Peek(n)
		if more := in.Buffered(); err == nil && more > n {
			n = more
			seen, err = in.Peek(n)
		}
		quotes := 0
		for i, c := range seen {
			switch {
			case c == '"':
				quotes++
			case c == '\n' && quotes%2 == 0 && len(bytes.TrimSpace(seen[:i])) > 0:
				return seen[:i+1]
			}
		}
		if err != nil {
			return seen
		}
	}
}
