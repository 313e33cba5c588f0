package modelfile

import (
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/echelonhq/echelon/engine/diag"
)

// field reads the value of one field of m. Null means that it is not given.
func (d *decoder) field(path string, m protoreflect.Message, fd protoreflect.FieldDescriptor, key, value *yaml.Node) {
	name := string(fd.Name())
	path = diag.Field(path, name)
	d.src.spots[path] = spot{key: key, value: value}
	if isNull(value) {
		d.null(path, fd, key, value)
		return
	}
	switch {
	case fd.IsMap():
		d.entries(path, m, fd, value)
	case fd.IsList():
		d.items(path, m, fd, value)
	case fd.Message() != nil:
		d.message(path, m.Mutable(fd).Message(), value)
	default:
		if v, ok := d.scalar(path, fd, value); ok {
			m.Set(fd, v)
		}
	}
}

// null refuses a null where it would silently mean something else than it looks like: `median:` looks as if the median was chosen.
func (d *decoder) null(path string, fd protoreflect.FieldDescriptor, key, value *yaml.Node) {
	if d.refused(path, value) || fd.Message() == nil || fd.ContainingOneof() == nil {
		return
	}
	remedy := fieldsOf(fd.Message())
	if fd.Message().Fields().Len() == 0 {
		remedy = "write `" + key.Value + ": {}`"
	}
	d.mistake(key, path, remedy, "nothing is given for %s", quote(key.Value))
}

// items reads a list.
func (d *decoder) items(path string, m protoreflect.Message, fd protoreflect.FieldDescriptor, n *yaml.Node) {
	if d.refused(path, n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.mistake(n, path, "begin each item with `- `, or put them into [ ]", "a list is expected, got %s", kindOf(n))
		return
	}
	list := m.Mutable(fd).List()
	for i, item := range n.Content {
		at := diag.Index(path, i)
		d.src.spots[at] = spot{value: item}
		switch {
		case isNull(item):
			d.empty(at, item, item, "the item is empty")
		case fd.Message() != nil:
			d.message(at, list.AppendMutable().Message(), item)
		default:
			if v, ok := d.scalar(at, fd, item); ok {
				list.Append(v)
			}
		}
	}
}

// empty refuses a null where there is no saying what it means: as an item of a list, or as an entry.
func (d *decoder) empty(path string, at, value *yaml.Node, message string) {
	if !d.refused(path, value) {
		d.mistake(at, path, `leave it out; the text null is written "null"`, "%s", message)
	}
}

// entries reads a map from texts to scalars.
func (d *decoder) entries(path string, m protoreflect.Message, fd protoreflect.FieldDescriptor, n *yaml.Node) {
	if d.refused(path, n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.mistake(n, path, "write each entry as `key: value`", "a mapping is expected, got %s", kindOf(n))
		return
	}
	entries := m.Mutable(fd).Map()
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !d.usableKey(path, key) {
			continue
		}
		at := diag.Key(path, key.Value)
		if before := first[key.Value]; before != nil {
			d.mistake(key, at, "keep one of them", "%s is given twice, first in line %d", quote(key.Value), before.Line)
			continue
		}
		first[key.Value] = key
		d.src.spots[at] = spot{key: key, value: value}
		if isNull(value) {
			d.empty(at, key, value, "nothing is given for "+quote(key.Value))
			continue
		}
		if v, ok := d.scalar(at, fd.MapValue(), value); ok {
			entries.Set(protoreflect.ValueOfString(key.Value).MapKey(), v)
		}
	}
}

// usableKey reports whether a node can be the key of an entry, and says so if it cannot.
func (d *decoder) usableKey(path string, key *yaml.Node) bool {
	switch {
	case isMergeKey(key):
		d.mistake(key, path, `write the entries out; the text << is written "<<"`, `"<<" is a YAML merge key, which a model does without`)
	case d.refused(path, key):
	case key.Kind != yaml.ScalarNode:
		d.mistake(key, path, "", "a text is expected as a key, got %s", kindOf(key))
	case isNull(key):
		d.mistake(key, path, `the text null is written "null"`, "the key is empty")
	default:
		return true
	}
	return false
}
