package storagetest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// overlayRow is a row of a customer with something in each column.
func overlayRow(id string) *storagev1.OverlayRow {
	return &storagev1.OverlayRow{Block: block(id), AsOf: timestamppb.New(moment)}
}

func putOverlayRows(t tb, store storage.Store, overlay string, ids ...string) {
	t.Helper()
	update(t, store, func(tx storage.Tx) error {
		for _, id := range ids {
			if err := tx.PutOverlayRow(overlay, overlayRow(id)); err != nil {
				return err
			}
		}
		return nil
	})
}

// overlayIDs returns the ids of an overlay's rows after the given one, and looks that each row is its own.
func overlayIDs(t tb, reader storage.Reader, overlay, after string) []string {
	t.Helper()
	ids := []string{}
	for row, err := range reader.OverlayRows(t.Context(), overlay, after) {
		noError(t, err)
		equal(t, row.Row, overlayRow(row.ID))
		ids = append(ids, row.ID)
	}
	return ids
}

func testOverlays(t *testing.T, store storage.Store) {
	putOverlayRows(t, store, "one", "b", "d", "d\x00", "f")
	putOverlayRows(t, store, "one1", "a", "z")
	reader := view(t, store)
	for after, want := range map[string][]string{
		"": {"b", "d", "d\x00", "f"}, "a": {"b", "d", "d\x00", "f"}, "b": {"d", "d\x00", "f"}, "d": {"d\x00", "f"}, "e": {"f"}, "f": {}, "z": {},
	} {
		equal(t, overlayIDs(t, reader, "one", after), want)
	}
	equal(t, overlayIDs(t, reader, "on", ""), []string{})
	names, err := reader.OverlayNames(t.Context())
	noError(t, err)
	equal(t, names, []string{"one", "one1"})

	row, err := reader.OverlayRow("one", "d")
	noError(t, err)
	equal(t, row.Row, overlayRow("d"))
	for _, absent := range [][2]string{{"one", "a"}, {"one", ""}, {"on", "d"}, {"two", "d"}} {
		if _, err := reader.OverlayRow(absent[0], absent[1]); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the row %q is there: %v", absent, err)
		}
	}
	noError(t, store.DeleteOverlay(t.Context(), "one"))
	noError(t, store.DeleteOverlay(t.Context(), "one"))
	equal(t, overlayIDs(t, reader, "one", ""), []string{"b", "d", "d\x00", "f"}) // the view stays
	equal(t, overlayIDs(t, view(t, store), "one", ""), []string{})
	equal(t, overlayIDs(t, view(t, store), "one1", ""), []string{"a", "z"})
}

func testOverlayOfOneCommit(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	update(t, store, func(tx storage.Tx) error {
		if err := tx.PutCustomers(numbers(t, nil, "acme"), moment); err != nil {
			return err
		}
		return tx.PutOverlayRow("one", overlayRow("acme"))
	})
	reader := view(t, store)
	customer, err := reader.Customer("acme", nil)
	noError(t, err)
	row, err := reader.OverlayRow("one", "acme")
	noError(t, err)
	if row.Version != customer.Versions[0] {
		t.Errorf("the row was written at %d, and its customer in the same commit at %d", row.Version, customer.Versions[0])
	}
	update(t, store, func(tx storage.Tx) error {
		if existed, err := tx.DeleteOverlayRow("one", "acme", row.Version); existed || err != nil {
			t.Errorf("a row that was not written before the commit went: %t, %v", existed, err)
		}
		existed, err := tx.DeleteOverlayRow("one", "acme", math.MaxUint64)
		if !existed {
			t.Error("the row was not there")
		}
		return err
	})
	equal(t, overlayIDs(t, view(t, store), "one", ""), []string{})
}

