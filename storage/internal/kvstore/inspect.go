package kvstore

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/backup"
	"github.com/echelonhq/echelon/storage/internal/blockcodec"
	"github.com/echelonhq/echelon/storage/internal/rowcodec"
)

// Inspect reads everything that a map holds, without changing it, and says what is wrong. The map must be ours; the folder is for errors.
func Inspect(ctx context.Context, db DB, dir string) (*storage.Inspection, error) {
	txn := db.Begin(false)
	defer txn.Discard()
	format, err := readFormat(txn, dir)
	if err != nil {
		return nil, err
	}
	i := &inspector{
		content: backup.NewContent(), owners: make(map[string]*echelonv1.Run), batches: make(map[string]bool),
		found: &storage.Inspection{Format: format, Commit: storage.Commit(txn.ReadPoint()), Documents: make(map[storage.Kind]int64)},
	}
	if i.schema, err = new(schemaCache).read(txn); err != nil {
		i.schema = nil // the scan finds it damaged
	}
	n := 0
	for item, err := range txn.Scan(Range{}) {
		if err == nil && n%checkEvery == 0 {
			err = ctx.Err()
		}
		n++
		if err != nil {
			return nil, err
		}
		i.look(item)
	}
	i.compare()
	if i.found.DamagedCount == 0 {
		i.found.Content = i.content.Sum()
	}
	return i.found, nil
}

// inspector looks at one item after another.
type inspector struct {
	schema  *schema // nil where it is damaged
	found   *storage.Inspection
	content *backup.Content
	owners  map[string]*echelonv1.Run // the runs that own a snapshot, by its name
	batches map[string]bool           // the batches of changes that there are
	current []string
	cursor  rowcodec.Cursor
}

func (i *inspector) damaged(key []byte, err error) {
	if i.found.DamagedCount++; i.found.DamagedCount <= storage.MaxDamaged {
		i.found.Damaged = append(i.found.Damaged, fmt.Sprintf("%s: %v", what(key), err))
	}
}

// look counts an item and checks it.
func (i *inspector) look(item Item) {
	i.found.Bytes += int64(len(item.Key) + len(item.Value))
	if item.Key[0] == spaceFormat {
		return
	}
	data, err := unseal(item)
	if content(item.Key) {
		i.content.Add(item.Key, item.Value)
	}
	switch item.Key[0] {
	case spaceCustomer:
		i.found.Customers++
		if err == nil {
			err = i.row(data)
		}
	case spaceDocument:
		kind := storage.Kind(item.Key[1])
		i.found.Documents[kind]++
		if err == nil {
			err = i.document(kind, string(item.Key[2:]), data)
		}
	case spaceSnapshot:
		i.block(item)
		if err == nil {
			_, err = blockcodec.Decode(data)
		}
	case spaceOverlay:
		if err == nil {
			err = proto.Unmarshal(data, &storagev1.OverlayRow{})
		}
	case spaceTombstone:
		if err == nil {
			err = proto.Unmarshal(data, &storagev1.Tombstone{})
		}
	case spaceHistory:
	default:
		i.found.Unknown++
		return
	}
	if err != nil {
		i.damaged(item.Key, err)
	}
}

// row reads all values of a customer's row.
func (i *inspector) row(data []byte) error {
	i.cursor.Open(data)
	for i.cursor.Next() {
		id := i.cursor.ID
		if i.schema != nil && (int64(id) >= int64(len(i.schema.types)) || !rowcodec.Fits(i.cursor.Kind, i.schema.types[id])) {
			return fmt.Errorf("attribute %d with kind %d is not in the schema", id, i.cursor.Kind)
		}
	}
	return i.cursor.Err()
}

// document remembers what a document names or owns.
func (i *inspector) document(kind storage.Kind, key string, data []byte) error {
	switch kind {
	case storage.KindRun:
		run := &echelonv1.Run{}
		if err := proto.Unmarshal(data, run); err != nil {
			return err
		}
		if storage.HasSnapshot(run) {
			i.owners[run.GetId()] = run
		}
	case storage.KindChangeBatch:
		i.batches[key] = true
	case storage.KindCurrent:
		current := &storagev1.Current{}
		if err := proto.Unmarshal(data, current); err != nil {
			return err
		}
		i.current = append(i.current, current.GetRunId())
	}
	return nil
}

// block counts a block of a snapshot. Those of one snapshot follow one another.
func (i *inspector) block(item Item) {
	name, _ := snapshotName(item.Key)
	last := len(i.found.Snapshots) - 1
	if last < 0 || i.found.Snapshots[last].Name != name {
		i.found.Snapshots = append(i.found.Snapshots, storage.SnapshotInspection{Name: name})
		last++
	}
	i.found.Snapshots[last].Blocks++
	i.found.Snapshots[last].Bytes += int64(len(item.Value))
}

// compare looks whether runs and snapshots belong together.
func (i *inspector) compare() {
	there := make(map[string]bool)
	for n := range i.found.Snapshots {
		snapshot := &i.found.Snapshots[n]
		there[snapshot.Name] = true
		snapshot.Orphan = i.owners[snapshot.Name] == nil
		if batch, changes := storage.BatchOf(snapshot.Name); changes {
			snapshot.Orphan = !i.batches[batch]
		}
	}
	for id, run := range i.owners {
		if !there[id] && run.GetEvaluated() > 0 {
			i.found.Missing = append(i.found.Missing, fmt.Sprintf("the snapshot of run %q", id))
		}
	}
	slices.Sort(i.found.Missing)
	for _, id := range i.current {
		if i.owners[id] == nil {
			i.found.Missing = append(i.found.Missing, fmt.Sprintf("the run %q, which is current", id))
		}
	}
}
