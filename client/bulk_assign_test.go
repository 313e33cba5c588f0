package client_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

var header = &echelonv1.BulkAssignHeader{Evaluator: client.StoredModel("accounts", 3)}

func TestOutcomesComeInOrderWhateverTheBatchesAre(t *testing.T) {
	t.Cleanup(func() { checkNoGoroutines(t) })
	rapid.Check(t, func(t *rapid.T) {
		customers, want := drawCustomers(t)
		rows, window := rapid.IntRange(1, 12).Draw(t, "rows"), rapid.IntRange(1, 5).Draw(t, "window")
		c, stop := serve(&fake{bulkAssign: honest}, client.WithBatchRows(rows), client.WithWindow(window))
		defer stop()
		var got []client.Outcome
		for outcome, err := range c.BulkAssign(t.Context(), header, all(customers...)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, outcome)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform(), protocmp.IgnoreFields(&echelonv1.RowError{}, "message")); diff != "" {
			t.Fatal(diff)
		}
	})
}

// drawCustomers returns customers, some of which the client refuses and some the service, and their outcomes.
func drawCustomers(t *rapid.T) ([]*echelonv1.Customer, []client.Outcome) {
	var customers []*echelonv1.Customer
	var outcomes []client.Outcome
	for i, kind := range rapid.SliceOfN(rapid.IntRange(0, 5), 0, 60).Draw(t, "kinds") {
		id, outcome := fmt.Sprint("c", i), client.Outcome{Index: int64(i)}
		switch kind {
		case 0:
			customers = append(customers, customer(id, "refuse", true))
			outcome.Error = &echelonv1.RowError{Index: int64(i), CustomerId: id, Field: "refuse", Code: echelonv1.RowError_WRONG_TYPE}
		case 1:
			customers = append(customers, customer(id, "tier", "\xff"))
			outcome.Error = &echelonv1.RowError{Index: int64(i), CustomerId: id, Field: "tier", Code: echelonv1.RowError_INVALID_UTF8}
		case 2:
			customers = append(customers, customer("\xff"+id))
			outcome.Error = &echelonv1.RowError{Index: int64(i), CustomerId: `"\xff` + id + `"`, Code: echelonv1.RowError_INVALID_UTF8}
		default:
			tier := fmt.Sprint("T", kind)
			customers = append(customers, customer(id, "tier", tier))
			outcome.Assignment = &echelonv1.Assignment{
				CustomerId: id, Provenance: provenance, Tiers: []*echelonv1.TierOutcome{{Tiering: "coverage", Tier: &tier}},
			}
		}
		outcomes = append(outcomes, outcome)
	}
	return customers, outcomes
}

func TestMoreThanTheBuffersHoldGoesBothWays(t *testing.T) {
	// A client that only sends comes to a halt after about 13 MiB with a service that answers what it gets before it takes more.
	const customers, size = 360, 60_000
	padding := strings.Repeat("x", size)
	received, answered := 0, 0
	c := start(t, &fake{bulkAssign: func(s assignServer) error {
		if _, err := s.Recv(); err != nil {
			return err
		}
		if err := s.Send(opened()); err != nil {
			return err
		}
		for {
			b, err := nextBatch(s)
			if err != nil || b == nil {
				return err
			}
			answer := assign(b)
			for i, customer := range b.GetRows().GetCustomers() {
				received += len(customer.GetAttributes().GetFields()["tier"].GetStringValue())
				answer.Assignments[i].Reasons = []*echelonv1.Reason{{Message: padding}}
			}
			if err := s.Send(assigned(answer)); err != nil {
				return err
			}
		}
	}}, client.WithBatchRows(10), client.WithWindow(40))
	padded := func(yield func(*echelonv1.Customer, error) bool) {
		for i := range customers {
			if !yield(customer(fmt.Sprint("c", i), "tier", padding), nil) {
				return
			}
		}
	}
	for outcome, err := range c.BulkAssign(t.Context(), header, padded) {
		if err != nil {
			t.Fatal(err)
		}
		answered += len(outcome.Assignment.GetReasons()[0].GetMessage())
	}
	if want := customers * size; received != want || answered != want || want < 20<<20 {
		t.Errorf("%d bytes came and %d bytes were answered, want %d", received, answered, want)
	}
}

