package suggest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Kind is what a cell is.
type Kind int

// The kinds of cells. A CSV file has texts alone.
const (
	// Text is a text whose meaning is to be found.
	Text Kind = iota
	// Word is a text of JSON: one that looks like a number is none.
	Word
	// Number is a number of JSON.
	Number
	// Truth is true or false of JSON.
	Truth
	// List is a list of texts, of which no more is asked.
	List
	// Other is what no attribute can hold.
	Other
)

// Cell is a value of a column; an empty text is missing.
type Cell struct {
	Kind Kind
	Text string
}

func (c Cell) filled() bool { return c.Text != "" || c.Kind == List }

// Profile is what the rows of a file show of its columns.
type Profile struct {
	columns []*column
	rows    int
	// empty counts the rows without any cell, which are in no other count.
	empty int
	// last has the cells of the last row.
	last []Cell
}

// column is what is known of a column.
type column struct {
	// header is its name in the file, place where it stands there, from 0.
	header string
	place  int
	// values are its different cells, each with the number of its rows.
	values map[string]int
	kinds  [Other + 1]int
	// filled counts the rows that have a cell.
	filled int
	// order has the values, those of most rows first, and then by themselves; filled by settle.
	order []string
}

// NewProfile returns the profile of a file without rows.
func NewProfile(headers []string) *Profile {
	p := &Profile{}
	for i, header := range headers {
		p.columns = append(p.columns, &column{header: header, place: i, values: make(map[string]int)})
	}
	return p
}

// Add takes a row, a cell a column. The cells are not kept. A row of which every cell is empty, as spreadsheets write below their tables, is none.
func (p *Profile) Add(cells []Cell) {
	if !slices.ContainsFunc(cells, Cell.filled) {
		p.empty++
		return
	}
	p.rows++
	p.last = append(p.last[:0], cells...)
	for i, c := range p.columns {
		if cell := cells[i]; cell.filled() {
			c.filled++
			c.kinds[cell.Kind]++
			if n, known := c.values[cell.Text]; known {
				c.values[cell.Text] = n + 1
			} else {
				c.values[strings.Clone(cell.Text)] = 1
			}
		}
	}
}

// Rows returns the number of rows.
func (p *Profile) Rows() int { return p.rows }

// settle orders the values, so that nothing depends on the order of a map.
func (c *column) settle() {
	c.order = slices.SortedFunc(maps.Keys(c.values), func(a, b string) int {
		return cmp.Or(cmp.Compare(c.values[b], c.values[a]), strings.Compare(a, b))
	})
}

// unique reports whether each row has a value of its own.
func (c *column) unique(rows int) bool { return c.filled == rows && len(c.values) == rows }
