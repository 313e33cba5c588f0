package arrowframe_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/echelonhq/echelon/engine/frame/arrowframe"
)

// A file that was cut between two of its batches has lost the later ones. A stream may end there.
func TestAFileThatEndsBehindABatchIsCut(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.BinaryTypes.String}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.StringBuilder).Append("a")
	batch := b.NewRecordBatch()
	type writer interface {
		Write(arrow.RecordBatch) error
		Close() error
	}
	written := func(begin func(io.Writer) writer) (whole []byte, border int) {
		var out bytes.Buffer
		w := begin(&out)
		for range 2 {
			border = out.Len()
			if err := w.Write(batch); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes(), border
	}
	batches := func(file []byte) (n int, err error) {
		r, err := arrowframe.NewFileReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		for ; err == nil; n++ {
			_, err = r.Next()
		}
		return n - 1, err
	}
	whole, border := written(func(out io.Writer) writer {
		w, err := ipc.NewFileWriter(out, ipc.WithSchema(schema))
		if err != nil {
			t.Fatal(err)
		}
		return w
	})
	if n, err := batches(whole); n != 2 || !errors.Is(err, io.EOF) {
		t.Errorf("of the whole file %d batches are read, and then %v", n, err)
	}
	if n, err := batches(whole[:border]); n != 1 || err == nil || !strings.Contains(err.Error(), "cut while it was copied") {
		t.Errorf("of the cut file %d batches are read, and then %v", n, err)
	}
	stream, border := written(func(out io.Writer) writer { return ipc.NewWriter(out, ipc.WithSchema(schema)) })
	if n, err := batches(stream[:border]); n != 1 || !errors.Is(err, io.EOF) {
		t.Errorf("of the stream %d batches are read, and then %v", n, err)
	}
}
