package client

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// codec turns values of one Go type into those of an attribute and back.
type codec struct {
	attribute echelonv1.Attribute_Type
	// write returns nil for a value that is missing.
	write func(reflect.Value) (*structpb.Value, *valueFault)
	read  func(*structpb.Value, reflect.Value) error
	// writeID and readID turn an id into text and back; nil for a type that is none. Integers are ids up to the last bit, beyond 2^53 too.
	writeID func(reflect.Value) string
	readID  func(string, reflect.Value) error
	// zeroIsMissing tells that the zero value is missing, whatever the field says.
	zeroIsMissing bool
}

// valueFault is why no customer can have a value.
type valueFault struct {
	code    echelonv1.RowError_Code
	message string
}

func faultf(code echelonv1.RowError_Code, format string, args ...any) *valueFault {
	return &valueFault{code, fmt.Sprintf(format, args...)}
}

// codecOf returns the codec of a type, and false where there is none.
func codecOf(t reflect.Type, date bool) (codec, bool) {
	if t == timeType && date {
		return codec{attribute: echelonv1.Attribute_DATE, write: writeDate, read: readDate, zeroIsMissing: true}, true
	}
	if t == timeType {
		return codec{attribute: echelonv1.Attribute_TIMESTAMP, write: writeTimestamp, read: readTimestamp, zeroIsMissing: true}, true
	}
	switch t.Kind() {
	case reflect.Bool:
		return codec{attribute: echelonv1.Attribute_BOOLEAN, write: writeBool, read: readBool}, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return codec{attribute: echelonv1.Attribute_INTEGER, write: writeInt, read: readInt, writeID: writeIntID, readID: readIntID}, true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return codec{attribute: echelonv1.Attribute_INTEGER, write: writeUint, read: readUint, writeID: writeUintID, readID: readUintID}, true
	case reflect.Float32, reflect.Float64:
		return codec{attribute: echelonv1.Attribute_NUMBER, write: writeFloat, read: readFloat}, true
	case reflect.String:
		return codec{attribute: echelonv1.Attribute_STRING, write: writeString, read: readString, writeID: reflect.Value.String, readID: readStringID}, true
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return codec{attribute: echelonv1.Attribute_STRING_LIST, write: writeList, read: readList, zeroIsMissing: true}, true
		}
	}
	return codec{}, false
}

func writeBool(v reflect.Value) (*structpb.Value, *valueFault) {
	return structpb.NewBoolValue(v.Bool()), nil
}

func writeInt(v reflect.Value) (*structpb.Value, *valueFault) {
	n := v.Int()
	if n > frame.MaxInteger || n < -frame.MaxInteger {
		return nil, faultf(echelonv1.RowError_OUT_OF_RANGE, "%d lies beyond 2^53, the largest INTEGER: an identifier is better a string", n)
	}
	return structpb.NewNumberValue(float64(n)), nil
}

func writeUint(v reflect.Value) (*structpb.Value, *valueFault) {
	n := v.Uint()
	if n > frame.MaxInteger {
		return nil, faultf(echelonv1.RowError_OUT_OF_RANGE, "%d lies beyond 2^53, the largest INTEGER: an identifier is better a string", n)
	}
	return structpb.NewNumberValue(float64(n)), nil
}

func writeFloat(v reflect.Value) (*structpb.Value, *valueFault) {
	x := v.Float()
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil, faultf(echelonv1.RowError_OUT_OF_RANGE, "%v is no finite number; leave it out where the value is unknown", x)
	}
	return structpb.NewNumberValue(x), nil
}

func writeString(v reflect.Value) (*structpb.Value, *valueFault) {
	text := v.String()
	if !utf8.ValidString(text) {
		return nil, faultf(echelonv1.RowError_INVALID_UTF8, "the text is no valid UTF-8: convert the input to UTF-8")
	}
	return structpb.NewStringValue(text), nil
}

func writeList(v reflect.Value) (*structpb.Value, *valueFault) {
	if v.IsNil() {
		return nil, nil
	}
	list := &structpb.ListValue{Values: make([]*structpb.Value, v.Len())}
	for i := range list.Values {
		item, fault := writeString(v.Index(i))
		if fault != nil {
			return nil, fault
		}
		list.Values[i] = item
	}
	return structpb.NewListValue(list), nil
}

func writeDate(v reflect.Value) (*structpb.Value, *valueFault) {
	t := v.Interface().(time.Time)
	if t.IsZero() {
		return nil, nil
	}
	year, month, day := t.Date()
	if year < 1 || year > 9999 {
		return nil, faultf(echelonv1.RowError_OUT_OF_RANGE, "the day %v lies outside 0001-01-01 to 9999-12-31", t)
	}
	return structpb.NewStringValue(frame.FormatDate(frame.DayOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC)))), nil
}

