package rowcodec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Cursor goes through the attributes of a row. After Next the fields hold the attribute and its value.
type Cursor struct {
	// Update is when the row was written, in microseconds since 1970.
	Update int64
	// ID is the attribute's id.
	ID uint32
	// Kind says which of the values is set.
	Kind Kind
	// Number is the value of Float and Whole.
	Number float64
	// Int is the value of Int.
	Int int64
	// Text is the value of Text; it is part of the row.
	Text []byte
	// Items is the value of List; its items are part of the row. The slice is used again by Next.
	Items [][]byte

	rest []byte
	left uint64
	err  error
}

var errTruncated = errors.New("the row ends too early")

// Open begins to read a row, with a cursor that may have been used before. Whether the row is well formed is known when Next has returned false.
func (c *Cursor) Open(row []byte) {
	*c = Cursor{Items: c.Items[:0], rest: row}
	if len(row) == 0 {
		c.err = errTruncated
		return
	}
	if row[0] != format {
		c.err = fmt.Errorf("the row has format %d, and format %d is known", row[0], format)
		return
	}
	c.rest = row[1:]
	c.Update = c.varint()
	c.left = c.uvarint()
}

// Next goes to the next attribute. It returns false at the end, and where the row is damaged, which Err tells.
func (c *Cursor) Next() bool {
	if c.err != nil {
		return false
	}
	if c.left == 0 {
		if len(c.rest) > 0 {
			c.err = fmt.Errorf("%d bytes follow the row", len(c.rest))
		}
		return false
	}
	c.left--
	tag := c.uvarint()
	id := tag >> kindBits
	if c.err == nil && (id <= uint64(c.ID) || id > math.MaxUint32) {
		c.err = fmt.Errorf("attribute %d follows attribute %d", id, c.ID)
	}
	c.ID, c.Kind = uint32(id), Kind(tag&kindMask)
	c.value()
	return c.err == nil
}

// Err returns what is wrong with the row, nil where it is well formed as far as it was read.
func (c *Cursor) Err() error { return c.err }

func (c *Cursor) value() {
	switch c.Kind {
	case Float:
		if bits := c.bytes(8); c.err == nil {
			c.Number = math.Float64frombits(binary.LittleEndian.Uint64(bits))
		}
	case Whole:
		c.Number = float64(c.varint())
	case False, True:
	case Int:
		c.Int = c.varint()
	case Text:
		c.Text = c.bytes(c.uvarint())
	case List:
		c.Items = c.Items[:0]
		for n := c.uvarint(); n > 0 && c.err == nil; n-- {
			c.Items = append(c.Items, c.bytes(c.uvarint()))
		}
	default:
		c.fail(fmt.Errorf("attribute %d has the unknown kind %d", c.ID, c.Kind))
	}
}

func (c *Cursor) varint() int64 {
	x, n := binary.Varint(c.rest)
	c.skip(n)
	return x
}

func (c *Cursor) uvarint() uint64 {
	x, n := binary.Uvarint(c.rest)
	c.skip(n)
	return x
}

// skip goes on after a number of n bytes; none or fewer means that it could not be read.
func (c *Cursor) skip(n int) {
	switch {
	case n == 0:
		c.fail(errTruncated)
	case n < 0:
		c.fail(errors.New("a number has more than 64 bits"))
	default:
		c.rest = c.rest[n:]
	}
}

func (c *Cursor) bytes(n uint64) []byte {
	if n > uint64(len(c.rest)) {
		c.fail(errTruncated)
		return nil
	}
	taken := c.rest[:n:n]
	c.rest = c.rest[n:]
	return taken
}

// fail remembers the first thing that is wrong.
func (c *Cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}
