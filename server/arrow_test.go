package server_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/engine"
	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// asArrow returns customers as an IPC stream with a column for each field.
func asArrow(t testing.TB, schema *frame.Schema, customers ...*echelonv1.Customer) []byte {
	t.Helper()
	b := frame.NewBuilder(schema)
	for _, c := range customers {
		if refused := b.AddCustomer(c, false); refused != nil {
			t.Fatal(refused)
		}
	}
	w, err := arrowframe.NewWriter(schema, "")
	if err != nil {
		t.Fatal(err)
	}
	stream, err := w.Stream(b.Take())
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// arrow is a batch message with an IPC stream.
func (p protocol) arrow(sequence int64, stream []byte) proto.Message {
	return p.batch(&echelonv1.CustomerBatch{Sequence: sequence, Arrow: stream})
}

// withPrevious returns a schema with a column for the tiers that customers are in, and customers who have it as an attribute.
func withPrevious(schema *frame.Schema, customers []*echelonv1.Customer) (*frame.Schema, []*echelonv1.Customer) {
	const column = "previous_tier.coverage"
	fields := append(schema.Fields(), frame.Field{Name: column, Type: echelonv1.Attribute_STRING})
	flat := make([]*echelonv1.Customer, len(customers))
	for i, c := range customers {
		flat[i] = proto.CloneOf(c)
		flat[i].PreviousTiers = nil
		if tier := c.GetPreviousTiers()["coverage"]; tier != "" {
			flat[i].Attributes.Fields[column] = structpb.NewStringValue(tier)
		}
	}
	return frame.NewSchema(fields...), flat
}

// outcomeRows returns outcomes as customers whose attributes are the columns.
func outcomeRows(t testing.TB, schema *frame.Schema, stream []byte) []*echelonv1.Customer {
	t.Helper()
	batch, err := arrowframe.NewReader(schema, arrowframe.Options{}).Read(stream)
	if err != nil || len(batch.Ignored) > 0 || len(batch.Refused) > 0 {
		t.Fatal(err, batch)
	}
	var rows []*echelonv1.Customer
	for i := range batch.Frame.Len() {
		rows = append(rows, batch.Frame.Customer(i))
	}
	return rows
}

// asOutcome returns an assignment as a row of columns.
func asOutcome(a *echelonv1.Assignment) *echelonv1.Customer {
	cells := attrs{}
	put := func(column string, text *string) {
		if text != nil {
			cells[column] = *text
		}
	}
	for _, s := range a.GetSegments() {
		put("segment."+s.GetSegmentation(), s.Segment)
	}
	for _, s := range a.GetScores() {
		cells["completeness."+s.GetScore()] = s.GetCompleteness()
		if s.Value != nil {
			cells["score."+s.GetScore()] = s.GetValue()
		}
	}
	for _, tier := range a.GetTiers() {
		put("tier."+tier.GetTiering(), tier.Tier)
		if put("computed_tier."+tier.GetTiering(), tier.Tier); tier.ComputedTier != nil {
			put("computed_tier."+tier.GetTiering(), tier.ComputedTier)
		}
	}
	reasons := []any{}
	for _, reason := range a.GetReasons() {
		reasons = append(reasons, reason.GetMessage())
	}
	cells["reasons"] = reasons
	return customer(a.GetCustomerId(), cells)
}

func TestCustomersAsArrowAreAssignedLikeRowsInAnyForm(t *testing.T) {
	program, found := engine.Compile(model(t, ways))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	list := payers(rand.New(rand.NewPCG(3, 7)))
	for i, c := range list {
		c.PreviousTiers = map[string]string{"coverage": []string{"high", "mid", "low"}[i%3]}
	}
	calibration, want := locally(t, list)
	evaluator := inline(model(t, ways))
	evaluator.Calibration = &echelonv1.Evaluator_InlineCalibration{InlineCalibration: calibration}
	schema, flat := withPrevious(program.Schema(), list)
	h := start(t)
	for _, arrowAnswers := range []bool{false, true} {
		header := &echelonv1.BulkAssignHeader{Evaluator: evaluator, ArrowAnswers: arrowAnswers}
		first := &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{Header: header}}
		answers, err := h.exchange(bulkAssign, first, bulkAssign.arrow(1, asArrow(t, schema, flat[:17]...)), bulkAssign.rows(2, list[17:30]...),
			bulkAssign.arrow(3, asArrow(t, schema, flat[30:]...)), bulkAssign.arrow(4, asArrow(t, schema)))
		h.must(err)
		var got []*echelonv1.Assignment
		var columns []*echelonv1.Customer
		var rows []int64
		for _, answer := range answers[1:] {
			batch := answer.(*echelonv1.BulkAssignResponse).GetBatch()
			got = append(got, batch.GetAssignments()...)
			rows = append(rows, batch.GetRows())
			if arrowAnswers {
				columns = append(columns, outcomeRows(t, program.OutcomeSchema(true), batch.GetArrow())...)
			}
		}
		if diff := cmp.Diff([]int64{17, 0, 10, 0}, rows); diff != "" {
			t.Errorf("other counts of rows (-want +got):\n%s", diff)
		}
		if !arrowAnswers {
			equal(t, "Arrow, answered by rows", want, got)
			continue
		}
		for i, a := range want {
			if diff := cmp.Diff(asOutcome(a), columns[i], protocmp.Transform()); diff != "" {
				t.Fatalf("Arrow, answered by Arrow (-engine +answer):\n%s", diff)
			}
		}
		if len(columns) != len(want) || len(got) > 0 {
			t.Errorf("%d rows in columns and %d assignments, want %d and none", len(columns), len(got), len(want))
		}
	}
}

