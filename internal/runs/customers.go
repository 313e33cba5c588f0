package runs

import (
	"context"
	"iter"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/internal/parallel"
	"github.com/echelonhq/echelon/storage"
)

// keptBytes is how many bytes of customers all runs together keep in memory from one going through them to the next.
const keptBytes = 256 << 20

// customers are those of one run, in blocks. The first of them are kept when they are gone through, as far as there is memory, so that going through them
// again reads and decodes only the others.
type customers struct {
	view   storage.Reader
	schema *frame.Schema
	// used is how many bytes all runs keep, size how many of them are these.
	used *atomic.Int64
	size int64

	kept []*storage.CustomerBatch
	last string // the id that kept ends with
	full bool   // whether no more is kept, for want of memory, because kept are all, or because nobody goes through them again
	all  bool   // whether kept are all
}

// release gives back the memory.
func (c *customers) release() {
	c.used.Add(-c.size)
	c.kept, c.size, c.last, c.full, c.all = nil, 0, "", true, false
}

// lastly goes through all customers a last time, in which the memory of each batch is given back when the batch is handed out.
func (c *customers) lastly(ctx context.Context) iter.Seq2[*storage.CustomerBatch, error] {
	c.full = true
	return c.through(ctx, func(i int) {
		size := sizeOf(c.kept[i])
		c.used.Add(-size)
		c.size -= size
		c.kept[i] = nil
	})
}

// batches goes through all customers. They may not be gone through twice at the same time.
func (c *customers) batches(ctx context.Context) iter.Seq2[*storage.CustomerBatch, error] {
	return c.through(ctx, func(int) {})
}

// through goes through all customers, and tells of each batch that is kept when it is handed out.
func (c *customers) through(ctx context.Context, handed func(i int)) iter.Seq2[*storage.CustomerBatch, error] {
	return func(yield func(*storage.CustomerBatch, error) bool) {
		for i, batch := range c.kept {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			handed(i)
			if !yield(batch, nil) {
				return
			}
		}
		if c.all {
			return
		}
		pages := c.view.CustomerPages(ctx, c.schema, storage.CustomerScan{BatchRows: blockRows, After: c.last}, parallel.Workers())
		decode := func() func(context.Context, storage.CustomerPage) (*storage.CustomerBatch, error) {
			return func(_ context.Context, page storage.CustomerPage) (*storage.CustomerBatch, error) {
				return page.Decode()
			}
		}
		for batch, err := range parallel.Ordered(ctx, pages, decode) {
			if err != nil {
				yield(nil, err)
				return
			}
			c.keep(batch)
			if !yield(batch, nil) {
				return
			}
		}
		c.all = !c.full
	}
}

// keep keeps a batch, which follows those that are kept, where there is memory for it.
func (c *customers) keep(batch *storage.CustomerBatch) {
	if c.full {
		return
	}
	batch.UpdateTimes = nil // a run does not read them
	size := sizeOf(batch)
	if c.used.Add(size) > keptBytes {
		c.used.Add(-size)
		c.full = true
		return
	}
	c.size += size
	c.kept, c.last = append(c.kept, batch), batch.Last
}

// sizeOf returns about how many bytes a batch takes.
func sizeOf(batch *storage.CustomerBatch) int64 {
	const row = 8       // a version
	const message = 192 // what the error of a customer that is refused takes beside its texts
	size := batch.Frame.Size() + int64(row*batch.Frame.Len())
	for _, refused := range batch.Errors {
		size += int64(message + proto.Size(refused))
	}
	return size
}
