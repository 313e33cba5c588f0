package storagetest

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/echelonhq/echelon/storage"
)

// testModel does the same at random to the store and to a map, and compares now and at moments of the past.
func testModel(t *testing.T, store storage.Store) {
	register(t, store, attributes...)
	rapid.Check(t, func(rt *rapid.T) {
		for key, err := range view(rt, store).CustomerKeys(rt.Context(), "") {
			noError(rt, err)
			_, err = store.DeleteCustomer(rt.Context(), key.ID)
			noError(rt, err)
		}
		model := map[string]float64{}
		anID := rapid.SampledFrom(oddIDs)
		type past struct {
			reader storage.Reader
			model  map[string]float64
		}
		var pasts []past
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				batch := rapid.MapOfN(anID, rapid.Float64Range(-10, 10), 0, 5).Draw(rt, "batch")
				noError(rt, store.PutCustomers(rt.Context(), numbers(rt, batch, slices.Collect(maps.Keys(batch))...), moment))
				maps.Copy(model, batch)
			},
			"delete": func(rt *rapid.T) {
				id := anID.Draw(rt, "id")
				existed, err := store.DeleteCustomer(rt.Context(), id)
				noError(rt, err)
				_, known := model[id]
				equal(rt, existed, known)
				delete(model, id)
			},
			"look back later": func(rt *rapid.T) {
				if len(pasts) < 3 {
					pasts = append(pasts, past{view(rt, store), maps.Clone(model)})
				}
			},
			"scan": func(rt *rapid.T) {
				options := storage.CustomerScan{
					After:     rapid.OneOf(rapid.Just(""), anID).Draw(rt, "after"),
					BatchRows: rapid.IntRange(1, 5).Draw(rt, "rows"),
					Limit:     rapid.IntRange(0, 5).Draw(rt, "limit"),
				}
				for _, past := range append(pasts, past{view(rt, store), model}) {
					got, _ := scan(rt, past.reader, options)
					equal(rt, got, expected(past.model, options))
				}
			},
		})
		for _, past := range pasts {
			past.reader.Close()
		}
	})
}

// expected is what a scan of the map gives.
func expected(model map[string]float64, options storage.CustomerScan) []row {
	var rows []row
	for _, id := range slices.Sorted(maps.Keys(model)) {
		if id > options.After && (options.Limit == 0 || len(rows) < options.Limit) {
			rows = append(rows, row{id, model[id]})
		}
	}
	return rows
}
