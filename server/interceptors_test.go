package server_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// troubled is a store whose calls fail, or panic, as long as there is trouble.
type troubled struct {
	storage.Store
	trouble atomic.Pointer[func() error]
}

func newTroubled(t *testing.T) *troubled {
	store := memory.New()
	t.Cleanup(func() { _ = store.Close() })
	return &troubled{Store: store}
}

// make begins trouble; nil ends it.
func (s *troubled) make(trouble func() error) {
	if trouble == nil {
		s.trouble.Store(nil)
		return
	}
	s.trouble.Store(&trouble)
}

func (s *troubled) err() error {
	if trouble := s.trouble.Load(); trouble != nil {
		return (*trouble)()
	}
	return nil
}

func (s *troubled) View(ctx context.Context) (storage.Reader, error) {
	reader, err := s.Store.View(ctx)
	return &troubledReader{reader, s}, err
}

func (s *troubled) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return s.Store.Update(ctx, func(tx storage.Tx) error { return fn(&troubledTx{tx, s}) })
}

type troubledTx struct {
	storage.Tx
	store *troubled
}

func (t *troubledTx) PutCustomers(customers *frame.Frame, at time.Time) error {
	if err := t.store.err(); err != nil {
		return err
	}
	return t.Tx.PutCustomers(customers, at)
}

type troubledReader struct {
	storage.Reader
	store *troubled
}

func (r *troubledReader) Customer(id string, view *frame.Schema) (*storage.CustomerBatch, error) {
	if err := r.store.err(); err != nil {
		return nil, err
	}
	return r.Reader.Customer(id, view)
}

func (r *troubledReader) Customers(ctx context.Context, view *frame.Schema, scan storage.CustomerScan) iter.Seq2[*storage.CustomerBatch, error] {
	return func(yield func(*storage.CustomerBatch, error) bool) {
		if err := r.store.err(); err != nil {
			yield(nil, err)
			return
		}
		r.Reader.Customers(ctx, view, scan)(yield)
	}
}

func (r *troubledReader) CustomerPages(ctx context.Context, view *frame.Schema, scan storage.CustomerScan, readers int) iter.Seq2[storage.CustomerPage, error] {
	return func(yield func(storage.CustomerPage, error) bool) {
		if err := r.store.err(); err != nil {
			yield(nil, err)
			return
		}
		r.Reader.CustomerPages(ctx, view, scan, readers)(yield)
	}
}

// calls are a call of each shape that reaches the store.
func calls(h *harness) map[string]func() error {
	return map[string]func() error{
		"GetCustomer": func() error {
			_, err := h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "acme"})
			return err
		},
		"ExportCustomers": func() error {
			stream, err := h.customers.ExportCustomers(h.context(), &echelonv1.ExportCustomersRequest{})
			h.must(err)
			_, err = collect(stream.Recv)
			return err
		},
		"ImportCustomers": func() error {
			stream := h.opened(h.context(), h.conn, importCustomers)
			h.must(stream.SendMsg(importCustomers.rows(1, customer("acme", nil))))
			h.must(stream.CloseSend())
			_, err := collectStream(stream)
			return err
		},
	}
}

func TestAPanicIsCountedLoggedAndAnswered(t *testing.T) {
	store := newTroubled(t)
	h := serve(t, store)
	h.create(plain)
	h.upsert("acme", nil)
	before := goleak.IgnoreCurrent()
	store.make(func() error { panic("the secret of " + "the store") })
	for method, call := range calls(h) {
		wanted{codes.Internal, echelonv1.ErrorReason_INTERNAL_FAULT, nil, []string{"log"}}.check(t, call())
		if n := h.handled(method, codes.Internal); n != 1 {
			t.Errorf("%s: %v calls are counted as Internal", method, n)
		}
	}
	log := h.log.String()
	if strings.Count(log, "the secret of the store") < 3 || !strings.Contains(log, "troubled") || !strings.Contains(log, "ImportCustomers") {
		t.Errorf("the log has not three panics with their stacks:\n%s", log)
	}
	store.make(nil)
	for method, call := range calls(h) {
		if err := call(); err != nil {
			t.Errorf("%s after a panic: %v", method, err)
		}
	}
	if err := goleak.Find(before); err != nil {
		t.Errorf("a panic left work behind: %v", err)
	}
}

