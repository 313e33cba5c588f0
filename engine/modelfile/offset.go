package modelfile

import (
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// within returns the line and column, in the parsed text, of a character of a scalar's value, counted from 0; the value's length stands for its end.
// False means that it cannot be told, as in folded blocks with lines that are indented further.
func (t *text) within(n *yaml.Node, offset int) (line, column int, ok bool) {
	value := []rune(n.Value)
	if offset > len(value) {
		return 0, 0, false
	}
	if n.Style&yaml.LiteralStyle != 0 {
		return t.inLiteral(n.Line, string(value[:offset]), n.Value)
	}
	i, ok := t.index(n.Line, n.Column)
	if !ok {
		return 0, 0, false
	}
	m := matcher{raw: t.runes, at: i, value: value}
	switch {
	case n.Style&yaml.SingleQuotedStyle != 0:
		m.at, m.quote = i+1, '\''
	case n.Style&yaml.DoubleQuotedStyle != 0:
		m.at, m.quote = i+1, '"'
	case n.Style&yaml.FoldedStyle != 0:
		m.skipHeader()
	}
	if !m.advance(offset) {
		return 0, 0, false
	}
	line = sort.Search(len(t.starts), func(l int) bool { return t.starts[l] > m.at })
	return line, m.at - t.starts[line-1] + 1, true
}

// inLiteral finds the end of a part of a literal block, whose lines stand below its header as they are, indented.
func (t *text) inLiteral(header int, before, value string) (line, column int, ok bool) {
	n := strings.Count(before, "\n")
	all := strings.Split(value, "\n")
	written := t.line(header + 1 + n)
	if header+1+n > len(t.lines) || !strings.HasSuffix(written, all[n]) {
		return 0, 0, false
	}
	indent := len(written) - len(all[n]) // spaces, so bytes and characters are the same
	return header + 1 + n, indent + len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1, true
}

// matcher follows a scalar's value and the text that it was read from, side by side.
type matcher struct {
	raw   []rune
	at    int // the next character of raw
	value []rune
	done  int  // the next character of value
	quote rune // the quote that the text stands in, or 0
}

// skipHeader goes to the first character of a folded block, behind the empty lines that it may begin with.
func (m *matcher) skipHeader() {
	for m.at < len(m.raw) && m.raw[m.at] != '\n' {
		m.at++
	}
	for m.at < len(m.raw) && (m.raw[m.at] == '\n' || m.raw[m.at] == ' ') {
		m.at++
	}
	for m.done < len(m.value) && m.value[m.done] == '\n' {
		m.done++
	}
}

// advance goes to an offset of the value; false if the two do not fit together.
func (m *matcher) advance(offset int) bool {
	for m.done < offset || m.continuation() {
		if m.at >= len(m.raw) || !m.step() {
			return false
		}
	}
	return m.done == offset
}

// continuation reports whether an escaped line break follows, which is no part of the value.
func (m *matcher) continuation() bool {
	return m.quote == '"' && m.at+1 < len(m.raw) && m.raw[m.at] == '\\' && m.raw[m.at+1] == '\n'
}

// step goes over the next part of the text and what it means in the value.
func (m *matcher) step() bool {
	if m.continuation() {
		m.at += 2
		for m.at < len(m.raw) && isBlank(m.raw[m.at]) {
			m.at++
		}
		return true
	}
	if end, meaning := m.fold(); meaning != nil {
		if !slices.Equal(m.value[m.done:min(m.done+len(meaning), len(m.value))], meaning) {
			return false
		}
		m.at, m.done = end, m.done+len(meaning)
		return true
	}
	width, escaped := m.character()
	if !escaped && m.raw[m.at] != m.value[m.done] {
		return false
	}
	m.at, m.done = m.at+width, m.done+1
	return true
}

// fold returns where the line break at this point, with the blanks around it, ends, and what it means: a space, or the empty lines as line breaks.
func (m *matcher) fold() (end int, meaning []rune) {
	breaks := 0
	for end = m.at; end < len(m.raw) && (isBlank(m.raw[end]) || m.raw[end] == '\n'); end++ {
		if m.raw[end] == '\n' {
			breaks++
		}
	}
	switch breaks {
	case 0:
		return m.at, nil
	case 1:
		return end, []rune{' '}
	}
	return end, slices.Repeat([]rune{'\n'}, breaks-1)
}

// character returns how many characters of the text stand for the next one of the value, and whether they are an escape.
func (m *matcher) character() (width int, escaped bool) {
	switch r := m.raw[m.at]; {
	case m.quote == '\'' && r == '\'':
		return 2, true
	case m.quote == '"' && r == '\\' && m.at+1 < len(m.raw):
		return 2 + map[rune]int{'x': 2, 'u': 4, 'U': 8}[m.raw[m.at+1]], true
	}
	return 1, false
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' }
