package compare

import (
	"cmp"
	"slices"

	"github.com/echelonhq/echelon/engine/exact"
	"github.com/echelonhq/echelon/engine/frame"
)

// Side is one of the two tierings.
type Side struct {
	// Name says which it is, such as "coverage".
	Name string
	// Tiers are its tiers or personas.
	Tiers []string
	// Ranks are theirs, from 1, the best. Equal ranks of the two sides are agreement.
	Ranks []int
}

// Block is some customers with the outcomes of both sides.
type Block struct {
	IDs []string
	// A and B have the tiers, as texts; not valid where there is none.
	A, B *frame.Column
	// Amounts are the customers' amounts; nil where there are none. Those that are missing count 0.
	Amounts *frame.Column
	// Excluded are customers that are left out; nil leaves out nobody.
	Excluded frame.Bitmap
	// Why says of a row why it is where it is on each side; nil where nobody knows.
	Why func(row int) (a, b string)
}

// Comparison gathers blocks.
type Comparison struct {
	a, b      Side
	most      int
	customers [][]int64
	amounts   [][]exact.Sum
	differ    []Difference
	different int64
}

// New returns a comparison that has seen nobody, and will list so many of those who differ.
func New(a, b Side, most int) *Comparison {
	c := &Comparison{a: a, b: b, most: most, customers: make([][]int64, len(a.Tiers)+1), amounts: make([][]exact.Sum, len(a.Tiers)+1)}
	for i := range c.customers {
		c.customers[i], c.amounts[i] = make([]int64, len(b.Tiers)+1), make([]exact.Sum, len(b.Tiers)+1)
	}
	return c
}

// Difference is a customer whose tiers are of different ranks, or who has one on one side alone.
type Difference struct {
	ID string `json:"id"`
	// A and B are the tiers, empty where there is none, and WhyA and WhyB their reasons.
	A    string `json:"a"`
	B    string `json:"b"`
	WhyA string `json:"why_a,omitempty"`
	WhyB string `json:"why_b,omitempty"`
	// Ranks is how many ranks lie between them; no tier is one rank below the worst.
	Ranks  int     `json:"ranks"`
	Amount float64 `json:"amount"`
}

// Add counts a block.
func (c *Comparison) Add(block Block) {
	placesA, placesB := places(c.a.Tiers, block.A), places(c.b.Tiers, block.B)
	for row, id := range block.IDs {
		if block.Excluded != nil && block.Excluded.Get(row) {
			continue
		}
		a, b := placeOf(placesA, block.A, row), placeOf(placesB, block.B, row)
		if a < 0 {
			a = len(c.a.Tiers)
		}
		if b < 0 {
			b = len(c.b.Tiers)
		}
		amount := 0.0
		if block.Amounts != nil && block.Amounts.Valid.Get(row) {
			amount = block.Amounts.Numbers[row]
		}
		c.customers[a][b]++
		c.amounts[a][b].Add(amount)
		if rankA, rankB := c.a.rank(a), c.b.rank(b); a == len(c.a.Tiers) != (b == len(c.b.Tiers)) || rankA != rankB && a < len(c.a.Tiers) {
			c.note(Difference{ID: id, A: c.a.tier(a), B: c.b.tier(b), Ranks: max(rankA-rankB, rankB-rankA), Amount: amount}, block.Why, row)
		}
	}
}

// places returns where the texts of a column's dictionary stand among tiers, -1 for others.
func places(tiers []string, column *frame.Column) []int {
	list := make([]int, len(column.Dict))
	for i, text := range column.Dict {
		list[i] = slices.Index(tiers, text)
	}
	return list
}

func placeOf(places []int, column *frame.Column, row int) int {
	if !column.Valid.Get(row) {
		return -1
	}
	return places[column.Codes[row]]
}

// rank returns that of a place; no tier is one below the worst.
func (s *Side) rank(place int) int {
	if place < len(s.Ranks) {
		return s.Ranks[place]
	}
	return slices.Max(append([]int{0}, s.Ranks...)) + 1
}

func (s *Side) tier(place int) string {
	if place < len(s.Tiers) {
		return s.Tiers[place]
	}
	return ""
}

// note keeps a difference if it is among the clearest: by ranks, then by amount, then by id.
func (c *Comparison) note(d Difference, why func(int) (string, string), row int) {
	c.different++
	at, _ := slices.BinarySearchFunc(c.differ, d, clearer)
	if at >= c.most {
		return
	}
	if why != nil {
		d.WhyA, d.WhyB = why(row)
	}
	c.differ = slices.Insert(c.differ, at, d)
	c.differ = c.differ[:min(len(c.differ), c.most)]
}

// clearer orders differences, the clearest first.
func clearer(a, b Difference) int {
	return cmp.Or(cmp.Compare(b.Ranks, a.Ranks), cmp.Compare(b.Amount, a.Amount), cmp.Compare(a.ID, b.ID))
}
