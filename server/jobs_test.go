package server_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/server"
)

// jobHeader opens an import under a job id.
func jobHeader(id string) proto.Message {
	return &echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{Header: &echelonv1.ImportHeader{JobId: id}}}
}

// answersOf are the answers of an import: where its job stood, and those to its batches.
func answersOf(answers []proto.Message) (last int64, batches []*echelonv1.ImportedBatch) {
	for i, answer := range answers {
		if i == 0 {
			last = answer.(*echelonv1.ImportCustomersResponse).GetOpened().GetLastSequence()
			continue
		}
		batches = append(batches, answer.(*echelonv1.ImportCustomersResponse).GetBatch())
	}
	return last, batches
}

// arrOf is the arr of a stored customer.
func arrOf(h *harness, id string) float64 {
	h.Helper()
	got, err := h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: id})
	h.must(err)
	return got.GetCustomer().GetAttributes().GetFields()["arr"].GetNumberValue()
}

func TestAJobsBatchIsAcknowledgedAgainAndNotStoredAgain(t *testing.T) {
	h := start(t)
	h.create(plain)
	one := importCustomers.rows(1, customer("a", attrs{"arr": 1}), customer("bad", attrs{"arr": "much"}))
	two := importCustomers.rows(2, customer("b", attrs{"arr": 2}))
	answers, err := h.exchange(importCustomers, jobHeader("nightly"), one, two, one)
	h.must(err)
	last, batches := answersOf(answers)
	if last != 0 || len(batches) != 3 || batches[0].GetStored() != 1 || len(batches[0].GetErrors()) != 1 || batches[0].GetRepeated() || !batches[2].GetRepeated() {
		t.Fatalf("the job stood at %d and the answers are %v", last, batches)
	}
	// Somebody else writes the customer, and nobody may undo that by sending the job again.
	_, err = h.customers.UpsertCustomer(h.context(), &echelonv1.UpsertCustomerRequest{Customer: customer("a", attrs{"arr": 77})})
	h.must(err)
	three := importCustomers.rows(3, customer("c", attrs{"arr": 3}))
	answers, err = h.exchange(importCustomers, jobHeader("nightly"), one, two, three)
	h.must(err)
	last, again := answersOf(answers)
	if last != 2 || len(again) != 3 || !again[0].GetRepeated() || !again[1].GetRepeated() || again[2].GetRepeated() {
		t.Fatalf("the job stood at %d and the answers are %v", last, again)
	}
	again[0].Repeated, again[1].Repeated = false, false
	if !proto.Equal(again[0], batches[0]) || !proto.Equal(again[1], batches[1]) {
		t.Errorf("the batches are answered %v, and were %v", again, batches)
	}
	if arrOf(h, "a") != 77 || arrOf(h, "c") != 3 {
		t.Errorf("a has %v and c %v", arrOf(h, "a"), arrOf(h, "c"))
	}
}

