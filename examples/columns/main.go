// Command columns shows how a Go program sends customers in columns: the record batches of a Parquet file go through a server, and their tiers come
// back as record batches, into another Parquet file. No customer is a message on the way.
//
// The columns of the file must be called as the model's attributes; docs/arrow.md says which types they may have.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/echelonhq/echelon/client"
	"github.com/echelonhq/echelon/engine/frame/arrowframe"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// options are the flags.
type options struct{ address, model, input, output, idColumn string }

func main() {
	var o options
	flag.StringVar(&o.address, "address", "127.0.0.1:7070", "HOST:PORT of the server")
	flag.StringVar(&o.model, "model", "b2b-default", "the model's name")
	flag.StringVar(&o.input, "input", "customers.parquet", "the Parquet file of customers")
	flag.StringVar(&o.output, "output", "tiers.parquet", "the Parquet file to write")
	flag.StringVar(&o.idColumn, "id-column", "customer_id", "the column that has the ids")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) (err error) {
	c, err := client.Dial(o.address)
	if err != nil {
		return err
	}
	defer c.Close()
	customers, done, err := read(ctx, o.input)
	if err != nil {
		return err
	}
	defer done()
	tiers, err := os.Create(o.output)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tiers.Close()) }()
	to := &writer{file: tiers}
	header := &echelonv1.BulkAssignHeader{Evaluator: client.StoredModel(o.model, 0), IdColumn: o.idColumn}
	rows, refused := int64(0), 0
	for answer, err := range c.BulkAssignArrow(ctx, header, arrowframe.Streams(customers)) {
		if err != nil {
			return err
		}
		rows, refused = rows+answer.Rows, refused+len(answer.Errors)
		for _, notice := range answer.Notices {
			fmt.Fprintln(out, notice)
		}
		for _, wrong := range answer.Errors {
			fmt.Fprintf(out, "row %d is refused: %s\n", wrong.GetIndex()+1, wrong.GetMessage())
		}
		if err := to.write(answer.Arrow); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d rows, %d of them refused\n", rows, refused)
	return to.close()
}

// read returns the record batches of a Parquet file, and what ends reading it.
func read(ctx context.Context, path string) (_ iter.Seq2[arrow.RecordBatch, error], done func() error, err error) {
	from, err := file.OpenParquetFile(path, false)
	if err != nil {
		return nil, nil, err
	}
	reader, err := pqarrow.NewFileReader(from, pqarrow.ArrowReadProperties{BatchSize: 8192}, memory.DefaultAllocator)
	if err != nil {
		return nil, nil, errors.Join(err, from.Close())
	}
	records, err := reader.GetRecordReader(ctx, nil, nil)
	if err != nil {
		return nil, nil, errors.Join(err, from.Close())
	}
	return func(yield func(arrow.RecordBatch, error) bool) {
		for {
			record, err := records.Read()
			if errors.Is(err, io.EOF) || !yield(record, err) || err != nil {
				return
			}
		}
	}, from.Close, nil
}

// writer writes answers to a Parquet file, whose schema is that of the first.
type writer struct {
	file io.Writer
	out  *pqarrow.FileWriter
}

func (w *writer) write(stream []byte) error {
	record, err := arrowframe.Record(stream)
	if err != nil {
		return err
	}
	if w.out == nil {
		if w.out, err = pqarrow.NewFileWriter(record.Schema(), keepOpen{w.file}, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps()); err != nil {
			return err
		}
	}
	return w.out.WriteBuffered(record)
}

func (w *writer) close() error {
	if w.out == nil {
		return nil
	}
	return w.out.Close()
}

// keepOpen hides that a file can be closed: who opened it closes it.
type keepOpen struct{ io.Writer }
