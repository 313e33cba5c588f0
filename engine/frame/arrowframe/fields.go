package arrowframe

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// SchemaOf returns the schema of frames that a Writer made record batches of, from their own. It fails with an *Error where a column is of a type
// that no Writer writes.
func SchemaOf(of *arrow.Schema, idColumn string) (*frame.Schema, error) {
	var fields []frame.Field
	for _, column := range of.Fields() {
		if column.Name == idColumn {
			continue
		}
		field := frame.Field{Name: column.Name}
		switch familyOf(column.Type) {
		case numbers:
			field.Type = echelonv1.Attribute_NUMBER
			if arrow.IsInteger(column.Type.ID()) {
				field.Type = echelonv1.Attribute_INTEGER
			}
		case truths:
			field.Type = echelonv1.Attribute_BOOLEAN
		case texts:
			field.Type = echelonv1.Attribute_STRING
		case days:
			field.Type = echelonv1.Attribute_DATE
		case instants:
			field.Type = echelonv1.Attribute_TIMESTAMP
		case lists:
			field.Type = echelonv1.Attribute_STRING_LIST
		default:
			return nil, errorf("the column %q is of the type %s, which is none of outcomes or customers", frame.Printable(column.Name), column.Type)
		}
		fields = append(fields, field)
	}
	return frame.NewSchema(fields...), nil
}
