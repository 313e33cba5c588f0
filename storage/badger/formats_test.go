package badger

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/echelonhq/echelon/engine/frame"
	storagev1 "github.com/echelonhq/echelon/proto/echelon/storage/v1"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/memory"
)

var update = flag.Bool("update", false, "write the fixtures of formats that have none yet; one that is there is never written again")

// kept is what lies in the fixtures: a small store with something of everything. The files were written by the programs of their time, and must be
// read for ever; a new kind of thing gets a new file, and is not added here.
var (
	keptAt        = time.Date(2026, 1, 31, 12, 0, 0, 123456000, time.UTC)
	keptSchema    = []*echelonv1.Attribute{{Name: "arr", Type: echelonv1.Attribute_NUMBER, Unit: "USD"}, {Name: "seats", Type: echelonv1.Attribute_INTEGER}, {Name: "industry", Type: echelonv1.Attribute_STRING}, {Name: "partner", Type: echelonv1.Attribute_BOOLEAN}, {Name: "signed", Type: echelonv1.Attribute_DATE}, {Name: "seen", Type: echelonv1.Attribute_TIMESTAMP}, {Name: "tags", Type: echelonv1.Attribute_STRING_LIST}}
	keptCustomers = []map[string]any{
		{"id": "acme", "arr": 125000.5, "seats": 3.0, "industry": "software", "partner": true, "signed": "2025-02-28", "seen": "2026-01-31T08:00:00.000001Z", "tags": []any{"a", "ü"}},
		{"id": "globex", "arr": -0.1, "seats": 9007199254740992.0, "industry": "", "partner": false, "signed": "0001-01-01", "seen": "9999-12-31T23:59:59.999999Z", "tags": []any{}},
		{"id": "nothing"},
	}
	keptBlock = &storagev1.SnapshotBlock{
		Ids: []string{"acme", "globex"}, Segments: []*storagev1.NameColumn{{Codes: []uint32{1, 0}}},
		Scores: []*storagev1.ScoreColumn{{Values: []float64{71.25, 0}, Valid: []bool{true, false}, Completeness: []float64{1, 0.25}}},
		Tiers:  []*storagev1.NameColumn{{Codes: []uint32{2, 0}}}, Reasons: []*echelonv1.Reason{{Code: echelonv1.Reason_LAST_TIER, Item: "tiers.coverage", Message: "last"}},
		ReasonCounts: []uint32{1, 0}, ReasonRefs: []uint32{0}, Excluded: []bool{false, true},
	}
	keptDocuments = []struct {
		kind storage.Kind
		key  string
		text proto.Message
	}{
		{storage.KindModelVersion, storage.VersionKey("b2b", 1), &echelonv1.ModelVersion{Name: "b2b", Version: 1, Fingerprint: "f1", Model: &echelonv1.Model{Name: "b2b", Attributes: keptSchema}}},
		{storage.KindModelHead, "b2b", &storagev1.ModelHead{LatestVersion: 1, ActiveVersion: 1, LatestFingerprint: "f1"}},
		{storage.KindCalibration, "r1", &echelonv1.Calibration{Id: "r1", ModelFingerprint: "f1", AsOf: timestamppb.New(keptAt), Customers: 2, Tierings: []*echelonv1.TieringCalibration{{Tiering: "coverage", Scored: 1}}}},
		{storage.KindRun, "r1", &echelonv1.Run{Id: "r1", Model: "b2b", ModelVersion: 1, State: echelonv1.Run_PUBLISHED, Evaluated: 2, ReadPoint: 3}},
		{storage.KindCurrent, "b2b", &storagev1.Current{RunId: "r1", ModelVersion: 1, CalibrationId: "r1", PublishTime: timestamppb.New(keptAt)}},
		{storage.KindAudit, "log/1", &echelonv1.AuditEntry{Actor: "anna", Method: "echelon.v1.RunService/StartRun", Subject: "models/b2b/runs/r1"}},
	}
)

// formats are the fixtures: what each of them holds beside what all do.
var formats = map[int]func(t *testing.T, store storage.Store){
	1: func(*testing.T, storage.Store) {},
	2: changeSchema,
	3: changeSchema, // its block is packed
	4: func(t *testing.T, store storage.Store) { // it has changes in parts
		changeSchema(t, store)
		writer, err := store.WriteSnapshot(t.Context(), storage.ChangesOf("b1"))
		must(t, err)
		for i, id := range []string{"acme", "globex"} {
			must(t, writer.Append(&storagev1.SnapshotBlock{
				Ids: []string{id}, ChangeKinds: []uint32{1}, ChangePlaces: []uint32{0}, ChangePart: uint32(i), Excluded: []bool{false}, ReasonCounts: []uint32{0},
			}))
		}
		must(t, writer.Close())
		must(t, store.Update(t.Context(), func(tx storage.Tx) error {
			return tx.PutDocument(storage.KindChangeBatch, "b1", &storagev1.ChangeBatch{Model: "b2b", Changes: 2, Parts: []int64{0, 1}})
		}))
	},
}

