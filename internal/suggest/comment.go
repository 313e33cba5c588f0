package suggest

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// width is how long a line of a comment is.
const width = 110

// command is what a line that is a command begins with.
const command = "echelon "

// commented puts comments into a model file: each stands before the value of its path, that of the path "" at the file's head.
func commented(data []byte, comments map[string]string) ([]byte, error) {
	var file yaml.Node
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	place("", file.Content[0], comments)
	var out bytes.Buffer
	for line := range strings.Lines(wrap(comments[""])) {
		out.WriteString("# " + line)
	}
	out.WriteString("\n\n")
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&file); err != nil {
		return nil, err
	}
	return out.Bytes(), encoder.Close()
}

// place puts the comments of a value's parts before them.
func place(path string, n *yaml.Node, comments map[string]string) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			at := n.Content[i].Value
			if path != "" {
				at = path + "." + at
			}
			n.Content[i].HeadComment = wrap(comments[at])
			place(at, n.Content[i+1], comments)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			at := fmt.Sprintf("%s[%d]", path, i)
			item.HeadComment = wrap(comments[at])
			place(at, item, comments)
		}
	}
}

// wrap breaks the lines of a comment. What a file says may hold characters that YAML does not: they become blanks.
func wrap(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		current := ""
		if strings.HasPrefix(line, command) {
			lines = append(lines, strings.Join(strings.Fields(strings.ToValidUTF8(line, "?")), " "))
			continue // to be copied in one
		}
		for _, word := range strings.Fields(strings.ToValidUTF8(line, "?")) {
			if current != "" && len(current)+1+len(word) > width {
				lines = append(lines, current)
				current = ""
			}
			if current != "" {
				current += " "
			}
			current += word
		}
		lines = append(lines, current)
	}
	return strings.Join(lines, "\n")
}
