package audit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/echelonhq/echelon/internal/audit"
)

// sequences returns those that a log has, the newest first.
func sequences(t *testing.T, log *audit.Log) []int64 {
	t.Helper()
	entries, err := log.List(t.Context(), 0, 10_000, audit.Filter{})
	must(t, err)
	var all []int64
	for _, e := range entries {
		all = append(all, e.GetSequence())
	}
	return all
}

func TestOldEntriesAreRemovedAndTheNewestIsKept(t *testing.T) {
	const days = 1300 // more than two commits remove
	for _, test := range []struct {
		name        string
		before      time.Time
		first, left int64 // the oldest sequence that is kept, and how many there are
	}{
		{"before the first", noon, 1, days},
		{"the day itself is kept", noon.AddDate(0, 0, 1), 2, days - 1},
		{"most", noon.AddDate(0, 0, 1290), 1291, 10},
		{"all but the newest", noon.AddDate(100, 0, 0), days, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := newStore(t)
			now := noon
			log, err := audit.Open(t.Context(), store, func() time.Time { return now })
			must(t, err)
			for i := range days {
				now = noon.AddDate(0, 0, i)
				must(t, log.Store().PutCustomers(by(t, "ann", "Upsert"), customers(fmt.Sprint("c", i)), now))
			}
			removed, err := log.Sweep(t.Context(), test.before)
			must(t, err)
			kept := sequences(t, log)
			if removed != days-test.left || int64(len(kept)) != test.left || kept[len(kept)-1] != test.first || kept[0] != days {
				t.Errorf("%d were removed and %d are left, from %d to %d", removed, len(kept), kept[len(kept)-1], kept[0])
			}
			if again, err := log.Sweep(t.Context(), test.before); again != 0 || err != nil {
				t.Errorf("a second time %d were removed, error %v", again, err)
			}
			// Whoever follows goes on where he was, whatever was removed, and so does a log that is opened again.
			log = open(t, store)
			must(t, log.Store().PutCustomers(by(t, "zoe", "Upsert"), customers("new"), now))
			followed, _, err := log.After(t.Context(), days, 10)
			must(t, err)
			if len(followed) != 1 || followed[0].GetSequence() != days+1 || followed[0].GetActor() != "zoe" {
				t.Errorf("after the newest came %v", followed)
			}
		})
	}
}

func TestAStreamUnderWayOutlivesTheSweep(t *testing.T) {
	store := newStore(t)
	log := open(t, store)
	stream := audit.Begin(t.Context(), audit.Call{Actor: "ann", Method: "Import", Stream: true})
	must(t, log.Store().PutCustomers(stream, customers("a"), noon))
	must(t, log.Store().PutCustomers(by(t, "bob", "Upsert"), customers("b"), noon))
	must(t, log.Store().PutCustomers(by(t, "bob", "Upsert"), customers("c"), noon))
	if removed, err := log.Sweep(t.Context(), noon.AddDate(1, 0, 0)); removed != 1 || err != nil {
		t.Errorf("%d were removed, error %v", removed, err)
	}
	must(t, log.End(stream))
	if got := told(t, log); len(got) != 2 || got[0] != "ann Import customers 1" && got[0] != "ann Import customers/a 1" {
		t.Errorf("the log says %q", got)
	}
}
