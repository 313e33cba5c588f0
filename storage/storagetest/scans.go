package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/echelonhq/echelon/engine/frame"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// oddIDs ascend by bytes: first and last characters, zero bytes, and ids that begin with others.
var oddIDs = []string{
	"\x00", "\x00\x00", "\x01", " ", "0", "00", "A", "a", "a\x00", "a\x00\x00", "a\x00b", "a\x01", "ab", "b",
	strings.Repeat("x", frame.MaxIDBytes-1), strings.Repeat("x", frame.MaxIDBytes), "z", "\u007f", "\u0080", "é", "\u00ff", "\uffff",
	"\U00010000", "\U0010ffff", "\U0010ffff\x00", "\U0010ffff\U0010ffff",
}

func testOrder(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	if !slices.IsSorted(oddIDs) {
		t.Fatal("the ids of this test must ascend")
	}
	for _, id := range slices.Backward(oddIDs) {
		put(t, store, float64(len(id)), id)
	}
	// Neighbours in the order of keys that are no customers.
	update(t, store, func(tx storage.Tx) error { return bump(tx, "a") })
	writeBlocks(t, store, "a", []string{"a"})

	reader := view(t, store)
	rows, _ := scan(t, reader, storage.CustomerScan{})
	equal(t, ids(rows), oddIDs)
	equal(t, keys(t, reader, ""), oddIDs)
	for i, id := range oddIDs {
		rows, _ := scan(t, reader, storage.CustomerScan{After: id})
		equal(t, ids(rows), append([]string{}, oddIDs[i+1:]...))
		equal(t, keys(t, reader, id), append([]string{}, oddIDs[i+1:]...))
		batch, err := reader.Customer(id, nil)
		noError(t, err)
		equal(t, batch.Frame.IDs, []string{id})
		equal(t, batch.Frame.Column("arr").Numbers[0], float64(len(id)))
	}
	for _, id := range []string{"", "c", "a\x00a", strings.Repeat("x", frame.MaxIDBytes+1), "\U0010ffff\x01", "\xff"} {
		if _, err := reader.Customer(id, nil); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("customer %.20q: got %v, want ErrNotFound", id, err)
		}
	}
}

func testPages(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	all := make([]row, 25)
	values := make(map[string]float64)
	for i := range all {
		all[i] = row{fmt.Sprintf("c%02d", i), float64(i)}
		values[all[i].ID] = all[i].ARR
	}
	noError(t, store.PutCustomers(t.Context(), numbers(t, values, ids(all)...), moment))
	reader := view(t, store)
	for _, size := range []int{1, 2, 7, 24, 25, 26, 0} {
		rows, batches := scan(t, reader, storage.CustomerScan{BatchRows: size})
		equal(t, rows, all)
		if size == 0 {
			size = storage.DefaultBatchRows
		}
		equal(t, batches, (len(all)+size-1)/size)
	}
	for _, limit := range []int{1, 2, 7, 24, 25, 26} {
		var pages []row
		for after := ""; ; {
			page, _ := scan(t, reader, storage.CustomerScan{After: after, Limit: limit, BatchRows: 3})
			if len(page) == 0 {
				break
			}
			if len(page) > limit {
				t.Fatalf("a page of %d rows, and the limit is %d", len(page), limit)
			}
			pages = append(pages, page...)
			after = page[len(page)-1].ID
		}
		equal(t, pages, all)
	}
}

func testDelete(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	put(t, store, 1, "a", "b", "c")
	for _, step := range []struct {
		id      string
		existed bool
	}{{"b", true}, {"b", false}, {"never there", false}, {"", false}} {
		existed, err := store.DeleteCustomer(t.Context(), step.id)
		noError(t, err)
		equal(t, existed, step.existed)
	}
	reader := view(t, store)
	equal(t, keys(t, reader, ""), []string{"a", "c"})
	if _, err := reader.Customer("b", nil); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	put(t, store, 2, "b")
	update(t, store, func(tx storage.Tx) error {
		existed, err := tx.DeleteCustomer("a")
		equal(t, existed, true)
		return errors.Join(err, tx.PutCustomers(numbers(t, nil, "d"), moment), bump(tx, "together"))
	})
	rows, _ := scan(t, view(t, store), storage.CustomerScan{})
	equal(t, rows, []row{{"b", 2}, {"c", 1}, {"d", 0}})
}

// testIsolation looks at one view again and again, in the middle of scans too, while everything it sees is replaced and deleted.
func testIsolation(t *testing.T, store storage.Store) {
	register(t, store, attributes[:1]...)
	put(t, store, 1, "a", "b", "c")
	update(t, store, func(tx storage.Tx) error { return bump(tx, "x") })
	writeBlocks(t, store, "s", []string{"a", "b"})
	reader := view(t, store)
	want := []row{{"a", 1}, {"b", 1}, {"c", 1}}
	check := func() {
		t.Helper()
		rows, _ := scan(t, reader, storage.CustomerScan{})
		equal(t, rows, want)
		head := &storagev1.ModelHead{}
		noError(t, reader.Document(storage.KindModelHead, "x", head))
		equal(t, head.GetLatestVersion(), int64(1))
		_, err := reader.SnapshotBlock("s", "a")
		noError(t, err)
		schema, err := storage.ReadSchema(reader)
		noError(t, err)
		equal(t, schema.GetVersion(), int64(1))
	}
	check()
	seen := []string{}
	for key, err := range reader.CustomerKeys(t.Context(), "") {
		noError(t, err)
		seen = append(seen, key.ID)
		switch key.ID {
		case "a":
			put(t, store, 2, "a", "aa", "b", "d")
			update(t, store, func(tx storage.Tx) error { return bump(tx, "x") })
			register(t, store, &echelonv1.Attribute{Name: "more", Type: echelonv1.Attribute_DATE})
		case "b":
			_, err := store.DeleteCustomer(t.Context(), "c")
			noError(t, err)
			noError(t, store.DeleteSnapshot(t.Context(), "s"))
		}
		check()
	}
	equal(t, seen, []string{"a", "b", "c"})
	rows, _ := scan(t, view(t, store), storage.CustomerScan{})
	equal(t, rows, []row{{"a", 2}, {"aa", 2}, {"b", 2}, {"d", 2}})
}
