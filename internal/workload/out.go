package workload

import "fmt"

// Out is what W's model says of each customer, by row.
type Out struct {
	Seg     []uint8   // the segment, 0 to 5
	Tier    []uint8   // 4 the best, 1 the last
	Persona []uint8   // 1 to 4; 0 is none
	Score   []float64 // 0 to 100
}

// NewOut is an empty outcome of n customers.
func NewOut(n int) *Out {
	return &Out{Seg: make([]uint8, n), Tier: make([]uint8, n), Persona: make([]uint8, n), Score: make([]float64, n)}
}

// Sums are the checksums of an outcome: plain sums over its rows, in their order.
type Sums struct {
	Seg, Tier, Persona int
	Score              float64
}

// Million are the sums of W itself, Gen(1_000_000). The score's is known to two decimals: its last bits depend on the order of additions.
var Million = Sums{Seg: 1_088_685, Tier: 1_737_745, Persona: 2_256_253, Score: 48_042_659.78}

// Sums adds the outcome up.
func (o *Out) Sums() Sums {
	var s Sums
	for i := range o.Seg {
		s.Seg += int(o.Seg[i])
		s.Tier += int(o.Tier[i])
		s.Persona += int(o.Persona[i])
		s.Score += o.Score[i]
	}
	return s
}

// String writes the sums in one line, the score's to two decimals: two outcomes of W agree where their lines do.
func (s Sums) String() string {
	return fmt.Sprintf("seg=%d tier=%d persona=%d score=%.2f", s.Seg, s.Tier, s.Persona, s.Score)
}
