package badger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/backup"
	"github.com/echelonhq/echelon/storage/internal/kvstore"
	"github.com/echelonhq/echelon/storage/memory"
)

// backUp writes a backup to a file, which follows the one before where that is given.
func backUp(t *testing.T, store storage.Backuper, before string) string {
	t.Helper()
	path, err := tryBackUp(t, store, before)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func tryBackUp(t *testing.T, store storage.Backuper, before string) (string, error) {
	t.Helper()
	var base *storage.BackupBase
	if before != "" {
		info, err := VerifyBackup(before)
		if err != nil {
			t.Fatal(err)
		}
		base = &storage.BackupBase{ID: info.ID, History: info.Header.GetHistory(), Commit: storage.Commit(info.Header.GetCommit())}
	}
	file, err := os.CreateTemp(t.TempDir(), "backup-*")
	if err != nil {
		t.Fatal(err)
	}
	err = store.Backup(t.Context(), base, time.Now(), file)
	return file.Name(), errors.Join(err, file.Close())
}

func restore(t *testing.T, files ...string) (string, *Restored) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	restored, err := Restore(t.Context(), dir, quiet(), files...)
	if err != nil {
		t.Fatalf("restore: %v", err)
	}
	return dir, restored
}

func inspected(t *testing.T, dir string) *storage.Inspection {
	t.Helper()
	found, err := Inspect(t.Context(), dir, quiet())
	if err != nil {
		t.Fatalf("inspect: %v", err)
	}
	return found
}

func remove(t *testing.T, store storage.Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if existed, err := store.DeleteCustomer(t.Context(), id); err != nil || !existed {
			t.Fatalf("delete %s: %v, %v", id, existed, err)
		}
	}
}

// snapshot writes a snapshot of blocks with one customer each.
func snapshot(t *testing.T, store storage.Store, name string, ids ...string) {
	t.Helper()
	w, err := store.WriteSnapshot(t.Context(), name)
	refs := make([]uint32, 1000) // two bytes each
	for i := range refs {
		refs[i] = uint32(i)
	}
	for _, id := range ids {
		if err == nil {
			err = w.Append(&storagev1.SnapshotBlock{Ids: []string{id}, ReasonRefs: refs})
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func putRun(t *testing.T, store storage.Store, run *echelonv1.Run) {
	t.Helper()
	if err := store.Update(t.Context(), func(tx storage.Tx) error { return tx.PutDocument(storage.KindRun, run.GetId(), run) }); err != nil {
		t.Fatal(err)
	}
}

func TestAFullAndTenIncrementalBackupsAreRestored(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir, quiet())
	var all []string
	for i := range 2000 {
		all = append(all, fmt.Sprintf("c%05d", i))
	}
	put(t, store, all...)
	files := []string{backUp(t, store, "")}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 10 {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		remove(t, store, all[:50]...)
		all = all[50:]
		put(t, store, all[:20]...)
		fresh := fmt.Sprintf("new%02d", round)
		put(t, store, fresh)
		all = append(all, fresh)
		name := fmt.Sprintf("run-%02d", round)
		snapshot(t, store, name, "a", "b")
		putRun(t, store, &echelonv1.Run{Id: name, State: echelonv1.Run_READY, Evaluated: 2})
		if round%3 == 2 {
			if err := store.DeleteSnapshot(t.Context(), fmt.Sprintf("run-%02d", round-1)); err != nil {
				t.Fatal(err)
			}
			putRun(t, store, &echelonv1.Run{Id: fmt.Sprintf("run-%02d", round-1), State: echelonv1.Run_READY, SnapshotRemoved: true})
		}
		if round == 5 { // opening again goes on with the same history
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			store = open(t, dir, quiet())
		}
		files = append(files, backUp(t, store, files[len(files)-1]))
	}
	want, versions := ids(t, store), versionsOf(t, store)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	source := inspected(t, dir)
	for n := 1; n <= len(files); n += 5 {
		into, restored := restore(t, files[:n]...)
		found := inspected(t, into)
		if found.Content == "" || found.Content != restored.Content || len(found.Missing)+len(found.Damaged) > 0 {
			t.Fatalf("%d files: the folder is %+v, restored was %+v", n, found, restored)
		}
		if n < len(files) {
			continue
		}
		if found.Content != source.Content || found.Customers != int64(len(all)) || len(found.Snapshots) != 7 {
			t.Errorf("restored %+v\nfrom %+v", found, source)
		}
		again := open(t, into, quiet())
		if got := ids(t, again); !slices.Equal(got, want) {
			t.Errorf("%d customers are restored, want %d", len(got), len(want))
		}
		if got := versionsOf(t, again); !slices.Equal(got, versions) {
			t.Error("customers have other versions, so that runs would take them for stale or fresh")
		}
		put(t, again, "later")
		if got := versionsOf(t, again); slices.Max(got) <= slices.Max(versions) {
			t.Error("what is written after a restore is not newer")
		}
		if _, err := tryBackUp(t, again, files[n-1]); !errors.Is(err, storage.ErrBackupBase) {
			t.Errorf("an incremental backup across a restore: got %v", err)
		}
	}
}

func versionsOf(t *testing.T, store storage.Store) []storage.Commit {
	t.Helper()
	reader, err := store.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var versions []storage.Commit
	for key, err := range reader.CustomerKeys(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, key.Version)
	}
	return versions
}

// copyFolder copies the files of a folder, as people do.
func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestACopyOfTheFolderThatWentItsOwnWayIsNoBase(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir, quiet())
	put(t, store, "a")
	shared := backUp(t, store, "")
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	copied := open(t, copyFolder(t, dir), quiet())
	store = open(t, dir, quiet())
	for _, s := range []*Store{store, copied} {
		put(t, s, "b")
		put(t, s, "c")
	}
	own := backUp(t, store, "")
	if _, err := tryBackUp(t, copied, own); !errors.Is(err, storage.ErrBackupBase) {
		t.Errorf("a backup of the other copy as base: got %v", err)
	}
	next := backUp(t, copied, shared) // what both had before is a base of both
	into, _ := restore(t, shared, next)
	if got := ids(t, open(t, into, quiet())); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("restored %q", got)
	}
}

func TestAnAlteredOrTruncatedBackupIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	store := open(t, t.TempDir(), quiet())
	put(t, store, "a", "b")
	full := backUp(t, store, "")
	put(t, store, "c")
	next := backUp(t, store, full)
	whole, err := os.ReadFile(next)
	if err != nil {
		t.Fatal(err)
	}
	var damaged *backup.DamagedError
	var format *backup.FormatError
	for i := range whole {
		altered := bytes.Clone(whole)
		altered[i] ^= 0x10
		for _, file := range [][]byte{altered, whole[:i]} {
			path, into := filepath.Join(t.TempDir(), "bad"), filepath.Join(t.TempDir(), "into")
			write(t, path, string(file))
			_, err := Restore(t.Context(), into, quiet(), full, path)
			if !errors.As(err, &damaged) && !errors.As(err, &format) || !strings.Contains(err.Error(), path) {
				t.Fatalf("byte %d: got %v", i, err)
			}
			if _, err := os.Stat(into); !errors.Is(err, os.ErrNotExist) {
				t.Fatalf("byte %d: something was written", i)
			}
		}
	}
	into := filepath.Join(t.TempDir(), "into")
	var chain *backup.ChainError
	for _, files := range [][]string{{next}, {next, full}, {full, full}} {
		if _, err := Restore(t.Context(), into, quiet(), files...); !errors.As(err, &chain) {
			t.Errorf("%v: got %v", files, err)
		}
	}
	if _, err := Restore(t.Context(), into, quiet()); !errors.Is(err, storage.ErrInvalid) {
		t.Errorf("no files: got %v", err)
	}
	if _, err := os.Stat(into); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was written")
	}
}

func TestABackupOfANewerStoreIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "newer")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := backup.NewWriter(file, &storagev1.BackupHeader{StoreFormat: kvstore.Format + 1})
	if err == nil {
		_, err = w.Close()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	var format *backup.FormatError
	if _, err := Restore(t.Context(), t.TempDir(), quiet(), path); !errors.As(err, &format) || format.Found != kvstore.Format+1 {
		t.Errorf("got %v", err)
	}
}

