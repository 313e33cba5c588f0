package kvstore

import (
	"crypto/rand"
	"encoding/hex"

	"google.golang.org/protobuf/proto"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	"github.com/echelonhq/echelon/storage"
)

// spansKept is how many openings of a store its history remembers: a base that is older is refused.
const spansKept = 1000

// beginSpan writes down that the store was opened. From here on a copy of the folder goes its own way, under commits with the same numbers.
func beginSpan(db DB) error {
	txn := db.Begin(true)
	defer txn.Discard()
	history, err := readHistory(txn)
	if err != nil {
		return err
	}
	var id [16]byte
	// Read never fails: it ends the program where the system has no randomness.
	_, _ = rand.Read(id[:])
	history.Spans = append(history.Spans, &storagev1.HistorySpan{Id: hex.EncodeToString(id[:])})
	history.Spans = history.Spans[max(0, len(history.Spans)-spansKept):]
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(history)
	if err != nil {
		return err
	}
	if err := txn.Set(historyKey, seal(historyKey, data)); err != nil {
		return err
	}
	return txn.Commit()
}

// readHistory returns the store's history, with the first commit of every span. A damaged one is none: then only a full backup can be taken, and
// whoever looks for damage finds it.
func readHistory(txn Txn) (*storagev1.History, error) {
	history := &storagev1.History{}
	item, found, err := txn.Get(historyKey)
	if err != nil || !found {
		return history, err
	}
	data, err := unseal(item)
	if err != nil || proto.Unmarshal(data, history) != nil {
		return &storagev1.History{}, nil
	}
	if n := len(history.Spans); n > 0 {
		history.Spans[n-1].FirstCommit = item.Version
	}
	return history, nil
}

// follows reports whether a base is of a history: its commit lies in the span that it names.
func follows(history *storagev1.History, base *storage.BackupBase, newest uint64) bool {
	for i, span := range history.GetSpans() {
		if span.GetId() != base.History {
			continue
		}
		end := newest + 1
		if i+1 < len(history.Spans) {
			end = history.Spans[i+1].GetFirstCommit()
		}
		return uint64(base.Commit) >= span.GetFirstCommit() && uint64(base.Commit) < end
	}
	return false
}
