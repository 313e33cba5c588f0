package modelfile

import (
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/echelonhq/echelon/engine/diag"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Parse reads a model file in YAML or JSON; file is its name, for the places of the findings. All mistakes are returned at once, sorted; with them the
// model holds what could be read. The model and the source are never nil. Parse checks the form alone: what the model means is checked by its compiler,
// whose findings [Source.Locate] puts in their places.
func Parse(file string, data []byte) (*echelonv1.Model, *Source, diag.List) {
	d := &decoder{src: &Source{file: file, spots: map[string]spot{}}}
	model := &echelonv1.Model{}
	if root := d.root(data); root != nil {
		d.src.spots[""] = spot{value: root}
		d.message("", model.ProtoReflect(), root)
	}
	return model, d.src, d.src.Locate(d.problems)
}

// decoder walks the nodes of one file.
type decoder struct {
	src      *Source
	problems diag.List
}

// root returns the mapping that the file consists of, or nil if it is not one.
func (d *decoder) root(data []byte) *yaml.Node {
	text, bad := newText(data)
	d.src.text = text
	if bad != nil {
		d.problems.Add(*bad)
		return nil
	}
	documents, failure := documents(string(text.runes))
	if failure != "" {
		d.problems.Add(syntaxMistake(text, failure))
	}
	if len(documents) > 1 {
		d.mistake(documents[1], "", `keep one model in a file, without "---"`, "a second document begins here")
	}
	if len(documents) == 0 {
		if failure == "" {
			d.problems.Mistakef("", "a model begins with its name, such as `name: b2b`", "the file is empty")
		}
		return nil
	}
	root := documents[0].Content[0]
	if isNull(root) {
		d.problems.Mistakef("", "a model begins with its name, such as `name: b2b`", "the file is empty")
		return nil
	}
	return root
}

// mistake adds a mistake at a node's own place, for what has no path of its own, such as a key.
func (d *decoder) mistake(n *yaml.Node, path, remedy, format string, args ...any) {
	d.problems.Mistakef(path, remedy, format, args...)
	d.problems[len(d.problems)-1].Place = d.src.place(n)
}

// refused reports whether a node is one of YAML's means that model files do without, and says so.
func (d *decoder) refused(path string, n *yaml.Node) bool {
	const remedy = "write the value out; if it is text, put it into quotes"
	switch {
	case n.Kind == yaml.AliasNode:
		d.mistake(n, path, remedy, "%s is a YAML alias, which a model does without", quote("*"+n.Value))
	case n.Anchor != "":
		d.mistake(n, path, remedy, "%s is a YAML anchor, which a model does without", quote("&"+n.Anchor))
	case n.Style&yaml.TaggedStyle != 0:
		d.mistake(n, path, "put the whole text into quotes", "%s is a YAML tag, which a model does without", quote(n.Tag))
	default:
		return false
	}
	return true
}

// message reads a mapping into m.
func (d *decoder) message(path string, m protoreflect.Message, n *yaml.Node) {
	if d.refused(path, n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.mistake(n, path, fieldsOf(m.Descriptor()), "a mapping of fields is expected, got %s", kindOf(n))
		return
	}
	given := map[protoreflect.Name]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		fd := d.fieldOf(path, m.Descriptor(), key)
		if fd == nil {
			continue
		}
		if first := given[fd.Name()]; first != nil {
			d.twice(path, fd, first, key)
			continue
		}
		given[fd.Name()] = key
		d.field(path, m, fd, key, value)
	}
	d.oneofs(path, m.Descriptor(), given)
}

// fieldOf returns the field that a key names, or nil after saying what is wrong.
func (d *decoder) fieldOf(path string, md protoreflect.MessageDescriptor, key *yaml.Node) protoreflect.FieldDescriptor {
	switch {
	case isMergeKey(key):
		d.mistake(key, path, "write the fields out", `"<<" is a YAML merge key, which a model does without`)
		return nil
	case d.refused(path, key):
		return nil
	case key.Kind != yaml.ScalarNode:
		d.mistake(key, path, fieldsOf(md), "the name of a field is expected, got %s", kindOf(key))
		return nil
	}
	fields := md.Fields()
	if fd := fields.ByName(protoreflect.Name(key.Value)); fd != nil {
		return fd
	}
	if fd := fields.ByJSONName(key.Value); fd != nil {
		return fd
	}
	remedy := diag.DidYouMean(key.Value, fieldNames(md))
	if remedy == "" {
		remedy = fieldsOf(md)
	}
	d.mistake(key, path, remedy, "unknown field %s", quote(key.Value))
	return nil
}

// twice says that a field was given before, under this name or its other one.
func (d *decoder) twice(path string, fd protoreflect.FieldDescriptor, first, second *yaml.Node) {
	path = diag.Field(path, string(fd.Name()))
	if first.Value == second.Value {
		d.mistake(second, path, "keep one of them", "%s is given twice, first in line %d", quote(second.Value), first.Line)
		return
	}
	d.mistake(second, path, "keep one of them", "%s and %s are one field, given in line %d already", quote(second.Value), quote(first.Value), first.Line)
}

// oneofs checks that of fields that exclude each other one at most was given.
func (d *decoder) oneofs(path string, md protoreflect.MessageDescriptor, given map[protoreflect.Name]*yaml.Node) {
	for i := range md.Oneofs().Len() {
		oneof := md.Oneofs().Get(i)
		if oneof.IsSynthetic() {
			continue
		}
		var keys []*yaml.Node
		var names []string
		for j := range oneof.Fields().Len() {
			name := oneof.Fields().Get(j).Name()
			names = append(names, string(name))
			if key := given[name]; key != nil {
				keys = append(keys, key)
			}
		}
		if len(keys) < 2 {
			continue
		}
		first, second := inOrder(keys)
		d.mistake(second, path, "keep one of "+commas(names), "%s and %s exclude each other", quote(first.Value), quote(second.Value))
	}
}
