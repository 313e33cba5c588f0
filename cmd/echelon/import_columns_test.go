package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// Batches stay small enough for a commit, although a text that many rows share stands once on the wire; who fits no message is refused by itself.
func TestRowsOfLongTextsGoInBatchesThatFitACommit(t *testing.T) {
	const rows, huge, texts = 200, 150, 300
	var fields []frame.Field
	for i := range texts {
		fields = append(fields, frame.Field{Name: fmt.Sprint("t", i), Type: echelonv1.Attribute_STRING})
	}
	schema, long := frame.NewSchema(fields...), strings.Repeat("x", frame.MaxValueBytes)
	b := frame.NewBuilder(schema)
	var lines []int
	for row := range rows {
		b.Start(fmt.Sprint("c", row))
		for field := range texts {
			if field == 0 || row == huge {
				b.SetString(field, long)
			}
		}
		if wrong := b.Commit(); wrong != nil {
			t.Fatal(wrong)
		}
		lines = append(lines, row+2)
	}
	writer, err := arrowframe.NewWriter(schema, wireID)
	if err != nil {
		t.Fatal(err)
	}
	j, reader := &importing{rejects: &rejects{}}, arrowframe.NewReader(schema, arrowframe.Options{IDColumn: wireID})
	var ids []string
	j.stream(writer, b.Take(), lines, func(stream []byte, err error) bool {
		if err != nil {
			t.Fatal(err)
		}
		read, err := reader.Read(stream)
		if err != nil {
			t.Fatal(err)
		}
		if n := rowBytes(read.Frame); n > columnBytes {
			t.Errorf("a batch of %d rows has %d bytes", read.Rows, n)
		}
		ids = append(ids, read.Frame.IDs...)
		return true
	})
	var want []string
	for row := range rows {
		if row != huge {
			want = append(want, fmt.Sprint("c", row))
		}
	}
	if !slices.Equal(ids, want) {
		t.Errorf("%d rows are sent, want %d in order", len(ids), len(want))
	}
	if len(j.listed) != 1 || j.listed[0].Line != huge+2 || j.listed[0].CustomerID != "c150" || j.listed[0].Code != "VALUE_TOO_LONG" {
		t.Errorf("refused are %v", j.listed)
	}
	if slices.Contains(j.lines, huge+2) || len(j.lines) != len(ids) {
		t.Errorf("%d lines await an answer, %d rows are sent", len(j.lines), len(ids))
	}
}