func changeSchema(t *testing.T, store storage.Store) {
	must(t, store.Update(t.Context(), func(tx storage.Tx) error {
		_, _, renamed := storage.RenameAttribute(tx, "industry", "sector")
		_, _, retired := storage.RetireAttribute(tx, "seats")
		return errors.Join(renamed, retired)
	}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func fixture(format int) string {
	return filepath.Join("testdata", "formats", fmt.Sprintf("format%d.backup", format))
}

// writeFixture backs up a store with what is kept, as this program writes it.
func writeFixture(t *testing.T, path string, change func(*testing.T, storage.Store)) {
	store := memory.New()
	defer store.Close()
	must(t, store.Update(t.Context(), func(tx storage.Tx) error {
		_, _, err := storage.RegisterAttributes(tx, keptSchema)
		for _, d := range keptDocuments {
			err = errors.Join(err, tx.PutDocument(d.kind, d.key, d.text))
		}
		return err
	}))
	b := frame.NewBuilder(frame.ModelSchema(keptSchema))
	for _, c := range keptCustomers {
		if refused := b.AddCustomer(keptCustomer(t, c), false); refused != nil {
			t.Fatal(refused)
		}
	}
	must(t, store.PutCustomers(t.Context(), b.Take(), keptAt))
	writer, err := store.WriteSnapshot(t.Context(), "r1")
	must(t, err)
	must(t, errors.Join(writer.Append(keptBlock), writer.Close()))
	change(t, store)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	file, err := os.Create(path)
	must(t, err)
	must(t, errors.Join(store.(storage.Backuper).Backup(t.Context(), nil, keptAt, file), file.Close()))
}

func keptCustomer(t *testing.T, c map[string]any) *echelonv1.Customer {
	t.Helper()
	attributes, err := structpb.NewStruct(c)
	must(t, err)
	delete(attributes.Fields, "id")
	return &echelonv1.Customer{Id: c["id"].(string), Attributes: attributes}
}

// TestStoresOfAllFormatsAreRead restores stores as they were once written, and reads all that is in them: rows, documents and blocks.
func TestStoresOfAllFormatsAreRead(t *testing.T) {
	for format, change := range formats {
		t.Run(fmt.Sprint("format ", format), func(t *testing.T) {
			path := fixture(format)
			if _, err := os.Stat(path); *update && errors.Is(err, fs.ErrNotExist) {
				writeFixture(t, path, change)
			}
			dir, _ := restore(t, path)
			if found := inspected(t, dir); found.Format != format || found.Customers != 3 || len(found.Damaged)+len(found.Missing) > 0 || found.Unknown > 0 {
				t.Errorf("what is in it: %+v", found)
			}
			store := open(t, dir, quiet())
			reader, err := store.View(t.Context())
			must(t, err)
			defer reader.Close()
			for _, d := range keptDocuments {
				got := d.text.ProtoReflect().New().Interface()
				must(t, reader.Document(d.kind, d.key, got))
				if diff := cmp.Diff(d.text, got, protocmp.Transform()); diff != "" {
					t.Errorf("%s (-want +got)\n%s", d.kind, diff)
				}
			}
			block, err := reader.SnapshotBlock("r1", "acme")
			must(t, err)
			if diff := cmp.Diff(keptBlock, block, protocmp.Transform()); diff != "" {
				t.Errorf("the block (-want +got)\n%s", diff)
			}
			checkKeptCustomers(t, reader, format)
		})
	}
}

// checkKeptCustomers reads the customers by the schema as it is and, where an attribute was renamed, as it was.
func checkKeptCustomers(t *testing.T, reader storage.Reader, format int) {
	t.Helper()
	for _, kept := range keptCustomers {
		want := keptCustomer(t, kept)
		batch, err := reader.Customer(want.GetId(), nil)
		must(t, err)
		if !batch.UpdateTimes[0].Equal(keptAt) {
			t.Errorf("%s was written at %s", want.GetId(), batch.UpdateTimes[0])
		}
		industry, had := want.GetAttributes().GetFields()["industry"]
		if format > 1 {
			delete(want.GetAttributes().GetFields(), "seats")
			delete(want.GetAttributes().GetFields(), "industry")
			if had {
				want.Attributes.Fields["sector"] = industry
			}
		}
		if diff := cmp.Diff(want, batch.Frame.Customer(0), protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", want.GetId(), diff)
		}
		old, err := reader.Customer(want.GetId(), frame.NewSchema(frame.Field{Name: "industry", Type: echelonv1.Attribute_STRING}))
		must(t, err)
		if got := old.Frame.Columns[0]; got.Valid.Get(0) != had || had && got.String(0) != industry.GetStringValue() {
			t.Errorf("%s by the name that an attribute had: %v", want.GetId(), old.Frame.Customer(0))
		}
	}
}
