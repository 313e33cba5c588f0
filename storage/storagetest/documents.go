package storagetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

func testDocuments(t *testing.T, store storage.Store) {
	first, second := &echelonv1.Run{Id: "r1", Model: "a"}, &echelonv1.Run{Id: "r1", Model: "b"}
	update(t, store, func(tx storage.Tx) error { return tx.PutDocument(storage.KindRun, "r1", first) })
	before := view(t, store)
	update(t, store, func(tx storage.Tx) error { return tx.PutDocument(storage.KindRun, "r1", second) })
	between := view(t, store)
	update(t, store, func(tx storage.Tx) error {
		return errors.Join(tx.DeleteDocument(storage.KindRun, "r1"), tx.DeleteDocument(storage.KindRun, "never there"))
	})

	run := &echelonv1.Run{}
	noError(t, before.Document(storage.KindRun, "r1", run))
	equal(t, run, first)
	noError(t, between.Document(storage.KindRun, "r1", run))
	equal(t, run, second)
	for name, get := range map[string]func(storage.Reader) error{
		"deleted":      func(r storage.Reader) error { return r.Document(storage.KindRun, "r1", run) },
		"another kind": func(r storage.Reader) error { return r.Document(storage.KindCurrent, "r1", &storagev1.Current{}) },
		"another key":  func(r storage.Reader) error { return r.Document(storage.KindRun, "r", run) },
	} {
		if err := get(view(t, store)); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", name, err)
		}
	}
}

func testRevision(t *testing.T, store storage.Store) {
	revision := func(kind storage.Kind) uint64 {
		t.Helper()
		found, known := store.Revision(kind)
		if !known {
			t.Fatalf("no revision of a %s, and nobody writes", kind)
		}
		return found
	}
	before, others := revision(storage.KindRun), revision(storage.KindModelHead)
	put := func(tx storage.Tx) error {
		if err := tx.PutDocument(storage.KindRun, "r", &echelonv1.Run{Id: "r"}); err != nil {
			return err
		}
		// Whoever reads now may see either.
		if _, known := store.Revision(storage.KindRun); known {
			t.Error("there is a revision while a document is being written")
		}
		equal(t, revision(storage.KindModelHead), others)
		return nil
	}
	update(t, store, put)
	written := revision(storage.KindRun)
	update(t, store, func(tx storage.Tx) error { return tx.DeleteDocument(storage.KindRun, "r") })
	deleted := revision(storage.KindRun)
	update(t, store, func(storage.Tx) error { return nil })
	if written == before || deleted == written || revision(storage.KindRun) != deleted {
		t.Errorf("the revision was %d, then %d when one was written, %d when it was deleted, and %d when nothing was", before, written, deleted, revision(storage.KindRun))
	}
	if err := store.Update(t.Context(), func(tx storage.Tx) error { return errors.Join(put(tx), errors.ErrUnsupported) }); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	revision(storage.KindRun) // there is one again
	equal(t, revision(storage.KindModelHead), others)
	noError(t, store.Close())
	if _, known := store.Revision(storage.KindRun); known {
		t.Error("a closed store has a revision")
	}
}

// documentKeys returns the keys of a scan, after checking that each document is its own.
func documentKeys(t *testing.T, documents storage.Documents, scan storage.DocumentScan) []string {
	t.Helper()
	keys := []string{}
	var found []storage.Document
	for document, err := range documents.Documents(storage.KindRun, scan) {
		noError(t, err)
		found = append(found, document)
		keys = append(keys, document.Key)
	}
	for _, document := range found { // after the scan: a document stays what it was
		run := &echelonv1.Run{}
		noError(t, document.Decode(run))
		equal(t, run.GetId(), document.Key)
		equal(t, document.Kind, storage.KindRun)
	}
	return keys
}

