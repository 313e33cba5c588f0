package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// samePages looks that the pages of a scan are its batches, whatever the number of readers.
func samePages(t tb, reader storage.Reader, view *frame.Schema, options storage.CustomerScan) {
	t.Helper()
	var want []*storage.CustomerBatch
	for batch, err := range reader.Customers(t.Context(), view, options) {
		noError(t, err)
		want = append(want, batch)
	}
	for _, readers := range []int{0, 1, 3} {
		n := 0
		for page, err := range reader.CustomerPages(t.Context(), view, options, readers) {
			noError(t, err)
			batch, err := page.Decode()
			noError(t, err)
			if n == len(want) {
				t.Fatalf("%d readers: a page more than the %d batches", readers, n)
			}
			sameBatch(t, batch, want[n])
			n++
		}
		if n != len(want) {
			t.Fatalf("%d readers: %d pages of %d batches", readers, n, len(want))
		}
	}
}

func sameBatch(t tb, got, want *storage.CustomerBatch) {
	t.Helper()
	// Even the codes of texts are the same: a dictionary has texts as they come.
	if !reflect.DeepEqual(got.Frame.IDs, want.Frame.IDs) || !reflect.DeepEqual(got.Frame.Columns, want.Frame.Columns) {
		equal(t, got.Frame.IDs, want.Frame.IDs)
		equal(t, got.Frame.Columns, want.Frame.Columns)
		t.Fatalf("frames differ")
	}
	if !reflect.DeepEqual(got.Versions, want.Versions) || !reflect.DeepEqual(got.UpdateTimes, want.UpdateTimes) {
		t.Fatalf("versions are %d for %d, update times %v for %v", got.Versions, want.Versions, got.UpdateTimes, want.UpdateTimes)
	}
	equal(t, got.Errors, want.Errors)
	equal(t, got.Last, want.Last)
}

// many stores more customers than one reader reads at a time, of whom some break the rules of the view that it returns.
func many(t tb, store storage.Store) *frame.Schema {
	t.Helper()
	register(t, store, attributes...)
	fields := frame.NewSchema(frame.Field{Name: "arr", Type: echelonv1.Attribute_NUMBER}, frame.Field{Name: "industry", Type: echelonv1.Attribute_STRING})
	random := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		b := frame.NewBuilder(fields)
		for i := range 5000 {
			b.Start(fmt.Sprintf("%c-%06d", 'a'+rune(random.IntN(4)), random.IntN(1_000_000)))
			b.SetNumber(0, float64(i))
			if random.IntN(500) > 0 {
				b.SetString(1, fmt.Sprint("i", random.IntN(9)))
			}
			if fault := b.Commit(); fault != nil {
				t.Fatalf("%v", fault)
			}
		}
		noError(t, store.PutCustomers(t.Context(), b.Take(), moment))
	}
	return frame.NewSchema(
		frame.Field{Name: "industry", Type: echelonv1.Attribute_STRING, Required: true, Values: []string{"i0", "i1", "i2", "i3", "i4", "i5", "i6", "i7"}},
		frame.Field{Name: "arr", Type: echelonv1.Attribute_NUMBER},
	)
}

func testCustomerPages(t *testing.T, store storage.Store) {
	fields := many(t, store)
	reader := view(t, store)
	samePages(t, reader, fields, storage.CustomerScan{})
	samePages(t, reader, nil, storage.CustomerScan{BatchRows: 77})
	samePages(t, reader, fields, storage.CustomerScan{After: "b-5", Limit: 3000, BatchRows: 1000})
	samePages(t, reader, fields, storage.CustomerScan{Since: reader.ReadPoint() - 1})
	samePages(t, reader, fields, storage.CustomerScan{Since: reader.ReadPoint()})
}

// testPagesDecodedAnywhere decodes pages in other goroutines, also after the scan has ended and the reader is closed.
func testPagesDecodedAnywhere(t *testing.T, store storage.Store) {
	fields := many(t, store)
	reader := view(t, store)
	var want []*storage.CustomerBatch
	for batch, err := range reader.Customers(t.Context(), fields, storage.CustomerScan{}) {
		noError(t, err)
		want = append(want, batch)
	}
	var pages []storage.CustomerPage
	for page, err := range reader.CustomerPages(t.Context(), fields, storage.CustomerScan{}, 2) {
		noError(t, err)
		pages = append(pages, page)
	}
	reader.Close()
	got, faults := make([]*storage.CustomerBatch, len(pages)), make([]error, len(pages))
	var work sync.WaitGroup
	for i, page := range pages {
		work.Go(func() { got[i], faults[i] = page.Decode() })
	}
	work.Wait()
	equal(t, len(got), len(want))
	noError(t, errors.Join(faults...))
	for i := range want {
		sameBatch(t, got[i], want[i])
	}
}

// testPagesEnd ends scans in the middle: by who reads, by the context and by closing.
func testPagesEnd(t *testing.T, store storage.Store) {
	fields := many(t, store)
	reader := view(t, store)
	for range reader.CustomerPages(t.Context(), fields, storage.CustomerScan{}, 3) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pages, last := 0, error(nil)
	for page, err := range reader.CustomerPages(ctx, fields, storage.CustomerScan{BatchRows: 10}, 2) {
		if err == nil {
			_, err = page.Decode()
			cancel()
		}
		pages, last = pages+1, err
	}
	if !errors.Is(last, context.Canceled) || pages > 1000 {
		t.Errorf("%d pages, and the last with %v", pages, last)
	}
	for _, err := range reader.CustomerPages(t.Context(), fields, storage.CustomerScan{BatchRows: 10}, 2) {
		reader.Close()
		last = err
	}
	if !errors.Is(last, storage.ErrClosed) {
		t.Errorf("a reader that is closed ends with %v", last)
	}
	wrong := frame.NewSchema(frame.Field{Name: "arr", Type: echelonv1.Attribute_STRING})
	var conflict *storage.SchemaConflictError
	for page, err := range view(t, store).CustomerPages(t.Context(), wrong, storage.CustomerScan{}, 2) {
		if page != nil || !errors.As(err, &conflict) {
			t.Errorf("a view of another type: got %v, %v", page, err)
		}
	}
}
