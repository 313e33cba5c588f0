package badger

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
)

var note = []*echelonv1.Attribute{{Name: "note", Type: echelonv1.Attribute_STRING}, {Name: "more", Type: echelonv1.Attribute_STRING}}

// customers is a frame of customers with a note.
func customers(t *testing.T, text string, ids ...string) *frame.Frame {
	t.Helper()
	b := frame.NewBuilder(frame.ModelSchema(note))
	for _, id := range ids {
		b.Start(id)
		b.SetString(0, text)
		b.SetString(1, text)
		if fault := b.Commit(); fault != nil {
			t.Fatal(fault)
		}
	}
	return b.Take()
}

func put(t *testing.T, store storage.Store, ids ...string) {
	t.Helper()
	err := store.Update(t.Context(), func(tx storage.Tx) error {
		if _, _, err := storage.RegisterAttributes(tx, note); err != nil {
			return err
		}
		return tx.PutCustomers(customers(t, "text", ids...), time.Now())
	})
	if err != nil {
		t.Fatalf("put: %v", err)
	}
}

func ids(t *testing.T, store storage.Store) []string {
	t.Helper()
	reader, err := store.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var ids []string
	for key, err := range reader.CustomerKeys(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, key.ID)
	}
	return ids
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// plant writes a key past the store.
func plant(t *testing.T, options badgerdb.Options, key, value string) {
	t.Helper()
	db, err := badgerdb.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(txn *badgerdb.Txn) error { return txn.Set([]byte(key), []byte(value)) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestTenThousandCustomersFitOneCommitHoweverLong(t *testing.T) {
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf("customer-with-an-id-that-is-rather-long-%05d", i)
	}
	for name, bytes := range map[string]int{
		"as long as they may be in a table": valueThreshold - 40,
		"in the value log":                  valueThreshold,
		"of 16 MiB together":                16 << 20 / len(many),
	} {
		t.Run(name, func(t *testing.T) {
			store := open(t, t.TempDir(), quiet())
			put(t, store, "first")
			text := strings.Repeat("x", bytes/2)
			if err := store.PutCustomers(t.Context(), customers(t, text, many...), time.Now()); err != nil {
				t.Fatal(err)
			}
			reader, err := store.View(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			n := 0
			for batch, err := range reader.Customers(t.Context(), nil, storage.CustomerScan{After: many[0]}) {
				if err != nil {
					t.Fatal(err)
				}
				for i, id := range batch.Frame.IDs {
					if n++; id != "first" && batch.Frame.Columns[1].String(i) != text {
						t.Fatalf("%s came back altered", id)
					}
				}
			}
			if n != len(many) {
				t.Errorf("%d customers after the first of the batch, want %d", n, len(many))
			}
		})
	}
}

func TestMoreThanFitsOneCommitIsRefusedAsAWhole(t *testing.T) {
	store := open(t, t.TempDir(), quiet())
	put(t, store, "first")
	many := make([]string, 30_000)
	for i := range many {
		many[i] = fmt.Sprintf("c%05d", i)
	}
	text := strings.Repeat("x", valueThreshold/2-20)
	if err := store.PutCustomers(t.Context(), customers(t, text, many...), time.Now()); !errors.Is(err, storage.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if got := ids(t, store); len(got) != 1 {
		t.Errorf("got %d customers, want nothing but the first", len(got))
	}
}

func TestADamagedRowIsNamed(t *testing.T) {
	damages := map[string]func(value []byte) []byte{
		"a flipped bit":  func(v []byte) []byte { v[len(v)/2] ^= 1; return v },
		"truncated":      func(v []byte) []byte { return v[:len(v)-1] },
		"empty":          func([]byte) []byte { return nil },
		"something else": func([]byte) []byte { return []byte("something else") },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			store := open(t, t.TempDir(), quiet())
			put(t, store, "a", "b")
			err := store.db.Update(func(txn *badgerdb.Txn) error {
				item, err := txn.Get([]byte("cb"))
				if err != nil {
					return err
				}
				value, err := item.ValueCopy(nil)
				if err != nil {
					return err
				}
				return txn.Set([]byte("cb"), damage(bytes.Clone(value)))
			})
			if err != nil {
				t.Fatal(err)
			}
			reader, err := store.View(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			_, getErr := reader.Customer("b", nil)
			var scanErr error
			for _, scanErr = range reader.Customers(t.Context(), nil, storage.CustomerScan{}) {
			}
			for _, err := range []error{getErr, scanErr} {
				var corrupt *storage.CorruptError
				if !errors.As(err, &corrupt) || !strings.Contains(corrupt.What, `"b"`) {
					t.Errorf("got %v, want a *CorruptError that names the customer", err)
				}
			}
			if _, err := reader.Customer("a", nil); err != nil {
				t.Errorf("the other customer: %v", err)
			}
			put(t, store, "b") // writing it again mends it
		})
	}
}

func TestAFullDiskRefusesWritesWhileThereIsAReserve(t *testing.T) {
	var free atomic.Int64
	free.Store(2000)
	options := quiet()
	options.DiskReserve = 1000
	options.freeBytes = func(string) (int64, bool) { return free.Load(), true }
	dir := t.TempDir()
	store := open(t, dir, options)
	put(t, store, "a")

	free.Store(999)
	write := func() error { return store.PutCustomers(t.Context(), customers(t, "text", "b"), time.Now()) }
	err := write()
	for err == nil { // until the watch has looked
		err = write()
	}
	if !errors.Is(err, storage.ErrDiskFull) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("got %v, want ErrDiskFull with the folder", err)
	}
	if len(ids(t, store)) == 0 {
		t.Error("a full disk keeps customers from being read")
	}
	if _, err := Open(t.TempDir(), options); !errors.Is(err, storage.ErrDiskFull) {
		t.Errorf("opening on a full disk: got %v, want ErrDiskFull", err)
	}

	free.Store(1000)
	for errors.Is(err, storage.ErrDiskFull) { // until it has looked again
		err = write()
	}
	if err != nil {
		t.Errorf("after space was made: %v", err)
	}
}

func TestTheFreeSpaceOfAFolderIsKnown(t *testing.T) {
	if free, known := freeBytes(t.TempDir()); !known || free <= 0 {
		t.Errorf("got %d, %t", free, known)
	}
	if _, known := freeBytes("/no/such/folder"); known {
		t.Error("the space of a folder that is not there is known")
	}
}

func TestTheDatabaseSpeaksThroughSlog(t *testing.T) {
	var text bytes.Buffer
	l := logger{slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	l.Errorf("broken %d\n", 1)
	l.Warningf("odd")
	l.Infof("opened")
	l.Debugf("detail")
	for _, want := range []string{`level=ERROR msg="badger: broken 1"`, `level=WARN msg="badger: odd"`, `level=DEBUG msg="badger: opened"`, "detail"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%s is missing in\n%s", want, text.String())
		}
	}
}
