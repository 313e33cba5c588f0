package e2e

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/echelonhq/echelon/client"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

// writerBatch is how many customers a batch has.
const writerBatch = 100

// writer writes its customers again and again; each write has a number, which is the customer's amount.
type writer struct {
	testing.TB
	prefix    string
	customers int
	// acknowledged is, for every customer, the last write that was acknowledged; next is the write that comes next.
	acknowledged map[string]int
	next         int
	// acknowledgedRows counts acknowledged writes, batches their batches.
	acknowledgedRows int
	batches          atomic.Int64
	// job is the import of the last round, from its first write on, and how many of those were acknowledged.
	job        *echelonv1.ImportHeader
	from, rows int
}

func newWriter(t testing.TB, prefix string, customers int) *writer {
	return &writer{TB: t, prefix: prefix, customers: customers, acknowledged: make(map[string]int)}
}

func (w *writer) id(write int) string { return fmt.Sprintf("%s%06d", w.prefix, write%w.customers) }

func (w *writer) customer(write int) *echelonv1.Customer {
	attributes := map[string]*structpb.Value{"arr": structpb.NewNumberValue(float64(write))}
	return &echelonv1.Customer{Id: w.id(write), Attributes: &structpb.Struct{Fields: attributes}}
}

// write imports so many customers, and notes what is acknowledged.
func (w *writer) write(ctx context.Context, c *client.Client, header *echelonv1.ImportHeader, most int) error {
	w.job, w.from, w.rows = header, w.next, 0
	var sequence iter.Seq2[*echelonv1.Customer, error] = func(yield func(*echelonv1.Customer, error) bool) {
		for end := w.from + most; w.next < end; {
			customer := w.customer(w.next)
			w.next++
			// A publication takes in who changed since its run: writers who change everybody at full speed leave it no end between two kills.
			if w.next%writerBatch == 0 && most > w.customers {
				time.Sleep(20 * time.Millisecond)
			}
			if !yield(customer, nil) {
				return
			}
		}
	}
	for progress, err := range c.ImportCustomers(ctx, header, sequence) {
		if err != nil {
			return err
		}
		for ; w.rows < int(progress.Acknowledged); w.rows++ {
			w.acknowledged[w.id(w.from+w.rows)] = w.from + w.rows
			w.acknowledgedRows++
		}
		w.batches.Add(1)
	}
	return nil
}

// writeUntilKilled writes until the connection ends.
func (w *writer) writeUntilKilled(ctx context.Context, c *client.Client, header *echelonv1.ImportHeader) {
	if !killed(w, "an import", w.write(ctx, c, header, 1<<30)) {
		w.Errorf("the import %q came to an end, and its customers did not", header.GetJobId())
	}
}

// checkWriters looks whether all customers are there as they were written last, or later.
func checkWriters(ctx context.Context, t testing.TB, c *client.Client, writers ...*writer) {
	t.Helper()
	found := make(map[*writer]int)
	for customer, err := range c.ExportCustomers(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range writers {
			if !strings.HasPrefix(customer.GetId(), w.prefix) {
				continue
			}
			found[w]++
			got, want := int(customer.GetAttributes().GetFields()["arr"].GetNumberValue()), w.acknowledged[customer.GetId()]
			if got < want || got >= w.next || w.id(got) != customer.GetId() {
				t.Fatalf("customer %s has write %d, want write %d or a later one of it, before %d", customer.GetId(), got, want, w.next)
			}
		}
	}
	for _, w := range writers {
		if found[w] != w.customers {
			t.Fatalf("%d of %d customers with %q are there", found[w], w.customers, w.prefix)
		}
		// What was sent and not acknowledged may be there or not; the next writes have numbers of their own.
		w.next += w.customers
	}
}

// checkJob sends again what was acknowledged of the last import: it is acknowledged again, and not stored again.
func (w *writer) checkJob(ctx context.Context, c *client.Client) {
	w.Helper()
	rows, last := w.rows, client.ImportProgress{}
	again := each(rows, func(i int) *echelonv1.Customer { return w.customer(w.from + i) })
	for progress, err := range c.ImportCustomers(ctx, w.job, again) {
		if err != nil {
			w.Fatalf("the import %q is sent again: %v", w.job.GetJobId(), err)
		}
		last = progress
	}
	if last.Acknowledged != int64(rows) || last.Repeated != int64(rows) {
		w.Fatalf("the import %q is sent again: %d of %d rows are acknowledged, %d of them as stored before, want all", w.job.GetJobId(), last.Acknowledged, rows, last.Repeated)
	}
}

// writeOf returns the number of a customer among its writer's.
func writeOf(id string) int {
	n, err := strconv.Atoi(id[1:])
	if err != nil {
		return -1
	}
	return n
}
