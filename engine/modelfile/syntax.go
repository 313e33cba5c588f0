package modelfile

import (
	"errors"
	"io"
	"regexp"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/echelonhq/echelon/engine/diag"
)

// documents returns the documents of a text, at most two, and in the library's words why it is not YAML, or "".
func documents(s string) (docs []*yaml.Node, failure string) {
	dec := yaml.NewDecoder(strings.NewReader(s))
	for len(docs) < 2 {
		var doc yaml.Node
		if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return docs, libraryPrefix.ReplaceAllString(err.Error(), "")
		}
		docs = append(docs, &doc)
	}
	return docs, ""
}

// libraryPrefix is dropped from the library's messages: its line is that of the surrounding mapping or missing, and for some messages off by one.
var libraryPrefix = regexp.MustCompile(`^yaml: (line [0-9]+: )?`)

// syntaxMistake makes a finding of the library's words. Its place is the end of the shortest text that fails in the same way: first the line is
// searched, so that half a line is never taken for the mistake, then the column.
func syntaxMistake(t *text, failure string) diag.Finding {
	failsAt := func(end int) bool {
		_, other := documents(string(t.runes[:end]))
		return other == failure
	}
	line := 1 + sort.Search(len(t.starts)-1, func(i int) bool { return failsAt(t.starts[i+1]) })
	start, written := t.starts[line-1], t.line(line)
	length := len(t.runes) - start // of the parsed line, which may be shorter than the written one
	if line < len(t.starts) {
		length = t.starts[line] - 1 - start
	}
	column := sort.Search(length, func(i int) bool { return failsAt(start + i) })
	f := diag.Finding{Offset: diag.WholeValue, Place: diag.Place{Line: line, Column: t.column(line, max(1, column))}}
	f.Message, f.Remedy = "this is not YAML: "+failure, syntaxRemedy(failure, written)
	return f
}

// syntaxRemedies says for parts of the library's messages what people usually did.
var syntaxRemedies = []struct{ part, remedy string }{
	{"mapping values are not allowed", "put text that holds \": \" into quotes, and check the indentation"},
	{"cannot start any token", "put text that begins with a special character into quotes"},
	{"could not find expected ':'", "write `name: value`, and indent the lines of a text alike"},
	{"did not find expected key", "indent the fields of one mapping alike, and write nothing behind a closing quote"},
	{"did not find expected '-' indicator", "indent the items of one list alike"},
	{"did not find expected ',' or", "close each { and [, and put commas between what they hold"},
	{"did not find expected node content", "put text that begins with a special character into quotes"},
	{"unexpected end of stream", "close the quotes that the text begins with"},
	{"unknown escape character", `write \\ for a backslash in double quotes, or use single quotes`},
	{"expected <document start>", "keep one model in a file, and indent its lines alike"},
	{"expected whitespace or line break", "put text that begins with a special character into quotes"},
	{"unknown anchor", "put text that begins with * into quotes"},
	{"exceeded max depth", "a model has a few levels only"},
	{"directive", "put text that begins with % into quotes"},
	{"tag", "put text that begins with ! into quotes"},
	{"anchor", "put text that begins with & or * into quotes"},
}

func syntaxRemedy(failure, line string) string {
	if strings.Contains(line[:len(line)-len(strings.TrimLeft(line, " \t"))], "\t") {
		return "indent with spaces, not tabs"
	}
	for _, s := range syntaxRemedies {
		if strings.Contains(failure, s.part) {
			return s.remedy
		}
	}
	return ""
}