func TestARestoreWritesOverNothing(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir, quiet())
	put(t, store, "a")
	full := backUp(t, store, "")
	if _, err := Restore(t.Context(), dir, quiet(), full); !errors.Is(err, storage.ErrExists) || !strings.Contains(err.Error(), dir) {
		t.Errorf("into a store: got %v", err)
	}
	other := t.TempDir()
	write(t, filepath.Join(other, "letter.txt"), "Dear customer")
	if _, err := Restore(t.Context(), other, quiet(), full); !errors.Is(err, storage.ErrExists) {
		t.Errorf("into a folder with a file: got %v", err)
	}
}

func TestAnInterruptedRestoreIsNoStore(t *testing.T) {
	store := open(t, t.TempDir(), quiet())
	for i := range 3 {
		var some []string
		for j := range 4000 {
			some = append(some, fmt.Sprintf("c%d-%d", i, j))
		}
		put(t, store, some...)
	}
	full := backUp(t, store, "")
	ctx, cancel := context.WithCancel(t.Context())
	looks := 0
	options := quiet()
	options.freeBytes = func(string) (int64, bool) { // which is asked now and then
		if looks++; looks == 2 {
			cancel()
		}
		return 1 << 40, true
	}
	into := t.TempDir()
	if _, err := Restore(ctx, into, options, full); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the end of the context", err)
	}
	if _, err := Open(into, quiet()); !errors.Is(err, storage.ErrRestoring) || !strings.Contains(err.Error(), into) {
		t.Errorf("opened: got %v", err)
	}
	if _, err := Inspect(t.Context(), into, quiet()); !errors.Is(err, storage.ErrRestoring) {
		t.Errorf("inspected: got %v", err)
	}
	if _, err := Restore(t.Context(), into, quiet(), full); !errors.Is(err, storage.ErrRestoring) {
		t.Errorf("restored again: got %v", err)
	}
	// Without the marker, too, it is none: what makes it one is written last.
	if err := os.Remove(filepath.Join(into, restoringFile)); err != nil {
		t.Fatal(err)
	}
	var format *storage.FormatError
	if _, err := Open(into, quiet()); !errors.As(err, &format) {
		t.Errorf("without the marker: got %v", err)
	}
}

func TestARestoreOntoAFullDiskFails(t *testing.T) {
	store := open(t, t.TempDir(), quiet())
	put(t, store, "a")
	options := quiet()
	options.DiskReserve = 1 << 20
	options.freeBytes = func(string) (int64, bool) { return 1 << 10, true }
	if _, err := Restore(t.Context(), t.TempDir(), options, backUp(t, store, "")); !errors.Is(err, storage.ErrDiskFull) {
		t.Errorf("got %v", err)
	}
}

func TestABackupIsOfOneCommitWhileOthersWrite(t *testing.T) {
	store := open(t, t.TempDir(), quiet())
	put(t, store, "a0", "b0")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := 1; ctx.Err() == nil; i++ { // each commit adds two customers
			put(t, store, fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i))
		}
	}()
	var files []string
	for range 8 {
		before := ""
		if len(files) > 0 {
			before = files[len(files)-1]
		}
		files = append(files, backUp(t, store, before))
	}
	cancel()
	<-ended
	for n := 1; n <= len(files); n += 3 {
		into, _ := restore(t, files[:n]...)
		if got := ids(t, open(t, into, quiet())); len(got)%2 != 0 || len(got) < 2 {
			t.Errorf("%d files: %d customers, half of a commit", n, len(got))
		}
	}
}

func TestTheStoreInMemoryIsBackedUpToo(t *testing.T) {
	store := memory.New()
	defer func() { _ = store.Close() }()
	put(t, store, "a", "b")
	full := backUp(t, store.(storage.Backuper), "")
	remove(t, store, "a")
	put(t, store, "c")
	into, restored := restore(t, full, backUp(t, store.(storage.Backuper), full))
	if got := ids(t, open(t, into, quiet())); !slices.Equal(got, []string{"b", "c"}) || restored.Keys != 4 { // with the schema and the tombstone of a
		t.Errorf("restored %q of %+v", got, restored)
	}
}

func TestBackupsEndWithTheStoreAndTheContext(t *testing.T) {
	store := open(t, t.TempDir(), quiet())
	put(t, store, "a")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.Backup(ctx, nil, time.Now(), &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: got %v", err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := store.Backup(t.Context(), nil, time.Now(), &bytes.Buffer{}); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("closed: got %v", err)
	}
}
