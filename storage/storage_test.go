package storage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

func Example() {
	ctx := context.Background()
	store := memory.New()
	defer store.Close()
	attributes := []*echelonv1.Attribute{{Name: "arr", Type: echelonv1.Attribute_NUMBER}, {Name: "industry", Type: echelonv1.Attribute_STRING}}
	err := store.Update(ctx, func(tx storage.Tx) error {
		_, _, err := storage.RegisterAttributes(tx, attributes)
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	customers := frame.NewBuilder(frame.ModelSchema(attributes))
	customers.Start("acme")
	customers.SetNumber(0, 125000)
	customers.SetString(1, "software")
	if fault := customers.Commit(); fault != nil {
		fmt.Println(fault.GetMessage())
		return
	}
	if err := store.PutCustomers(ctx, customers.Take(), time.Now()); err != nil {
		fmt.Println(err)
		return
	}

	reader, err := store.View(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reader.Close()
	for batch, err := range reader.Customers(ctx, nil, storage.CustomerScan{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		for i, id := range batch.Frame.IDs {
			fmt.Println(id, batch.Frame.Column("arr").Numbers[i], batch.Frame.Column("industry").String(i))
		}
	}
	// Output: acme 125000 software
}

func TestVersionKeysAscend(t *testing.T) {
	versions := []int64{1, 2, 9, 10, 99, 100, 1 << 40, 1<<63 - 1}
	keys := make([]string, len(versions))
	for i, version := range versions {
		keys[i] = storage.VersionKey("b2b", version)
		if !strings.HasPrefix(keys[i], storage.VersionPrefix("b2b")) || strings.HasPrefix(keys[i], storage.VersionPrefix("b2")) {
			t.Errorf("%q has the wrong prefix", keys[i])
		}
	}
	if !slices.IsSorted(keys) {
		t.Errorf("the keys do not ascend: %q", keys)
	}
}

func TestErrorsSayWhatAndWhatToDo(t *testing.T) {
	tests := map[string]struct {
		err  error
		want []string
	}{
		"locked":               {&storage.LockedError{Dir: "/data", PID: 42}, []string{"/data", "pid 42", "stop it"}},
		"locked by an unknown": {&storage.LockedError{Dir: "/data"}, []string{"/data", "another process holds", "stop it"}},
		"newer format":         {&storage.FormatError{Dir: "/data", Found: 3, Supported: 1}, []string{"/data", "format 3", "up to 1", "use the program's version"}},
		"foreign folder":       {&storage.FormatError{Dir: "/data", Supported: 1}, []string{"/data", "no Echelon store", "use an empty folder"}},
		"schema": {&storage.SchemaConflictError{Conflicts: []storage.SchemaConflict{
			{Name: "arr", Stored: echelonv1.Attribute_NUMBER, Given: echelonv1.Attribute_STRING},
			{Name: "nope", Given: echelonv1.Attribute_DATE},
		}}, []string{"arr is NUMBER in it, not STRING", "nope is not in it", "another name"}},
		"corrupt": {&storage.CorruptError{What: `customer "acme"`, Err: errors.New("odd")}, []string{`customer "acme"`, "odd", "restore a backup"}},
	}
	for name, test := range tests {
		for _, want := range test.want {
			if !strings.Contains(test.err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, test.err, want)
			}
		}
	}
	for _, kind := range []storage.Kind{1, 2, 3, 4, 5, 6, 7, storage.KindOverlay} {
		if strings.HasPrefix(kind.String(), "kind ") {
			t.Errorf("kind %d has no name", uint8(kind))
		}
	}
	if got := storage.Kind(200).String(); got != "kind 200" {
		t.Errorf("an unknown kind is called %q", got)
	}
}
