package kvstore

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/echelonhq/echelon/engine/frame"
	"github.com/echelonhq/echelon/storage"
	"github.com/echelonhq/echelon/storage/internal/rowcodec"
)

// groupRows is how many rows of customers are encoded at a time, while those before them are given to the database.
const groupRows = 512

// encodedRows are the keys of rows and what is stored under them, in one piece of memory: few allocations for many.
type encodedRows struct {
	keys, values [][]byte
}

// encodeRows returns the rows of customers, a group at a time, up to the first that cannot be stored.
func encodeRows(encoder *rowcodec.Encoder, customers *frame.Frame, update int64) iter.Seq2[*encodedRows, error] {
	groups := func(yield func(*encodedRows, error) bool) {
		size := 0 // of the largest group so far
		for from := 0; from < customers.Len(); from += groupRows {
			rows, used, err := encodeGroup(encoder, customers, from, min(customers.Len(), from+groupRows), update, size)
			if !yield(rows, err) || err != nil {
				return
			}
			size = max(size, used)
		}
	}
	if customers.Len() <= groupRows {
		return groups
	}
	return ahead(groups)
}

// encodeGroup encodes the rows of a group into memory of its size, where that is known, and returns how much they took.
func encodeGroup(encoder *rowcodec.Encoder, customers *frame.Frame, from, to int, update int64, size int) (*encodedRows, int, error) {
	rows := &encodedRows{keys: make([][]byte, 0, to-from), values: make([][]byte, 0, to-from)}
	buffer := make([]byte, 0, size+size/8)
	for row, id := range customers.IDs[from:to] {
		if id == "" || len(id) > frame.MaxIDBytes {
			return nil, 0, fmt.Errorf("%w: row %d has an id of %d bytes, 1 to %d are allowed", storage.ErrInvalid, from+row, len(id), frame.MaxIDBytes)
		}
		start := len(buffer)
		buffer = append(append(buffer, spaceCustomer), id...)
		middle := len(buffer)
		buffer = encoder.Append(buffer, customers, from+row, update)
		key := buffer[start:middle:middle] // stays where it is, also where the buffer moves as it grows
		buffer = binary.LittleEndian.AppendUint32(buffer, checkSum(key, buffer[middle:]))
		rows.keys, rows.values = append(rows.keys, key), append(rows.values, buffer[middle:len(buffer):len(buffer)])
	}
	return rows, len(buffer), nil
}

// ahead makes the next group in a goroutine of its own while the one before it is looked at. That has ended when the loop ends; what it panics with, the
// loop does.
func ahead(groups iter.Seq2[*encodedRows, error]) iter.Seq2[*encodedRows, error] {
	type made struct {
		rows     *encodedRows
		err      error
		panicked any
	}
	return func(yield func(*encodedRows, error) bool) {
		ready, over := make(chan made, 1), make(chan struct{})
		defer func() {
			close(over)
			for range ready { // until it has ended: it reads what the caller may change then
			}
		}()
		go func() {
			defer close(ready)
			defer func() {
				if panicked := recover(); panicked != nil {
					ready <- made{panicked: panicked}
				}
			}()
			for rows, err := range groups {
				select {
				case ready <- made{rows: rows, err: err}:
				case <-over:
					return
				}
			}
		}()
		for group := range ready {
			if group.panicked != nil {
				panic(group.panicked)
			}
			if !yield(group.rows, group.err) {
				return
			}
		}
	}
}
