package server_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// badRow is a customer that must be refused, and why.
type badRow struct {
	name     string
	customer *echelonv1.Customer
	code     echelonv1.RowError_Code
	field    string
	words    []string
	// ofModel tells that the rule is the model's, so that the store takes the customer.
	ofModel bool
}

func badRows() []badRow {
	id := func(s string) *echelonv1.Customer { return customer(s, attrs{"arr": 1}) }
	number := func(name string, x float64) *echelonv1.Customer {
		return &echelonv1.Customer{Id: "number", Attributes: &structpb.Struct{Fields: map[string]*structpb.Value{name: structpb.NewNumberValue(x)}}}
	}
	value := func(name string, v any) *echelonv1.Customer { return customer("value", attrs{name: v}) }
	rows := []badRow{
		{"an id that was there before", id("first"), echelonv1.RowError_DUPLICATE_ID, "", []string{`"first"`, "earlier row"}, false},
		{"an empty id", id(""), echelonv1.RowError_EMPTY_ID, "", []string{"empty"}, false},
		{"an id of 513 bytes", id(strings.Repeat("x", 513)), echelonv1.RowError_ID_TOO_LONG, "", []string{"513", "512"}, false},
		{"an id of 257 letters of 2 bytes", id(strings.Repeat("ä", 257)), echelonv1.RowError_ID_TOO_LONG, "", []string{"514", "512"}, false},
		{"an unknown attribute", value("emplyees", 5), echelonv1.RowError_UNKNOWN_ATTRIBUTE, "emplyees", []string{`"employees"`, "ignore_unknown_attributes"}, false},
		{"a text for a number", value("arr", "much"), echelonv1.RowError_WRONG_TYPE, "arr", []string{"number", `"much"`}, false},
		{"a boolean for a number", value("arr", true), echelonv1.RowError_WRONG_TYPE, "arr", []string{"number", "true"}, false},
		{"NaN", number("arr", math.NaN()), echelonv1.RowError_OUT_OF_RANGE, "arr", []string{"NaN"}, false},
		{"infinity", number("arr", math.Inf(1)), echelonv1.RowError_OUT_OF_RANGE, "arr", []string{"Inf"}, false},
		{"infinity below", number("employees", math.Inf(-1)), echelonv1.RowError_OUT_OF_RANGE, "employees", []string{"Inf"}, false},
		{"an INTEGER with a fraction", value("employees", 1.5), echelonv1.RowError_OUT_OF_RANGE, "employees", []string{"1.5", "fraction"}, false},
		{"an INTEGER beyond 2^53", value("employees", float64(1<<53+2)), echelonv1.RowError_OUT_OF_RANGE, "employees", []string{"2^53"}, false},
		{"a value that is not allowed", value("industry", "mining"), echelonv1.RowError_VALUE_NOT_ALLOWED, "industry", []string{`"mining"`, `"software"`}, true},
		{"a text of 64 KiB and a byte", value("note", strings.Repeat("x", 64<<10+1)), echelonv1.RowError_VALUE_TOO_LONG, "note", []string{"65537", "65536"}, false},
		{"a number for a text", value("note", 5), echelonv1.RowError_WRONG_TYPE, "note", []string{"text", "5"}, false},
		{"a text for a boolean", value("partner", "yes"), echelonv1.RowError_WRONG_TYPE, "partner", []string{"true or false"}, false},
		{"a day that no calendar has", value("renewal", "2026-02-30"), echelonv1.RowError_WRONG_TYPE, "renewal", []string{"2026-02-30", "YYYY-MM-DD"}, false},
		{"a date that is a word", value("renewal", "soon"), echelonv1.RowError_WRONG_TYPE, "renewal", []string{`"soon"`}, false},
		{"a date that is a number", value("renewal", 20260131), echelonv1.RowError_WRONG_TYPE, "renewal", []string{"date"}, false},
		{"the year 0", value("renewal", "0000-01-01"), echelonv1.RowError_WRONG_TYPE, "renewal", nil, false},
		{"a timestamp that is a date", value("seen", "2026-01-31"), echelonv1.RowError_WRONG_TYPE, "seen", []string{"RFC 3339"}, false},
		{"a timestamp in nanoseconds", value("seen", "2026-01-31T12:00:00.000000001Z"), echelonv1.RowError_WRONG_TYPE, "seen", []string{"microsecond"}, false},
		{"a text for a list", value("tags", "a"), echelonv1.RowError_WRONG_TYPE, "tags", []string{"list"}, false},
		{"a list with a number", value("tags", []any{"a", 1}), echelonv1.RowError_WRONG_TYPE, "tags", []string{"tags[1]"}, false},
		{"a list of 64 KiB and a byte", value("tags", []any{strings.Repeat("x", 64<<10), "y"}), echelonv1.RowError_VALUE_TOO_LONG, "tags", nil, false},
		{"an object", value("note", map[string]any{"a": 1}), echelonv1.RowError_WRONG_TYPE, "note", []string{"object"}, false},
	}
	for i, row := range rows {
		if id := row.customer.GetId(); id == "value" || id == "number" {
			row.customer.Id = fmt.Sprintf("bad%02d", i)
		}
	}
	return rows
}

