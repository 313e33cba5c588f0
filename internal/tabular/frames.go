package tabular

import (
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// rowGroup is how many rows of a Parquet file stand together.
const rowGroup = 128 << 10

// FrameWriter writes frames of one schema, with their types, to a Parquet or an Arrow file.
type FrameWriter struct {
	writer *arrowframe.Writer
	write  func(arrow.RecordBatch) error
	close  func() error
}

// NewFrameWriter begins a file of a format that has types. It fails where a field is called like the column of ids, and with the error of out.
func NewFrameWriter(out io.Writer, format Format, schema *frame.Schema, idColumn string) (*FrameWriter, error) {
	w := &FrameWriter{}
	var err error
	// Each file of these formats finds the texts that are alike for itself; an Arrow file takes one dictionary alone.
	if w.writer, err = arrowframe.NewWriter(schema, idColumn, arrowframe.PlainTexts()); err != nil {
		return nil, fmt.Errorf("%w with --id-column", err)
	}
	if format == Parquet {
		return w, w.parquet(out)
	}
	stream := ipc.NewWriter(out, ipc.WithSchema(w.writer.Schema()))
	w.write, w.close = stream.Write, stream.Close
	if format == ArrowFile {
		whole, err := ipc.NewFileWriter(out, ipc.WithSchema(w.writer.Schema()))
		if err != nil {
			return nil, err
		}
		w.write, w.close = whole.Write, whole.Close
	}
	return w, nil
}

func (w *FrameWriter) parquet(out io.Writer) error {
	properties := parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithMaxRowGroupLength(rowGroup))
	file, err := pqarrow.NewFileWriter(w.writer.Schema(), writerOnly{out}, properties, pqarrow.DefaultWriterProps())
	if err != nil {
		return fmt.Errorf("beginning a Parquet file: %w", err)
	}
	w.write, w.close = file.WriteBuffered, file.Close
	return nil
}

// writerOnly hides that a file can be closed, which arrow-go would do.
type writerOnly struct{ io.Writer }

// Write writes a frame. It fails with the error of out.
func (w *FrameWriter) Write(f *frame.Frame) error { return w.write(w.writer.Record(f)) }

// Flush ends the file. It fails with the error of out.
func (w *FrameWriter) Flush() error { return w.close() }

// TypedCustomerWriter writes customers to a file whose format has types, so that a Reader of the same attributes reads them back.
type TypedCustomerWriter struct {
	*FrameWriter
	columns *frame.Schema
}

// NewTypedCustomerWriter begins the file, whose columns are called as the attributes'. Of attributes that share a column the first is written.
func NewTypedCustomerWriter(out io.Writer, format Format, idColumn string, attributes []*echelonv1.Attribute) (*TypedCustomerWriter, error) {
	w := &TypedCustomerWriter{columns: schemaOf(columnsOf(attributes), Column)}
	var err error
	w.FrameWriter, err = NewFrameWriter(out, format, w.columns, idColumn)
	return w, err
}

// Write writes customers of the CustomerSchema. It fails with the error of out.
func (w *TypedCustomerWriter) Write(f *frame.Frame) error {
	return w.FrameWriter.Write(&frame.Frame{Schema: w.columns, IDs: f.IDs, Columns: f.Columns})
}

// Emptied returns 0: empty texts and lists are no missing ones in such a file.
func (*TypedCustomerWriter) Emptied() int { return 0 }
