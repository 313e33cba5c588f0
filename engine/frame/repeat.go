package frame

import "slices"

// Repeat returns one row of a frame, so many times.
func (f *Frame) Repeat(row, times int) *Frame {
	made := &Frame{Schema: f.Schema, IDs: slices.Repeat(f.IDs[row:row+1], times), Columns: make([]Column, len(f.Columns))}
	for i := range f.Columns {
		made.Columns[i] = f.Columns[i].repeat(row, times)
	}
	return made
}

func (c *Column) repeat(row, times int) Column {
	made := Column{Type: c.Type, Valid: NewBitmap(times), Dict: c.Dict}
	for i := range times {
		made.Valid.Set(i, c.Valid.Get(row))
	}
	if c.Numbers != nil {
		made.Numbers = slices.Repeat(c.Numbers[row:row+1], times)
	}
	if c.Ints != nil {
		made.Ints = slices.Repeat(c.Ints[row:row+1], times)
	}
	if c.Bits != nil {
		made.Bits = NewBitmap(times)
		for i := range times {
			made.Bits.Set(i, c.Bits.Get(row))
		}
	}
	switch {
	case c.Offsets != nil:
		items := c.Codes[c.Offsets[row]:c.Offsets[row+1]]
		made.Codes, made.Offsets = slices.Repeat(items, times), make([]uint32, times+1)
		for i := range made.Offsets {
			made.Offsets[i] = uint32(i * len(items))
		}
	case c.Codes != nil:
		made.Codes = slices.Repeat(c.Codes[row:row+1], times)
	}
	return made
}