// batchOfRows is bad rows between good ones, so that places are told apart; row 0 has the id "first".
func batchOfRows() (customers []*echelonv1.Customer, bad map[int64]badRow) {
	customers, bad = []*echelonv1.Customer{customer("first", attrs{"arr": 1})}, make(map[int64]badRow)
	for i, row := range badRows() {
		bad[int64(len(customers))] = row
		customers = append(customers, row.customer, customer(fmt.Sprintf("good%02d", i), attrs{"arr": float64(i), "note": nil}))
	}
	limit := customer(strings.Repeat("x", 512), attrs{"note": strings.Repeat("y", 64<<10), "tags": []any{strings.Repeat("z", 64<<10)}})
	return append(customers, limit), bad
}

func (row badRow) check(t *testing.T, e *echelonv1.RowError) {
	t.Helper()
	if e.GetCode() != row.code || e.GetField() != row.field {
		t.Errorf("%s: got %v of %q", row.name, e.GetCode(), e.GetField())
	}
	for _, word := range row.words {
		if !strings.Contains(e.GetMessage(), word) {
			t.Errorf("%s: %q does not say %q", row.name, e.GetMessage(), word)
		}
	}
	if len(e.GetMessage()) > 1000 {
		t.Errorf("%s: the message has %d bytes", row.name, len(e.GetMessage()))
	}
}

// checkRows compares the errors of a batch with the bad rows. Rows that only a model refuses are left out where there is none.
func checkRows(t *testing.T, bad map[int64]badRow, errors []*echelonv1.RowError, withModel bool) {
	t.Helper()
	seen := make(map[int64]bool)
	last := int64(-1)
	for _, e := range errors {
		row, known := bad[e.GetIndex()]
		if !known || e.GetIndex() <= last {
			t.Fatalf("row %d after %d is refused: %v", e.GetIndex(), last, e)
		}
		last, seen[e.GetIndex()] = e.GetIndex(), true
		row.check(t, e)
	}
	for index, row := range bad {
		if want := withModel || !row.ofModel; seen[index] != want {
			t.Errorf("%s: refused is %t, want %t", row.name, seen[index], want)
		}
	}
}

func TestABadRowIsAnErrorOfItsOwnAndTheStreamGoesOn(t *testing.T) {
	h := start(t)
	h.create(plain)
	customers, bad := batchOfRows()
	for _, p := range protocols {
		t.Run(p.name, func(t *testing.T) {
			answers, err := h.exchange(p, p.header(), p.rows(1, customers...), p.rows(2), p.rows(3, customer("last", nil)))
			h.must(err)
			switch a := answers[min(1, len(answers)-1)].(type) {
			case *echelonv1.BulkAssignResponse:
				checkRows(t, bad, a.GetBatch().GetErrors(), true)
				if got, want := len(a.GetBatch().GetAssignments()), len(customers)-len(bad); got != want {
					t.Fatalf("%d assignments, want %d", got, want)
				}
				for i, k := 0, 0; i < len(customers); i++ {
					if _, refused := bad[int64(i)]; !refused {
						if got := a.GetBatch().GetAssignments()[k].GetCustomerId(); got != customers[i].GetId() {
							t.Errorf("assignment %d is of %q", k, got)
						}
						k++
					}
				}
				if last := answers[3].(*echelonv1.BulkAssignResponse).GetBatch(); last.GetSequence() != 3 || last.GetAssignments()[0].GetCustomerId() != "last" {
					t.Errorf("after a bad batch: %v", last)
				}
			case *echelonv1.ImportCustomersResponse:
				checkRows(t, bad, a.GetBatch().GetErrors(), false)
				if got, want := int(a.GetBatch().GetStored()), len(customers)-len(a.GetBatch().GetErrors()); got != want {
					t.Errorf("%d stored, want %d", got, want)
				}
				if second := answers[2].(*echelonv1.ImportCustomersResponse).GetBatch(); second.GetStored() != 0 || second.GetSequence() != 2 {
					t.Errorf("an empty batch: %v", second)
				}
			case *echelonv1.CalibrateResponse:
				checkRows(t, bad, a.GetErrors(), true)
				if c := a.GetCalibration(); int(c.GetRefused()) != len(bad) || int(c.GetCustomers()) != len(customers)+1-len(bad) {
					t.Errorf("it learned from %d and refused %d", c.GetCustomers(), c.GetRefused())
				}
			}
		})
	}
}

