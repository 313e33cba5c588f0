package wire_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/wire"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

var schema = frame.ModelSchema([]*echelonv1.Attribute{
	{Name: "number", Type: echelonv1.Attribute_NUMBER},
	{Name: "integer", Type: echelonv1.Attribute_INTEGER},
	{Name: "text", Type: echelonv1.Attribute_STRING},
	{Name: "bool", Type: echelonv1.Attribute_BOOLEAN},
	{Name: "date", Type: echelonv1.Attribute_DATE},
	{Name: "instant", Type: echelonv1.Attribute_TIMESTAMP},
	{Name: "list", Type: echelonv1.Attribute_STRING_LIST},
	{Name: "plan", Type: echelonv1.Attribute_STRING, Values: []string{"pro", "core"}},
	{Name: "need", Type: echelonv1.Attribute_NUMBER, Required: true},
})

// read is what came of a batch.
type read struct {
	Frame   *frame.Frame
	Refused []*echelonv1.RowError
	// Previous are the tiers that customers brought who were not refused.
	Previous []map[string]string
}

func builder() *frame.Builder {
	return frame.NewBuilder(schema, frame.UniqueIDs(), frame.PreviousTiers("coverage"))
}

// asMessages reads a request as a message, and its customers as messages.
func asMessages(request []byte, ignoreUnknown bool) (*read, error) {
	message := &echelonv1.BulkAssignRequest{}
	if err := proto.Unmarshal(request, message); err != nil {
		return nil, err
	}
	b, r := builder(), &read{}
	for i, customer := range message.GetBatch().GetRows().GetCustomers() {
		r.add(i, customer, b.AddCustomer(customer, ignoreUnknown))
	}
	r.Frame = b.Take()
	return r, nil
}

func (r *read) add(place int, customer *echelonv1.Customer, refused *echelonv1.RowError) {
	if refused != nil {
		refused.Index = int64(place)
		r.Refused = append(r.Refused, refused)
		return
	}
	previous := map[string]string{}
	for tiering, tier := range customer.GetPreviousTiers() {
		previous[tiering] = tier
	}
	r.Previous = append(r.Previous, previous)
}

// asRows reads a request by Split and Rows; it reports false where protobuf is to decode it.
func asRows(rows *wire.Rows, request []byte) (r *read, split bool, err error) {
	batch, ok := wire.Split(request)
	if !ok {
		return nil, false, nil
	}
	r = &read{}
	places := 0
	err = rows.Read(batch.Rows, func(place int, customer *echelonv1.Customer, refused *echelonv1.RowError) {
		r.add(place, customer, refused)
		places++
	})
	if err != nil {
		return nil, true, err
	}
	if places != batch.Count {
		panic("the batch has another number of rows")
	}
	r.Frame = rows.Builder.Take()
	return r, true, nil
}

// failer is a test of whichever kind.
type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// sameAsMessages reads a request in both ways.
func sameAsMessages(t failer, request []byte, ignoreUnknown bool) (split bool) {
	t.Helper()
	want, refused := asMessages(request, ignoreUnknown)
	got, split, err := asRows(wire.NewRows(builder(), ignoreUnknown), request)
	if !split {
		return false
	}
	if (err != nil) != (refused != nil) {
		t.Fatalf("read from the wire: %v; decoded: %v\n%x", err, refused, request)
	}
	if err != nil {
		return true
	}
	if diff := cmp.Diff(want, got, sameRead); diff != "" {
		t.Fatalf("(-decoded +read from the wire)\n%s\n%x", diff, request)
	}
	return true
}

// sameRead compares to the bit. A list without entries is none: one that is made and one that grows differ in that.
var sameRead = cmp.Options{cmp.AllowUnexported(frame.Schema{}), protocmp.Transform(), cmp.Transformer("bits", math.Float64bits), cmpopts.EquateEmpty()}

// anyValue is a value, mostly of a type that attributes have.
func anyValue(depth int) *rapid.Generator[*structpb.Value] {
	texts := rapid.SampledFrom([]string{"", "a", "pro", "core", "Zürich", "2026-01-31", "2024-02-29", "2026-1-31", "2026-01-05T12:00:00Z",
		"2026-01-31T12:00:00.5+02:00", "2026-13-01"})
	return rapid.Custom(func(t *rapid.T) *structpb.Value {
		switch rapid.IntRange(0, 7+depth).Draw(t, "kind") {
		case 0:
			return &structpb.Value{}
		case 1:
			return structpb.NewNullValue()
		case 2, 3:
			return structpb.NewNumberValue(rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, 0.5, 1e300, math.NaN(), math.Inf(1)}).Draw(t, "number"))
		case 4:
			return structpb.NewBoolValue(rapid.Bool().Draw(t, "bool"))
		case 5, 6, 7:
			return structpb.NewStringValue(texts.Draw(t, "text"))
		case 8:
			list := &structpb.ListValue{}
			for _, text := range rapid.SliceOfN(texts, 0, 3).Draw(t, "texts") {
				list.Values = append(list.Values, structpb.NewStringValue(text))
			}
			return structpb.NewListValue(list)
		case 9:
			return structpb.NewListValue(&structpb.ListValue{Values: rapid.SliceOfN(anyValue(depth-1), 0, 2).Draw(t, "list")})
		}
		return structpb.NewStructValue(&structpb.Struct{Fields: rapid.MapOfN(rapid.String(), anyValue(0), 0, 2).Draw(t, "struct")})
	})
}