func testDocumentScans(t *testing.T, store storage.Store) {
	all := []string{"", "\x00", "a", "a\x00", "a/1", "a/2", "ab", "b", "\u00ff", "\U0010ffff"}
	update(t, store, func(tx storage.Tx) error {
		for _, key := range slices.Backward(all) {
			if err := tx.PutDocument(storage.KindRun, key, &echelonv1.Run{Id: key}); err != nil {
				return err
			}
		}
		return errors.Join(tx.PutDocument(storage.KindCalibration, "z", &echelonv1.Calibration{}),
			tx.PutDocument(storage.KindCurrent, "0", &storagev1.Current{}))
	})
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	tests := map[string]struct {
		scan storage.DocumentScan
		want []string
	}{
		"all":                           {storage.DocumentScan{}, all},
		"all, descending":               {storage.DocumentScan{Descending: true}, reversed},
		"a prefix":                      {storage.DocumentScan{Prefix: "a/"}, []string{"a/1", "a/2"}},
		"a prefix, descending":          {storage.DocumentScan{Prefix: "a", Descending: true}, []string{"ab", "a/2", "a/1", "a\x00", "a"}},
		"a prefix of the last bytes":    {storage.DocumentScan{Prefix: "\U0010ffff", Descending: true}, []string{"\U0010ffff"}},
		"after a key":                   {storage.DocumentScan{After: "a/2"}, []string{"ab", "b", "\u00ff", "\U0010ffff"}},
		"after a key that is not there": {storage.DocumentScan{After: "aa"}, []string{"ab", "b", "\u00ff", "\U0010ffff"}},
		"after a key, descending":       {storage.DocumentScan{After: "a\x00", Descending: true}, []string{"a", "\x00", ""}},
		"descending from between":       {storage.DocumentScan{After: "aa", Descending: true}, []string{"a/2", "a/1", "a\x00", "a", "\x00", ""}},
		"a prefix after a key":          {storage.DocumentScan{Prefix: "a/", After: "a/1"}, []string{"a/2"}},
		"a prefix before a key":         {storage.DocumentScan{Prefix: "a/", After: "a/2", Descending: true}, []string{"a/1"}},
		"after the last":                {storage.DocumentScan{After: "\U0010ffff"}, []string{}},
		"before the first":              {storage.DocumentScan{Prefix: "a", After: "a", Descending: true}, []string{}},
		"nothing with the prefix":       {storage.DocumentScan{Prefix: "c"}, []string{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			equal(t, documentKeys(t, view(t, store), test.scan), test.want)
			update(t, store, func(tx storage.Tx) error {
				equal(t, documentKeys(t, tx, test.scan), test.want)
				return nil
			})
		})
	}
}

func testReadYourWrites(t *testing.T, store storage.Store) {
	put := func(tx storage.Tx, keys ...string) {
		t.Helper()
		for _, key := range keys {
			noError(t, tx.PutDocument(storage.KindRun, key, &echelonv1.Run{Id: key}))
		}
	}
	update(t, store, func(tx storage.Tx) error { put(tx, "a", "c", "e"); return nil })
	update(t, store, func(tx storage.Tx) error {
		put(tx, "b", "d", "f")
		noError(t, tx.DeleteDocument(storage.KindRun, "c"))
		noError(t, tx.DeleteDocument(storage.KindRun, "d"))
		equal(t, documentKeys(t, tx, storage.DocumentScan{}), []string{"a", "b", "e", "f"})
		equal(t, documentKeys(t, tx, storage.DocumentScan{Descending: true}), []string{"f", "e", "b", "a"})
		noError(t, tx.Document(storage.KindRun, "b", &echelonv1.Run{}))
		if err := tx.Document(storage.KindRun, "c", &echelonv1.Run{}); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("a document deleted in the update: got %v, want ErrNotFound", err)
		}
		return nil
	})
	equal(t, documentKeys(t, view(t, store), storage.DocumentScan{}), []string{"a", "b", "e", "f"})
}