func testRefusedOverlayRows(t *testing.T, store storage.Store) {
	for name, write := range map[string]func(tx storage.Tx) error{
		"no name":     func(tx storage.Tx) error { return tx.PutOverlayRow("", overlayRow("a")) },
		"a zero byte": func(tx storage.Tx) error { return tx.PutOverlayRow("a\x00b", overlayRow("a")) },
		"no customer": func(tx storage.Tx) error { return tx.PutOverlayRow("one", &storagev1.OverlayRow{}) },
		"two customers": func(tx storage.Tx) error {
			return tx.PutOverlayRow("one", &storagev1.OverlayRow{Block: block("a", "b")})
		},
		"an empty id":     func(tx storage.Tx) error { return tx.PutOverlayRow("one", overlayRow("")) },
		"an id too large": func(tx storage.Tx) error { return tx.PutOverlayRow("one", overlayRow(fmt.Sprintf("%0513d", 1))) },
	} {
		if err := store.Update(t.Context(), write); !errors.Is(err, storage.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	names, err := view(t, store).OverlayNames(t.Context())
	noError(t, err)
	equal(t, len(names), 0)
}

func testTombstones(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	put(t, store, 1, "a", "b", "c")
	reader := view(t, store)
	existed, err := store.DeleteCustomer(t.Context(), "b")
	noError(t, err)
	equal(t, existed, true)
	if _, err := reader.Tombstone("b"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a view sees a later tombstone: %v", err)
	}
	first, err := view(t, store).Tombstone("b")
	noError(t, err)
	if first.Version <= reader.ReadPoint() || first.Erased || first.Hash != storage.TombstoneHash("b") {
		t.Errorf("the tombstone is %+v, and what was read before is of %d", first, reader.ReadPoint())
	}
	put(t, store, 1, "b")
	again := view(t, store)
	kept, err := again.Tombstone("b")
	noError(t, err)
	equal(t, *kept, *first) // storing it again leaves the tombstone
	row, err := again.Customer("b", nil)
	noError(t, err)
	if row.Versions[0] <= kept.Version {
		t.Errorf("the customer was stored at %d, after the tombstone of %d", row.Versions[0], kept.Version)
	}
	for _, id := range []string{"nobody", ""} {
		existed, err := store.DeleteCustomer(t.Context(), id)
		noError(t, err)
		equal(t, existed, false)
		if _, err := view(t, store).Tombstone(id); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("who was never there has a tombstone: %v", err)
		}
	}
}

func testErased(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	put(t, store, 1, "a", "b")
	before := view(t, store).ReadPoint()
	update(t, store, func(tx storage.Tx) error {
		for id, there := range map[string]bool{"a": true, "nobody": false} {
			if existed, err := tx.EraseCustomer(id); err != nil || existed != there {
				return fmt.Errorf("%s existed: %t (%w)", id, existed, err)
			}
		}
		return nil
	})
	_, err := store.DeleteCustomer(t.Context(), "b")
	noError(t, err)
	reader := view(t, store)
	erased := []string{}
	for tombstone, err := range reader.Tombstones(t.Context(), before) {
		noError(t, err)
		if tombstone.Erased {
			erased = append(erased, tombstone.Hash)
		}
	}
	want := []string{storage.TombstoneHash("a"), storage.TombstoneHash("nobody")}
	slices.Sort(want)
	slices.Sort(erased)
	equal(t, erased, want)
	for tombstone, err := range reader.Tombstones(t.Context(), reader.ReadPoint()) {
		noError(t, err)
		t.Errorf("the tombstone %+v was written after it was read", tombstone)
	}
	old, err := reader.Tombstone("a")
	noError(t, err)
	put(t, store, 1, "a")
	_, err = store.DeleteCustomer(t.Context(), "a")
	noError(t, err)
	update(t, store, func(tx storage.Tx) error { return tx.ForgetTombstone(old) })
	now, err := view(t, store).Tombstone("a")
	noError(t, err) // it is not the one that was read
	equal(t, now.Erased, true)
	update(t, store, func(tx storage.Tx) error { return tx.ForgetTombstone(now) })
	update(t, store, func(tx storage.Tx) error { return tx.ForgetTombstone(now) })
	if _, err := view(t, store).Tombstone("a"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("the tombstone was not forgotten: %v", err)
	}
}

func testChangedSince(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	put(t, store, 1, "a", "b", "c", "d")
	read := view(t, store).ReadPoint()
	put(t, store, 1, "e")
	put(t, store, 1, "b")
	put(t, store, 1, "b", "d")
	_, err := store.DeleteCustomer(t.Context(), "e")
	noError(t, err)
	reader := view(t, store)
	for since, want := range map[storage.Commit][]string{0: {"a", "b", "c", "d"}, read: {"b", "d"}, reader.ReadPoint(): {}} {
		got := []string{}
		for batch, err := range reader.Customers(t.Context(), nil, storage.CustomerScan{Since: since, BatchRows: 1}) {
			noError(t, err)
			got = append(got, batch.Frame.IDs...)
			if batch.Versions[0] <= since {
				t.Errorf("%q was written at %d", batch.Frame.IDs, batch.Versions[0])
			}
		}
		equal(t, got, want)
	}
}

func testCustomerVersion(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	put(t, store, 1, "a")
	row, err := view(t, store).Customer("a", nil)
	noError(t, err)
	calls := 0
	update(t, store, func(tx storage.Tx) error {
		calls++
		version, err := tx.CustomerVersion("a")
		if err != nil {
			return err
		}
		if calls == 1 {
			equal(t, version, row.Versions[0])
			put(t, store, 1, "a") // what was read changes
		}
		return tx.PutOverlayRow("one", overlayRow("a"))
	})
	equal(t, calls, 2)
	update(t, store, func(tx storage.Tx) error {
		if _, err := tx.CustomerVersion("nobody"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("nobody has a version: %v", err)
		}
		return nil
	})
}

func testRewriteBlock(t *testing.T, store storage.Store) {
	writeBlocks(t, store, "run", []string{"a", "b", "d"}, []string{"f"})
	without := func(id string) storage.Rewrite {
		return func(b *storagev1.SnapshotBlock) ([]*storagev1.SnapshotBlock, error) {
			left := slices.DeleteFunc(slices.Clone(b.GetIds()), func(one string) bool { return one == id })
			if len(left) == 0 {
				return nil, nil
			}
			return []*storagev1.SnapshotBlock{block(left...)}, nil
		}
	}
	reader := view(t, store)
	for _, step := range []struct {
		id    string
		found bool
		last  []string
	}{{"d", true, []string{"b", "f"}}, {"d", false, []string{"b", "f"}}, {"a", true, []string{"b", "f"}}, {"f", true, []string{"b"}}, {"z", false, []string{"b"}}} {
		found, err := store.RewriteBlock(t.Context(), "run", step.id, without(step.id))
		noError(t, err)
		equal(t, found, step.found)
		equal(t, lastIDs(t, view(t, store), "run", ""), step.last)
	}
	equal(t, lastIDs(t, reader, "run", ""), []string{"d", "f"}) // the view stays
	failed := errors.New("no")
	_, err := store.RewriteBlock(t.Context(), "run", "b", func(*storagev1.SnapshotBlock) ([]*storagev1.SnapshotBlock, error) { return nil, failed })
	if !errors.Is(err, failed) {
		t.Errorf("the rewrite's error is %v", err)
	}
	equal(t, lastIDs(t, view(t, store), "run", ""), []string{"b"})
	writeBlocks(t, store, "wider", []string{"c", "e"}, []string{"m"})
	into := func(several ...[]string) storage.Rewrite {
		return func(*storagev1.SnapshotBlock) (blocks []*storagev1.SnapshotBlock, err error) {
			for _, ids := range several {
				blocks = append(blocks, block(ids...))
			}
			return blocks, nil
		}
	}
	for _, step := range []struct {
		id   string
		into [][]string
		last []string
	}{
		{"e", [][]string{{"a", "c", "e", "g"}}, []string{"g", "m"}},
		{"m", [][]string{{"h", "z"}}, []string{"g", "z"}},
		{"c", [][]string{{"a", "c"}, {"d"}, {"f", "g"}}, []string{"c", "d", "g", "z"}},
		{"d", nil, []string{"c", "g", "z"}},
	} {
		found, err := store.RewriteBlock(t.Context(), "wider", step.id, into(step.into...))
		noError(t, err)
		equal(t, found, true)
		equal(t, lastIDs(t, view(t, store), "wider", ""), step.last)
	}
}