// odd is a record batch as a data tool writes it: other types and other columns than the attributes, and rows that are refused.
func odd(t testing.TB) []byte {
	t.Helper()
	column := func(of arrow.DataType, values ...string) arrow.Array {
		b := array.NewBuilder(memory.DefaultAllocator, of)
		for _, value := range values {
			if value == "" {
				b.AppendNull()
			} else if err := b.AppendValueFromString(value); err != nil {
				t.Fatal(err)
			}
		}
		return b.NewArray()
	}
	columns := map[string]arrow.Array{
		"load_date": column(arrow.FixedWidthTypes.Date32, "2026-01-30", "2026-01-30", "2026-01-30", "2026-01-30", "2026-01-30"),
		"account":   column(arrow.PrimitiveTypes.Int64, "7", "8", "7", "9", ""),
		"arr":       column(&arrow.Decimal128Type{Precision: 18, Scale: 2}, "60.50", "10.00", "1.00", "90.00", "1.00"),
		"industry":  column(arrow.BinaryTypes.LargeString, "retail", "mining", "retail", "software", "retail"),
		"region":    column(arrow.BinaryTypes.String, "EU", "EU", "US", "", "US"),
	}
	var fields []arrow.Field
	var arrays []arrow.Array
	for _, name := range []string{"load_date", "arr", "account", "industry", "region"} {
		fields, arrays = append(fields, arrow.Field{Name: name, Type: columns[name].DataType(), Nullable: true}), append(arrays, columns[name])
	}
	stream, err := arrowframe.Stream(array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, 5))
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func TestOtherColumnsAreNamedOnceAndRowsOfArrowAreRefusedOneByOne(t *testing.T) {
	h := start(t)
	h.create(plain)
	const notice = `the columns "load_date", "region" are no attributes and are ignored`
	refusals := func(all []*echelonv1.RowError) string {
		text := ""
		for _, one := range all {
			text += fmt.Sprintf("%d %s %s; ", one.GetIndex(), one.GetCustomerId(), one.GetCode())
		}
		return text
	}
	const want = "1 8 VALUE_NOT_ALLOWED; 2 7 DUPLICATE_ID; 4  EMPTY_ID; "

	bulk := &echelonv1.BulkAssignHeader{Evaluator: storedModel("plain"), IdColumn: "account", OmitReasons: true}
	answers, err := h.exchange(bulkAssign, &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{Header: bulk}},
		bulkAssign.arrow(1, odd(t)), bulkAssign.arrow(2, odd(t)))
	h.must(err)
	one, two := answers[1].(*echelonv1.BulkAssignResponse).GetBatch(), answers[2].(*echelonv1.BulkAssignResponse).GetBatch()
	if got := strings.Join(one.GetNotices(), "|"); got != notice || len(two.GetNotices()) > 0 {
		t.Errorf("BulkAssign says %q, and then %q; want %q, once", got, two.GetNotices(), notice)
	}
	if got := refusals(two.GetErrors()); got != want || len(two.GetAssignments()) != 2 || two.GetAssignments()[0].GetScores()[0].GetValue() != 60.5 {
		t.Errorf("BulkAssign refuses %q, want %q, and assigns %v", got, want, two.GetAssignments())
	}

	stored := &echelonv1.ImportHeader{IdColumn: "account", JobId: "nightly"}
	importHeader := &echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{Header: stored}}
	for attempt := range 2 {
		answers, err = h.exchange(importCustomers, importHeader, importCustomers.arrow(1, odd(t)))
		h.must(err)
		batch := answers[1].(*echelonv1.ImportCustomersResponse).GetBatch()
		// What values an attribute may take is the model's business: the store keeps others too.
		if got := refusals(batch.GetErrors()); got != "2 7 DUPLICATE_ID; 4  EMPTY_ID; " || batch.GetStored() != 3 || batch.GetRepeated() != (attempt == 1) {
			t.Errorf("attempt %d of ImportCustomers: %v", attempt, batch)
		}
	}
	_, err = h.exchange(importCustomers, importHeader, importCustomers.arrow(1, asArrow(t, frame.NewSchema(frame.Field{Name: "account", Type: echelonv1.Attribute_STRING}))))
	wanted{codes.FailedPrecondition, echelonv1.ErrorReason_BATCH_MISMATCH, nil, nil}.check(t, err)
	kept, err := h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "9"})
	h.must(err)
	if got := kept.GetCustomer().GetAttributes().AsMap(); got["arr"] != 90.0 || got["industry"] != "software" || len(got) != 2 {
		t.Errorf("customer 9 is stored as %v", got)
	}

	learn := &echelonv1.CalibrateHeader{Evaluator: storedModel("plain"), IdColumn: "account"}
	answers, err = h.exchange(calibrate, &echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Header{Header: learn}},
		calibrate.rows(1, customer("9", attrs{"arr": 1})), calibrate.arrow(2, odd(t)), calibrate.rows(3, customer("7", nil)))
	h.must(err)
	learned := answers[0].(*echelonv1.CalibrateResponse)
	if got, want := refusals(learned.GetErrors()), "2 8 VALUE_NOT_ALLOWED; 3 7 DUPLICATE_ID; 4 9 DUPLICATE_ID; 5  EMPTY_ID; 6 7 DUPLICATE_ID; "; got != want {
		t.Errorf("Calibrate refuses %q, want %q", got, want)
	}
	if got := strings.Join(learned.GetNotices(), "|"); got != notice {
		t.Errorf("Calibrate says %q, want %q", got, notice)
	}
}