func writeTimestamp(v reflect.Value) (*structpb.Value, *valueFault) {
	t := v.Interface().(time.Time)
	switch year := t.UTC().Year(); {
	case t.IsZero():
		return nil, nil
	case year < 1 || year > 9999:
		return nil, faultf(echelonv1.RowError_OUT_OF_RANGE, "the instant %v lies outside the years 0001 to 9999", t)
	case t.Nanosecond()%1000 != 0:
		return nil, faultf(echelonv1.RowError_WRONG_TYPE, "%s is finer than a microsecond: give it Truncate(time.Microsecond)", t.Format(time.RFC3339Nano))
	}
	return structpb.NewStringValue(frame.FormatTimestamp(t.UnixMicro())), nil
}

var (
	errNotNumber = errors.New("the attribute is no number")
	errNotText   = errors.New("the attribute is no text")
)

// number returns the number that a value is.
func number(value *structpb.Value) (float64, error) {
	n, ok := value.GetKind().(*structpb.Value_NumberValue)
	if !ok {
		return 0, errNotNumber
	}
	return n.NumberValue, nil
}

// whole returns the whole number that a value is.
func whole(value *structpb.Value) (int64, error) {
	x, err := number(value)
	if err == nil && (x != math.Trunc(x) || math.Abs(x) > frame.MaxInteger) {
		err = fmt.Errorf("%s is no whole number up to 2^53", frame.FormatNumber(x))
	}
	return int64(x), err
}

// text returns the text that a value is.
func text(value *structpb.Value) (string, error) {
	s, ok := value.GetKind().(*structpb.Value_StringValue)
	if !ok {
		return "", errNotText
	}
	return s.StringValue, nil
}

func readBool(value *structpb.Value, to reflect.Value) error {
	b, ok := value.GetKind().(*structpb.Value_BoolValue)
	if !ok {
		return errors.New("the attribute is neither true nor false")
	}
	to.SetBool(b.BoolValue)
	return nil
}

func readInt(value *structpb.Value, to reflect.Value) error {
	n, err := whole(value)
	if err == nil && to.OverflowInt(n) {
		err = fmt.Errorf("%d is no %v", n, to.Type())
	}
	if err == nil {
		to.SetInt(n)
	}
	return err
}

func readUint(value *structpb.Value, to reflect.Value) error {
	n, err := whole(value)
	if err == nil && (n < 0 || to.OverflowUint(uint64(n))) {
		err = fmt.Errorf("%d is no %v", n, to.Type())
	}
	if err == nil {
		to.SetUint(uint64(n))
	}
	return err
}

func readFloat(value *structpb.Value, to reflect.Value) error {
	x, err := number(value)
	if err == nil && to.OverflowFloat(x) {
		err = fmt.Errorf("%s is no %v", frame.FormatNumber(x), to.Type())
	}
	if err == nil {
		to.SetFloat(x)
	}
	return err
}

func readString(value *structpb.Value, to reflect.Value) error {
	s, err := text(value)
	if err == nil {
		to.SetString(s)
	}
	return err
}

func readList(value *structpb.Value, to reflect.Value) error {
	list, ok := value.GetKind().(*structpb.Value_ListValue)
	if !ok {
		return errors.New("the attribute is no list")
	}
	items := reflect.MakeSlice(to.Type(), len(list.ListValue.GetValues()), len(list.ListValue.GetValues()))
	for i, item := range list.ListValue.GetValues() {
		if err := readString(item, items.Index(i)); err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
	}
	to.Set(items)
	return nil
}

func readDate(value *structpb.Value, to reflect.Value) error {
	s, err := text(value)
	if err != nil {
		return err
	}
	day, err := frame.ParseDate(s)
	if err == nil {
		to.Set(reflect.ValueOf(frame.DayStart(day)))
	}
	return err
}

func readTimestamp(value *structpb.Value, to reflect.Value) error {
	s, err := text(value)
	if err != nil {
		return err
	}
	micros, err := frame.ParseTimestamp(s)
	if err == nil {
		to.Set(reflect.ValueOf(frame.InstantOf(micros)))
	}
	return err
}

func writeIntID(v reflect.Value) string  { return strconv.FormatInt(v.Int(), 10) }
func writeUintID(v reflect.Value) string { return strconv.FormatUint(v.Uint(), 10) }

func readStringID(id string, to reflect.Value) error { to.SetString(id); return nil }

func readIntID(id string, to reflect.Value) error {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != id || to.OverflowInt(n) {
		return fmt.Errorf("%s is no %v", frame.Quote(id), to.Type())
	}
	to.SetInt(n)
	return nil
}

func readUintID(id string, to reflect.Value) error {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != id || to.OverflowUint(n) {
		return fmt.Errorf("%s is no %v", frame.Quote(id), to.Type())
	}
	to.SetUint(n)
	return nil
}
