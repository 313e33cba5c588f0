package expr

import (
	"fmt"
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
)

// syntaxProblem puts the first error of the parser into words. What follows a first error is mostly guesswork of the parser.
func syntaxProblem(text string, issues *cel.Issues) Problem {
	runes := []rune(text)
	first := Problem{Offset: len(runes) + 1}
	for _, issue := range issues.Errors() {
		offset := offsetAt(runes, issue.Location.Line(), issue.Location.Column())
		if offset < first.Offset {
			first = Problem{Offset: offset, Message: issue.Message}
		}
	}
	first.Message, first.Remedy = syntaxWords(runes, first)
	return first
}

// offsetAt returns the offset of a line, counted from 1, and a column, counted from 0; -1 if there is no such place.
func offsetAt(text []rune, line, column int) int {
	offset := 0
	for ; line > 1 && offset < len(text); offset++ {
		if text[offset] == '\n' {
			line--
		}
	}
	if line != 1 || column < 0 || offset+column > len(text) {
		return whole
	}
	return offset + column
}

func syntaxWords(text []rune, p Problem) (message, remedy string) {
	said, isSyntax := strings.CutPrefix(p.Message, "Syntax error: ")
	word, isReserved := strings.CutPrefix(said, "reserved identifier: ")
	switch {
	case isReserved:
		return fmt.Sprintf("%q is a reserved word of CEL and no name", word), "choose another name"
	case strings.Contains(said, "recursion"):
		return fmt.Sprintf("the expression nests deeper than %d levels", maxDepth), "split it into derived attributes"
	case strings.Contains(said, "exceeds limit"):
		return fmt.Sprintf("the expression has more than %d parts", maxNodes), "split it into derived attributes"
	case strings.HasPrefix(said, "invalid int literal"):
		return "the number is too large to be written like this", "write it with an exponent, such as 1e19"
	case strings.HasPrefix(said, "invalid uint literal"):
		return "a number has no suffix", "leave out the u"
	case strings.HasPrefix(said, "invalid double literal"):
		return "the number is too large for a double", ""
	case strings.HasPrefix(said, "argument "):
		return "the name for the items of the list must stand here", "write it as in tags.exists(t, t == \"new\")"
	case strings.HasPrefix(said, "iteration variable"):
		return "this is no name for the items of a list", "choose another name"
	case strings.HasPrefix(said, "unsupported syntax '"):
		sign := strings.TrimSuffix(strings.TrimPrefix(said, "unsupported syntax '"), "'")
		return fmt.Sprintf("syntax error: unexpected %q", sign), ""
	case strings.HasPrefix(said, "missing '"):
		return "syntax error: " + strings.ReplaceAll(strings.SplitN(said, " at ", 2)[0], "'", `"`) + before(text, p.Offset), ""
	case isSyntax:
		return unexpected(text, p.Offset)
	}
	return "syntax error: " + said, ""
}

// before says in front of what something is missing.
func before(text []rune, offset int) string {
	if token := tokenAt(text, offset); token != "" {
		return fmt.Sprintf(" before %q", token)
	}
	return " at the end"
}

// insteadOf says what to write for what other languages have.
var insteadOf = map[string]string{
	"=": "write == to compare", "&": "write &&", "|": "write ||", "and": "write &&", "AND": "write &&", "or": "write ||", "OR": "write ||",
	"not": "write !", "NOT": "write !", "“": "write straight quotes", "”": "write straight quotes", "‘": "write straight quotes", "’": "write straight quotes",
	"#": "a comment begins with //", ";": "an expression has no semicolon",
}

func unexpected(text []rune, offset int) (message, remedy string) {
	token := tokenAt(text, offset)
	switch {
	case token == "":
		return "syntax error: the expression ends too early", "complete it"
	case strings.HasPrefix(token, `"`) || strings.HasPrefix(token, "'"):
		if strings.ContainsRune(string(text[offset:]), '\\') {
			return "syntax error: a string has no closing quote, or an escape that does not exist", `write a backslash as \\`
		}
		if !strings.ContainsRune(string(text[offset+1:]), text[offset]) {
			return "syntax error: a string has no closing quote", ""
		}
	}
	remedy = insteadOf[token]
	if remedy == "" {
		remedy = insteadBefore[wordBefore(text, offset)]
	}
	return fmt.Sprintf("syntax error: unexpected %q", token), remedy
}

// insteadBefore is insteadOf for words of which the parser refuses only what follows.
var insteadBefore = map[string]string{"not": "write !", "NOT": "write !", "<": "write !="}

// wordBefore returns the last word or sign in front of an offset.
func wordBefore(text []rune, offset int) string {
	words := strings.Fields(string(text[:offset]))
	if len(words) == 0 {
		return ""
	}
	last := words[len(words)-1]
	if strings.HasSuffix(last, "<") {
		return "<"
	}
	return last
}

// tokenAt returns the word, or else the sign, that begins at an offset; "" at the end of the text.
func tokenAt(text []rune, offset int) string {
	if offset < 0 || offset >= len(text) {
		return ""
	}
	end := offset
	for end < len(text) && (text[end] == '_' || unicode.IsLetter(text[end]) || unicode.IsDigit(text[end])) {
		end++
	}
	return string(text[offset:max(end, offset+1)])
}
