package expr

import (
	"cel.dev/cel-go/common/types"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Kind is what sort of value an expression or a variable has.
type Kind uint8

// The kinds of values.
const (
	// Number is a double.
	Number Kind = iota
	// Boolean is true or false.
	Boolean
	// String is a text.
	String
	// Date is a calendar day.
	Date
	// Timestamp is an instant, to the microsecond.
	Timestamp
	// List is a list of texts.
	List
)

// kinds describes each Kind: its name, the type of its columns, and its type in CEL.
var kinds = [...]struct {
	name   string
	column echelonv1.Attribute_Type
	cel    *types.Type
}{
	Number:    {"number", echelonv1.Attribute_NUMBER, numberType},
	Boolean:   {"boolean", echelonv1.Attribute_BOOLEAN, booleanType},
	String:    {"string", echelonv1.Attribute_STRING, stringType},
	Date:      {"date", echelonv1.Attribute_DATE, dateType},
	Timestamp: {"timestamp", echelonv1.Attribute_TIMESTAMP, timestampType},
	List:      {"list of strings", echelonv1.Attribute_STRING_LIST, types.NewListType(stringType)},
}

// String returns "number", "boolean", "string", "date", "timestamp" or "list of strings".
func (k Kind) String() string { return kinds[k].name }

// Type returns the type of a column that holds values of the kind; NUMBER for Number.
func (k Kind) Type() echelonv1.Attribute_Type { return kinds[k].column }

// KindOf returns the kind of an attribute's values: Number for NUMBER and INTEGER, String for UNSPECIFIED.
func KindOf(t echelonv1.Attribute_Type) Kind {
	if t == echelonv1.Attribute_INTEGER {
		return Number
	}
	for k := range kinds {
		if kinds[k].column == t {
			return Kind(k)
		}
	}
	return String
}

// kindOfType returns the kind of an expression that has this type in CEL; false if no column can hold it.
func kindOfType(t *types.Type) (Kind, bool) {
	for k := range kinds {
		if kinds[k].cel.IsExactType(t) {
			return Kind(k), true
		}
	}
	return 0, false
}