func TestMisuseOfAJobIsSaidAndStoresNothing(t *testing.T) {
	now := noon
	h := start(t, func(c *server.Config) { c.Now = func() time.Time { return now } })
	h.create(plain)
	row := func(arr float64) []*echelonv1.Customer {
		return []*echelonv1.Customer{customer("a", attrs{"arr": arr})}
	}
	_, err := h.exchange(importCustomers, jobHeader("j"), importCustomers.rows(1, row(1)...), importCustomers.rows(2, row(2)...))
	h.must(err)
	other := &echelonv1.ImportCustomersRequest{Message: &echelonv1.ImportCustomersRequest_Header{
		Header: &echelonv1.ImportHeader{JobId: "j", IgnoreUnknownAttributes: true}}}
	long := make([]byte, 129)
	for i := range long {
		long[i] = 'x'
	}
	failed := codes.FailedPrecondition
	for _, test := range []struct {
		name   string
		header proto.Message
		batch  proto.Message
		later  time.Duration
		last   string
		wanted
	}{
		{"other customers than the last time", jobHeader("j"), importCustomers.rows(2, row(9)...), 0, "2",
			wanted{failed, echelonv1.ErrorReason_BATCH_MISMATCH, nil, []string{"batch 2", "same customers", "new id"}}},
		{"other customers than some times ago", jobHeader("j"), importCustomers.rows(1, row(9)...), 0, "2",
			wanted{failed, echelonv1.ErrorReason_BATCH_MISMATCH, nil, []string{"batch 1"}}},
		{"a gap", jobHeader("j"), importCustomers.rows(4, row(9)...), 0, "2",
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_OUT_OF_SEQUENCE, nil, []string{"sequence 4", "3 follows"}}},
		{"a gap at the beginning", jobHeader("new"), importCustomers.rows(2, row(9)...), 0, "0",
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_OUT_OF_SEQUENCE, nil, []string{"sequence 2", "1 follows"}}},
		{"counting from 0", jobHeader("j"), importCustomers.rows(0, row(9)...), 0, "2",
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_OUT_OF_SEQUENCE, nil, []string{"sequence 0", "3 follows"}}},
		{"other options", other, importCustomers.rows(3, row(9)...), 0, "0",
			wanted{failed, echelonv1.ErrorReason_JOB_MISMATCH, nil, []string{"other options"}}},
		{"an id that is too long", jobHeader(string(long)), importCustomers.rows(1, row(9)...), 0, "0",
			wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"job_id"}, nil}},
		{"a job that expired", jobHeader("j"), importCustomers.rows(3, row(9)...), 8 * 24 * time.Hour, "0",
			wanted{failed, echelonv1.ErrorReason_JOB_EXPIRED, nil, []string{"number 2", "new id"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			now = noon.Add(test.later)
			_, err := h.exchange(importCustomers, test.header, test.batch)
			test.check(t, err)
			if got := lastSequence(err); got != test.last {
				t.Errorf("last_sequence is %q, want %s", got, test.last)
			}
			if arr := arrOf(h, "a"); arr != 2 {
				t.Errorf("a has %v, what was refused is stored", arr)
			}
			h.serving()
		})
	}
}

func TestAStreamThatStopsTellsWhereItsJobIs(t *testing.T) {
	h := start(t)
	h.create(plain)
	stream := h.open(h.context(), h.conn, importCustomers)
	h.must(stream.SendMsg(jobHeader("j")))
	for i := range int64(3) {
		h.must(stream.SendMsg(importCustomers.rows(i+1, customer(fmt.Sprint("c", i), attrs{"arr": 1}))))
	}
	for range 4 {
		_, err := stream.receive()
		h.must(err)
	}
	go h.stop()
	_, err := collectStream(stream)
	stopping.check(t, err)
	if got := lastSequence(err); got != "3" {
		t.Errorf("last_sequence is %q", got)
	}
}

func TestAnAssignmentStreamGoesOnUnderItsNumbers(t *testing.T) {
	h := start(t)
	h.create(plain)
	header := &echelonv1.BulkAssignRequest{Message: &echelonv1.BulkAssignRequest_Header{
		Header: &echelonv1.BulkAssignHeader{Evaluator: storedModel("plain"), FirstSequence: 7}}}
	answers, err := h.exchange(bulkAssign, header, bulkAssign.rows(7, customer("a", nil)), bulkAssign.rows(8, customer("b", nil)), bulkAssign.rows(10, customer("c", nil)))
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_OUT_OF_SEQUENCE, nil, []string{"sequence 10", "9 follows"}}.check(t, err)
	if got := lastSequence(err); got != "8" || batchesOf(answers) != 2 {
		t.Errorf("last_sequence is %q and %d batches were answered", got, batchesOf(answers))
	}
	header.GetHeader().FirstSequence = -1
	_, err = h.exchange(bulkAssign, header)
	wanted{codes.InvalidArgument, echelonv1.ErrorReason_INVALID_REQUEST, []string{"first_sequence"}, nil}.check(t, err)
}