// handled is how many calls of a method the metrics count with a code.
func (h *harness) handled(method string, code codes.Code) float64 {
	h.Helper()
	families, err := h.metrics.Gather()
	h.must(err)
	for _, family := range families {
		if family.GetName() != "grpc_server_handled_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := make(map[string]string)
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if labels["grpc_method"] == method && labels["grpc_code"] == code.String() {
				return metric.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestErrorsOfTheStoreBecomeWhatACallerCanUse(t *testing.T) {
	internal := wanted{codes.Internal, echelonv1.ErrorReason_INTERNAL_FAULT, nil, []string{"log"}}
	for _, test := range []struct {
		name string
		err  error
		wanted
	}{
		{"an error with a path", errors.New("open /var/lib/echelon/000001.sst: input/output error"), internal},
		{"damage on the disk", &storage.CorruptError{What: `customer "acme"`, Err: errors.New("its check sum does not match")}, internal},
		{"a rule of the interface", storage.ErrInvalid, internal},
		{"others changing the same", storage.ErrConflict, wanted{codes.Aborted, echelonv1.ErrorReason_CONFLICT, nil, []string{"try again"}}},
		{"more than a commit takes", storage.ErrTooLarge, wanted{codes.InvalidArgument, echelonv1.ErrorReason_BATCH_TOO_LARGE, nil, []string{"fewer"}}},
		{"a full disk", storage.ErrDiskFull, wanted{codes.FailedPrecondition, echelonv1.ErrorReason_STORE_READ_ONLY, nil, []string{"free space"}}},
		{"a folder that cannot be written", storage.ErrReadOnly, wanted{codes.FailedPrecondition, echelonv1.ErrorReason_STORE_READ_ONLY, nil, []string{"folder"}}},
		{"a closed store", storage.ErrClosed, wanted{codes.Unavailable, echelonv1.ErrorReason_SHUTTING_DOWN, nil, []string{"again"}}},
		{"another type", &storage.SchemaConflictError{Conflicts: []storage.SchemaConflict{{
			Name: "arr", Stored: echelonv1.Attribute_NUMBER, Given: echelonv1.Attribute_STRING}}},
			wanted{codes.FailedPrecondition, echelonv1.ErrorReason_SCHEMA_CONFLICT, []string{"arr"}, nil}},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := newTroubled(t)
			h := serve(t, store)
			h.create(plain)
			h.upsert("acme", nil)
			store.make(func() error { return test.err })
			for method, call := range calls(h) {
				err := call()
				test.check(t, err)
				if got := lastSequence(err); method == "ImportCustomers" && got != "0" {
					t.Errorf("the last batch that was stored is said to be %q", got)
				}
				if strings.Contains(err.Error(), "sst") || strings.Contains(err.Error(), "check sum") {
					t.Errorf("%s shows what is internal: %v", method, err)
				}
			}
			if logged := strings.Contains(h.log.String(), "internal fault"); logged != (test.code == codes.Internal) {
				t.Errorf("the log holds the cause: %t\n%s", logged, h.log)
			}
			store.make(nil)
			h.serving()
		})
	}
}

func TestARunThatFailsSaysSoAndTheServerGoesOn(t *testing.T) {
	for name, trouble := range map[string]func() error{
		"an error": func() error { return errors.New("open /var/lib/echelon/000001.sst: input/output error") },
		"damage": func() error {
			return &storage.CorruptError{What: `customer "acme"`, Err: errors.New("its check sum does not match")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := newTroubled(t)
			h := serve(t, store)
			h.create(plain)
			h.upsert("acme", nil)
			store.make(trouble)
			run := h.run("plain")
			if run.GetState() != echelonv1.Run_FAILED || run.GetFailure() == "" || run.GetEndTime() == nil {
				t.Errorf("the run is %v", run)
			}
			for _, word := range append(internals, "sst") {
				if strings.Contains(run.GetFailure(), word) {
					t.Errorf("the failure shows %q: %q", word, run.GetFailure())
				}
			}
			wanted{codes.FailedPrecondition, echelonv1.ErrorReason_RUN_STATE, nil, []string{"FAILED", run.GetId()}}.check(t, h.publish(run.GetId()))
			stream, err := h.assignments.ExportAssignments(h.context(), &echelonv1.ExportAssignmentsRequest{Model: "plain", RunId: run.GetId()})
			h.must(err)
			_, err = collect(stream.Recv)
			wanted{codes.FailedPrecondition, echelonv1.ErrorReason_RUN_STATE, nil, []string{"FAILED"}}.check(t, err)
			store.make(nil)
			h.published("plain")
		})
	}
}