func TestABatchEndsAtItsRowsOrItsBytes(t *testing.T) {
	for _, test := range []struct {
		name         string
		header       *echelonv1.BulkAssignHeader
		count, bytes int // customers, and bytes of each
		options      []client.Option
		want         []int // rows of each batch
	}{
		{"rows as told", header, 25, 10, []client.Option{client.WithBatchRows(10)}, []int{10, 10, 5}},
		{"a thousand rows where nothing is told", header, 2001, 10, nil, []int{1000, 1000, 1}},
		{"four mebibytes", header, 9, 1 << 20, nil, []int{3, 3, 3}},
		{"a customer above four mebibytes for itself", header, 2, 5 << 20, nil, []int{1, 1}},
		{"a hundred rows with explanations", &echelonv1.BulkAssignHeader{Explain: true}, 201, 10, nil, []int{100, 100, 1}},
		{"fewer rows with explanations where told", &echelonv1.BulkAssignHeader{Explain: true}, 3, 10, []client.Option{client.WithBatchRows(2)}, []int{2, 1}},
		{"nothing for nobody", header, 0, 0, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []int
			c := start(t, &fake{bulkAssign: func(s assignServer) error {
				return honest(watched{s, func(b *echelonv1.CustomerBatch) { got = append(got, len(b.GetRows().GetCustomers())) }})
			}}, test.options...)
			text := strings.Repeat("x", test.bytes)
			outcomes, err := collect(t, c.BulkAssign(t.Context(), test.header, repeat(test.count, customer("c", "x", text))))
			if err != nil || len(outcomes) != test.count {
				t.Fatalf("%d outcomes and error %v", len(outcomes), err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// watched tells of the batches that come.
type watched struct {
	assignServer
	see func(*echelonv1.CustomerBatch)
}

func (w watched) Recv() (*echelonv1.BulkAssignRequest, error) {
	request, err := w.assignServer.Recv()
	if b := request.GetBatch(); b != nil {
		w.see(b)
	}
	return request, err
}

func repeat(n int, customer *echelonv1.Customer) iter.Seq2[*echelonv1.Customer, error] {
	return func(yield func(*echelonv1.Customer, error) bool) {
		for range n {
			if !yield(customer, nil) {
				return
			}
		}
	}
}

func TestACustomerThatFitsIntoNoMessageIsRefusedAndTheOthersGoOn(t *testing.T) {
	c := start(t, &fake{bulkAssign: honest})
	huge := strings.Repeat("x", 16<<20)
	outcomes, err := collect(t, c.BulkAssign(t.Context(), header, all(
		customer("before"), customer("large", "a", "x", "b", huge, "c", "x"), customer(huge), customer("after"))))
	if err != nil || len(outcomes) != 4 {
		t.Fatalf("%d outcomes and error %v", len(outcomes), err)
	}
	large, long := outcomes[1].Error, outcomes[2].Error
	if large.GetCode() != echelonv1.RowError_VALUE_TOO_LONG || large.GetField() != "b" || large.GetIndex() != 1 || large.GetCustomerId() != "large" ||
		!strings.Contains(large.GetMessage(), `shorten its attributes, "b" first`) {
		t.Errorf("the large customer came back as %v", large)
	}
	if long.GetCode() != echelonv1.RowError_ID_TOO_LONG || long.GetIndex() != 2 || len(long.GetCustomerId()) != 512 {
		t.Errorf("the long id came back with code %v, index %d and %d bytes", long.GetCode(), long.GetIndex(), len(long.GetCustomerId()))
	}
	if outcomes[0].Assignment.GetCustomerId() != "before" || outcomes[3].Assignment.GetCustomerId() != "after" {
		t.Errorf("the others came back as %v and %v", outcomes[0], outcomes[3])
	}
}

func TestAnIteratorCanBeRangedOverAgain(t *testing.T) {
	c := start(t, &fake{bulkAssign: honest}, client.WithBatchRows(2))
	outcomes := c.BulkAssign(t.Context(), header, numbered(5))
	first, err := collect(t, outcomes)
	if err != nil {
		t.Fatal(err)
	}
	second, err := collect(t, outcomes)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second, protocmp.Transform()); diff != "" || len(first) != 5 {
		t.Errorf("%d outcomes: %s", len(first), diff)
	}
}