func TestAStreamLeavesAConnectionThatGrewOld(t *testing.T) {
	h := start(t, func(c *server.Config) {
		c.MaxConnectionAge, c.MaxConnectionAgeGrace = 50*time.Millisecond, 5*time.Minute
	})
	h.create(plain)
	aged := wanted{codes.Unavailable, echelonv1.ErrorReason_RESUME_ELSEWHERE, nil, []string{"its age", "new connection"}}
	// What cannot be resumed stays where it is.
	learning := h.opened(h.context(), h.conn, calibrate)
	for _, p := range []protocol{bulkAssign, importCustomers} {
		stream := h.opened(h.context(), h.conn, p)
		h.must(stream.SendMsg(p.rows(1, customer("a", attrs{"arr": 1}))))
		answers, err := collectStream(stream)
		aged.check(t, err)
		if got := lastSequence(err); got != "1" || batchesOf(answers) != 1 {
			t.Errorf("%s: last_sequence is %q and %d batches were answered", p.name, got, batchesOf(answers))
		}
		// The same client goes on, and on a connection that is not old.
		answers, err = h.exchange(p, p.header(), p.rows(1, customer("b", attrs{"arr": 1})))
		if err != nil || batchesOf(answers) != 1 {
			t.Errorf("%s: %d batches were answered, error %v", p.name, batchesOf(answers), err)
		}
	}
	h.must(learning.SendMsg(calibrate.rows(1, customer("a", attrs{"arr": 1}))))
	h.must(learning.CloseSend())
	if _, err := collectStream(learning); err != nil {
		t.Errorf("a calibration was ended: %v", err)
	}
}

func TestAgesThatStreamsCannotKeepAreRefused(t *testing.T) {
	for _, test := range []struct {
		age, grace, retention time.Duration
		good                  bool
	}{
		{time.Hour, 30 * time.Minute, 0, true},
		{time.Hour, 29 * time.Minute, 0, false},
		{-1, time.Nanosecond, 0, true},
		{0, 0, -time.Second, false},
	} {
		store := start(t).store
		s, err := server.New(context.Background(), store, server.Config{MaxConnectionAge: test.age, MaxConnectionAgeGrace: test.grace, JobRetention: test.retention})
		if err == nil {
			s.Stop()
		}
		if (err == nil) != test.good {
			t.Errorf("an age of %v with a grace of %v and jobs for %v: %v", test.age, test.grace, test.retention, err)
		}
	}
}

// Two connections may send the same job; what one stores the other is told of.
func TestTwoConnectionsOfOneJobStoreEachBatchOnce(t *testing.T) {
	h := start(t)
	h.create(plain)
	conns := []*grpc.ClientConn{h.dial(), h.dial()}
	repeated := make(chan int, len(conns))
	for _, conn := range conns {
		stream := h.open(h.context(), conn, importCustomers)
		h.must(stream.SendMsg(jobHeader("shared")))
		_, err := stream.receive()
		h.must(err)
		go func() {
			n := 0
			defer func() { repeated <- n }()
			for i := range int64(50) {
				if err := stream.SendMsg(importCustomers.rows(i+1, customer(fmt.Sprint("c", i), attrs{"arr": float64(i)}))); err != nil {
					t.Error(err)
					return
				}
				answer, err := stream.receive()
				if err != nil {
					t.Error(err)
					return
				}
				if answer.(*echelonv1.ImportCustomersResponse).GetBatch().GetRepeated() {
					n++
				}
			}
			if err := stream.CloseSend(); err != nil {
				t.Error(err)
			}
			if _, err := stream.receive(); err == nil {
				t.Error("there is an answer too many")
			}
		}()
	}
	if a, b := <-repeated, <-repeated; a+b != 50 {
		t.Errorf("of 100 batches %d and %d were stored before, want 50 in all", a, b)
	}
}
