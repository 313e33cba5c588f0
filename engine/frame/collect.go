package frame

import echelonv1 "github.com/echelonhq/echelon/proto/echelon/v1"

// Collector gathers rows of frames into frames of their own. It is used by one goroutine.
type Collector struct {
	schema *Schema
	to     *Frame
	// from is the frame of the row before, and codes what the texts of its columns became: places in those of the frame that is made, from 1, and
	// 0 where that has them not yet.
	from  *Frame
	codes [][]uint32
	// texts are the places of the texts of the frame that is made.
	texts []map[string]uint32
	bytes int
}

// NewCollector returns a collector of rows of that schema.
func NewCollector(schema *Schema) *Collector { return &Collector{schema: schema} }

// Len returns the number of rows since the last Take.
func (c *Collector) Len() int {
	if c.to == nil {
		return 0
	}
	return c.to.Len()
}

// Bytes returns about how many bytes they take, each text once.
func (c *Collector) Bytes() int { return c.bytes }

// Take returns the rows since the last Take.
func (c *Collector) Take() *Frame {
	c.begin()
	taken := c.to
	c.to, c.from, c.bytes = nil, nil, 0
	return taken
}

func (c *Collector) begin() {
	if c.to != nil {
		return
	}
	c.to = &Frame{Schema: c.schema, Columns: make([]Column, c.schema.Len())}
	c.codes, c.texts = make([][]uint32, c.schema.Len()), make([]map[string]uint32, c.schema.Len())
	for i := range c.to.Columns {
		column := &c.to.Columns[i]
		if column.Type = c.schema.Field(i).Type; column.Type == echelonv1.Attribute_STRING_LIST {
			column.Offsets = []uint32{0}
		}
	}
}

// Add adds a row of a frame of the schema. Rows of one frame are best added one after the other.
func (c *Collector) Add(f *Frame, row int) {
	c.begin()
	if c.from != f {
		c.turnTo(f)
	}
	at := c.to.Len()
	c.to.IDs = append(c.to.IDs, f.IDs[row])
	c.bytes += len(f.IDs[row]) + 8*len(f.Columns)
	for i := range f.Columns {
		c.add(i, &f.Columns[i], row, at)
	}
}

// turnTo makes a frame the one that rows come from. Texts that stand in the same memory as before have the places that they had.
func (c *Collector) turnTo(f *Frame) {
	for i := range f.Columns {
		dict := f.Columns[i].Dict
		if c.from == nil || !sameTexts(c.from.Columns[i].Dict, dict) {
			c.codes[i] = make([]uint32, len(dict))
		}
	}
	c.from = f
}

func sameTexts(a, b []string) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

func (c *Collector) add(i int, from *Column, row, at int) {
	to, valid := &c.to.Columns[i], from.Valid.Get(row)
	to.Valid.add(at, valid)
	switch to.Type {
	case echelonv1.Attribute_NUMBER, echelonv1.Attribute_INTEGER:
		x := 0.0
		if valid {
			x = from.Numbers[row]
		}
		to.Numbers = append(to.Numbers, x)
	case echelonv1.Attribute_BOOLEAN:
		to.Bits.add(at, valid && from.Bits.Get(row))
	case echelonv1.Attribute_DATE, echelonv1.Attribute_TIMESTAMP:
		x := int64(0)
		if valid {
			x = from.Ints[row]
		}
		to.Ints = append(to.Ints, x)
	case echelonv1.Attribute_STRING:
		code := uint32(0)
		if valid {
			code = c.code(i, from, from.Codes[row])
		}
		to.Codes = append(to.Codes, code)
	case echelonv1.Attribute_STRING_LIST:
		if valid {
			for _, code := range from.Codes[from.Offsets[row]:from.Offsets[row+1]] {
				to.Codes = append(to.Codes, c.code(i, from, code))
				c.bytes += 4
			}
		}
		to.Offsets = append(to.Offsets, uint32(len(to.Codes)))
	}
}

// code returns the place of a text in the frame that is made.
func (c *Collector) code(i int, from *Column, code uint32) uint32 {
	if place := c.codes[i][code]; place > 0 {
		return place - 1
	}
	text := from.Dict[code]
	place, known := c.texts[i][text]
	if !known {
		to := &c.to.Columns[i]
		place = uint32(len(to.Dict))
		to.Dict = append(to.Dict, text)
		c.bytes += len(text)
		if c.texts[i] == nil {
			c.texts[i] = make(map[string]uint32)
		}
		c.texts[i][text] = place
	}
	c.codes[i][code] = place + 1
	return place
}
