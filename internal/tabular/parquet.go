package tabular

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// parquetRows is how many rows of a Parquet file are read at once.
const parquetRows = 8 << 10

// newParquetSource reads the rows of a Parquet file, a part of its row groups at a time.
func newParquetSource(in io.Reader, options RowOptions) (s source, err error) {
	at, seeks := in.(parquet.ReaderAtSeeker)
	if !seeks {
		return nil, &Error{File: options.File, Message: "a Parquet file has its beginning at its end, and this one comes in one piece after the other",
			Remedy: "write it to a file, uncompressed, and give that"}
	}
	// arrow-go answers some damage by panics.
	defer func() {
		if panicked := recover(); panicked != nil {
			s, err = nil, notParquet(options.File, fmt.Errorf("%v", panicked))
		}
	}()
	properties := parquet.NewReaderProperties(memory.DefaultAllocator)
	properties.BufferedStreamEnabled = true
	from, err := file.NewParquetReader(at, file.WithReadProps(properties))
	if err != nil {
		return nil, notParquet(options.File, err)
	}
	reader, err := pqarrow.NewFileReader(from, pqarrow.ArrowReadProperties{BatchSize: parquetRows}, memory.DefaultAllocator)
	if err != nil {
		return nil, notParquet(options.File, err)
	}
	var leaves []int
	for _, column := range reader.Manifest.Fields {
		if !options.Only || slices.Contains(options.Expected, column.Field.Name) {
			leaves = appendLeaves(leaves, column)
		}
	}
	whole, err := reader.Schema()
	if err != nil {
		return nil, notParquet(options.File, err)
	}
	p := &parquetRecords{file: options.File, whole: whole}
	if len(leaves) > 0 {
		if p.reader, err = reader.GetRecordReader(context.Background(), leaves, nil); err != nil {
			return nil, notParquet(options.File, err)
		}
	}
	return p.source(options), nil
}

// appendLeaves appends the places of what a column is stored as.
func appendLeaves(to []int, column pqarrow.SchemaField) []int {
	if column.IsLeaf() {
		return append(to, column.ColIndex)
	}
	for _, child := range column.Children {
		to = appendLeaves(to, child)
	}
	return to
}

// notParquet is the error of a file that cannot be read.
func notParquet(name string, err error) error {
	return &Error{File: name, Message: fmt.Sprintf("the Parquet file cannot be read: %v", err),
		Remedy: "write it anew, it may have been cut while it was copied; or say by --format what it is"}
}

// parquetRecords is the columns of a Parquet file that are read, as record batches.
type parquetRecords struct {
	file string
	// whole is the schema with the columns that are not read.
	whole  *arrow.Schema
	reader pqarrow.RecordReader
	rows   int64
}

// source returns the rows. Columns that are not read are named too, so that a column can be told from one that is not there.
func (p *parquetRecords) source(options RowOptions) source {
	s := newRecordSource(p, options)
	for _, column := range p.whole.Fields() {
		if !slices.Contains(s.names, column.Name) {
			s.names, s.read = append(s.names, column.Name), append(s.read, false)
			s.row = append(s.row, Value{})
		}
	}
	return s
}

// Schema implements records.
func (p *parquetRecords) Schema() *arrow.Schema {
	if p.reader == nil {
		return arrow.NewSchema(nil, nil)
	}
	return p.reader.Schema()
}

// Next implements records.
func (p *parquetRecords) Next() (record arrow.RecordBatch, err error) {
	if p.reader == nil {
		return nil, io.EOF
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			record, err = nil, p.broken(fmt.Errorf("%v", panicked))
		}
	}()
	record, err = p.reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if err != nil {
		return nil, p.broken(err)
	}
	p.rows += record.NumRows()
	return record, nil
}

func (p *parquetRecords) broken(err error) error {
	return &Error{File: p.file, Message: fmt.Sprintf("no more can be read after row %d: %v", p.rows, err), Remedy: "write the file anew"}
}
