package arrowframe

import (
	"github.com/apache/arrow-go/v18/arrow"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// family is what values of a type are.
type family int

const (
	none     family = iota // nothing that an attribute can hold
	nulls                  // null in every row
	numbers                // whole numbers, doubles, decimals
	truths                 // true and false
	texts                  // texts
	days                   // dates
	instants               // instants that a time zone places
	locals                 // instants without a time zone
	lists                  // lists of texts
)

// HasTexts reports whether columns of a type have texts.
func HasTexts(of arrow.DataType) bool { return familyOf(of) == texts }

// Readable reports whether CellOf reads columns of a type.
func Readable(of arrow.DataType) bool { return familyOf(of) != none }

func familyOf(of arrow.DataType) family {
	switch t := of.(type) {
	case *arrow.NullType:
		return nulls
	case *arrow.DictionaryType:
		if inner := familyOf(t.ValueType); inner != lists {
			return inner
		}
		return none
	case arrow.ExtensionType:
		return familyOf(t.StorageType())
	case *arrow.BooleanType:
		return truths
	case *arrow.StringType, *arrow.LargeStringType, *arrow.StringViewType:
		return texts
	case *arrow.Date32Type, *arrow.Date64Type:
		return days
	case *arrow.TimestampType:
		if t.TimeZone != "" {
			return instants
		}
		return locals
	case *arrow.ListType:
		return listFamily(t.Elem())
	case *arrow.LargeListType:
		return listFamily(t.Elem())
	case *arrow.FixedSizeListType:
		return listFamily(t.Elem())
	case *arrow.Float16Type, *arrow.Float32Type, *arrow.Float64Type, arrow.DecimalType,
		*arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type,
		*arrow.Uint8Type, *arrow.Uint16Type, *arrow.Uint32Type, *arrow.Uint64Type:
		return numbers
	}
	return none
}

func listFamily(of arrow.DataType) family {
	if inner := familyOf(of); inner == texts || inner == nulls {
		return lists
	}
	return none
}

// wanted says, of each type of an attribute, which families it takes, and what a column must be cast to that is of none.
var wanted = map[echelonv1.Attribute_Type]struct {
	families []family
	remedy   string
}{
	echelonv1.Attribute_NUMBER:      {[]family{numbers}, "cast it to float64"},
	echelonv1.Attribute_INTEGER:     {[]family{numbers}, "cast it to int64"},
	echelonv1.Attribute_BOOLEAN:     {[]family{truths}, "cast it to bool"},
	echelonv1.Attribute_STRING:      {[]family{texts}, "cast it to utf8, or to a dictionary of utf8"},
	echelonv1.Attribute_DATE:        {[]family{days, locals, texts}, "cast it to date32"},
	echelonv1.Attribute_TIMESTAMP:   {[]family{instants, locals, texts}, "cast it to timestamp[us, UTC]"},
	echelonv1.Attribute_STRING_LIST: {[]family{lists}, "cast it to list<utf8>"},
}

// Takes tells whether a field takes columns of a type, and else what to do.
func Takes(field frame.Field, of arrow.DataType) (remedy string, ok bool) {
	has := familyOf(of)
	if has == nulls {
		return "", true
	}
	want := wanted[field.Type]
	for _, one := range want.families {
		if has == one {
			return "", true
		}
	}
	return want.remedy, false
}