func TestUnknownAttributesAreIgnoredWhereThatIsAsked(t *testing.T) {
	h := start(t)
	h.create(plain)
	row := customer("a", attrs{"arr": 60, "mascot": "owl"})
	evaluator := storedModel("plain")
	evaluator.IgnoreUnknownAttributes = true
	scored, err := h.scoring.ScoreCustomer(h.context(), given(evaluator, row))
	h.must(err)
	if got := scored.GetAssignment().GetTiers()[0].GetTier(); got != "high" {
		t.Errorf("the tier is %q", got)
	}
	assigned, err := h.exchange(bulkAssign, &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{
		Header: &echelonv1.BulkAssignHeader{Evaluator: evaluator}}}, bulkAssign.rows(1, row))
	h.must(err)
	if batch := assigned[1].(*echelonv1.BulkAssignResponse).GetBatch(); len(batch.GetErrors()) > 0 || len(batch.GetAssignments()) != 1 {
		t.Errorf("BulkAssign: %v", batch)
	}
	imported, err := h.exchange(importCustomers, &echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{
		Header: &echelonv1.ImportHeader{IgnoreUnknownAttributes: true}}}, importCustomers.rows(1, row))
	h.must(err)
	if batch := imported[1].(*echelonv1.ImportCustomersResponse).GetBatch(); batch.GetStored() != 1 {
		t.Errorf("ImportCustomers: %v", batch)
	}
	learned, err := h.exchange(calibrate, &echelonv1.CalibrateRequest{Message: &echelonv1.CalibrateRequest_Header{
		Header: &echelonv1.CalibrateHeader{Evaluator: evaluator}}}, calibrate.rows(1, row))
	h.must(err)
	if got := learned[0].(*echelonv1.CalibrateResponse); got.GetCalibration().GetCustomers() != 1 {
		t.Errorf("Calibrate: %v", got)
	}
}

func TestUnaryCallsRefuseWhatStreamsRefuse(t *testing.T) {
	h := start(t)
	h.create(plain)
	h.upsert("first", attrs{"arr": 1})
	for _, row := range badRows() {
		if row.code == echelonv1.RowError_DUPLICATE_ID {
			continue // an upsert replaces
		}
		t.Run(row.name, func(t *testing.T) {
			field := "attributes." + row.field
			if row.field == "" {
				field = "id"
			}
			want := wanted{codes.InvalidArgument, echelonv1.ErrorReason_CUSTOMER_INVALID, []string{field}, row.words}
			_, err := h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: row.customer})
			if row.ofModel {
				h.must(err)
			} else {
				want.check(t, err)
			}
			if row.code == echelonv1.RowError_EMPTY_ID {
				return // a customer that is only scored needs no id
			}
			err = score(h, given(storedModel("plain"), row.customer))
			want.check(t, err)
			info, _ := details(status.Convert(err))
			if info.GetMetadata()["code"] != row.code.String() {
				t.Errorf("the code of the row is %q", info.GetMetadata()["code"])
			}
		})
	}
}

func TestABatchOfCallsHasAnOutcomeOrAStatusEach(t *testing.T) {
	h := start(t)
	h.create(plain)
	customers, bad := batchOfRows()
	got, err := h.scoring.BatchScoreCustomers(h.context(), &echelonv1.BatchScoreCustomersRequest{Evaluator: storedModel("plain"), Customers: customers})
	h.must(err)
	if len(got.GetResults()) != len(customers) || got.GetProvenance().GetModel() != "plain" {
		t.Fatalf("%d results by %v", len(got.GetResults()), got.GetProvenance())
	}
	for i, result := range got.GetResults() {
		row, refused := bad[int64(i)]
		if !refused {
			if result.GetAssignment().GetCustomerId() != customers[i].GetId() {
				t.Errorf("result %d: %v", i, result)
			}
			continue
		}
		want := wanted{codes.InvalidArgument, echelonv1.ErrorReason_CUSTOMER_INVALID, nil, row.words}
		want.check(t, status.ErrorProto(result.GetError()))
	}
}

// A customer that is given without an id is called nothing, and not by what stands for it within.
func TestACustomerWithoutAnIDIsScoredAndNotRenamed(t *testing.T) {
	h := start(t)
	h.create(plain)
	scored, err := h.scoring.ScoreCustomer(h.context(), given(storedModel("plain"), customer("", attrs{"arr": 60})))
	h.must(err)
	if scored.GetAssignment().GetCustomerId() != "" {
		t.Errorf("its id is %q", scored.GetAssignment().GetCustomerId())
	}
	err = score(h, given(storedModel("plain"), customer("", attrs{"arr": "much"})))
	if text := strings.ToLower(err.Error()); strings.Contains(text, "10ffff") || strings.Contains(text, "\U0010FFFF") {
		t.Errorf("the error calls the customer by an id that it does not have: %v", err)
	}
}
