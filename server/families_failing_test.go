package server_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

// blindAfter is a store that cannot be read once customers were written.
type blindAfter struct {
	storage.Store
	armed, blind atomic.Bool
}

func (s *blindAfter) Update(ctx context.Context, f func(storage.Tx) error) error {
	err := s.Store.Update(ctx, f)
	s.blind.Store(s.armed.Load())
	return err
}

func (s *blindAfter) View(ctx context.Context) (storage.Reader, error) {
	if s.blind.Load() {
		return nil, errors.New("the disk is gone")
	}
	return s.Store.View(ctx)
}

// A batch that is stored and cannot be answered is the last one that was done.
func TestABatchThatIsStoredIsToldAsStoredThoughItsAnswerCannotBeMade(t *testing.T) {
	store := &blindAfter{Store: memory.New()}
	t.Cleanup(func() { _ = store.Close() })
	h := serve(t, store)
	h.create(plain)
	store.armed.Store(true)
	_, err := h.exchange(importCustomers, importCustomers.header(), importCustomers.rows(1, customer("a", attrs{"arr": 1})),
		importCustomers.rows(2, customer("b", attrs{"arr": 1})))
	if lastSequence(err) != "1" {
		t.Errorf("the last batch is %q: %v", lastSequence(err), err)
	}
	store.armed.Store(false)
	store.blind.Store(false)
	_, err = h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "a"})
	h.must(err)
	if _, err = h.customers.GetCustomer(h.context(), &echelonv1.GetCustomerRequest{CustomerId: "b"}); err == nil {
		t.Error("the batch after it is stored")
	}
}
