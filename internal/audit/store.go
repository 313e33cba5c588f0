package audit

import (
	"context"
	"time"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/storage"
)

// store is a store whose changes are written down where their context says who makes them.
type store struct {
	storage.Store
	log *Log
}

// Store returns the log's store, whose changes are written down.
func (l *Log) Store() storage.Store { return &store{Store: l.store, log: l} }

// Update implements storage.Store.
func (s *store) Update(ctx context.Context, fn func(tx storage.Tx) error) error {
	if c := of(ctx); c != nil {
		return s.log.update(ctx, c, fn)
	}
	return s.Store.Update(ctx, fn)
}

// PutCustomers implements storage.Store.
func (s *store) PutCustomers(ctx context.Context, customers *frame.Frame, at time.Time) error {
	return s.Update(ctx, func(tx storage.Tx) error { return tx.PutCustomers(customers, at) })
}

// DeleteCustomer implements storage.Store.
func (s *store) DeleteCustomer(ctx context.Context, id string) (existed bool, err error) {
	err = s.Update(ctx, func(tx storage.Tx) error {
		existed, err = tx.DeleteCustomer(id)
		return err
	})
	return existed, err
}
