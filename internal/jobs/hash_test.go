package jobs_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/internal/jobs"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// canonical is another way to tell rows apart, good within one version of protobuf.
func canonical(t rapid.TB, rows *echelonv1.CustomerRows) string {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// arrived is what comes of rows that are sent, whose attributes are in another order each time.
func arrived(t rapid.TB, rows *echelonv1.CustomerRows) *echelonv1.CustomerRows {
	data, err := proto.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	there := &echelonv1.CustomerRows{}
	if err := proto.Unmarshal(data, there); err != nil {
		t.Fatal(err)
	}
	return there
}

func anyValue(depth int) *rapid.Generator[*structpb.Value] {
	return rapid.Custom(func(t *rapid.T) *structpb.Value {
		kinds := 4
		if depth > 0 {
			kinds = 6
		}
		switch rapid.IntRange(1, kinds).Draw(t, "kind") {
		case 1:
			return structpb.NewNumberValue(rapid.SampledFrom([]float64{0, 1, -1, 0.5}).Draw(t, "number"))
		case 2:
			return structpb.NewStringValue(rapid.StringN(0, 2, -1).Draw(t, "text"))
		case 3:
			return structpb.NewBoolValue(rapid.Bool().Draw(t, "bool"))
		case 4:
			return structpb.NewNullValue()
		case 5:
			return structpb.NewListValue(&structpb.ListValue{Values: rapid.SliceOfN(anyValue(depth-1), 0, 2).Draw(t, "list")})
		}
		return structpb.NewStructValue(&structpb.Struct{Fields: anyFields(depth-1).Draw(t, "struct")})
	})
}

func anyFields(depth int) *rapid.Generator[map[string]*structpb.Value] {
	return rapid.MapOfN(rapid.StringOfN(rapid.SampledFrom([]rune("abd{[")), 1, 2, -1), anyValue(depth), 0, 3)
}

func TestTheHashTellsRowsApartAndNothingElse(t *testing.T) {
	row := rapid.Custom(func(t *rapid.T) *echelonv1.Customer {
		return &echelonv1.Customer{Id: rapid.StringN(0, 2, -1).Draw(t, "id"), Attributes: &structpb.Struct{Fields: anyFields(2).Draw(t, "attributes")}}
	})
	rows := rapid.Custom(func(t *rapid.T) *echelonv1.CustomerRows {
		return &echelonv1.CustomerRows{Customers: rapid.SliceOfN(row, 0, 3).Draw(t, "rows")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := rows.Draw(t, "a"), rows.Draw(t, "b")
		hashA, hashB := string(jobs.Hash(arrived(t, a))), string(jobs.Hash(arrived(t, b)))
		if again := string(jobs.Hash(arrived(t, a))); again != hashA {
			t.Fatal("the same rows have two hashes")
		}
		if overWire := string(hashOfWire(t, a)); overWire != hashA {
			t.Fatal("rows that are hashed as they came have another hash than their messages")
		}
		if (hashA == hashB) != (canonical(t, a) == canonical(t, b)) {
			t.Fatal("the hash does not tell rows apart")
		}
	})
}

// Hashes are on disk: a later version must find the same ones.
func TestTheHashNeverChanges(t *testing.T) {
	list := &structpb.ListValue{Values: []*structpb.Value{structpb.NewStringValue("crm"), structpb.NewNullValue()}}
	rows := &echelonv1.CustomerRows{Customers: []*echelonv1.Customer{
		{Id: "acme", Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{
			"arr": structpb.NewNumberValue(125000.5), "partner": structpb.NewBoolValue(true), "churned": structpb.NewBoolValue(false),
			"tags": structpb.NewListValue(list), "more": structpb.NewStructValue(&structpb.Struct{}),
		}}, UpdateTime: timestamppb.New(noon)},
		{Id: "bolt"},
	}}
	const want = "9d991eb38b49c9eb3ac876d02a7b46eb3106f9d3cd043b12d255c81e9d115170"
	if got := hex.EncodeToString(jobs.Hash(rows)); got != want {
		t.Errorf("the hash is %s, want %s", got, want)
	}
	if got := hex.EncodeToString(hashOfWire(t, rows)); got != want {
		t.Errorf("the hash of the rows as they came is %s, want %s", got, want)
	}
}

// hashOfWire hashes rows as an encoder writes them, whose attributes are in another order each time.
func hashOfWire(t rapid.TB, rows *echelonv1.CustomerRows) []byte {
	data, err := proto.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := jobs.HashWire(data)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// Whatever protobuf can decode has one hash, however odd it is written: fields twice, in another order or of nobody, names twice, objects.
func FuzzHashOfRowsAsTheyCame(f *testing.F) {
	customer := func(fields ...[]byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), slices.Concat(fields...))
	}
	text := func(number protowire.Number, text string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), text)
	}
	entry := func(parts ...[]byte) []byte { return text(1, string(slices.Concat(parts...))) }
	nested, err := proto.Marshal(&echelonv1.CustomerRows{Customers: []*echelonv1.Customer{{Id: "a", Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{
		"b": structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewListValue(&structpb.ListValue{}), structpb.NewNumberValue(1)}}),
		"a": structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"z": structpb.NewBoolValue(true)}}),
	}}, PreviousTiers: map[string]string{"t": "high"}}}})
	if err != nil {
		f.Fatal(err)
	}
	name, value := text(1, "arr"), text(2, string(text(3, "one")))
	for _, seed := range [][]byte{
		nil, nested, customer(text(1, "a"), text(1, "b")), customer(text(2, string(entry(name, value))), text(1, "a")),
		customer(text(1, "a"), text(2, string(entry(name, value))), text(2, string(entry(text(1, "more"), value)))),
		customer(text(1, "a"), text(2, string(slices.Concat(entry(name, value), entry(name, text(2, "")))))),
		customer(text(1, "a"), text(2, string(entry(name)))), customer(text(1, "a"), text(2, string(entry(value, name)))),
		customer(text(1, "a"), text(2, string(entry(name, value, value)))), customer(text(9, "unknown"), text(1, "a")),
		slices.Concat(text(2, "unknown"), customer(text(1, "a"))), customer(text(1, "a"), []byte{0x80}), customer(text(1, "\xff")),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rows := &echelonv1.CustomerRows{}
		hash, err := jobs.HashWire(data)
		if proto.Unmarshal(data, rows) != nil {
			return // the reader of the rows fails
		}
		if want := jobs.Hash(rows); err != nil || !bytes.Equal(hash, want) {
			t.Errorf("the hash is %x, want %x; error %v", hash, want, err)
		}
	})
}
