package badger

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	badgerdb "github.com/dgraph-io/badger/v4"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

// inspectable makes a folder with customers, a run that is current, and a snapshot that no run owns.
func inspectable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	store := open(t, dir, quiet())
	put(t, store, "a", "b", "c")
	snapshot(t, store, "owned", "a", "b")
	snapshot(t, store, "orphan", "a")
	putRun(t, store, &echelonv1.Run{Id: "owned", State: echelonv1.Run_PUBLISHED, Evaluated: 2})
	err := store.Update(t.Context(), func(tx storage.Tx) error {
		return tx.PutDocument(storage.KindCurrent, "model", &storagev1.Current{RunId: "owned"})
	})
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAFolderIsInspectedWithoutChangingIt(t *testing.T) {
	dir := inspectable(t)
	for range 2 {
		found := inspected(t, dir)
		if found.Customers != 3 || found.Documents[storage.KindRun] != 1 || found.Documents[storage.KindSchema] != 1 || found.Format != 3 || found.Bytes < 3000 ||
			found.DamagedCount != 0 || len(found.Missing) != 0 || found.Unknown != 0 || len(found.Content) != 64 || !found.Disk.Known || found.Disk.Used < found.Bytes {
			t.Fatalf("found %+v", found)
		}
		want := []storage.SnapshotInspection{{Name: "orphan", Blocks: 1, Orphan: true}, {Name: "owned", Blocks: 2}}
		for i, snapshot := range found.Snapshots {
			if snapshot.Bytes == 0 || snapshot.Name != want[i].Name || snapshot.Blocks != want[i].Blocks || snapshot.Orphan != want[i].Orphan {
				t.Errorf("snapshot %+v, want %+v", snapshot, want[i])
			}
		}
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	dir := inspectable(t)
	store := open(t, dir, quiet())
	err := store.DeleteSnapshot(t.Context(), "owned")
	if err == nil {
		err = store.Update(t.Context(), func(tx storage.Tx) error {
			return tx.PutDocument(storage.KindCurrent, "other", &storagev1.Current{RunId: "lost"})
		})
	}
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	found := inspected(t, dir)
	if text := strings.Join(found.Missing, "; "); len(found.Missing) != 2 || !strings.Contains(text, `snapshot of run "owned"`) || !strings.Contains(text, `"lost", which is current`) {
		t.Errorf("missing %q", text)
	}
}

// damage changes a byte of the value under a key, as the database would give it out from a damaged disk.
func damage(t *testing.T, dir, key string) {
	t.Helper()
	db, err := badgerdb.Open(databaseOptions(dir, quiet().withDefaults()))
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(txn *badgerdb.Txn) error {
		item, err := txn.Get([]byte(key))
		if err != nil {
			return err
		}
		value, err := item.ValueCopy(nil)
		if err != nil {
			return err
		}
		value[len(value)/2] ^= 4
		return txn.Set([]byte(key), value)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestDamageIsNamedAndNotBackedUp(t *testing.T) {
	for key, name := range map[string]string{
		"cb": `customer "b"`, "sowned\x00b": `block of snapshot "owned" that ends with customer "b"`, "d\x05owned": `run "owned"`, "d\x01": "schema", "h": "history",
	} {
		t.Run(name, func(t *testing.T) {
			dir := inspectable(t)
			damage(t, dir, key)
			found := inspected(t, dir)
			if found.DamagedCount != 1 || len(found.Damaged) != 1 || !strings.Contains(found.Damaged[0], name) || found.Content != "" {
				t.Fatalf("damaged: %+v", found)
			}
			if key == "h" { // without it there are no incremental backups until the next full one
				return
			}
			store := open(t, dir, quiet())
			var corrupt *storage.CorruptError
			if _, err := tryBackUp(t, store, ""); !errors.As(err, &corrupt) || !strings.Contains(err.Error(), name) {
				t.Errorf("backed up: got %v", err)
			}
		})
	}
}

// A byte of a file of the database, rather than of a value, is flipped: whatever comes of it, it is an error that says so, or what was read is whole.
func TestAFlippedByteInAnyFileIsNoSilentLoss(t *testing.T) {
	dir := inspectable(t)
	whole := inspected(t, dir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".sst" && filepath.Ext(entry.Name()) != ".vlog" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for at := 25; at < len(data) && tried < 40; at += max(1, min(len(data), 6000)/20) {
			if data[at] == 0 && filepath.Ext(entry.Name()) == ".vlog" {
				break // what the file has not been used for yet
			}
			tried++
			damaged := copyFolder(t, dir)
			data[at] ^= 0x20
			write(t, filepath.Join(damaged, entry.Name()), string(data))
			data[at] ^= 0x20
			found, err := Inspect(t.Context(), damaged, quiet())
			if err == nil && found.Content != whole.Content && found.DamagedCount == 0 && found.Unknown == 0 && len(found.Missing) == 0 {
				t.Errorf("byte %d of %s: %+v", at, entry.Name(), found)
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d bytes were tried", tried)
	}
}

func TestWhatIsNoStoreIsNotInspected(t *testing.T) {
	var format *storage.FormatError
	if _, err := Inspect(t.Context(), t.TempDir(), quiet()); !errors.As(err, &format) {
		t.Errorf("an empty folder: got %v", err)
	}
	if _, err := Inspect(t.Context(), filepath.Join(t.TempDir(), "none"), quiet()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: got %v", err)
	}
	dir := t.TempDir()
	open(t, dir, quiet())
	var locked *storage.LockedError
	if _, err := Inspect(t.Context(), dir, quiet()); !errors.As(err, &locked) {
		t.Errorf("a folder in use: got %v", err)
	}
}

func TestAFullDiskIsInspectedAndToldOf(t *testing.T) {
	dir := inspectable(t)
	options := quiet()
	options.DiskReserve = 1 << 20
	options.freeBytes = func(string) (int64, bool) { return 1 << 10, true }
	found, err := Inspect(t.Context(), dir, options)
	if err != nil || !errors.Is(found.Disk.Err, storage.ErrDiskFull) || found.Disk.Free != 1<<10 || found.Disk.Reserve != 1<<20 {
		t.Errorf("got %+v, %v", found, err)
	}
}
