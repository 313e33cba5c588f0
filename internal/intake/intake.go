package intake

import (
	"context"
	"sync"
	"time"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/catalog"
	"github.com/echelonhq/echelon/internal/feed"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Intake writes customers. It may be used by several goroutines.
type Intake struct {
	store   storage.Store
	catalog *catalog.Catalog
	now     func() time.Time
	// evaluating hears that customers are evaluated as they are written; nil where nobody does.
	evaluating func(model string, customers int) (ended func())

	// feed has the changes of assignments.
	feed *feed.Feed

	// commits is held shared by every write, and alone by Exclusive. What is stored is right without it too, as when another process writes to the
	// store: then a customer that changed at the very moment of a publication is stale in it.
	commits sync.RWMutex

	joinings joinings
	leavers  leavers
}

// New returns the intake of a store.
func New(store storage.Store, c *catalog.Catalog, now func() time.Time) *Intake {
	return &Intake{store: store, catalog: c, now: now, feed: feed.New(store)}
}

// Observe makes somebody hear that a batch of customers is evaluated as it is written, until what it returns is called. It is called before the
// first write.
func (i *Intake) Observe(evaluating func(model string, customers int) (ended func())) {
	i.evaluating = evaluating
}

// Feed returns the changes of assignments.
func (i *Intake) Feed() *feed.Feed { return i.feed }

// Put is customers to be stored.
type Put struct {
	// Customers are the customers; their fields are of the store's schema.
	Customers *frame.Frame
	// Assign asks for their new assignments; nil stores them only, and what was published of them becomes stale.
	Assign *Assign
}

// Assign says what assigns customers.
type Assign struct {
	// Models are the models' names; where empty, all that are published.
	Models []string
}

// Written is what became of a Put.
type Written struct {
	// At is the update time of the customers that were stored.
	At time.Time
	// Stored are those, in their order.
	Stored *frame.Frame
	// Refused are the others: a model that was to assign them refuses them. Their index is the row that they had.
	Refused []*echelonv1.RowError
	// Assigned is how many assignments were stored.
	Assigned int64

	outcomes []outcome
}

// Commit is storage.Store.Update for what writes customers: Exclusive keeps it out.
func (i *Intake) Commit(ctx context.Context, fn func(tx storage.Tx) error) error {
	i.commits.RLock()
	defer i.commits.RUnlock()
	err := i.store.Update(ctx, fn)
	if err == nil {
		i.feed.Wake()
	}
	return err
}

// Put is a Commit of nothing but PutIn.
func (i *Intake) Put(ctx context.Context, put Put) (written *Written, err error) {
	err = i.Commit(ctx, func(tx storage.Tx) error {
		written, err = i.PutIn(ctx, tx, put)
		return err
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

// PutIn stores customers as part of a Commit, with their new assignments where it asks for them, each under what is published at that commit. A
// customer that a model refuses is not stored. MODEL_NOT_FOUND and NOTHING_PUBLISHED where a model that is named, or any at all, cannot assign.
func (i *Intake) PutIn(ctx context.Context, tx storage.Tx, put Put) (*Written, error) {
	written := &Written{At: i.now(), Stored: put.Customers}
	if put.Assign != nil {
		if err := i.assign(ctx, tx, put, written); err != nil {
			return nil, err
		}
	}
	if written.Stored.Len() == 0 {
		return written, nil
	}
	if err := tx.PutCustomers(written.Stored, written.At); err != nil {
		return nil, err
	}
	return written, written.putRows(tx)
}

// Delete removes a customer in one commit, and says whether there was one. Its overrides end, and its assignments are hidden from then on.
func (i *Intake) Delete(ctx context.Context, id string) (existed bool, err error) {
	err = i.Commit(ctx, func(tx storage.Tx) (err error) {
		existed, err = i.remove(ctx, tx, id, false)
		return err
	})
	return existed && err == nil, err
}

// Exclusive calls fn while no write of this process commits.
func (i *Intake) Exclusive(fn func() error) error {
	i.commits.Lock()
	defer i.commits.Unlock()
	return fn()
}
