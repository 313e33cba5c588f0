package storagetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// Subject is an implementation under test.
type Subject struct {
	// Open returns a new, empty store. The tests close it.
	Open func(t *testing.T) storage.Store
	// Reopen opens again the store that was opened last and closed by the test; nil where an implementation keeps nothing.
	Reopen func(t *testing.T) storage.Store
	// Compact makes the store tidy its files up, as it does by itself at some time, and returns the store to go on with; nil where there is
	// nothing of the kind.
	Compact func(t *testing.T, store storage.Store) storage.Store
}

// Run tests everything that the interfaces of package storage promise.
func Run(t *testing.T, subject Subject) {
	tests := []struct {
		name string
		test func(t *testing.T, store storage.Store)
	}{
		{"a document is what was stored last", testDocuments},
		{"documents come in the order of their keys, both ways", testDocumentScans},
		{"a revision tells whether documents changed", testRevision},
		{"an update sees its own writes", testReadYourWrites},
		{"an update that fails writes nothing", testFailedUpdate},
		{"of two updates that read the same one is tried again", testConflict},
		{"an update that always loses is a conflict", testEndlessConflict},
		{"versions rise and the read point tells old from new", testVersions},
		{"attributes get permanent ids", testRegisterAttributes},
		{"attributes of another type are refused all at once", testSchemaConflicts},
		{"attributes that an update registers are of use in it", testSchemaWithinUpdate},
		{"every type of value is read as it was written", testValues},
		{"a customer is replaced as a whole", testReplace},
		{"a view reads what it names", testViews},
		{"a row that breaks the view's rules is that row's error", testRowErrors},
		{"customers that cannot be stored are refused as a whole", testRefusedCustomers},
		{"customers come in the order of their ids' bytes", testOrder},
		{"any page size gives the same scan", testPages},
		{"the pages of a scan are its batches", testCustomerPages},
		{"pages are decoded anywhere", testPagesDecodedAnywhere},
		{"a scan of pages ends when it should", testPagesEnd},
		{"a deleted customer is gone", testDelete},
		{"a view does not change while others write", testIsolation},
		{"a snapshot is found and scanned by id", testSnapshots},
		{"snapshots with similar names are apart", testSnapshotNames},
		{"the pages of a snapshot are its blocks", testSnapshotPages},
		{"a block is read again as the reader sees it", testSnapshotBlockAgain},
		{"a snapshot of many bytes is whole", testLargeSnapshot},
		{"blocks out of order are refused", testSnapshotOrder},
		{"an aborted snapshot leaves nothing", testSnapshotAbort},
		{"an overlay is found and scanned by id", testOverlays},
		{"the row of an overlay can be of its customer's commit", testOverlayOfOneCommit},
		{"rows of an overlay that cannot be stored are refused", testRefusedOverlayRows},
		{"a deleted customer leaves a tombstone", testTombstones},
		{"who was erased leaves a tombstone in any case", testErased},
		{"a scan passes by what is old", testChangedSince},
		{"an update learns when a customer was written", testCustomerVersion},
		{"a block of a snapshot is rewritten in place", testRewriteBlock},
		{"a context that is over ends the work", testContext},
		{"a closed store or reader says so", testClosed},
		{"close waits for readers", testCloseWaits},
		{"concurrent updates lose nothing", testConcurrentUpdates},
		{"concurrent imports and views are atomic", testConcurrentImports},
		{"a store behaves like a map", testModel},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store := subject.Open(t)
			t.Cleanup(func() { noError(t, store.Close()) })
			test.test(t, store)
		})
	}
	if subject.Compact != nil {
		t.Run("what was deleted stays deleted when files are tidied up", func(t *testing.T) { testCompaction(t, subject) })
	}
	if subject.Reopen != nil {
		t.Run("everything is there after closing and opening", func(t *testing.T) { testReopen(t, subject) })
	}
}

// moment is the update time of the tests' customers.
var moment = time.Date(2026, 3, 1, 12, 30, 0, 123456000, time.UTC)

// attributes are of every type.
var attributes = []*echelonv1.Attribute{
	{Name: "arr", Type: echelonv1.Attribute_NUMBER, Unit: "USD/year"},
	{Name: "employees", Type: echelonv1.Attribute_INTEGER},
	{Name: "industry", Type: echelonv1.Attribute_STRING},
	{Name: "partner", Type: echelonv1.Attribute_BOOLEAN},
	{Name: "last_order", Type: echelonv1.Attribute_DATE},
	{Name: "seen_at", Type: echelonv1.Attribute_TIMESTAMP},
	{Name: "tags", Type: echelonv1.Attribute_STRING_LIST},
}

// tb is what the helpers need of a test, or of one attempt of a property test.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
	Cleanup(fn func())
}

func noError(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func equal(t tb, got, want any, options ...cmp.Option) {
	t.Helper()
	if diff := cmp.Diff(want, got, append(options, protocmp.Transform())...); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

func update(t tb, store storage.Store, fn func(tx storage.Tx) error) {
	t.Helper()
	noError(t, store.Update(t.Context(), fn))
}

// view opens a reader that is closed when the test ends.
func view(t tb, store storage.Store) storage.Reader {
	t.Helper()
	reader, err := store.View(t.Context())
	noError(t, err)
	t.Cleanup(reader.Close)
	return reader
}

func register(t tb, store storage.Store, attributes ...*echelonv1.Attribute) {
	t.Helper()
	update(t, store, func(tx storage.Tx) error {
		_, _, err := storage.RegisterAttributes(tx, attributes)
		return err
	})
}

// numbers is the frame of customers with nothing but a number, which is their attribute arr.
func numbers(t tb, values map[string]float64, order ...string) *frame.Frame {
	t.Helper()
	b := frame.NewBuilder(frame.NewSchema(frame.Field{Name: "arr", Type: echelonv1.Attribute_NUMBER}))
	for _, id := range order {
		b.Start(id)
		b.SetNumber(0, values[id])
		if fault := b.Commit(); fault != nil {
			t.Fatalf("customer %q: %v", id, fault)
		}
	}
	return b.Take()
}

// put stores customers whose arr is a number.
func put(t tb, store storage.Store, arr float64, ids ...string) {
	t.Helper()
	values := make(map[string]float64, len(ids))
	for _, id := range ids {
		values[id] = arr
	}
	noError(t, store.PutCustomers(t.Context(), numbers(t, values, ids...), moment))
}

// row is a customer as the tests compare it.
type row struct {
	ID  string
	ARR float64
}

// scan returns all customers with their arr, and how many batches they came in.
func scan(t tb, reader storage.Reader, options storage.CustomerScan) (rows []row, batches int) {
	t.Helper()
	fields := frame.NewSchema(frame.Field{Name: "arr", Type: echelonv1.Attribute_NUMBER})
	for batch, err := range reader.Customers(t.Context(), fields, options) {
		noError(t, err)
		batches++
		for i, id := range batch.Frame.IDs {
			rows = append(rows, row{id, batch.Frame.Columns[0].Numbers[i]})
		}
	}
	samePages(t, reader, fields, options)
	return rows, batches
}

func ids(rows []row) []string {
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return ids
}

// keys returns all ids after the given one, from CustomerKeys.
func keys(t tb, reader storage.Reader, after string) []string {
	t.Helper()
	keys := []string{}
	for key, err := range reader.CustomerKeys(t.Context(), after) {
		noError(t, err)
		keys = append(keys, key.ID)
	}
	return keys
}

// ended returns a context that is over.
func ended(t tb) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
