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
	unionCodes = 6

	binaryViewType = 23
	textViewType   = 24

	offsetBytes = 4
	codeBytes   = 4
	wideBytes   = 8
)

// maxFields is how many fields a schema has at most, those within others too: tables may be shared, and so be more than there are bytes.
const maxFields, maxDepth = 20_000, 32

// views counts the columns of views: each takes a count of its buffers from a part's metadata, and arrow-go does not look whether it has so many.
type views struct {
	// records are those of a record batch, and dictionaries the most of a dictionary.
	records, dictionaries int
}

// schemaCheck is what is known of a schema's fields while they are gone through.
type schemaCheck struct {
	left  int
	views views
}

// checkSchema checks the lengths of all vectors of a schema. Places outside of the metadata make the slices of Go panic.
func checkSchema(schema *flatbuffers.Table) (views, error) {
	checkVector(schema, schemaNotes, offsetBytes)
	checkVector(schema, schemaFeatures, wideBytes)
	c := &schemaCheck{left: maxFields}
	n, err := c.fields(schema, schemaFields, maxDepth)
	c.views.records = n
	return c.views, err
}

// fields checks fields, and returns how many of them, and of those within them, are views that no dictionary has.
func (c *schemaCheck) fields(of *flatbuffers.Table, slot flatbuffers.VOffsetT, depth int) (found int, err error) {
	n := checkVector(of, slot, offsetBytes)
	if n == 0 {
		return 0, nil
	}
	if c.left -= n; c.left < 0 || depth == 0 {
		return 0, errorf("the schema has more than %d fields, or nests them deeper than %d: send the columns that are attributes", maxFields, maxDepth)
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
			return 0, err
		}
		if kind := field.GetByteSlot(fieldTypeName, 0); kind == binaryViewType || kind == textViewType {
			within++
		}
		if field.Offset(fieldCodes) == 0 {
			found += within
		} else {
			c.views.dictionaries = max(c.views.dictionaries, within)
		}
	}
	return found, nil
}

// check checks that a part has a count for each column of views.
func (v views) check(h header) error {
	want := v.records
	if h.kind == ipc.MessageDictionaryBatch {
		want = v.dictionaries
	}
	if h.counted && h.counts < want {
		return damaged("it has %d columns of views, and the buffers of %d are counted", want, h.counts)
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