func testFailedUpdate(t *testing.T, store storage.Store) {
	cause := errors.New("the caller's own")
	calls := 0
	err := store.Update(t.Context(), func(tx storage.Tx) error {
		calls++
		noError(t, tx.PutDocument(storage.KindRun, "a", &echelonv1.Run{}))
		return cause
	})
	if err != cause || calls != 1 {
		t.Errorf("got %v after %d calls, want the function's error after 1", err, calls)
	}
	err = store.Update(t.Context(), func(tx storage.Tx) error {
		noError(t, tx.PutDocument(storage.KindRun, "b", &echelonv1.Run{}))
		_ = tx.PutDocument(storage.KindRun, string(make([]byte, storage.MaxKeyBytes+1)), &echelonv1.Run{}) // overlooked
		return nil
	})
	if !errors.Is(err, storage.ErrInvalid) {
		t.Errorf("a failed write that was overlooked: got %v, want ErrInvalid", err)
	}
	equal(t, documentKeys(t, view(t, store), storage.DocumentScan{}), []string{})
}

// bump raises a counter that is kept in a document.
func bump(tx storage.Tx, key string) error {
	head := &storagev1.ModelHead{}
	if err := tx.Document(storage.KindModelHead, key, head); err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	head.LatestVersion++
	return tx.PutDocument(storage.KindModelHead, key, head)
}

func testConflict(t *testing.T, store storage.Store) {
	rivals := map[string]func(tx storage.Tx) error{
		"that was not there": func(tx storage.Tx) error { return bump(tx, "counter") },
		"that was there":     func(tx storage.Tx) error { return bump(tx, "counter") },
		"that is deleted":    func(tx storage.Tx) error { return tx.DeleteDocument(storage.KindModelHead, "counter") },
	}
	for _, name := range []string{"that was not there", "that was there", "that is deleted"} {
		calls := 0
		update(t, store, func(tx storage.Tx) error {
			calls++
			err := bump(tx, "counter")
			if calls == 1 { // a rival is faster
				noError(t, store.Update(t.Context(), rivals[name]))
			}
			return err
		})
		equal(t, calls, 2)
	}
	head := &storagev1.ModelHead{}
	noError(t, view(t, store).Document(storage.KindModelHead, "counter", head))
	equal(t, head.GetLatestVersion(), int64(1))

	calls := 0
	update(t, store, func(tx storage.Tx) error {
		calls++
		for range tx.Documents(storage.KindModelHead, storage.DocumentScan{}) { // reading is enough
		}
		if calls == 1 {
			noError(t, store.Update(context.Background(), func(rival storage.Tx) error { return bump(rival, "counter") }))
		}
		return tx.PutDocument(storage.KindRun, "unrelated", &echelonv1.Run{})
	})
	equal(t, calls, 2)
}

func testEndlessConflict(t *testing.T, store storage.Store) {
	err := store.Update(t.Context(), func(tx storage.Tx) error {
		err := bump(tx, "counter")
		noError(t, store.Update(t.Context(), func(rival storage.Tx) error { return bump(rival, "counter") }))
		return err
	})
	if !errors.Is(err, storage.ErrConflict) {
		t.Errorf("got %v, want ErrConflict", err)
	}
}

func testVersions(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	put(t, store, 1, "old")
	reader := view(t, store)
	put(t, store, 1, "new")
	update(t, store, func(tx storage.Tx) error { return bump(tx, "later") })

	batch, err := reader.Customer("old", nil)
	noError(t, err)
	if batch.Versions[0] > reader.ReadPoint() || batch.Versions[0] == 0 {
		t.Errorf("a row that a view reads has version %d, and the read point is %d", batch.Versions[0], reader.ReadPoint())
	}
	later := view(t, store)
	for key, err := range later.CustomerKeys(t.Context(), "") {
		noError(t, err)
		if isNew := key.ID == "new"; (key.Version > reader.ReadPoint()) != isNew || key.Version > later.ReadPoint() {
			t.Errorf("%s has version %d; the read points are %d and %d", key.ID, key.Version, reader.ReadPoint(), later.ReadPoint())
		}
	}
	for document, err := range later.Documents(storage.KindModelHead, storage.DocumentScan{}) {
		noError(t, err)
		if document.Version <= reader.ReadPoint() {
			t.Errorf("a later document has version %d, and the earlier read point is %d", document.Version, reader.ReadPoint())
		}
	}
}
