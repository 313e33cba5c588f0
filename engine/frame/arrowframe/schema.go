package arrowframe

import flatbuffers "github.com/google/flatbuffers/go"

// The vectors in the tables of a schema, by which arrow-go allocates memory before it looks at what is in them.
const (
	schemaFields   = 6
	schemaNotes    = 8
	schemaFeatures = 10

	fieldType     = 10
	fieldTypeName = 8
	fieldChildren = 14
	fieldNotes    = 16

	unionType  = 14 // of the enum Type
	unionCodes = 6

	offsetBytes = 4
	codeBytes   = 4
	wideBytes   = 8
)

// maxFields is how many fields a schema has at most, those within others too: tables may be shared, and so be more than there are bytes.
const maxFields, maxDepth = 20_000, 32

// checkSchema checks the lengths of all vectors of a schema. Places outside of the metadata make the slices of Go panic.
func checkSchema(schema *flatbuffers.Table) error {
	checkVector(schema, schemaNotes, offsetBytes)
	checkVector(schema, schemaFeatures, wideBytes)
	left := maxFields
	return checkFields(schema, schemaFields, maxDepth, &left)
}

func checkFields(of *flatbuffers.Table, slot flatbuffers.VOffsetT, depth int, left *int) error {
	n := checkVector(of, slot, offsetBytes)
	if n == 0 {
		return nil
	}
	if *left -= n; *left < 0 || depth == 0 {
		return errorf("the schema has more than %d fields, or nests them deeper than %d: send the columns that are attributes", maxFields, maxDepth)
	}
	first := of.Vector(flatbuffers.UOffsetT(of.Offset(slot)))
	for i := range n {
		field := tableAt(of.Bytes, of.Indirect(first+flatbuffers.UOffsetT(i)*offsetBytes))
		checkVector(field, fieldNotes, offsetBytes)
		if at := flatbuffers.UOffsetT(field.Offset(fieldType)); at != 0 && field.GetByteSlot(fieldTypeName, 0) == unionType {
			checkVector(tableAt(of.Bytes, field.Indirect(at+field.Pos)), unionCodes, codeBytes)
		}
		if err := checkFields(field, fieldChildren, depth-1, left); err != nil {
			return err
		}
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
