package jobs

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Hash tells the rows of batches apart: the SHA-256 of their ids and attributes, with names in order. It is kept on disk and must come out alike in
// every later version, which protobuf's own encoding does not promise. What a request sets and the service ignores is no part of it.
func Hash(rows *echelonv1.CustomerRows) []byte {
	hash := sha256.New()
	var row []byte
	for _, customer := range rows.GetCustomers() {
		row = appendCustomer(row[:0], customer)
		_, _ = hash.Write(row) // never an error
	}
	return hash.Sum(nil)
}

// HashArrow tells Arrow batches apart, by their bytes: who sends one again sends the same.
func HashArrow(stream []byte) []byte {
	hash := sha256.New()
	_, _ = hash.Write(binary.AppendUvarint([]byte("arrow"), uint64(len(stream)))) // never an error
	_, _ = hash.Write(stream)
	return hash.Sum(nil)
}

// Each value begins with what it is, and tells how long it is, so that no two write the same bytes.
const (
	isNull   = 'n'
	isNumber = 'd'
	isText   = 's'
	isTrue   = 't'
	isFalse  = 'f'
	isStruct = '{'
	isList   = '['
)

func appendCustomer(to []byte, customer *echelonv1.Customer) []byte {
	return appendFields(appendText(to, customer.GetId()), customer.GetAttributes().GetFields())
}

func appendText(to []byte, text string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(text))), text...)
}

func appendFields(to []byte, fields map[string]*structpb.Value) []byte {
	to = binary.AppendUvarint(to, uint64(len(fields)))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		to = appendValue(appendText(to, name), fields[name])
	}
	return to
}

func appendValue(to []byte, value *structpb.Value) []byte {
	switch v := value.GetKind().(type) {
	case *structpb.Value_NumberValue:
		return binary.BigEndian.AppendUint64(append(to, isNumber), math.Float64bits(v.NumberValue))
	case *structpb.Value_StringValue:
		return appendText(append(to, isText), v.StringValue)
	case *structpb.Value_BoolValue:
		if v.BoolValue {
			return append(to, isTrue)
		}
		return append(to, isFalse)
	case *structpb.Value_StructValue:
		return appendFields(append(to, isStruct), v.StructValue.GetFields())
	case *structpb.Value_ListValue:
		to = binary.AppendUvarint(append(to, isList), uint64(len(v.ListValue.GetValues())))
		for _, one := range v.ListValue.GetValues() {
			to = appendValue(to, one)
		}
		return to
	}
	return append(to, isNull)
}
