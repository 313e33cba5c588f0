package storagetest

import (
	"fmt"
	"sync"
	"testing"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

func testConcurrentUpdates(t *testing.T, store storage.Store) {
	const workers, rounds = 4, 10
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range rounds {
				if err := store.Update(t.Context(), func(tx storage.Tx) error { return bump(tx, "counter") }); err != nil {
					t.Errorf("update: %v", err)
				}
			}
		})
	}
	group.Wait()
	head := &storagev1.ModelHead{}
	noError(t, view(t, store).Document(storage.KindModelHead, "counter", head))
	equal(t, head.GetLatestVersion(), int64(workers*rounds))
}

// testConcurrentImports writes batches in which all customers have the same number. Whoever looks must find one number in each group.
func testConcurrentImports(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	const groups, rows, rounds = 3, 50, 12
	idsOf := func(group int) []string {
		ids := make([]string, rows)
		for i := range ids {
			ids[i] = fmt.Sprintf("g%d-%02d", group, i)
		}
		return ids
	}
	for group := range groups {
		put(t, store, 0, idsOf(group)...)
	}
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for group := range groups {
		writers.Go(func() {
			for round := range rounds {
				values := map[string]float64{}
				for _, id := range idsOf(group) {
					values[id] = float64(round + 1)
				}
				if err := store.PutCustomers(t.Context(), numbers(t, values, idsOf(group)...), moment); err != nil {
					t.Errorf("put: %v", err)
				}
			}
		})
	}
	look := func(reader storage.Reader) {
		seen := map[string]float64{}
		n := 0
		for batch, err := range reader.Customers(t.Context(), nil, storage.CustomerScan{BatchRows: 7}) {
			if err != nil {
				t.Errorf("scan: %v", err)
				return
			}
			for i, id := range batch.Frame.IDs {
				n++
				arr := batch.Frame.Column("arr").Numbers[i]
				if first, known := seen[id[:2]]; known && first != arr {
					t.Errorf("%s has %v, and its group %v", id, arr, first)
				}
				seen[id[:2]] = arr
			}
		}
		if n != groups*rows {
			t.Errorf("a scan found %d customers, want %d", n, groups*rows)
		}
	}
	readers.Go(func() {
		for {
			reader, err := store.View(t.Context())
			if err != nil {
				t.Errorf("view: %v", err)
				return
			}
			var both sync.WaitGroup // one view, several goroutines
			both.Go(func() { look(reader) })
			both.Go(func() { look(reader) })
			both.Wait()
			reader.Close()
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	writers.Wait()
	close(stop)
	readers.Wait()
}
