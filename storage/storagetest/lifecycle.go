package storagetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

func testContext(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	put(t, store, 1, "a", "b", "c")
	writeBlocks(t, store, "s", []string{"a"}, []string{"b"}, []string{"c"})
	over := ended(t)
	reader := view(t, store)
	tests := map[string]func() error{
		"view":            func() error { _, err := store.View(over); return err },
		"put":             func() error { return store.PutCustomers(over, numbers(t, nil, "d"), moment) },
		"delete":          func() error { _, err := store.DeleteCustomer(over, "a"); return err },
		"update":          func() error { return store.Update(over, func(storage.Tx) error { return nil }) },
		"write snapshot":  func() error { _, err := store.WriteSnapshot(over, "t"); return err },
		"delete snapshot": func() error { return store.DeleteSnapshot(over, "s") },
		"snapshot names":  func() error { _, err := reader.SnapshotNames(over); return err },
		"update that ends meanwhile": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			return store.Update(ctx, func(tx storage.Tx) error { cancel(); return bump(tx, "x") })
		},
		"customers": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := 0
			for _, err := range reader.Customers(ctx, nil, storage.CustomerScan{BatchRows: 1}) {
				if err != nil {
					equal(t, n, 1)
					return err
				}
				n++
				cancel()
			}
			return nil
		},
		"pages of blocks": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for _, err := range reader.SnapshotPages(ctx, "s", "") {
				if err != nil {
					return err
				}
				cancel()
			}
			return nil
		},
		"blocks": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for _, err := range reader.SnapshotBlocks(ctx, "s", "") {
				if err != nil {
					return err
				}
				cancel()
			}
			return nil
		},
		"pages": func() error {
			for _, err := range reader.CustomerPages(over, nil, storage.CustomerScan{}, 2) {
				return err
			}
			return nil
		},
		"keys": func() error {
			for _, err := range reader.CustomerKeys(over, "") {
				return err
			}
			return nil
		},
	}
	for name, call := range tests {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want the context's error", name, err)
		}
	}
	later := view(t, store)
	equal(t, keys(t, later, ""), []string{"a", "b", "c"})
	equal(t, lastIDs(t, later, "s", ""), []string{"a", "b", "c"})
}

// uses are all the ways to use a reader.
func uses(ctx context.Context, reader storage.Reader) map[string]func() error {
	return map[string]func() error{
		"document": func() error { return reader.Document(storage.KindRun, "a", &echelonv1.Run{}) },
		"documents": func() error {
			for _, err := range reader.Documents(storage.KindRun, storage.DocumentScan{}) {
				return err
			}
			return nil
		},
		"customer": func() error { _, err := reader.Customer("a", nil); return err },
		"customers": func() error {
			for _, err := range reader.Customers(ctx, nil, storage.CustomerScan{}) {
				return err
			}
			return nil
		},
		"pages": func() error {
			for _, err := range reader.CustomerPages(ctx, nil, storage.CustomerScan{}, 2) {
				return err
			}
			return nil
		},
		"keys": func() error {
			for _, err := range reader.CustomerKeys(ctx, "") {
				return err
			}
			return nil
		},
		"pages of blocks": func() error {
			for _, err := range reader.SnapshotPages(ctx, "s", "") {
				return err
			}
			return nil
		},
		"block": func() error { _, err := reader.SnapshotBlock("s", "a"); return err },
		"blocks": func() error {
			for _, err := range reader.SnapshotBlocks(ctx, "s", "") {
				return err
			}
			return nil
		},
		"names":     func() error { _, err := reader.SnapshotNames(ctx); return err },
		"overlay":   func() error { _, err := reader.OverlayRow("o", "a"); return err },
		"overlays":  func() error { _, err := reader.OverlayNames(ctx); return err },
		"tombstone": func() error { _, err := reader.Tombstone("a"); return err },
		"overlay rows": func() error {
			for _, err := range reader.OverlayRows(ctx, "o", "") {
				return err
			}
			return nil
		},
		"tombstones": func() error {
			for _, err := range reader.Tombstones(ctx, 0) {
				return err
			}
			return nil
		},
	}
}

