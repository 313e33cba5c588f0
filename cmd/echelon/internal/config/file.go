package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/echelonhq/echelon/engine/diag"
)

// maxFile is the largest file that is read, in bytes: a wrong path may lead to anything.
const maxFile = 1 << 20

// file is a configuration file that was read, a provider of koanf.
type file struct {
	name  string
	lines []string
	// values are by key, places too.
	values map[string]any
	places map[string]diag.Place
	found  diag.List
}

// readFile reads the file of the groups' keys. What is wrong with it is among its findings; an error is one of reading.
func readFile(name string, groups []Group) (*file, error) {
	stream, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("the configuration file: %w", err)
	}
	defer func() { _ = stream.Close() }()
	data, err := io.ReadAll(io.LimitReader(stream, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("the configuration file: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("the configuration file %s has more than %d bytes: give the one that you wrote for echelon", name, maxFile)
	}
	return parse(name, data, groups), nil
}

// parse reads the text of a file.
func parse(name string, data []byte, groups []Group) *file {
	f := &file{name: name, lines: strings.Split(string(data), "\n"), values: make(map[string]any), places: make(map[string]diag.Place)}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return f // nothing is set
	case err != nil:
		f.syntax(err)
		return f
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			f.syntax(err)
		} else {
			f.mistake(&second, "", "keep one document in a file, without ---", "a second document begins here")
		}
	}
	root := document.Content[0]
	if root.Tag == "!!null" {
		return f
	}
	f.mapping(root, "", groups)
	return f
}

// Read implements koanf.Provider.
func (f *file) Read() (map[string]any, error) { return f.values, nil }

// ReadBytes implements koanf.Provider.
func (f *file) ReadBytes() ([]byte, error) { return nil, errors.New("the values are read as such") }

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

// syntax notes what keeps the text from being YAML.
func (f *file) syntax(err error) {
	line, message := 1, strings.TrimPrefix(err.Error(), "yaml: ") // of the first line the number is left out
	if found := yamlLine.FindStringSubmatch(err.Error()); found != nil {
		line, _ = strconv.Atoi(found[1]) // digits, by the expression
		message = found[2]
	}
	finding := diag.Finding{
		Offset: diag.WholeValue, Message: "this is no YAML: " + message, Place: diag.Place{File: f.name, Line: line, Column: 1}, Source: f.line(line),
	}
	if strings.HasPrefix(strings.TrimLeft(finding.Source, " "), "\t") {
		finding.Remedy = "indent with spaces, not tabs"
	}
	f.found.Add(finding)
}

func (f *file) line(n int) string {
	if n < 1 || n > len(f.lines) {
		return ""
	}
	return strings.TrimRight(f.lines[n-1], "\r")
}

func (f *file) place(n *yaml.Node) diag.Place {
	return diag.Place{File: f.name, Line: n.Line, Column: n.Column}
}

// mistake notes what is wrong at a node.
func (f *file) mistake(n *yaml.Node, path, remedy, format string, args ...any) {
	f.found.Add(diag.Finding{
		Path: path, Offset: diag.WholeValue, Message: fmt.Sprintf(format, args...), Remedy: remedy, Place: f.place(n), Source: f.line(n.Line),
	})
}

// mapping reads the keys below a prefix, which is empty or a group's name.
func (f *file) mapping(n *yaml.Node, prefix string, groups []Group) {
	if n.Kind != yaml.MappingNode {
		f.mistake(n, prefix, "write KEY: VALUE, one a line", "here must stand keys and their values, not %s", shape(n))
		return
	}
	keys := keysBelow(prefix, groups)
	seen := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		path := key.Value
		if prefix != "" {
			path = prefix + "." + key.Value
		}
		if first, twice := seen[key.Value]; twice {
			f.mistake(key, path, "keep one of them", "the key stands in line %d already", first)
			continue
		}
		seen[key.Value] = key.Line
		setting, known := keys[key.Value]
		switch {
		case !known:
			f.mistake(key, path, unknownRemedy(key.Value, keys, groups), "unknown key")
		case setting == nil:
			f.mapping(value, path, groups)
		default:
			f.value(value, *setting)
		}
	}
}

// keysBelow returns the settings below a prefix by key; one that is nil is a group.
func keysBelow(prefix string, groups []Group) map[string]*Setting {
	keys := make(map[string]*Setting)
	for _, group := range groups {
		if group.Name != prefix {
			if prefix == "" {
				keys[group.Name] = nil
			}
			continue
		}
		for _, setting := range group.Settings() {
			keys[setting.Flag.Name] = &setting
		}
	}
	return keys
}

// unknownRemedy says which key may have been meant.
func unknownRemedy(key string, keys map[string]*Setting, groups []Group) string {
	for _, group := range groups {
		for _, setting := range group.Settings() {
			if setting.Flag.Name == key || setting.Variable == key {
				return fmt.Sprintf("its key is %q: see docs/configuration.md for where it stands", setting.Key)
			}
		}
	}
	if remedy := diag.DidYouMean(key, slices.Sorted(maps.Keys(keys))); remedy != "" {
		return remedy
	}
	return `"echelon config show" lists all keys`
}

// value reads the value of a setting.
func (f *file) value(n *yaml.Node, s Setting) {
	k := kindOf(s.Flag)
	f.places[s.Key] = f.place(n)
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		f.mistake(n, s.Key, "write the value itself, in quotes where it begins with & or *", "anchors and aliases are not taken")
	case n.Tag == "!!null":
		f.mistake(n, s.Key, "give one, or remove the line", "the key has no value")
	case n.Kind == yaml.SequenceNode && k == list:
		f.sequence(n, s)
	case n.Kind != yaml.ScalarNode || !slices.Contains(tags[k], n.Tag):
		f.mistake(n, s.Key, words[k].write, "the value must be %s, not %s", words[k].is, shape(n))
	default:
		f.put(s.Key, n.Value)
	}
}

func (f *file) sequence(n *yaml.Node, s Setting) {
	var parts []string
	for _, one := range n.Content {
		if one.Kind != yaml.ScalarNode || one.Tag != "!!str" {
			f.mistake(one, s.Key, words[text].write, "an entry of the list must be a text, not %s", shape(one))
			return
		}
		parts = append(parts, one.Value)
	}
	f.put(s.Key, parts)
}

// put keeps a value under its key, whose groups are mappings of their own, as koanf has them.
func (f *file) put(key string, value any) {
	group, name, below := strings.Cut(key, ".")
	if !below {
		f.values[key] = value
		return
	}
	inner, ok := f.values[group].(map[string]any)
	if !ok {
		inner = make(map[string]any)
		f.values[group] = inner
	}
	inner[name] = value
}

// shape names what stands at a node.
func shape(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "keys and values"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!str":
		return "the text " + strconv.Quote(n.Value)
	case n.Tag == "!!int", n.Tag == "!!float":
		return "the number " + n.Value
	case n.Tag == "!!bool":
		return n.Value
	case n.Tag == "!!timestamp":
		return "the date " + n.Value
	case n.Tag == "!!null":
		return "nothing"
	}
	return "a value of the type " + n.Tag
}
