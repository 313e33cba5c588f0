package client

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/echelonhq/echelon/engine/frame"
	echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"
)

const (
	// batchBytes is how large a batch grows before the next one begins: several fit into a connection's buffers, and none comes near the largest
	// message, though its answer is larger than it.
	batchBytes = 4 << 20
	// customerBytes is the largest customer that is sent: a message with room for what surrounds it.
	customerBytes = maxMessageBytes - 1<<10
	// rowOverhead is what a customer in a batch takes beside itself: a tag and its length.
	rowOverhead = 6
)

// batch is consecutive rows of the caller's sequence: those that are sent, and those that are refused without sending them.
type batch struct {
	sequence  int64 // from 1; 0 where nothing is left to send
	from, end int64 // the caller's indexes, half open
	customers []*echelonv1.Customer
	places    []int64               // the caller's index of each of the customers
	refused   []*echelonv1.RowError // with the caller's indexes
	bytes     int
	// arrow is the rows of a batch that came as an IPC stream; how many they are its answer tells.
	arrow []byte
}

// batches cuts the caller's customers into batches of at most that many rows. An error of the sequence comes with the last batch, which is
// nil where no row is left: what is settled with it does not depend on where batches end.
func batches(customers iter.Seq2[*echelonv1.Customer, error], rows int) iter.Seq2[*batch, error] {
	return func(yield func(*batch, error) bool) {
		current, sequence := &batch{}, int64(0)
		cut := func(failure error) bool {
			if len(current.customers) > 0 {
				sequence++
				current.sequence = sequence
			}
			full := current
			current = &batch{from: full.end, end: full.end}
			return yield(full, failure)
		}
		var failure error
		for customer, err := range customers {
			if refused := refusalOf(err); refused != nil {
				if current.isFull(rows, 0) && !cut(nil) {
					return
				}
				current.refuse(refused)
				continue
			}
			if err != nil {
				failure = err
				break
			}
			size := proto.Size(customer) + rowOverhead
			if current.isFull(rows, size) && !cut(nil) {
				return
			}
			current.add(customer, size)
		}
		switch {
		case current.end > current.from:
			cut(failure)
		case failure != nil:
			yield(nil, failure)
		}
	}
}

// isFull reports whether a row of that size belongs into the next batch.
func (b *batch) isFull(rows, size int) bool {
	return b.end-b.from >= int64(rows) || len(b.customers) > 0 && b.bytes+size > batchBytes
}

func (b *batch) add(customer *echelonv1.Customer, size int) {
	refused := checkText(customer)
	if refused == nil && size > customerBytes {
		refused = tooLarge(customer, size)
	}
	if refused != nil {
		b.refuse(refused)
		return
	}
	b.customers = append(b.customers, customer)
	b.places = append(b.places, b.end)
	b.bytes += size
	b.end++
}

// refuse takes the next of the caller's rows as refused.
func (b *batch) refuse(row *echelonv1.RowError) {
	row.Index = b.end
	b.refused = append(b.refused, row)
	b.end++
}

// message returns the batch as it is sent.
func (b *batch) message() *echelonv1.CustomerBatch {
	if b.arrow != nil {
		return &echelonv1.CustomerBatch{Sequence: b.sequence, Arrow: b.arrow}
	}
	return &echelonv1.CustomerBatch{Sequence: b.sequence, Rows: &echelonv1.CustomerRows{Customers: b.customers}}
}

// place gives the errors of an answer the caller's indexes, unless the batch came as Arrow. They must come in the order of the rows.
func (b *batch) place(refused []*echelonv1.RowError) error {
	last := int64(-1)
	for _, row := range refused {
		index := row.GetIndex()
		if index <= last || b.arrow == nil && index >= int64(len(b.places)) {
			return broken("batch %d of %d rows has an error for row %d after one for row %d", b.sequence, len(b.places), index, last)
		}
		last = index
		if b.arrow == nil {
			row.Index = b.places[index]
		}
	}
	return nil
}

// tooLarge refuses a customer that fits into no message, for its id or its largest attribute.
func tooLarge(customer *echelonv1.Customer, size int) *echelonv1.RowError {
	refusal := &echelonv1.RowError{CustomerId: frame.Printable(customer.GetId())}
	if n := len(customer.GetId()); n > frame.MaxIDBytes {
		refusal.Code = echelonv1.RowError_ID_TOO_LONG
		refusal.Message = fmt.Sprintf("the id has %d bytes, at most %d are allowed", n, frame.MaxIDBytes)
		return refusal
	}
	fields, largest, most := customer.GetAttributes().GetFields(), "", -1
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if n := len(name) + proto.Size(fields[name]); n > most {
			largest, most = name, n
		}
	}
	refusal.Field = frame.Printable(largest)
	refusal.Code = echelonv1.RowError_VALUE_TOO_LONG
	refusal.Message = fmt.Sprintf("the customer has %d bytes, more than the %d that fit into a message: shorten its attributes, %s first",
		size, customerBytes, frame.Quote(largest))
	return refusal
}
