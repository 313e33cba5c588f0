package kvstore

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/storage"
)

const (
	// rangeBytes is about how many bytes of rows a range has that a reader goes through.
	rangeBytes = 2 << 20
	// chunkBytes is about how many bytes of rows are handed on at a time, and chunksAhead how many of a range wait at most.
	chunkBytes  = 64 << 10
	chunksAhead = 32
)

// chunk is consecutive rows as they are stored: keys and values one after the other.
type chunk struct {
	data []byte
	rows []storedRow
	err  error // why the range ends here
}

// storedRow is where a row lies in a chunk: its key begins where the row before ends.
type storedRow struct {
	value, end uint32
	version    uint64
}

// page implements storage.CustomerPage: rows of one chunk or several.
type page struct {
	decoders *sync.Pool
	parts    []part
	rows     int
	bytes    int
}

// part is some of a chunk's rows.
type part struct {
	chunk    *chunk
	from, to int
}

// Decode implements storage.CustomerPage.
func (p *page) Decode() (*storage.CustomerBatch, error) {
	rows := p.decoders.Get().(*rows)
	rows.begin(p.rows)
	for _, part := range p.parts {
		start := uint32(0)
		if part.from > 0 {
			start = part.chunk.rows[part.from-1].end
		}
		for _, row := range part.chunk.rows[part.from:part.to] {
			if err := rows.add(part.chunk.data[start:row.value], part.chunk.data[row.value:row.end], row.version); err != nil {
				return nil, err
			}
			start = row.end
		}
	}
	batch := rows.take()
	p.decoders.Put(rows)
	return batch, nil
}

// CustomerPages implements storage.Reader.
func (r *reader) CustomerPages(ctx context.Context, view *frame.Schema, scan storage.CustomerScan, readers int) iter.Seq2[storage.CustomerPage, error] {
	return func(yield func(storage.CustomerPage, error) bool) {
		if err := r.use(); err != nil {
			yield(nil, err)
			return
		}
		defer r.done()
		rows, err := r.rows(view, scan.Rows())
		if err == nil {
			err = r.ended(ctx)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		decoders := &sync.Pool{New: func() any {
			again, _ := newRows(rows.schema, rows.view, rows.room) // it was made before
			return again
		}}
		decoders.Put(rows)
		err = r.chunks(ctx, scan, max(1, readers), newPager(scan, decoders, func(p *page) bool { return yield(p, nil) }))
		if err != nil {
			yield(nil, err)
		}
	}
}

// chunks reads the ranges of a scan with several readers and gives their chunks to a pager, in order, until it has enough.
func (r *reader) chunks(ctx context.Context, scan storage.CustomerScan, readers int, to *pager) error {
	ranges := r.ranges(scan)
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	// A range is begun when another was gone through, but for those that are read ahead.
	begin := make(chan struct{}, readers+1)
	out := make([]chan *chunk, len(ranges))
	for i := range out {
		out[i] = make(chan *chunk, chunksAhead)
	}
	var begun atomic.Int64
	for range min(readers, len(ranges)) {
		work.Go(func() {
			for {
				select {
				case begin <- struct{}{}:
				case <-ctx.Done():
					return
				}
				i := int(begun.Add(1)) - 1
				if i >= len(ranges) {
					return
				}
				r.read(ctx, ranges[i], out[i])
				close(out[i])
			}
		})
	}
	for _, of := range out {
		for one := next(ctx, of); one != nil; one = next(ctx, of) {
			// A reader whose context is over leaves its range in the middle: nothing behind that is handed out.
			if err := r.ended(ctx); err != nil {
				return err
			}
			if one.err != nil {
				return one.err
			}
			if !to.add(one) {
				return nil
			}
		}
		if err := r.ended(ctx); err != nil {
			return err
		}
		<-begin
	}
	to.end()
	return nil
}

// next returns the next chunk of a range, nil where there is none any more or ctx is over.
func next(ctx context.Context, of <-chan *chunk) *chunk {
	select {
	case one := <-of:
		return one
	case <-ctx.Done():
		return nil
	}
}

// ranges parts a scan.
func (r *reader) ranges(scan storage.CustomerScan) []Range {
	rest := customersOf(scan)
	var all []Range
	if scan.Limit == 0 || scan.Limit > storage.DefaultBatchRows {
		for _, key := range r.txn.Splits(rest.Prefix, rangeBytes) {
			if string(key) <= string(rest.Prefix) || string(key) <= string(rest.From) {
				continue
			}
			part := rest
			part.Until = key
			all = append(all, part)
			rest.From = key
		}
	}
	return append(all, rest)
}

// read reads a range into chunks. Its context is that of the scan, or over because nobody wants more.
func (r *reader) read(ctx context.Context, keys Range, out chan<- *chunk) {
	var one *chunk
	send := func() bool {
		select {
		case out <- one:
			one = nil
			return true
		case <-ctx.Done():
			return false
		}
	}
	for item, err := range r.txn.Scan(keys) {
		if one == nil {
			one = &chunk{data: make([]byte, 0, chunkBytes+chunkBytes/16)}
		}
		if err != nil {
			if len(one.rows) > 0 && !send() {
				return
			}
			one = &chunk{err: err}
			send()
			return
		}
		one.data = append(one.data, item.Key...)
		value := len(one.data)
		one.data = append(one.data, item.Value...)
		one.rows = append(one.rows, storedRow{value: uint32(value), end: uint32(len(one.data)), version: item.Version})
		if len(one.data) >= chunkBytes && !send() {
			return
		}
	}
	if one != nil && len(one.rows) > 0 {
		send()
	}
}

// pager cuts chunks into pages, as Customers cuts rows into batches.
type pager struct {
	size, left int // rows of a page, and of the scan; none are left out where that is 0
	decoders   *sync.Pool
	page       *page
	hand       func(*page) bool
}

func newPager(scan storage.CustomerScan, decoders *sync.Pool, hand func(*page) bool) *pager {
	return &pager{size: scan.Rows(), left: scan.Limit, decoders: decoders, page: &page{decoders: decoders}, hand: hand}
}

// add hands out the pages that a chunk makes full, and returns false when no more is wanted.
func (p *pager) add(one *chunk) bool {
	from := 0
	for i := range one.rows {
		row := &one.rows[i]
		p.page.rows++
		p.page.bytes += int(row.end-row.value) - sealBytes
		p.left--
		if p.page.rows < p.size && p.page.bytes < batchBytes && p.left != 0 {
			continue
		}
		p.page.parts = append(p.page.parts, part{chunk: one, from: from, to: i + 1})
		from = i + 1
		if !p.give() || p.left == 0 {
			return false
		}
	}
	if from < len(one.rows) {
		p.page.parts = append(p.page.parts, part{chunk: one, from: from, to: len(one.rows)})
	}
	return true
}

// end hands out the rest.
func (p *pager) end() {
	if p.page.rows > 0 {
		p.give()
	}
}

func (p *pager) give() bool {
	full := p.page
	p.page = &page{decoders: p.decoders}
	return p.hand(full)
}
