package frame

// Size returns about how many bytes the frame takes in memory.
func (f *Frame) Size() int64 {
	const text = 16 // what a string takes beside its bytes
	size := 0
	for _, id := range f.IDs {
		size += text + len(id)
	}
	for i := range f.Columns {
		c := &f.Columns[i]
		size += 8*(len(c.Valid)+len(c.Bits)+len(c.Numbers)+len(c.Ints)) + 4*(len(c.Codes)+len(c.Offsets))
		for _, one := range c.Dict {
			size += text + len(one)
		}
	}
	return int64(size)
}
