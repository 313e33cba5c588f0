package server_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// processors lets a test run on that many, whatever the machine has.
func processors(t *testing.T, n int) {
	before := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// unevenBatches are batches of which later ones are often done before earlier ones, some with rows that are refused and some without any.
func unevenBatches(n int) (batches [][]*echelonv1.Customer) {
	for i := range n {
		batch := manyCustomers("c", []int{700, 0, 1, 30, 1, 200, 2}[i%7], attrs{"arr": float64(i), "employees": float64(i * 17), "note": fmt.Sprint(i)})
		if i%3 == 0 && len(batch) > 1 {
			batch[1] = customer("bad", attrs{"employees": "many"})
		}
		batches = append(batches, batch)
	}
	return batches
}

// deterministic is a message's bytes: messages that are equal to the bit have the same.
func deterministic(t *testing.T, message proto.Message) string {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestAStreamIsAnsweredInOrderHoweverManyBatchesAreEvaluatedAtOnce(t *testing.T) {
	processors(t, 8)
	messages := []any{bulkAssign.header()}
	for i, batch := range unevenBatches(60) {
		messages = append(messages, bulkAssign.rows(int64(i+1), batch...))
	}
	var want []string
	for _, most := range []int{1, 2, 8} {
		h := start(t, func(c *server.Config) { c.MaxEvaluations = most })
		h.create(plain)
		answers, err := h.exchange(bulkAssign, messages...)
		h.must(err)
		var got []string
		for i, answer := range answers {
			if sequence := answer.(*echelonv1.BulkAssignResponse).GetBatch().GetSequence(); sequence != int64(i) {
				t.Fatalf("%d at once: answer %d is that to the batch %d", most, i, sequence)
			}
			got = append(got, deterministic(t, answer))
		}
		if want == nil {
			want = got
		}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%d at once: the answers differ from those of one after another", most)
		}
		h.released("evaluations", "bulk_streams", "bytes")
	}
}

// Whatever goes wrong with a batch, those before it are answered and none after it, though they may have been evaluated before.
func TestABatchThatFailsEndsAStreamAfterTheAnswersToThoseBeforeIt(t *testing.T) {
	processors(t, 8)
	const bad = 7
	for _, p := range []protocol{bulkAssign, importCustomers} {
		t.Run(p.name, func(t *testing.T) {
			h := start(t, func(c *server.Config) { c.MaxEvaluations = 8 })
			h.create(plain)
			messages := []any{p.header()}
			for i := 1; i <= 12; i++ {
				batch := p.rows(int64(i), manyCustomers("c", 300/i, attrs{"arr": float64(i)})...)
				if i != bad {
					messages = append(messages, batch)
					continue
				}
				data, err := proto.Marshal(p.rows(bad, customer("c00000", attrs{"note": "broken"})))
				h.must(err)
				messages = append(messages, wire(strings.Replace(string(data), "broken", "brok\xff\xfe", 1)))
			}
			answers, err := h.exchange(p, messages...)
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, nil, []string{"decoded", "UTF-8"}}.check(t, err)
			if len(answers) != bad || lastSequence(err) != fmt.Sprint(bad-1) {
				t.Errorf("there are %d answers, and the last batch is %q", len(answers), lastSequence(err))
			}
			h.released("evaluations", "bulk_streams", "bytes")
			if p.name != importCustomers.name {
				return
			}
			stored, err := h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "c00000"})
			h.must(err)
			if arr := stored.GetCustomer().GetAttributes().GetFields()["arr"].GetNumberValue(); arr != bad-1 {
				t.Errorf("the customer is stored as batch %v has it", arr)
			}
		})
	}
}

func TestAnImportStoresItsBatchesInOrder(t *testing.T) {
	processors(t, 8)
	h := start(t, func(c *server.Config) { c.MaxEvaluations = 8 })
	h.create(plain)
	messages := []any{importCustomers.header()}
	for i := 1; i <= 60; i++ {
		messages = append(messages, importCustomers.rows(int64(i), manyCustomers("c", 1+600*(i%2), attrs{"arr": float64(i)})...))
	}
	_, err := h.exchange(importCustomers, messages...)
	h.must(err)
	for id, want := range map[string]float64{"c00000": 60, "c00001": 59} {
		stored, err := h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: id})
		h.must(err)
		if arr := stored.GetCustomer().GetAttributes().GetFields()["arr"].GetNumberValue(); arr != want {
			t.Errorf("%s is stored as batch %v has it, not %v", id, arr, want)
		}
	}
}