// fitting is a value that the attribute of that name takes.
func fitting(t *rapid.T, name string) *structpb.Value {
	switch name {
	case "number", "integer", "need":
		return structpb.NewNumberValue(float64(rapid.IntRange(-3, 3).Draw(t, name)))
	case "bool":
		return structpb.NewBoolValue(rapid.Bool().Draw(t, name))
	case "date":
		return structpb.NewStringValue(frame.FormatDate(rapid.Int64Range(-800000, 3000000).Draw(t, name)))
	case "instant":
		return structpb.NewStringValue(frame.FormatTimestamp(rapid.Int64Range(-1e15, 1e16).Draw(t, name)))
	case "plan":
		return structpb.NewStringValue(rapid.SampledFrom([]string{"pro", "core"}).Draw(t, name))
	case "list":
		return structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewStringValue("a"), structpb.NewStringValue("b")}})
	}
	return structpb.NewStringValue(rapid.StringN(0, 3, -1).Draw(t, name))
}

// anyCustomer is a customer, of which most are good.
func anyCustomer() *rapid.Generator[*echelonv1.Customer] {
	return rapid.Custom(func(t *rapid.T) *echelonv1.Customer {
		c := &echelonv1.Customer{Id: rapid.StringN(0, 2, -1).Draw(t, "id"), Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{}}}
		good := rapid.IntRange(0, 3).Draw(t, "good") > 0
		for _, name := range schema.Names() {
			switch {
			case good:
				c.Attributes.Fields[name] = fitting(t, name)
			case rapid.Bool().Draw(t, "given"):
				c.Attributes.Fields[name] = anyValue(2).Draw(t, name)
			}
		}
		switch rapid.IntRange(0, 9).Draw(t, "more") {
		case 0:
			c.Attributes.Fields[rapid.SampledFrom([]string{"other", "numbr", ""}).Draw(t, "name")] = anyValue(2).Draw(t, "other")
		case 1:
			c.PreviousTiers = map[string]string{rapid.SampledFrom([]string{"coverage", "persona"}).Draw(t, "tiering"): "high"}
		case 2:
			c.UpdateTime = timestamppb.Now()
		case 3:
			c.Attributes = nil
		}
		return c
	})
}

func marshal(t failer, message proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func request(sequence int64, customers ...*echelonv1.Customer) *echelonv1.BulkAssignRequest {
	batch := &echelonv1.CustomerBatch{Sequence: sequence, Rows: &echelonv1.CustomerRows{Customers: customers}}
	return &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Batch{Batch: batch}}
}

func TestRowsFromTheWireAreThoseOfMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		customers := rapid.SliceOfN(anyCustomer(), 0, 5).Draw(t, "customers")
		data := marshal(t, request(7, customers...))
		if batch, ok := wire.Split(data); !ok || batch.Sequence != 7 || batch.Count != len(customers) {
			t.Fatalf("a batch of %d rows is split into %d rows, sequence %d, %t", len(customers), batch.Count, batch.Sequence, ok)
		}
		sameAsMessages(t, data, rapid.Bool().Draw(t, "ignore unknown"))
	})
}

// Bytes that are changed somewhere are mostly no request, and sometimes one that nobody would write.
func TestRowsThatWereDamagedOnTheWireAreThoseOfMessages(t *testing.T) {
	split := 0
	rapid.Check(t, func(t *rapid.T) {
		data := marshal(t, anyCustomer().Draw(t, "customer"))
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			if at := rapid.IntRange(0, len(data)).Draw(t, "at"); at < len(data) {
				data[at] = byte(rapid.SampledFrom([]int{0, 1, 2, 8, 0x0a, 0x0b, 0x0c, 0x12, 0x1a, 0x20, 0x2a, 0x32, 0x80, 0xff}).Draw(t, "byte"))
			}
		}
		if sameAsMessages(t, enclose(data), rapid.Bool().Draw(t, "ignore unknown")) {
			split++
		}
	})
	if split == 0 {
		t.Error("no batch came to be read")
	}
}

// enclose makes a request of the bytes of customers.
func enclose(customers ...[]byte) []byte {
	var rows []byte
	for _, customer := range customers {
		rows = part(rows, 1, customer)
	}
	return part(nil, 2, part(nil, 2, rows))
}

// part appends a field of bytes.
func part(to []byte, number protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, number, protowire.BytesType), content)
}

