package modelfile

import (
	"bytes"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/echelonhq/echelon/engine/diag"
)

// maxBytes is the largest model file that is read.
const maxBytes = 1 << 20

// text is a file's text: as it was written, for people, and as the YAML library gets it, which differs in JSON files.
type text struct {
	// lines are the lines as they were written, without line breaks.
	lines []string
	// runes is the text that is parsed, with the same lines.
	runes []rune
	// starts has for each line the index in runes where it begins.
	starts []int
	// shifts has for a line, from 1, where the parsed text becomes shorter than the written one, from left to right.
	shifts map[int][]shift
}

// shift says that what stands right of a column of the parsed text stands further right in the written one, by so many characters in all.
type shift struct{ column, by int }

// newText prepares data for parsing; if it is no text that YAML can hold, it returns the place of the first bad character and what is wrong with it.
func newText(data []byte) (*text, *diag.Finding) {
	if len(data) > maxBytes {
		return &text{}, &diag.Finding{Offset: diag.WholeValue, Message: "the file is larger than 1 MiB", Remedy: "leave out what is no model"}
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	breaks := strings.NewReplacer("\r\n", "\n", "\r", "\n")
	written := breaks.Replace(string(data))
	t := &text{lines: strings.Split(written, "\n"), shifts: map[int][]shift{}}
	if bad := t.badCharacter(); bad != nil {
		return t, bad
	}
	parsed := t.lines
	if strings.HasPrefix(strings.TrimLeft(written, " \t\n"), "{") {
		parsed = t.fromJSON()
	}
	t.runes = []rune(strings.Join(parsed, "\n"))
	t.starts = append(t.starts, 0)
	for i, r := range t.runes {
		if r == '\n' {
			t.starts = append(t.starts, i+1)
		}
	}
	return t, nil
}

// badCharacter finds the first character that YAML does not allow, or that it would take for a line break although editors do not show it as one.
func (t *text) badCharacter() *diag.Finding {
	for i, line := range t.lines {
		column := 0
		for at, r := range line {
			column++
			f := &diag.Finding{Offset: diag.WholeValue, Place: diag.Place{Line: i + 1, Column: column}}
			if r == utf8.RuneError && !strings.HasPrefix(line[at:], "\uFFFD") {
				f.Message, f.Remedy = "the file is not valid UTF-8", "save it as UTF-8"
				return f
			}
			if !allowed(r) {
				code := strconv.FormatInt(int64(r), 16)
				code = strings.Repeat("0", 4-len(code)) + code
				f.Message = "the character U+" + strings.ToUpper(code) + " is not allowed"
				f.Remedy = `leave it out, or write it as \u` + code + ` in a text in double quotes`
				return f
			}
		}
	}
	return nil
}

// allowed is YAML's set of printable characters without its unusual line breaks; what is left out is below U+10000.
func allowed(r rune) bool {
	switch {
	case r == '\t', r >= 0x20 && r <= 0x7E:
		return true
	case r == 0x2028, r == 0x2029:
		return false
	}
	return r >= 0xA0 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000
}

// escapes finds the escapes of a JSON line: pairs of surrogates, and any others, so that the pairs are found at the right backslash.
var escapes = regexp.MustCompile(`\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\.`)

// fromJSON returns the lines as YAML: it knows no tabs as indentation and writes characters beyond U+FFFF as one escape, not as a pair of surrogates.
func (t *text) fromJSON() []string {
	out := make([]string, len(t.lines))
	for i, line := range t.lines {
		body := strings.TrimLeft(line, " \t")
		indent := len(line) - len(body)
		var b strings.Builder
		b.WriteString(strings.Repeat(" ", indent))
		column, done := indent, 0
		for _, m := range escapes.FindAllStringSubmatchIndex(body, -1) {
			if m[2] < 0 {
				continue
			}
			escape := `\U` + codePoint(body[m[2]:m[3]], body[m[4]:m[5]])
			b.WriteString(body[done:m[0]] + escape)
			column += utf8.RuneCountInString(body[done:m[0]]) + len(escape)
			done = m[1]
			shorter := len(`\ud83d\ude00`) - len(escape)
			t.shifts[i+1] = append(t.shifts[i+1], shift{column: column, by: shorter * (len(t.shifts[i+1]) + 1)})
		}
		b.WriteString(body[done:])
		out[i] = b.String()
	}
	return out
}

// codePoint joins two surrogates in hexadecimal to the eight digits of their code point.
func codePoint(high, low string) string {
	h, _ := strconv.ParseUint(high, 16, 16) // the pattern admits hexadecimal digits alone
	l, _ := strconv.ParseUint(low, 16, 16)
	code := strconv.FormatInt(int64(utf16.DecodeRune(rune(h), rune(l))), 16)
	return strings.Repeat("0", 8-len(code)) + code
}

// column turns a column of the parsed text into one of the written text; both count from 1.
func (t *text) column(line, column int) int {
	shifts := t.shifts[line]
	passed := sort.Search(len(shifts), func(i int) bool { return shifts[i].column >= column })
	if passed == 0 {
		return column
	}
	return column + shifts[passed-1].by
}

// index returns the index in runes of a line and column of the parsed text; false if there is no such place.
func (t *text) index(line, column int) (int, bool) {
	if line < 1 || line > len(t.starts) || column < 1 {
		return 0, false
	}
	i := t.starts[line-1] + column - 1
	return i, i <= len(t.runes)
}

// line returns a line as it was written, counting from 1, and "" if there is no such line.
func (t *text) line(n int) string {
	if n < 1 || n > len(t.lines) {
		return ""
	}
	return t.lines[n-1]
}