func testClosed(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	put(t, store, 1, "a", "b")
	reader := view(t, store)
	for _, err := range reader.Customers(t.Context(), nil, storage.CustomerScan{BatchRows: 1, Limit: 1}) {
		noError(t, err)
		reader.Close() // in the middle of a scan
	}
	reader.Close()
	for name, use := range uses(t.Context(), reader) {
		if err := use(); !errors.Is(err, storage.ErrClosed) {
			t.Errorf("closed reader, %s: got %v, want ErrClosed", name, err)
		}
	}
	writer, err := store.WriteSnapshot(t.Context(), "s")
	noError(t, err)
	noError(t, writer.Append(block("a")))

	noError(t, store.Close())
	noError(t, store.Close())
	for name, use := range map[string]func() error{
		"view":            func() error { _, err := store.View(t.Context()); return err },
		"update":          func() error { return store.Update(t.Context(), func(storage.Tx) error { return nil }) },
		"put":             func() error { return store.PutCustomers(t.Context(), numbers(t, nil, "a"), moment) },
		"delete":          func() error { _, err := store.DeleteCustomer(t.Context(), "a"); return err },
		"write snapshot":  func() error { _, err := store.WriteSnapshot(t.Context(), "t"); return err },
		"delete snapshot": func() error { return store.DeleteSnapshot(t.Context(), "s") },
		"writer":          writer.Close,
	} {
		if err := use(); !errors.Is(err, storage.ErrClosed) {
			t.Errorf("closed store, %s: got %v, want ErrClosed", name, err)
		}
	}
}

// testCloseWaits closes the store in the middle of a scan.
func testCloseWaits(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	put(t, store, 1, "a", "b", "c")
	reader, err := store.View(t.Context())
	noError(t, err)
	closed := make(chan error)
	var last error
	for _, err := range reader.Customers(t.Context(), nil, storage.CustomerScan{BatchRows: 1}) {
		if last = err; last != nil {
			break
		}
		go func() { closed <- store.Close() }()
		for { // until the store is closing
			other, err := store.View(t.Context())
			if errors.Is(err, storage.ErrClosed) {
				break
			}
			noError(t, err)
			other.Close()
		}
	}
	if !errors.Is(last, storage.ErrClosed) {
		t.Errorf("the scan: got %v, want ErrClosed", last)
	}
	select {
	case err := <-closed:
		t.Errorf("close returned %v while a reader was open", err)
	default:
	}
	reader.Close()
	noError(t, <-closed)
}

// testCompaction deletes and replaces in several generations, with the files tidied up after each.
func testCompaction(t *testing.T, subject Subject) {
	store := subject.Open(t)
	t.Cleanup(func() { noError(t, store.Close()) })
	register(t, store, attributes...)
	want := map[string]float64{}
	for generation := range 4 {
		for i := range 300 {
			id := fmt.Sprintf("c%03d", i)
			switch i % (generation + 2) {
			case 0:
				put(t, store, float64(generation), id)
				want[id] = float64(generation)
			case 1:
				_, err := store.DeleteCustomer(t.Context(), id)
				noError(t, err)
				delete(want, id)
			}
		}
		store = subject.Compact(t, store)
		reader := view(t, store)
		rows, _ := scan(t, reader, storage.CustomerScan{})
		got := map[string]float64{}
		for _, row := range rows {
			got[row.ID] = row.ARR
		}
		equal(t, got, want)
		for i := range 300 {
			id := fmt.Sprintf("c%03d", i)
			_, err := reader.Customer(id, nil)
			if _, there := want[id]; there != (err == nil) || !there && !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("generation %d, customer %s: got %v", generation, id, err)
			}
		}
		reader.Close()
	}
}

func testReopen(t *testing.T, subject Subject) {
	store := subject.Open(t)
	register(t, store, attributes...)
	put(t, store, 1, "a", "b", "c")
	_, err := store.DeleteCustomer(t.Context(), "b")
	noError(t, err)
	update(t, store, func(tx storage.Tx) error { return bump(tx, "x") })
	writeBlocks(t, store, "s", []string{"a"}, []string{"b"})
	before := view(t, store)
	readPoint := before.ReadPoint()
	before.Close()
	noError(t, store.Close())

	store = subject.Reopen(t)
	t.Cleanup(func() { noError(t, store.Close()) })
	reader := view(t, store)
	if reader.ReadPoint() < readPoint {
		t.Errorf("the read point went back from %d to %d", readPoint, reader.ReadPoint())
	}
	rows, _ := scan(t, reader, storage.CustomerScan{})
	equal(t, rows, []row{{"a", 1}, {"c", 1}})
	equal(t, lastIDs(t, reader, "s", ""), []string{"a", "b"})
	put(t, store, 2, "d")
	for key, err := range view(t, store).CustomerKeys(t.Context(), "") {
		noError(t, err)
		if (key.Version > readPoint) != (key.ID == "d") {
			t.Errorf("%s has version %d; the read point before closing was %d", key.ID, key.Version, readPoint)
		}
	}
	register(t, store, &echelonv1.Attribute{Name: "more", Type: echelonv1.Attribute_DATE})
	schema, err := storage.ReadSchema(view(t, store))
	noError(t, err)
	equal(t, schema.GetAttributes()[len(attributes)].GetId(), uint32(len(attributes)+1))
}
