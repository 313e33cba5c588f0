package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine/modelfile"
	"github.com/echelonhq/echelon/server"
	store "github.com/echelonhq/echelon/storage/memory"
)

const model = `
name: columns
attributes: [{name: arr, type: NUMBER}, {name: industry, type: STRING}]
scores: [{name: value, criteria: [{name: money, expr: arr, weight: 1, normalize: {linear: {min: 0, max: 100}}}]}]
tierings: [{name: coverage, linear: {score: value, tiers: [{name: high, cut: {min_score: 50, when: "industry == 'retail'"}}, {name: low}]}}]
`

// serve starts a server over a store in memory in which the model is active, and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	kept := store.New()
	s, err := server.New(context.Background(), kept, server.Config{DrainTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := kept.Close(); err != nil {
			t.Error(err)
		}
	})
	c, err := client.Dial(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	parsed, _, found := modelfile.Parse("model.yaml", []byte(model))
	if found.HasMistakes() {
		t.Fatal(found)
	}
	if _, err = c.CreateModel(t.Context(), parsed); err != nil {
		t.Fatal(err)
	}
	if _, err = c.ActivateModel(t.Context(), "columns", 1); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}

func TestAParquetFileGoesThroughAServerAndComesBackWithTiers(t *testing.T) {
	folder := t.TempDir()
	o := options{
		address: serve(t), model: "columns", idColumn: "account",
		input: filepath.Join(folder, "customers.parquet"), output: filepath.Join(folder, "tiers.parquet"),
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "arr", Type: &arrow.Decimal128Type{Precision: 9, Scale: 2}, Nullable: true}, {Name: "region", Type: arrow.BinaryTypes.String},
		{Name: "account", Type: arrow.BinaryTypes.String}, {Name: "industry", Type: arrow.BinaryTypes.String},
	}, nil))
	for _, row := range [][4]string{{"60.50", "EU", "one", "retail"}, {"70.00", "US", "two", "health"}, {"10.00", "EU", "one", "retail"}, {"", "EU", "three", "retail"}} {
		for k, text := range row {
			if text == "" {
				b.Field(k).AppendNull()
			} else if err := b.Field(k).AppendValueFromString(text); err != nil {
				t.Fatal(err)
			}
		}
	}
	var in bytes.Buffer
	w, err := pqarrow.NewFileWriter(b.Schema(), &in, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(b.NewRecordBatch()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.input, in.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}

	var out bytes.Buffer
	if err := run(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	const told = "the column \"region\" is no attribute and is ignored\n" +
		"row 3 is refused: the id \"one\" stands in an earlier row; the first one holds: remove one of them\n4 rows, 1 of them refused\n"
	if diff := cmp.Diff(told, out.String()); diff != "" {
		t.Errorf("(-want +told):\n%s", diff)
	}
	tiers, done, err := read(t.Context(), o.output)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	got := make(map[string]string)
	for record, err := range tiers {
		if err != nil {
			t.Fatal(err)
		}
		id, tier := record.Schema().FieldIndices("account")[0], record.Schema().FieldIndices("tier.coverage")[0]
		for row := range int(record.NumRows()) {
			got[record.Column(id).ValueStr(row)] = record.Column(tier).ValueStr(row)
		}
	}
	if diff := cmp.Diff(map[string]string{"one": "high", "two": "low", "three": array.NullValueStr}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