// What a stream has seen before, and the memory that it used, does not show in a later batch.
func TestABatchIsReadAloneAsAfterOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ignoreUnknown := false
		rows := wire.NewRows(builder(), false)
		rows.Ignore = func(string) bool { return ignoreUnknown }
		rows.Add = func(c *echelonv1.Customer) *echelonv1.RowError { return rows.Builder.AddCustomer(c, ignoreUnknown) }
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			ignoreUnknown = rapid.Bool().Draw(t, "ignore unknown")
			data := marshal(t, request(1, rapid.SliceOfN(anyCustomer(), 0, 4).Draw(t, "customers")...))
			got, _, err := asRows(rows, data)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := asMessages(data, ignoreUnknown)
			if diff := cmp.Diff(want, got, sameRead); diff != "" {
				t.Fatalf("(-decoded alone +read after others)\n%s", diff)
			}
			rows.Builder.Recycle(got.Frame)
		}
	})
}

// A customer of a single call is that of a batch.
func TestARequestForOneCustomerIsReadAsABatchOfOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		customer := anyCustomer().Draw(t, "customer")
		score := &echelonv1.ScoreCustomerRequest{
			Evaluator: &echelonv1.Evaluator{IgnoreUnknownAttributes: rapid.Bool().Draw(t, "ignore")}, Explain: rapid.Bool().Draw(t, "explain"),
			Customer: &echelonv1.ScoreCustomerRequest_Given{Given: customer},
		}
		data := marshal(t, score)
		split := &echelonv1.ScoreCustomerRequest{}
		raw := new(wire.Evaluators).SplitGiven(data, split)
		if raw == nil || !proto.Equal(split, &echelonv1.ScoreCustomerRequest{Evaluator: score.Evaluator, Explain: score.Explain}) {
			t.Fatalf("%v is split into %v and %x", score, split, raw)
		}
		message := &echelonv1.Customer{}
		if err := wire.DecodeGiven(raw, message); err != nil || !proto.Equal(message, customer) && !hasNaN(customer) {
			t.Fatalf("%v is decoded as %v, %v", customer, message, err)
		}
		rows := wire.NewRows(builder(), false)
		_, refused, err := rows.ReadOne(raw, wire.GivenDepth)
		if err != nil {
			t.Fatal(err)
		}
		b := builder()
		if diff := cmp.Diff(b.AddCustomer(customer, false), refused, protocmp.Transform()); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(b.Take(), rows.Builder.Take(), sameRead); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Call after call is for the same evaluator, or for one of a few: each is that of its own request.
func TestTheEvaluatorOfARequestIsItsOwn(t *testing.T) {
	named := func(name string) *echelonv1.Evaluator {
		return &echelonv1.Evaluator{Model: &echelonv1.Evaluator_Stored{Stored: &echelonv1.ModelRef{Name: name}}}
	}
	all := []*echelonv1.Evaluator{named("a"), named("b"), named(strings.Repeat("long", 1000)), {IgnoreUnknownAttributes: true}}
	var evaluators wire.Evaluators
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SampledFrom(all).Draw(t, "evaluator")
		data := marshal(t, &echelonv1.ScoreCustomerRequest{Evaluator: want, Customer: &echelonv1.ScoreCustomerRequest_Given{Given: &echelonv1.Customer{Id: "a"}}})
		got := &echelonv1.ScoreCustomerRequest{}
		if raw := evaluators.SplitGiven(data, got); raw == nil || !proto.Equal(got.GetEvaluator(), want) {
			t.Fatalf("got %v, want %v", got.GetEvaluator(), want)
		}
		clear(data) // the evaluator keeps nothing of the request, whose memory is used again
		if !proto.Equal(got.GetEvaluator(), want) {
			t.Fatalf("later it is %v, want %v", got.GetEvaluator(), want)
		}
	})
}

// hasNaN reports whether a customer has a value that does not equal itself.
func hasNaN(customer *echelonv1.Customer) bool {
	return !proto.Equal(customer, proto.CloneOf(customer))
}

func TestARequestForOneCustomerThatIsNotPlainIsLeftToProtobuf(t *testing.T) {
	evaluator, customer := part(nil, 1, nil), part(nil, 2, with("a"))
	for name, request := range map[string][]byte{
		"nothing":                 {},
		"a stored customer":       text(evaluator, 3, "a"),
		"a customer alone":        customer,
		"an evaluator alone":      evaluator,
		"two customers":           join(evaluator, customer, customer),
		"both kinds":              text(join(evaluator, customer), 3, "a"),
		"another order":           join(customer, evaluator),
		"a field nobody knows":    varint(join(evaluator, customer), 99, 1),
		"explain and more":        varint(varint(join(evaluator, customer), 4, 1), 99, 1),
		"a broken evaluator":      join(part(nil, 1, []byte{0xff}), customer),
		"a customer that is cut":  join(evaluator, customer[:len(customer)-1]),
		"an explain that is none": text(join(evaluator, customer), 4, "a"),
	} {
		if got := new(wire.Evaluators).SplitGiven(request, &echelonv1.ScoreCustomerRequest{}); got != nil {
			t.Errorf("%s: it is split, and the customer is %x", name, got)
		}
	}
}