func TestAnArrowBatchThatCannotBeReadIsSaidWithItsRemedy(t *testing.T) {
	h := start(t)
	h.create(plain)
	good := odd(t)
	many := asArrow(t, frame.NewSchema(), manyCustomers("c", 10_001, nil)...)
	invalid := func(words ...string) wanted {
		return wanted{codes.InvalidArgument, echelonv1.ErrorReason_ARROW_INVALID, nil, words}
	}
	text := asArrow(t, frame.NewSchema(frame.Field{Name: "arr", Type: echelonv1.Attribute_STRING}), customer("a", attrs{"arr": "12"}))
	for _, test := range []struct {
		name  string
		batch *echelonv1.CustomerBatch
		wanted
	}{
		{"no column of ids", &echelonv1.CustomerBatch{Arrow: good}, invalid("batch 1", `"customer_id"`, `"account"`, "id_column")},
		{"an attribute of another type", &echelonv1.CustomerBatch{Arrow: text}, invalid(`"arr"`, "dictionary", "NUMBER", "float64")},
		{"what is no Arrow", &echelonv1.CustomerBatch{Arrow: []byte("customer_id,arr\n")}, invalid("damaged", "stream")},
		{"a part", &echelonv1.CustomerBatch{Arrow: good[:len(good)/2]}, invalid("damaged", "stream")},
		{"a file", &echelonv1.CustomerBatch{Arrow: []byte("ARROW1\x00\x00 and more")}, invalid("an Arrow file", "streaming format")},
		{"two streams", &echelonv1.CustomerBatch{Arrow: append(good[:len(good)-8:len(good)-8], good...)}, invalid("Arrow")},
		{"too many rows", &echelonv1.CustomerBatch{Arrow: many}, wanted{codes.InvalidArgument, echelonv1.ErrorReason_BATCH_TOO_LARGE, nil, []string{"10001"}}},
		{"rows and Arrow", &echelonv1.CustomerBatch{Arrow: good, Rows: &echelonv1.CustomerRows{}},
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"send one of them"}}},
	} {
		test.batch.Sequence = 1
		for _, p := range protocols {
			t.Run(p.name+": "+test.name, func(t *testing.T) {
				_, err := h.exchange(p, p.header(), p.batch(test.batch))
				test.check(t, err)
				if got := lastSequence(err); got != "0" {
					t.Errorf("last_sequence is %q, want 0", got)
				}
			})
		}
	}
	header := &echelonv1.BulkAssignHeader{Evaluator: storedModel("plain"), Explain: true, ArrowAnswers: true}
	_, err := h.exchange(bulkAssign, &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{Header: header}})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"explain", "arrow_answers"}}.check(t, err)
	header = &echelonv1.BulkAssignHeader{Evaluator: storedModel("plain"), ArrowAnswers: true, IdColumn: "tier.coverage"}
	_, err = h.exchange(bulkAssign, &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{Header: header}})
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"id_column", "tier.coverage"}}.check(t, err)
}
