package modelfile

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// isPlain reports whether a node is a scalar without quotes and not a block.
func isPlain(n *yaml.Node) bool {
	const marked = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	return n.Kind == yaml.ScalarNode && n.Style&marked == 0
}

// isNull reports whether nothing is written, or null.
func isNull(n *yaml.Node) bool {
	if !isPlain(n) {
		return false
	}
	switch n.Value {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}

func isMergeKey(key *yaml.Node) bool { return isPlain(key) && key.Value == "<<" }

// kindOf says in words what a node is.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	case isPlain(n) && jsonNumber.MatchString(n.Value):
		return "a number"
	case isPlain(n) && (n.Value == "true" || n.Value == "false"):
		return n.Value
	}
	return "a text"
}

// shown says what a node is, with the text itself if it is short.
func shown(n *yaml.Node) string {
	if kind := kindOf(n); kind != "a text" && kind != "a number" {
		return kind
	}
	return quote(n.Value)
}

// quote puts text into quotes and shortens it where it is long.
func quote(s string) string {
	const most = 60
	if runes := []rune(s[:min(len(s), 5*most)]); len(runes) > most {
		s = string(runes[:most-1]) + "…"
	}
	return strconv.Quote(s)
}

// inOrder returns the first two of at least two nodes in the order of the file.
func inOrder(nodes []*yaml.Node) (first, second *yaml.Node) {
	before := func(a, b *yaml.Node) bool { return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column }
	for _, n := range nodes {
		switch {
		case first == nil || before(n, first):
			first, second = n, first
		case second == nil || before(n, second):
			second = n
		}
	}
	return first, second
}

func fieldNames(md protoreflect.MessageDescriptor) []string {
	var names []string
	for i := range md.Fields().Len() {
		names = append(names, string(md.Fields().Get(i).Name()))
	}
	return names
}

// fieldsOf is the remedy for what is no field of a message.
func fieldsOf(md protoreflect.MessageDescriptor) string {
	names := fieldNames(md)
	switch len(names) {
	case 0:
		return "it has no fields: write {}"
	case 1:
		return "its field is " + names[0]
	}
	return "its fields are " + commas(names)
}

func commas(words []string) string { return strings.Join(words, ", ") }
