package arrowframe

import (
	"github.com/apache/arrow-go/v18/arrow/ipc"
	flatbuffers "github.com/google/flatbuffers/go"
)

// The vectors in the tables of a schema, by which arrow-go allocates memory before it looks at what is in them.
const (
	schemaFields   = 6
	schemaNotes    = 8
	schemaFeatures = 10

	fieldType     = 10
	fieldTypeName = 8
	fieldCodes    = 12 // a dictionary
	fieldChildren = 14
	fieldNotes    = 16

	unionType  = 14 // of the enum Type
	unionMode  = 4
	unionCodes = 6
	codesID    = 4

	binaryViewType = 23
	textViewType   = 24

	offsetBytes = 4
	codeBytes   = 4
	wideBytes   = 8
)

// maxFields is how many fields a schema has at most, those within others too: tables may be shared, and so be more than there are bytes.
const maxFields, maxDepth = 20_000, 32

// needs is what the columns of a part take from its metadata. arrow-go does not look whether it has so much, and takes what stands behind for lengths.
type needs struct {
	// nodes are the columns, buffers their pieces of memory but for those of views, and views the columns that have more, which are counted.
	nodes, buffers, views int
}

func (n *needs) add(more needs) {
	n.nodes, n.buffers, n.views = n.nodes+more.nodes, n.buffers+more.buffers, n.views+more.views
}

// schemaNeeds is what the parts behind a schema need.
type schemaNeeds struct {
	record needs
	// dictionaries are by their ids.
	dictionaries map[int64]needs
	// left is how many more fields there may be.
	left int
}

// buffersOf says, by the enum Type, how many buffers a column has, where it is not two.
var buffersOf = map[byte]int{
	0: 0, 1: 0, 4: 3, 5: 3, 13: 1, unionType: 1, 16: 1, 19: 3, 20: 3, 22: 0, 25: 3, 26: 3, // none, null, texts, struct, fixed lists, run ends, views of lists
}

// need returns what a field of its own takes.
func need(field *flatbuffers.Table) needs {
	kind := field.GetByteSlot(fieldTypeName, 0)
	buffers, known := buffersOf[kind]
	if !known {
		buffers = 2
	}
	n := needs{nodes: 1, buffers: buffers}
	if kind == binaryViewType || kind == textViewType {
		n.views = 1
	}
	if at := flatbuffers.UOffsetT(field.Offset(fieldType)); at != 0 && kind == unionType {
		n.buffers += int(tableAt(field.Bytes, field.Indirect(at+field.Pos)).GetInt16Slot(unionMode, 0) & 1) // dense ones have offsets
	}
	return n
}

// checkSchema checks the lengths of all vectors of a schema. Places outside of the metadata make the slices of Go panic.
func checkSchema(schema *flatbuffers.Table) (*schemaNeeds, error) {
	checkVector(schema, schemaNotes, offsetBytes)
	checkVector(schema, schemaFeatures, wideBytes)
	n := &schemaNeeds{left: maxFields, dictionaries: make(map[int64]needs)}
	var err error
	n.record, err = n.fields(schema, schemaFields, maxDepth)
	return n, err
}

// fields checks fields, and returns what they need, with those within them. What a dictionary has is needed by its own part.
func (c *schemaNeeds) fields(of *flatbuffers.Table, slot flatbuffers.VOffsetT, depth int) (found needs, err error) {
	n := checkVector(of, slot, offsetBytes)
	if n == 0 {
		return needs{}, nil
	}
	if c.left -= n; c.left < 0 || depth == 0 {
		return needs{}, errorf("the schema has more than %d fields, or nests them deeper than %d: send the columns that are attributes", maxFields, maxDepth)
	}
	first := of.Vector(flatbuffers.UOffsetT(of.Offset(slot)))
	for i := range n {
		field := tableAt(of.Bytes, of.Indirect(first+flatbuffers.UOffsetT(i)*offsetBytes))
		checkVector(field, fieldNotes, offsetBytes)
		if at := flatbuffers.UOffsetT(field.Offset(fieldType)); at != 0 && field.GetByteSlot(fieldTypeName, 0) == unionType {
			checkVector(tableAt(of.Bytes, field.Indirect(at+field.Pos)), unionCodes, codeBytes)
		}
		within, err := c.fields(field, fieldChildren, depth-1)
		if err != nil {
			return needs{}, err
		}
		within.add(need(field))
		at := flatbuffers.UOffsetT(field.Offset(fieldCodes))
		if at == 0 {
			found.add(within)
			continue
		}
		found.add(needs{nodes: 1, buffers: 2}) // the places in the dictionary
		id := tableAt(of.Bytes, field.Indirect(at+field.Pos)).GetInt64Slot(codesID, 0)
		c.dictionaries[id] = within
	}
	return found, nil
}

// check checks that a part has what its columns need.
func (c *schemaNeeds) check(h header) error {
	if c == nil {
		return damaged("it does not begin with a schema")
	}
	want := c.record
	if h.kind == ipc.MessageDictionaryBatch {
		want = c.dictionaries[h.id]
	}
	if len(h.nodes) < want.nodes || int64(len(h.buffers)) < int64(want.buffers)+h.variadic || h.counted && h.counts < want.views {
		return damaged("a part has fewer columns than the schema")
	}
	return nil
}

// checkVector returns the length of a vector, and panics as slices do where it is not within the metadata.
func checkVector(of *flatbuffers.Table, slot flatbuffers.VOffsetT, size int) int {
	at := flatbuffers.UOffsetT(of.Offset(slot))
	if at == 0 {
		return 0
	}
	n, first := of.VectorLen(at), int(of.Vector(at))
	_ = of.Bytes[first : first+n*size]
	return n
}
